"""What happens when step-up is late (TIM-5, TIM-6), and when a contact plan is over."""

from __future__ import annotations

from service.care.step_up import due, routing
from service.care.step_up.effects import AGENDA
from service.care.step_up.request import NOTICE, ended
from service.care.step_up.situation import ReviewSituation
from service.care.task import reading
from service.care.task.effects import both_told, timer_key
from service.care.task.made import communication
from service.care.task.situation import AuditFact, Ids, Outcome, Situation, Staged, audit, notice
from service.change import Notice, Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, links, name_of, reference_to

UNDECIDED = ("requested", "received")
LATE = concept(BUSINESS_STATUS, "overdue")
REROUTED = "The escalation was not decided in time, and goes to the agency's next contact."
OVER = "The time of more contacts is over, as planned."


def undecided(situation: ReviewSituation, level: int, ids: Ids) -> Outcome | None:
    """TIM-5 for a fired timer of `level`: the review goes to the agency's next contact; the former one, the next one and the
    sender are told, and the clock starts again. None once somebody decided."""
    task = situation.current
    if reading.status(task) not in UNDECIDED:
        return None
    former, owner = link(task, "owner"), routing.following(link(task, "owner"), situation.routes)
    priority = str(task.get("priority", ""))
    again = due.review(situation.at, priority, situation.calendar, situation.pathway)
    moved = {
        **task,
        "owner": reference_to(owner),
        "businessStatus": task["businessStatus"] if reading.awaiting(task) else LATE,
        "restriction": {"period": {**task.get("restriction", {}).get("period", {}), "end": written(again)}},
        "lastModified": written(situation.at),
    }
    word = communication(
        ids(),
        "breach",
        sender=situation.receiver,
        recipients=dict.fromkeys((former, owner, link(task, "requester"))),
        patient=link(task, "for"),
        about=name_of(task),
        at=situation.at,
        text=REROUTED,
    )
    return Outcome(
        (Staged(moved), Staged(word, created=True, custodian=situation.receiver)),
        timers=(Timer(timer_key("TIM-5", task), "TIM-5", again, name_of(task), level + 1),),
        notices=(*both_told(situation), notice(situation, NOTICE, situation.receiver)),
        audits=(audit(situation, "escalation-rerouted", detail=f"level {level}"),),
    )


def unheld(situation: Situation) -> Outcome | None:
    """TIM-6: a brief review was not held in time, so both agencies are told, and it belongs on the agenda of the next MDT; None
    once it was completed."""
    task = situation.current
    if reading.status(task) == "completed":
        return None
    late = {**task, "businessStatus": LATE, "lastModified": written(situation.at)}
    return Outcome(
        (Staged(late),),
        notices=(*both_told(situation), notice(situation, AGENDA, situation.receiver)),
        audits=(audit(situation, "brief-review-overdue"),),
    )


def over(situation: Situation, agencies: tuple[str, ...], ids: Ids) -> Outcome | None:
    """E10: a contact plan has come to its end: it is completed and says so to the agencies; None when it was ended before.

    `situation.after` is the ServiceRequest, `agencies` are the one that keeps it and the one that escalated.
    """
    plan = situation.after
    if plan.get("status") != "active":
        return None
    person = link(plan, "subject")
    word = communication(
        ids(),
        "escalation-outcome",
        sender=situation.agency,
        recipients=agencies,
        patient=person,
        about=name_of(plan),
        at=situation.at,
        text=OVER,
    )
    return Outcome(
        (Staged(ended(plan)), Staged(word, created=True, custodian=situation.agency)),
        notices=tuple(Notice(NOTICE, one, name_of(plan), person) for one in agencies),
        audits=(AuditFact("U", "contact-plan-ended", situation.agency, "", person, (name_of(plan),)),),
    )


def requesters(request: Resource | None) -> tuple[str, ...]:
    """Who escalated: the requester of the escalation that a contact plan is based on."""
    return tuple(one for one in (link(request, "requester"),) if one)


def based_on(plan: Resource) -> str:
    """The escalation that a contact plan is based on, or ''."""
    return next(iter(links(plan, "basedOn")), "")
