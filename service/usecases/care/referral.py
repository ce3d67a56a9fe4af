"""The front door (E4): loads the situations in which referrals, triage, approvals and allocations are decided, and makes of an
accepted allocation the plan with its lead, team and episode under the rules of ownership."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from service import clock
from service.care.pathway.pathway import Pathway
from service.care.pathway.suggestion import suggest
from service.care.referral import referral
from service.care.referral import sending as rules
from service.care.referral.effects import open_key
from service.care.referral.situation import NOBODY, FrontDoorSituation, Referral, Suggested
from service.care.task import reading
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.dataset import Completeness, completeness
from service.care.task.situation import Outcome, Staged
from service.change import Resource
from service.fhir.canonical import (
    TASK_CODE,
    TaskCode,
    dataset,
)
from service.fhir.coding import concept
from service.fhir.date import begins
from service.fhir.reference import link, links, name_of, reference_to, relative
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases.care import outcomes, sending, situations, taken_on
from service.usecases.request.proposal import Proposal, custodian_only, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

DATASET, REDIRECT = dataset("referral"), dataset("redirect")
PATHWAY = "front-door"
SAME_NEED_DAYS = 30
"""Within so many days a second referral for the same need is linked to the first, where the pathway in force does not say."""


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of a referral."""
    custodian_only(work, proposal)
    found = await _referral(work, viewer, proposal)
    decision = rules.decide(found, clock.new_id)
    if isinstance(decision, Problem):
        raise Refused(decision)
    first, *others = decision.writes
    await outcomes.stage(work, replace(decision, writes=(replace(first, keys=proposal.keys), *others)))
    rows = await _rows(work, found) if decision.disclosure else await _added(work, proposal, found)
    if rows:
        await sending.disclose(work, rules.sent_task(found), found.sender, found.receiver, rows, ("referral",))
    return name_of(proposal.resource)


async def _added(work: UnitOfWork, proposal: Proposal, found: Referral) -> list[Row]:
    """The answers that are added to a referral that was sent: the front door has them from now on, on the same authority, which
    has to permit them, too (HOV-3)."""
    before, after = proposal.before or {}, proposal.resource
    new = [ref for ref in referral.responses(after) if ref not in referral.responses(before)]
    if not new or (before.get("status"), after.get("status")) != ("active", "active"):
        return []
    rows = [row for ref in new if (row := await work.standing(ref)) is not None and not row.deleted]
    task = {**rules.sent_task(found), "input": [*rules.given(new), *rules.sent_task(found).get("input", ())]}
    authority = await sending.permitted(work, task, found.sender, found.receiver, rows)
    if not authority.permitted:
        text = f"Sharing with `{found.receiver}` is not permitted: {authority.text}."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="ServiceRequest.supportingInfo", rule="HOV-3"))
    return rows


