"""The review Tasks of an override (consent rules, section 5): each is the grant for the records of the agency that reviews it,
and an agency that finds the override unjustified ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from service import clock
from service.care.override_review.table import unjustified
from service.care.task import reading
from service.care.task.made import communication, make
from service.change import Notice, Resource, Timer
from service.consent.facts import DO_NOT_TELL
from service.consent.grants import EMERGENCY
from service.fhir.canonical import ACT_REASON, INCIDENT, OVERRIDE_KIND, RECORD_MARK, TASK_CODE, TASK_INPUT, TaskCode
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, reference_to
from service.usecases.disclosure import adjustments
from service.usecases.request.audit import event
from service.usecases.request.work import UnitOfWork

RULE = "consent-rules 5"
REVIEW = timedelta(hours=72)
TOPIC = "consent-changed"


@dataclass(frozen=True, slots=True)
class Override:
    """An override of consent about one Patient until `end`. `types` are the types of records to open and `refs` single records;
    with neither, the whole record. `defer` says why the person is not told now, empty when the person is told. `emergency`: the
    override stands in for the relationship, too (IDN-8)."""

    patient: str
    kind: str
    reason: str
    end: datetime
    types: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    defer: str = ""
    emergency: bool = False


async def stage(work: UnitOfWork, override: Override, keepers: Sequence[str], door: str) -> list[str]:
    """Stages the review Task of each of the agencies `keepers`, whose records the override opens, with its timer and notice, the
    message to the person unless that is deferred, and the AuditEvent. Returns the references of the Tasks, in order."""
    together = clock.new_id()
    reviews = [await _review(work, override, keeper, together) for keeper in keepers]
    told = [*reviews, *([] if override.defer else [_tell(work, override, reviews[0])])]
    line = event(work.context, "E", door, why=f"override/{override.kind}", patients=[override.patient], refs=told)
    line["purposeOfEvent"].append({"coding": [{"system": ACT_REASON, "code": "BTG"}]})
    work.audits.append(line)
    return reviews


async def judged(work: UnitOfWork, task: Resource) -> None:
    """Ends the whole override at once when a review finds it unjustified, and records the incident."""
    row = await work.row(name_of(task))
    if not unjustified(task) or (row is not None and unjustified(row.resource)):
        return
    conversation = task.get("groupIdentifier", {}).get("value", "")
    for row in await work.services.holdings.of("Task", (link(task, "for"),)):
        each = await work.get(row.reference) or {}
        if reading.code(each) == TaskCode.OVERRIDE_REVIEW and each.get("groupIdentifier", {}).get("value", "") == conversation:
            work.rows.setdefault(row.reference, row)
            work.update(_ended(each, work.context.at), row.version, row.custodian)
    reviewer = work.context.caller.organization
    work.create(
        make(
            "Flag",
            id=clock.new_id(),
            status="active",
            code=concept(INCIDENT, "override-unjustified", "An override of consent was found unjustified."),
            subject=reference_to(link(task, "for")),
            period={"start": written(work.context.at)},
            author=reference_to(reviewer),
        ),
        reviewer,
    )


def _ended(task: Resource, at: datetime) -> Resource:
    period = task.get("restriction", {}).get("period", {})
    return {**task, "restriction": {"period": {**period, "end": min(period.get("end", written(at)), written(at))}}}


async def _review(work: UnitOfWork, override: Override, keeper: str, together: str) -> str:
    """Stages one review Task in the form that `service.consent.grants` reads. When telling the person is deferred, a label hides
    the Task from the person."""
    context = work.context
    mark = {"security": [{"system": RECORD_MARK, "code": DO_NOT_TELL}]} if override.defer else None
    why = {"text": f"Telling the person is deferred: {override.defer}", "time": written(context.at)}
    task = make(
        "Task",
        id=clock.new_id(),
        meta=mark,
        groupIdentifier={"value": together},
        status="requested",
        intent="order",
        priority="urgent",
        code=concept(TASK_CODE, TaskCode.OVERRIDE_REVIEW),
        description="Review this override of consent.",
        focus=reference_to(override.patient),
        for_=reference_to(override.patient),
        authoredOn=written(context.at),
        lastModified=written(context.at),
        requester=reference_to(context.caller.user),
        owner=reference_to(keeper),
        reasonCode=concept(OVERRIDE_KIND, override.kind, override.reason),
        note=[why] if override.defer else None,
        restriction={"period": {"start": written(context.at), "end": written(override.end)}},
        input=[
            *([_input("override-kind", valueCode=EMERGENCY)] if override.emergency else []),
            *(_input("override-scope", valueCode=kind) for kind in override.types),
            *(_input("override-scope", valueReference=reference_to(ref)) for ref in override.refs),
        ],
    )
    review = work.create(await adjustments.noted(work, task), context.caller.organization)
    work.timers.append(Timer(f"TIM-11:{review}", "TIM-11", context.at + REVIEW, review, data={"rule": RULE}))
    work.notices.append(Notice(TOPIC, keeper, review, override.patient))
    return review


def _input(kind: str, **value: object) -> Resource:
    return {"type": concept(TASK_INPUT, kind), **value}


def _tell(work: UnitOfWork, override: Override, review: str) -> str:
    context = work.context
    message = communication(
        clock.new_id(),
        "override-notice",
        sender=context.caller.organization,
        recipients=(override.patient,),
        patient=override.patient,
        about=review,
        at=context.at,
        text="Your record was opened although you had not agreed to it. This is being reviewed; you may ask who saw it.",
    )
    return work.create(message, context.caller.organization)
