"""The effects of an escalation review's moves: resources to write, timers to set or cancel, and notices to send."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from service.care.step_up import due, needs
from service.care.step_up.request import CONTACT_PLAN, ended, revoked
from service.care.step_up.situation import ReviewSituation
from service.care.task import clarification, reading
from service.care.task.effects import completed, kept, outcome, timer_key
from service.care.task.made import communication, make, task_of
from service.care.task.situation import Ids, Outcome, Situation, Staged, audit, notice
from service.change import Resource, Timer
from service.fhir.canonical import CONTACT_PLAN as PROFILE
from service.fhir.canonical import REQUEST_CATEGORY, TaskCode
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, reference_to

AGENDA = "agenda"
"""The topic of a notice that something belongs on the agenda of the recipient's next MDT."""
ENDS = "contact-plan-end"
"""The kind of the timer that ends a contact plan."""
DECISIONS = ("accepted", "rejected")
ACCEPTED = "The escalation was accepted: its review says what happens now, out of hours too."
REJECTED = "The escalation was not accepted: its review says why, what to do meanwhile, and when to come back."


def answered_by(situation: ReviewSituation) -> Resource:
    """The submitted Task as it is decided on: a decision names who took it, and its clinician owns the review from then on."""
    task = completed(situation)
    role = situation.decided_by
    if reading.status(task) not in DECISIONS or not role:
        return task
    if not reading.outputs(task, "decided-by"):
        task = reading.with_output(task, "decided-by", valueReference=reference_to(role))
    return task if link(task, "owner").startswith("PractitionerRole/") else {**task, "owner": reference_to(role)}


def accept(situation: ReviewSituation, ids: Ids) -> Outcome:
    """Accepts an escalation: TIM-5 stops, more contacts are planned until their end (E10), a brief review follows (TIM-6), the
    decision is reviewed (ESC-3), and the MDT has it on its agenda."""
    task = _decided(situation)
    plan, end = contact_plan(situation, task, ids)
    brief = brief_review(situation, task, ids)
    return _with(
        _decision(situation, task, ids, ACCEPTED),
        (Staged(plan, created=True, custodian=situation.receiver), Staged(brief, created=True, custodian=situation.sender)),
        (
            Timer(f"{ENDS}:{name_of(plan)}", ENDS, end, name_of(plan)),
            Timer(timer_key("TIM-6", brief), "TIM-6", _due(brief, situation), name_of(brief)),
        ),
    )


def reject(situation: ReviewSituation, ids: Ids) -> Outcome:
    """Rejects an escalation: TIM-5 stops, the escalation is revoked, its sender is told, and the decision is reviewed first
    (ESC-3)."""
    made = _decision(situation, _decided(situation), ids, REJECTED)
    return _with(made, (Staged(revoked(situation.request)),) if situation.request else ())


def complete(situation: ReviewSituation, ids: Ids) -> Outcome:
    """Completes a review: a contact was attempted and the crisis plan considered, so the escalation is completed."""
    del ids
    made = outcome(situation, kept(situation), "escalation-review-completed")
    return _with(made, (Staged(ended(situation.request)),) if situation.request else ())


def clarify(situation: ReviewSituation, ids: Ids) -> Outcome:
    """Asks the sender back, due in the span of TIM-15. The clock of the review runs on: whom it waits for is the person."""
    priority = str(situation.current.get("priority", ""))
    return clarification.ask(situation, ids, due.due("TIM-15", situation.at, situation.calendar, situation.pathway, priority))


def finish(situation: Situation, ids: Ids) -> Outcome:
    """Completes a brief, decision or structured review, and stops its clock (TIM-6, TIM-11)."""
    del ids
    made = outcome(situation, kept(situation), f"{reading.code(situation.current)}-completed")
    return replace(made, cancelled=tuple(timer_key(rule, situation.current) for rule in ("TIM-6", "TIM-11")))