async def _referral(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> Referral:
    """The situation of a referral's write, with only those records that its sender may see."""
    after, before = proposal.resource, proposal.before
    receiver = await work.organization(referral.performer(after))
    response = await _response(work, viewer, after)
    triage, clarification, asked = await _open_tasks(work, name_of(after), link(after, "subject")) if before else (None, None, ())
    replaced, circular = await _replaced(work, viewer, after)
    priority = str(after.get("priority", ""))
    pathway = await work.services.pathways.in_force(PATHWAY)
    found = Referral(
        at=work.context.at,
        agency=work.context.caller.organization,
        user=work.context.caller.user,
        after=after,
        before=before,
        sender=await work.organization(link(after, "requester")),
        receiver=receiver,
        live=await sending.live(work, receiver),
        decide_by=pathway.due("TIM-14", work.context.at, work.services.calendar, priority=priority),
        answer_by=pathway.due("TIM-15", work.context.at, work.services.calendar, priority=priority),
        known=await sees(work, viewer, link(after, "subject")),
        response=name_of(response) if response else "",
        dataset=await _completeness(work, response, DATASET, link(after, "subject")),
        suggested=suggested(pathway, response, after),
        replaced=replaced,
        reasons=await _reasons(work, viewer, replaced),
        circular=circular,
        triage=triage,
        clarification=clarification,
        asked=asked,
        unseen=tuple([ref for ref in referral.responses(after) if not await sees(work, viewer, ref)]),
    )
    if after.get("status") != "active" or (before is not None and before.get("status") == "active"):
        return found
    found = replace(found, first=await _first(work, viewer, found), elsewhere=await _elsewhere(work, found))
    return replace(found, authority=await _authority(work, viewer, found))


async def _response(work: UnitOfWork, viewer: Viewer, request: Resource) -> Resource | None:
    """The newest response to the dataset `referral` that a referral gives and its sender may see."""
    for ref in reversed(referral.responses(request)):
        if await sees(work, viewer, ref) and (response := await work.get(ref)) is not None and _answers(response, DATASET):
            return response
    return None


def _answers(response: Resource, canonical: str) -> bool:
    return str(response.get("questionnaire", "")).partition("|")[0] == canonical


async def _completeness(work: UnitOfWork, response: Resource | None, canonical: str, subject: str) -> Completeness:
    if response is None:
        return Completeness(fault="it is not here")
    if not _answers(response, canonical):
        return Completeness(fault=f"it answers another questionnaire than `{canonical}`")
    if link(response, "subject") != subject and link(response, "subject") not in await work.patients(subject):
        return Completeness(fault="it is about another person")
    return completeness(response, work.services.definitions.questionnaire(canonical))


def suggested(pathway: Pathway, response: Resource | None, request: Resource) -> Suggested:
    """What the pathway in force suggests for a dataset and a referral, and which items made it: not what was answered, since the
    Task stays visible where the dataset no longer is (HOV-8), and `$explain` tells who may read that. Where the pathway suggests
    nothing, or cannot be evaluated, a person decides, and it says so."""
    found = suggest(pathway, response, request)
    if not found.code:
        return Suggested("", found.fault or "No threshold of the pathway holds: a person decides.", pathway.canonical)
    places = dict.fromkeys(place for place, _ in found.holds[0].because)
    said = ", ".join(f"`{place}`" for place in places)
    return Suggested(found.code, f"By what is said to {said}; `$explain` tells more." if said else "", pathway.canonical)


async def _open_tasks(
    work: UnitOfWork, request: str, subject: str
) -> tuple[Resource | None, Resource | None, tuple[Resource, ...]]:
    """The Tasks of a referral that are open: its triage, the clarification that belongs to that, and what the triage led to."""
    tasks = await _tasks(work, subject)
    triages = [each for each in tasks if reading.code(each) == TaskCode.TRIAGE and link(each, "focus") == request]
    about = {request, *map(name_of, triages)}
    open_ = [each for each in tasks if reading.status(each) not in reading.TERMINAL and link(each, "focus") in about]
    of = {kind: [each for each in open_ if reading.code(each) == kind] for kind in rules.CLOCKS}
    first = {kind: next(iter(found), None) for kind, found in of.items()}
    return first[TaskCode.TRIAGE], first[TaskCode.CLARIFICATION], (*of[TaskCode.APPROVE], *of[TaskCode.ALLOCATION])


async def _tasks(work: UnitOfWork, subject: str) -> list[Resource]:
    """The Tasks about a Patient, as the unit of work will leave them."""
    rows = await work.services.holdings.of("Task", [subject]) if subject.startswith("Patient/") else []
    found = [await work.get(row.reference) for row in rows]
    return [each for each in found if each is not None]


async def _replaced(work: UnitOfWork, viewer: Viewer, request: Resource) -> tuple[Resource | None, bool]:
    """The referral that a referral replaces, None where its sender sees none; and whether it leads back to this one."""
    named = [relative(ref, work.context.base) for ref in links(request, "replaces")]
    earlier = await work.get(named[0]) if named and await sees(work, viewer, named[0]) else None
    before, seen = [*named], set[str]()
    while before:
        ref = before.pop()
        if ref == name_of(request):
            return None, True
        if ref not in seen:
            seen.add(ref)
            before += [relative(each, work.context.base) for each in links(await work.get(ref) or {}, "replaces")]
    return (earlier if earlier and referral.is_referral(earlier) else None), False


async def _reasons(work: UnitOfWork, viewer: Viewer, request: Resource | None) -> tuple[str, ...]:
    """Why an earlier referral was decided as it was, in the words of its triage, which the sender may see (HOV-11)."""
    tasks = await _tasks(work, link(request, "subject")) if request else []
    about = [each for each in tasks if reading.code(each) == TaskCode.TRIAGE and link(each, "focus") == name_of(request or {})]
    seen = [each for each in about if await sees(work, viewer, name_of(each))]
    return tuple(made.rationale for made in map(referral.decision_of, seen) if made.rationale)


async def _first(work: UnitOfWork, viewer: Viewer, found: Referral) -> str:
    """An earlier referral for the same need, of this person within 30 days, that both agencies may see; ''."""
    days = (await work.services.pathways.in_force(PATHWAY)).count("same-need-days", SAME_NEED_DAYS)
    patients = await work.patients(link(found.after, "subject"))
    rows = await work.services.holdings.of("ServiceRequest", sorted(patients))
    for row in sorted(rows, key=lambda each: each.at, reverse=True):
        request = row.resource
        sent = begins(str(request.get("authoredOn", "")), work.services.zone)
        recent = sent is not None and timedelta(0) <= found.at - sent <= timedelta(days=days)
        other = row.reference != name_of(found.after) and referral.is_referral(request)
        if (
            recent
            and other
            and await sees(work, viewer, row.reference)
            and await sending.will_see(work, found.sender, found.receiver, row)
        ):
            return row.reference
    return ""


async def _elsewhere(work: UnitOfWork, found: Referral) -> tuple[str, ...]:
    """HOV-10: the active plans that other agencies have for the person, which the front door may see."""
    rows = await work.services.holdings.of("CarePlan", sorted(await work.patients(link(found.after, "subject"))))
    others = [row for row in rows if row.custodian != found.receiver and row.resource.get("status") == "active"]
    return tuple([row.reference for row in others if await sending.will_see(work, found.sender, found.receiver, row)])


async def _authority(work: UnitOfWork, viewer: Viewer, found: Referral) -> Authority:
    """HOV-3: whether the front door may have the referral and its dataset."""
    if not (found.receiver and found.response and found.known):
        return NONE_DECIDED
    basis = referral.basis(found.after) or {}
    consent = link(basis, "valueReference")
    hidden = frozenset({consent} if consent and not await sees(work, viewer, consent) else ())
    await outcomes.put(work, Staged(found.after, found.before is None, found.agency))  # as it would be shared
    rows = await _rows(work, found)
    return await sending.permitted(work, rules.sent_task(found), found.sender, found.receiver, rows, hidden)


async def _rows(work: UnitOfWork, found: Referral) -> list[Row]:
    """What a referral shows to its front door: itself, and its dataset."""
    rows = [await work.standing(ref) for ref in (name_of(found.after), found.response) if ref]
    return [row for row in rows if row is not None and not row.deleted]


async def answered(work: UnitOfWork, viewer: Viewer, response: Resource) -> None:
    """Stages what the answers of a dataset change in the triage of the referral that gives them (TIM-15)."""
    subject = link(response, "subject")
    if not _answers(response, DATASET) or not subject.startswith("Patient/"):
        return
    for row in await work.services.holdings.of("ServiceRequest", [subject]):
        request = await work.get(row.reference)
        if request is None or name_of(response) not in referral.responses(request) or request.get("status") != "active":
            continue
        found = await _referral(work, viewer, Proposal(request, row, "u"))
        await outcomes.stage(work, rules.informed(found))


async def rested_on(work: UnitOfWork, row: Row) -> bool:
    """Whether a response is one that a referral was sent with and rests on."""
    subject = link(row.resource, "subject")
    if not _answers(row.resource, DATASET) or not subject.startswith("Patient/"):
        return False
    requests = [await work.get(each.reference) for each in await work.services.holdings.of("ServiceRequest", [subject])]
    sent = [each for each in requests if each and referral.is_referral(each) and each.get("status") == "active"]
    return any(row.reference in referral.responses(each) for each in sent)


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> FrontDoorSituation:
    """Loads the situation of a Task of the front door, with only those records that its writer may see."""
    after, before = proposal.resource, proposal.before
    standing = before or after
    triage = await _triage_of(work, standing)
    request = await work.get(link(triage or standing, "focus"))
    decision = referral.decision_of((triage or {}) if reading.code(standing) == TaskCode.APPROVE else after)
    found, pathway = await situations.situation(work, after, before), await work.services.pathways.in_force(PATHWAY)
    receiver = found.receiver if reading.code(standing) == TaskCode.ALLOCATION else decision.receiver
    decider = referral.decision_of(after).decided_by or found.user
    open_ = await _open_tasks(work, name_of(request), link(request, "subject")) if request else (None, None, ())
    lead = reading.lead_reference(after) if reading.code(standing) == TaskCode.ALLOCATION else decision.lead
    redirect = await work.get(decision.redirect) if await sees(work, viewer, decision.redirect) else None
    front = await work.services.directory.partner(found.receiver)
    subject = link(standing, "for")
    response = await work.get(_dataset_of(triage or standing))
    return found.widened(
        FrontDoorSituation,
        referral=request,
        keeper=await work.keeper(name_of(request)) if request else "",
        triage=triage,
        clarification=open_[1],
        decider=await work.organization(decider) if decider else "",
        deciding=await work.lead(decider),
        earlier=await work.lead(decision.decided_by) if reading.code(standing) == TaskCode.APPROVE else NOBODY,
        live=await sending.live(work, receiver),
        lead=await work.lead(lead),
        authority=await _allowed(work, standing, triage, request, receiver),
        redirect=await _completeness(work, redirect, REDIRECT, subject),
        urgent=_says(redirect, "urgent-routes-communicated"),
        senior=front.senior if front else "",
        suggested=suggested(pathway, response, request or {}),
        decide_by=pathway.due("TIM-14", work.context.at, work.services.calendar, priority=str(standing.get("priority", ""))),
        goals=await _goals(work, viewer, after, subject),
    )


async def _triage_of(work: UnitOfWork, task: Resource) -> Resource | None:
    """The triage that an approval or allocation is part of; None for a triage."""
    if reading.code(task) == TaskCode.TRIAGE:
        return None
    part = next((ref for ref in links(task, "partOf") if ref.startswith("Task/")), "")
    row = await work.row(part) if part else None
    if row is None:
        return None
    work.guard(row)
    return await work.get(part)


def _dataset_of(task: Resource) -> str:
    return next((reading.value_reference(each) for each in reading.inputs(task, "minimum-dataset")), "")


def _says(response: Resource | None, link_id: str) -> bool:
    """Whether a response answers an item with `true`."""
    items = (response or {}).get("item", ())
    return any(
        answer.get("valueBoolean") is True for item in items if item.get("linkId") == link_id for answer in item.get("answer", ())
    )


async def _goals(work: UnitOfWork, viewer: Viewer, task: Resource, subject: str) -> frozenset[str]:
    """The Goals that an acceptance names, are the person's, and can be seen (OUT-1)."""
    found = []
    for ref in referral.goals(task):
        goal = await work.get(ref) if await sees(work, viewer, ref) else None
        if goal is not None and goal["resourceType"] == "Goal" and link(goal, "subject") in await work.patients(subject):
            found.append(ref)
    return frozenset(found)


async def _allowed(
    work: UnitOfWork, task: Resource, triage: Resource | None, request: Resource | None, receiver: str
) -> Authority:
    """HOV-3 and HOV-8: whether an agency may have what was referred."""
    if request is None or not receiver:
        return NONE_DECIDED
    sent = {
        **((triage or task) if reading.code(task) == TaskCode.APPROVE else task),
        "status": "requested",
        "code": concept(TASK_CODE, TaskCode.ALLOCATION),
        "focus": reference_to(name_of(request)),
    }
    rows = [await work.standing(ref) for ref in (name_of(request), _dataset_of(triage or task)) if ref]
    known = [row for row in rows if row is not None and not row.deleted]
    return await sending.permitted(work, sent, await work.keeper(name_of(request)), receiver, known)


async def settle(work: UnitOfWork, viewer: Viewer, _: Proposal, decision: Outcome) -> None:
    """Stages the decision. An allocation holds the key of its referral while it is open; sending one is a disclosure; an
    accepted one becomes a plan."""
    first, *others = decision.writes
    task = first.resource
    allocating = reading.code(task) == TaskCode.ALLOCATION
    if allocating and reading.status(task) in ("requested", "received"):
        first = replace(first, keys=(open_key(link(task, "focus")),))
    await outcomes.stage(work, replace(decision, writes=(first, *others)))
    for asked in (each.resource for each in others if decision.disclosure and reading.code(each.resource) == TaskCode.ALLOCATION):
        rows = [await work.standing(ref) for ref in (link(asked, "focus"), _dataset_of(asked)) if ref]
        known = [row for row in rows if row is not None and not row.deleted]
        keeper = await work.keeper(link(asked, "focus"))
        await sending.disclose(work, asked, keeper, link(asked, "owner"), known, ("referral",))
    if allocating and reading.status(task) == "accepted":
        await taken_on.settle(work, viewer, task)
