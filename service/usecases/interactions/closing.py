"""`List/{id}/$close-meeting` (E1, E7, E13): writes what a transaction would that closes the meeting, under the same rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from service import clock
from service.care.meeting import agenda, decision, meeting, needs
from service.care.task.made import task_of
from service.change import Resource
from service.fhir import canonical
from service.fhir.canonical import DECISION, TaskCode
from service.fhir.coding import codings, concept
from service.fhir.date import begins
from service.fhir.json import dump
from service.fhir.operation import given, parameter, parameters
from service.fhir.reference import link, name_of, own, reference_to, relative, target, unversioned
from service.problem import Category, Issue, Problem, Refused, problem
from service.usecases import rules
from service.usecases.care.meeting_request import INPUTS
from service.usecases.interactions import records
from service.usecases.request import idempotency
from service.usecases.request.proposal import Proposal
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

Given = Mapping[str, Sequence[Any]]


async def close(services: Services, context: RequestContext, identity: str, asked: Resource) -> bytes:
    """Closes the meeting of an agenda. The answer is Parameters as canonical JSON: the meeting, whether it ended as advisory, the
    decisions, and the actions.

    Refuses alike (ABSENT) an absent and a hidden List, and (RULE), naming all that is missing, a meeting that cannot be closed.
    """
    for kind, verb in (("Encounter", "u"), ("Communication", "c"), ("Task", "c")):
        allowed(context, kind, verb)
    found = given(asked, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    if issues := tuple(each for each in services.validator.check(asked) if each.severity in ("error", "fatal")):
        raise Refused(Problem(Category.INVALID, issues))
    if issues := tuple(_unnamed(found["entry"])):
        raise Refused(Problem(Category.MALFORMED, issues))
    return await decided_again(context, lambda now: _close(services, now, identity, found["entry"]))


def _unnamed(entries: Sequence[Given]) -> Iterator[Issue]:
    """The References of the parameters that refer to no record, because they have an identifier or a display alone."""
    for number, entry in enumerate(entries):
        for name in ("item", "receiver", "lead", "redirect"):
            if entry[name] and not target(entry[name][0]):
                text = f"The parameter `{name}` names a record by its `reference`: add it."
                yield Issue("value", text, f"Parameters.parameter[{number}].part.where(name = '{name}')", "R4 3.2.0")


async def _close(services: Services, context: RequestContext, identity: str, entries: Sequence[Given]) -> bytes:
    work = UnitOfWork(services, context)
    if (earlier := await idempotency.transaction(work)) is not None:
        return await _told(work, [each.reference for each in earlier])
    viewer = await viewer_of(services, context, work.known)
    encounter = await _meeting(work, viewer, identity)
    ref = name_of(encounter)
    work.coming = frozenset((ref,))
    issues: list[Issue] = []
    refs = [
        await _staged(work, viewer, each, place, issues)
        for each, place in _decisions(work, ref, entries, await _persons(work, entries))
    ]
    refs += [await _staged(work, viewer, each, place, issues) for each, place in await _actions(work, encounter, entries)]
    try:
        await _write(work, viewer, {**encounter, "status": meeting.FINISHED}, await work.row(ref))
        await work.verify(ref)
    except Refused as refused:
        if refused.problem.category not in (Category.RULE, Category.DUPLICATE):
            raise
        issues += [replace(each, expression=_place(each.text, entries, context.base)) for each in refused.problem.issues]
    if issues:
        raise Refused(needs.refusal(dict.fromkeys(issues)))
    answers = await idempotency.together(work, [ref, *refs])
    return await _told(work, [each.reference for each in answers])


async def _meeting(work: UnitOfWork, viewer: Viewer, identity: str) -> Resource:
    """The meeting of an agenda that the caller may see."""
    row = await work.row(f"List/{identity}")
    shown = await viewer.reveal([row] if row is not None and not row.deleted else [], "r")
    if row is None or not shown:
        raise absent("List", identity)
    encounter = await work.get(link(row.resource, "encounter"))
    if not agenda.is_agenda(row.resource) or not meeting.is_meeting(encounter) or encounter is None:
        text = "This List is no agenda of a meeting: close the meeting by an agenda that has it as its `encounter`."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="List.encounter", rule="E1"))
    return encounter


async def _staged(work: UnitOfWork, viewer: Viewer, resource: Resource, place: str, issues: list[Issue]) -> str:
    """Stages a record of the close as a transaction would; what is refused is added to the issues, at its place in the
    Parameters."""
    try:
        return await _write(work, viewer, resource, None)
    except Refused as refused:
        if refused.problem.category not in (Category.RULE, Category.INVALID):
            raise
        issues += [replace(each, expression=place) for each in refused.problem.issues]
        return ""


async def _write(work: UnitOfWork, viewer: Viewer, resource: Resource, row: Any) -> str:
    ready = rules.prepared(resource, work.context.base)
    records.checked(work.services, ready)
    return await rules.write(work, viewer, Proposal(ready, row, "c" if row is None else "u"))


def _place(text: str, entries: Sequence[Given], base: str) -> str:
    """The parameter that an issue of the close is about: the entry whose item it names."""
    named = (number for number, each in enumerate(entries) if f"`{unversioned(own(target(each['item'][0]), base))}`" in text)
    return next((f"Parameters.parameter[{number}]" for number in named), "Parameters")


async def _persons(work: UnitOfWork, entries: Sequence[Given]) -> dict[str, str]:
    """The person of each item."""
    items = [_local(work, each["item"][0]) for each in entries]
    await work.foresee([each for each in items if each])
    return {item: agenda.person_of(await work.get(item)) for item in items}


def _local(work: UnitOfWork, reference: Resource) -> str:
    return relative(target(reference), work.context.base)


def _decisions(
    work: UnitOfWork, ref: str, entries: Sequence[Given], persons: Mapping[str, str]
) -> Iterator[tuple[Resource, str]]:
    """The Communication of each entry, with its place."""
    for number, entry in enumerate(entries):
        item = _local(work, entry["item"][0])
        about = [_local(work, each) or target(each) for each in entry["redirect"]]
        made = decision.made(
            clock.new_id(),
            meeting=ref,
            item=item or target(entry["item"][0]),
            person=persons.get(item, ""),
            rationale=next(iter(entry["rationale"]), ""),
            at=work.context.at,
            said=_said(work, entry),
            about=about,
        )
        yield made, f"Parameters.parameter[{number}]"


def _said(work: UnitOfWork, entry: Given) -> Iterator[Resource]:
    """The extensions of a decision."""
    for kind in entry["decision"]:
        said = [(DECISION, kind)] if isinstance(kind, str) else codings(kind)
        code = next((code for system, code in said if system in ("", DECISION)), "")
        yield from ({"url": canonical.DECIDED, "valueCodeableConcept": concept(DECISION, each)} for each in [code] if each)
    for name, url in (("receiver", canonical.RECEIVER), ("lead", canonical.PROPOSED_LEAD)):
        yield from ({"url": url, "valueReference": reference_to(_local(work, each) or target(each))} for each in entry[name])
    yield from ({"url": canonical.REVIEW, "valueDate": str(each)[:10]} for each in entry["review"])
    yield from ({"url": canonical.PROPORTIONALITY, "valueString": each} for each in entry["proportionality"])
    for lasts in entry["duration"]:
        yield {"url": canonical.DURATION, "valueString" if isinstance(lasts, str) else "valueDuration": lasts}


async def _actions(work: UnitOfWork, encounter: Resource, entries: Sequence[Given]) -> list[tuple[Resource, str]]:
    """The action Tasks of the entries, each with its place."""
    made = []
    for number, entry in enumerate(entries):
        item = _local(work, entry["item"][0])
        person = agenda.person_of(await work.get(item))
        for place, asked in enumerate(entry["action"]):
            made.append(
                (
                    _action(work, encounter, item, person, asked),
                    f"Parameters.parameter[{number}].part.where(name = 'action')[{place}]",
                )
            )
    return made


def _action(work: UnitOfWork, encounter: Resource, item: str, person: str, asked: Given) -> Resource:
    owner = next((_local(work, each) or target(each) for each in asked["owner"]), "")
    task = task_of(
        clock.new_id(),
        TaskCode.ACTION,
        requester=meeting.chair(encounter),
        owner=owner,
        patient=person,
        at=work.context.at,
        focus=item,
        text=asked["description"][0],
    )
    task = {name: value for name, value in task.items() if value is not None}
    task["encounter"] = reference_to(name_of(encounter))
    due = next(iter(asked["due"]), "")
    if due and begins(due, work.services.zone) is not None:
        task["restriction"] = {"period": {"end": due}}
    return task


async def _told(work: UnitOfWork, refs: Sequence[str]) -> bytes:
    """What the operation answers."""
    encounter = await work.get(refs[0]) or {}
    names = {"Communication": "decision", "Task": "action"}
    made = [parameter(names[each.partition("/")[0]], "valueReference", reference_to(each)) for each in refs[1:] if each]
    first = parameter("meeting", "valueReference", reference_to(refs[0]))
    return dump(parameters(first, parameter("advisory", "valueBoolean", meeting.is_advisory(encounter)), *made))
