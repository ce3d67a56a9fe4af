"""What follows from a meeting: who is told of an agenda, and the records that its decisions make."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from service.care.meeting.agenda import Entry
from service.care.meeting.decision import Decision
from service.care.meeting.situation import Case, Meeting
from service.care.task.effects import timer_key
from service.care.task.made import communication, make, task_of
from service.care.task.situation import Ids, Staged
from service.care.task.timers import Span, Unit
from service.change import Resource, Timer
from service.fhir.canonical import REQUEST_CATEGORY, TASK_CODE, TASK_INPUT, TaskCode
from service.fhir.coding import concept
from service.fhir.date import due as ends
from service.fhir.date import written
from service.fhir.reference import link, name_of, reference_to

ENTRY = "agenda-entry"
"""The category of the Communication that tells who stands on an agenda."""
TOPIC = "agenda"
"""The topic of notices about meetings."""
SUPPORT, SUPPORT_ENDS = "intensive-support", "intensive-support-end"
"""The category of a request for intensive support, and the kind of the timer that ends it."""
CONFIRMED_WITHIN = Span(5, Unit.WORKING_DAYS)
"""How long an agency has to confirm its role (E7)."""
LATE = "No case review of this plan was held in time (TIM-16): put it on the agenda of one."
UNHELD = "This forum was not held within its cadence (MTG-1): plan a meeting of it."
OVER = "Intensive support has come to its end, as planned: review whether its purpose is met."


def told(meeting: Resource, entry: Entry, person: str, agency: str, agencies: Iterable[str], at: datetime, ids: Ids) -> Resource:
    """The Communication of an agency that a person stands on the agenda of a meeting: to those that take part."""
    made = communication(
        ids(), ENTRY, sender=agency, recipients=agencies, patient=person, about=entry.item, at=at,
        text=f"On the agenda of a meeting: {entry.reason}.",
    )  # fmt: skip
    return {**made, "encounter": reference_to(name_of(meeting))}


def handover(found: Meeting, case: Case, made: Decision, ids: Ids) -> Resource:
    """The draft of the handover with which the agency that leads a person's plan may hand it over, as a meeting decided: the lead
    changes only when the receiver accepts (E1)."""
    return make(
        "Task",
        id=ids(),
        status="draft",
        intent="order",
        code=concept(TASK_CODE, TaskCode.HANDOVER),
        description=made.rationale,
        focus=reference_to(name_of(case.plan or {})),
        for_=reference_to(case.person),
        encounter=reference_to(name_of(found.after)),
        authoredOn=written(found.at),
        lastModified=written(found.at),
        requester=reference_to(link(case.plan, "author")),
        owner=reference_to(made.receiver),
    )


def support(found: Meeting, case: Case, made: Decision, ids: Ids) -> tuple[Staged, Timer]:
    """Intensive support (E3): what a restrictive measure becomes, with its purpose, its end and its review; it ends by itself."""
    end = found.at + (made.duration or timedelta())
    request = make(
        "ServiceRequest",
        id=ids(),
        status="active",
        intent="order",
        category=[concept(REQUEST_CATEGORY, SUPPORT)],
        subject=reference_to(case.person),
        encounter=reference_to(name_of(found.after)),
        occurrencePeriod={"start": written(found.at), "end": written(end)},
        authoredOn=written(found.at),
        requester=reference_to(link(found.chair.role, "organization")),
        performer=[reference_to(case.leader or found.keeper)],
        reasonReference=[reference_to(case.entry.item)] if case.entry.item.startswith(("Flag/", "RiskAssessment/")) else None,
        supportingInfo=[reference_to(case.entry.item)],
        note=[{"text": made.proportionality}],
    )
    timer = Timer(f"{SUPPORT_ENDS}:{name_of(request)}", SUPPORT_ENDS, end, name_of(request))
    return Staged(request, created=True, custodian=found.agency), timer


def confirmation(found: Meeting, case: Case, agency: str, role: Resource, due: datetime, ids: Ids) -> tuple[Staged, Timer]:
    """E7: the Task by which an agency confirms its role in a plan."""
    task = task_of(
        ids(),
        TaskCode.CONFIRM_ROLE,
        requester=link(case.plan, "author"),
        owner=agency,
        patient=case.person,
        at=found.at,
        focus=name_of(case.plan or {}),
        due=due,
        text="Confirm the role of your agency in this plan, or say why not",
        inputs=[{"type": concept(TASK_INPUT, "role"), "valueCodeableConcept": role}],
    )
    task["encounter"] = reference_to(name_of(found.after))
    return Staged(task, created=True, custodian=case.leader), Timer(timer_key("TIM-11", task), "TIM-11", due, name_of(task))


def again(rule: str, focus: str, due: datetime, at: datetime, **data: object) -> Timer:
    """The clock of what is to happen again: a forum's next meeting (MTG-1), a plan's next case review (TIM-16). Each time that it
    is set is a level of its own, since a level that has fired is not set again."""
    return Timer(recurring(rule, focus), rule, due, focus, int(at.timestamp()), data)


def recurring(rule: str, focus: str) -> str:
    """The key of such a clock; what happens cancels it."""
    return f"{rule}:{focus}"


def alert(focus: str, agency: str, person: str, owner: str, text: str, at: datetime, ids: Ids) -> Staged:
    """An alert to an agency, or to somebody of it."""
    task = task_of(ids(), TaskCode.ALERT, requester=agency, owner=owner, patient=person, at=at, focus=focus, text=text)
    return Staged(task, created=True, custodian=agency)


def day_ends(day: str, found: Meeting) -> datetime | None:
    """The local midnight that ends a date: a day, a month or a year."""
    return ends(day, found.zone)