def contact_plan(situation: ReviewSituation, task: Resource, ids: Ids) -> tuple[Resource, datetime]:
    """E10: the ServiceRequest for more contacts in the accepted cadence, and the instant at which it ends by itself."""
    timing = reading.outputs(task, "contact-cadence")[0]["valueTiming"]
    plan = make(
        "ServiceRequest",
        id=ids(),
        meta={"profile": [PROFILE]},
        basedOn=[reference_to(link(task, "focus"))],
        status="active",
        intent="order",
        category=[concept(REQUEST_CATEGORY, CONTACT_PLAN)],
        priority=task.get("priority"),
        subject=reference_to(link(task, "for")),
        occurrenceTiming=timing,
        authoredOn=written(situation.at),
        requester=reference_to(situation.decided_by),
        performer=[reference_to(link(task, "owner"))],
    )
    return plan, needs.timing_end(timing, situation.zone) or situation.at


def brief_review(situation: ReviewSituation, task: Resource, ids: Ids) -> Resource:
    """TIM-6: the Task of the brief review, for the clinician who accepted."""
    when = due.due("TIM-6", situation.at, situation.calendar, situation.pathway)
    return _review(situation, task, ids, TaskCode.BRIEF_REVIEW, link(task, "requester"), when, "Look at the step-up briefly")


def decision_review(situation: ReviewSituation, task: Resource, ids: Ids) -> Resource:
    """ESC-3: the Task of the decision's review at the deciding agency; that of a rejection is urgent."""
    when = due.decision_review(situation.at, situation.calendar, situation.pathway)
    text = "Review this decision in the next supervision or meeting"
    made = _review(situation, task, ids, TaskCode.DECISION_REVIEW, situation.decided_by, when, text)
    first = "urgent" if reading.status(task) == "rejected" else "routine"
    return {**made, "owner": reference_to(situation.receiver), "priority": first}


def _review(
    situation: ReviewSituation, task: Resource, ids: Ids, code: str, requester: str, when: datetime, text: str
) -> Resource:
    return task_of(
        ids(),
        code,
        requester=requester,
        owner=link(task, "owner"),
        patient=link(task, "for"),
        at=situation.at,
        focus=name_of(task),
        part_of=name_of(task),
        due=when,
        text=text,
        conversation=task.get("groupIdentifier"),
        priority=str(task.get("priority", "")),
    )


def _decided(situation: ReviewSituation) -> Resource:
    """The decided Task, which no longer awaits information, under the version of the pathway that it was decided by (MTG-4)."""
    task = reading.with_member(kept(situation), "businessStatus", None)
    return {**task, "instantiatesCanonical": situation.pathway.canonical} if situation.pathway else task


def _decision(situation: ReviewSituation, task: Resource, ids: Ids, said: str) -> Outcome:
    """What every decision makes: the Task, word to the sender, and the decision's review; the clock of the review stops."""
    made = outcome(situation, task, f"escalation-{task['status']}")
    word = communication(
        ids(),
        "escalation-outcome",
        sender=situation.receiver,
        recipients=[link(task, "requester")],
        patient=link(task, "for"),
        about=name_of(task),
        at=situation.at,
        text=said,
    )
    review = decision_review(situation, task, ids)
    own = tuple(Staged(one, created=True, custodian=situation.receiver) for one in (word, review))
    return Outcome(
        (*made.writes, *own),
        timers=(Timer(timer_key("TIM-11", review), "TIM-11", _due(review, situation), name_of(review)),),
        cancelled=(timer_key("TIM-5", task),),
        notices=(*made.notices, notice(situation, AGENDA, situation.receiver)),
        audits=(*made.audits, audit(situation, "escalation-decided", detail=str(task["status"]))),
    )


def _due(task: Resource, situation: Situation) -> datetime:
    return reading.due(task, situation.zone) or situation.at


def _with(made: Outcome, writes: tuple[Staged, ...], timers: tuple[Timer, ...] = ()) -> Outcome:
    return replace(made, writes=(*made.writes, *writes), timers=(*made.timers, *timers))
