"""`Patient/{id}/$break-glass` (consent rules, section 5): one user opens a person's record against consent, for at most four
hours, and the override is reviewed.

The review Tasks are the grant: `service.consent.grants` reads them, and the grant ends with their period. An override stands
above consent and below L0: an agency without a sharing agreement or a relationship with the person cannot override.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, timedelta

from service.change import Resource
from service.consent.request import BREAK_GLASS
from service.fhir.date import begins
from service.fhir.operation import Input, given
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases.consent import override_review
from service.usecases.consent.override_review import RULE, Override
from service.usecases.disclosure.release import writable
from service.usecases.disclosure.selection import NOT_DISCLOSED
from service.usecases.request import idempotency
from service.usecases.request.audit import event
from service.usecases.request.evidence import Person
from service.usecases.request.results import Answer
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork

INPUTS = (
    Input("kind", ("valueCode",), required=True),
    Input("reason", ("valueString",), required=True),
    Input("scope", ("valueCode",), repeats=True),
    Input("end", ("valueDateTime", "valueInstant")),
    Input("defer", ("valueString",)),
)
SHORTEST_REASON = 20
LONGEST = timedelta(hours=4)


async def break_glass(services: Services, context: RequestContext, identity: str, parameters: Resource) -> Answer:
    """Opens a person's record to the user. Every agency whose records are opened gets a review Task, which grants the access to
    them; the answer is the first of these.

    Refuses an absent Patient and a Patient with whom the agency has no relationship alike (ABSENT).
    """
    allowed(context, "Task", "c")
    asked = _asked(services, context, identity, parameters)
    work = UnitOfWork(services, context)
    if (earlier := await idempotency.earlier(work)) is not None:
        return earlier
    viewer = await viewer_of(services, context)
    human(viewer)
    agreed(viewer)
    keepers = await _keepers(viewer, identity)
    made = await override_review.stage(work, asked, keepers, f"Patient/{identity}/$break-glass")
    for each in made:
        writable(viewer, work.staged[each].resource)
    return await idempotency.committed(work, made[0])


def _asked(services: Services, context: RequestContext, identity: str, parameters: Resource) -> Override:
    found = given(parameters, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    end = begins(found["end"][0], services.zone) if found["end"] else context.at + LONGEST
    wrong = [kind for kind in found["scope"] if kind not in services.definitions.types or kind in NOT_DISCLOSED]
    issues = faults(found, BREAK_GLASS)
    if wrong:
        issues.append(
            _issue(
                "scope",
                f"`{wrong[0]}` is not a type of record that an override opens; name others, or none for the whole record.",
            )
        )
    if end is None or not context.at < end <= context.at + LONGEST:
        issues.append(_issue("end", "The override ends at an instant within the next 4 hours; give `end` so."))
    if issues or end is None:
        raise Refused(Problem(Category.RULE, tuple(issues)))
    defer = found["defer"][0].strip() if found["defer"] else ""
    types = tuple(sorted(set(found["scope"])))
    return Override(f"Patient/{identity}", found["kind"][0], found["reason"][0].strip(), end.astimezone(UTC), types, defer=defer)


def faults(found: Mapping[str, Sequence[str]], kinds: Collection[str]) -> list[Issue]:
    """What is wrong with the kind and the reason of an override."""
    issues = []
    if found["kind"][0] not in kinds:
        issues.append(_issue("kind", f"`kind` is one of `{'`, `'.join(sorted(kinds))}`."))
    if len(found["reason"][0].strip()) < SHORTEST_REASON:
        issues.append(
            _issue("reason", f"The reason says in at least {SHORTEST_REASON} characters why consent has to be overridden.")
        )
    return issues


def _issue(name: str, text: str) -> Issue:
    return Issue("business-rule", text, f"Parameters.parameter.where(name = '{name}')", RULE)


def human(viewer: Viewer) -> None:
    """Refuses a caller that is not a member of staff in an active PractitionerRole."""
    user = viewer.context.caller.user
    if not user.startswith("PractitionerRole/") or user not in viewer.acting.principals(viewer.context.at):
        text = "Only a person overrides consent; sign in as a user with an active PractitionerRole of your agency."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule=RULE))


def agreed(viewer: Viewer) -> None:
    """Refuses an agency without a live sharing agreement (L0). The refusal comes before any Patient is read, so that the refusal
    tells nothing about a Patient."""
    agreement, at = viewer.acting.agreement, viewer.context.at
    live = (
        agreement is not None
        and (agreement.start is None or agreement.start <= at)
        and (agreement.end is None or at < agreement.end)
    )
    if not live:
        text = "Your agency has no live sharing agreement, and an override never takes its place; renew the agreement."
        raise Refused(problem(Category.RULE, "business-rule", text, rule="consent-rules L0"))


async def _keepers(viewer: Viewer, identity: str) -> list[str]:
    """The agencies whose records about a person the override opens: those towards which the caller has a relationship (L0), the
    agency that keeps the Patient first. No agency reviews itself.

    Only a caller that may see the Patient anyway is told that there is no such agency; every other caller is told that the
    Patient is absent."""
    services, context, reference = viewer.services, viewer.context, f"Patient/{identity}"
    row = await services.records.read("Patient", identity)
    person = await services.evidence.person(reference)
    found = await _related(viewer, row, person) if row is not None and not row.deleted else []
    if found:
        return found
    told = event(context, "E", f"{reference}/$break-glass", permitted=False, why="consent-rules#L0.relationship")
    await services.trail.note(told, at=context.at, custodian=context.caller.organization)
    if row is not None and viewer.permits([row], {reference: person}):
        text = "No other agency has named yours for this person, and an override never takes the place of a relationship."
        raise Refused(problem(Category.RULE, "business-rule", text, rule="consent-rules L0"))
    raise absent("Patient", identity)


async def _related(viewer: Viewer, row: Row, person: Person) -> list[str]:
    at, caller = viewer.context.at, viewer.context.caller.organization
    joined = await viewer.services.evidence.persons(person.joined)
    found: dict[str, None] = {}
    for each in (person, *joined.values()):
        acting = viewer.acting.principals(at, each.teams, each.patients) | {caller}
        keepers = (row.custodian, *sorted(each.custodians | each.leading | {tie.custodian for tie in each.relationships}))
        found |= {keeper: None for keeper in keepers if keeper != caller and each.related(keeper, at) & acting}
    return list(found)
