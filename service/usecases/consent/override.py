"""`Patient/{id}/$break-glass` (consent rules, section 5): one user opens a person's record against consent, for at most four
hours, and the override is reviewed.

The review Task is the grant: `service.consent.grants` reads the Task, and the grant ends with the Task's period. An override
stands above consent and below L0: an agency without a sharing agreement or a relationship with the person cannot override.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service import clock
from service.care.task.made import communication, make
from service.change import Notice, Resource, Timer
from service.consent.facts import DO_NOT_TELL
from service.consent.request import BREAK_GLASS
from service.fhir.canonical import ACT_REASON, OVERRIDE_KIND, RECORD_MARK, TASK_CODE, TASK_INPUT, TaskCode
from service.fhir.coding import concept
from service.fhir.date import begins, written
from service.fhir.operation import Input, given
from service.fhir.reference import reference_to
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases.disclosure.release import writable
from service.usecases.disclosure.selection import NOT_DISCLOSED
from service.usecases.request import idempotency
from service.usecases.request.audit import event
from service.usecases.request.results import Answer
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork

RULE = "consent-rules 5"
INPUTS = (
    Input("kind", ("valueCode",), required=True),
    Input("reason", ("valueString",), required=True),
    Input("scope", ("valueCode",), repeats=True),
    Input("end", ("valueDateTime", "valueInstant")),
    Input("defer", ("valueString",)),
)
SHORTEST_REASON = 20
LONGEST = timedelta(hours=4)
REVIEW = timedelta(hours=72)
TOPIC = "consent-changed"


@dataclass(frozen=True, slots=True)
class OverrideRequest:
    """The parameters of an override. `types` are the types of records to open, empty for the whole record. `defer` says why the
    person is not told now, empty when the person is told."""

    kind: str
    reason: str
    types: tuple[str, ...]
    end: datetime
    defer: str


async def break_glass(services: Services, context: RequestContext, identity: str, parameters: Resource) -> Answer:
    """Opens a person's record to the user. The answer is the review Task, which grants the access.

    Refuses an absent Patient and a Patient with whom the agency has no relationship alike (ABSENT).
    """
    allowed(context, "Task", "c")
    asked = _asked(services, context, parameters)
    work = UnitOfWork(services, context)
    if (earlier := await idempotency.earlier(work)) is not None:
        return earlier
    viewer = await viewer_of(services, context)
    _human(viewer)
    _agreement(viewer)
    row = await _patient(viewer, identity)
    made = _stage(work, row, asked)
    writable(viewer, work.staged[made].resource)
    return await idempotency.committed(work, made)


def _asked(services: Services, context: RequestContext, parameters: Resource) -> OverrideRequest:
    found = given(parameters, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    kind, reason = found["kind"][0], found["reason"][0].strip()
    end = begins(found["end"][0], services.zone) if found["end"] else context.at + LONGEST
    wrong = [kind for kind in found["scope"] if kind not in services.definitions.types or kind in NOT_DISCLOSED]
    issues = []
    if kind not in BREAK_GLASS:
        issues.append(_issue("kind", f"`kind` is one of `{'`, `'.join(sorted(BREAK_GLASS))}`."))
    if len(reason) < SHORTEST_REASON:
        issues.append(
            _issue("reason", f"The reason says in at least {SHORTEST_REASON} characters why consent has to be overridden.")
        )
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
    return OverrideRequest(kind, reason, tuple(sorted(set(found["scope"]))), end.astimezone(UTC), defer)


def _issue(name: str, text: str) -> Issue:
    return Issue("business-rule", text, f"Parameters.parameter.where(name = '{name}')", RULE)


def _human(viewer: Viewer) -> None:
    """Refuses a caller that is not a member of staff in an active PractitionerRole."""
    user = viewer.context.caller.user
    if not user.startswith("PractitionerRole/") or user not in viewer.acting.principals(viewer.context.at):
        text = "Only a person overrides consent; sign in as a user with an active PractitionerRole of your agency."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, rule=RULE))


def _agreement(viewer: Viewer) -> None:
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


async def _patient(viewer: Viewer, identity: str) -> Row:
    """The Patient, with whom the agency must have a relationship (L0). Only a caller that may see the Patient anyway is told that
    the relationship is missing; every other caller is told that the Patient is absent."""
    services, context, reference = viewer.services, viewer.context, f"Patient/{identity}"
    row = await services.records.read("Patient", identity)
    persons = await services.evidence.persons((reference,))
    person = persons[reference]
    acting = viewer.acting.principals(context.at, person.teams, person.patients)
    related = person.related(row.custodian if row else "", context.at)
    if row is not None and not row.deleted and related & {context.caller.organization, *acting}:
        return row
    told = event(context, "E", f"{reference}/$break-glass", permitted=False, why="consent-rules#L0.relationship")
    await services.trail.note(told, at=context.at, custodian=context.caller.organization)
    if row is not None and viewer.permits([row], persons):
        text = "Your agency has no legitimate relationship with the person, and an override never takes its place."
        raise Refused(problem(Category.RULE, "business-rule", text, rule="consent-rules L0"))
    raise absent("Patient", identity)


def _stage(work: UnitOfWork, row: Row, asked: OverrideRequest) -> str:
    """Stages the review Task, its AuditEvent, the timer for the review, the notice to the custodian, and the message to the
    person unless the message is deferred. Returns the reference of the review Task."""
    context, patient = work.context, row.reference
    task = _review(context, row, asked)
    review = work.create(task, context.caller.organization)
    due = context.at + REVIEW
    work.timers.append(Timer(f"TIM-11:{review}", "TIM-11", due, review, data={"rule": RULE}))
    work.notices.append(Notice(TOPIC, row.custodian, review, patient))
    told = [review]
    if not asked.defer:
        told.append(_tell(work, row, review))
    line = event(context, "E", f"{patient}/$break-glass", why=f"override/{asked.kind}", patients=[patient], refs=told)
    line["purposeOfEvent"].append({"coding": [{"system": ACT_REASON, "code": "BTG"}]})
    work.audits.append(line)
    return review


def _review(context: RequestContext, row: Row, asked: OverrideRequest) -> Resource:
    """The review Task in the form that `service.consent.grants` reads. When telling the person is deferred, a label hides the
    Task from the person."""
    mark = {"security": [{"system": RECORD_MARK, "code": DO_NOT_TELL}]} if asked.defer else None
    note = [{"text": f"Telling the person is deferred: {asked.defer}", "time": written(context.at)}] if asked.defer else None
    return make(
        "Task",
        id=clock.new_id(),
        meta=mark,
        status="requested",
        intent="order",
        priority="urgent",
        code=concept(TASK_CODE, TaskCode.OVERRIDE_REVIEW),
        description="Review this override of consent.",
        focus=reference_to(row.reference),
        for_=reference_to(row.reference),
        authoredOn=written(context.at),
        lastModified=written(context.at),
        requester=reference_to(context.caller.user),
        owner=reference_to(row.custodian),
        reasonCode=concept(OVERRIDE_KIND, asked.kind, asked.reason),
        note=note,
        restriction={"period": {"start": written(context.at), "end": written(asked.end)}},
        input=[{"type": concept(TASK_INPUT, "override-scope"), "valueCode": kind} for kind in asked.types],
    )


def _tell(work: UnitOfWork, row: Row, review: str) -> str:
    context = work.context
    message = communication(
        clock.new_id(),
        "override-notice",
        sender=context.caller.organization,
        recipients=(row.reference,),
        patient=row.reference,
        about=review,
        at=context.at,
        text="Your record was opened although you had not agreed to it. This is being reviewed; you may ask who saw it.",
    )
    return work.create(message, context.caller.organization)
