"""The effects of a passed deadline on a handover besides its escalation (`overdue`): TIM-1 and TIM-3.

The rules, in prose:

- TIM-1: a handover that was not received in time is sent again; when it is still not received, its sender is told, since no
  alternate endpoint is known.
- TIM-3: past its target the owner is reminded of the contact; past its limit a welfare check and a safeguarding consideration are
  made, once (E11). Only a completed contact prevents these Tasks, never an attempt or a status that just ends the Task.
"""

from __future__ import annotations

from service.care.handover.situation import HandoverSituation
from service.care.task import reading
from service.care.task.effects import BREACHED, both_told, timer_key
from service.care.task.made import task_of
from service.care.task.situation import Ids, Outcome, Staged, audit, notice
from service.care.task.timers import BY_ID, ROUTINE
from service.change import Resource, Timer
from service.fhir.canonical import TaskCode
from service.fhir.reference import link, name_of

LIMIT = len(BY_ID["TIM-3"].spans[ROUTINE]) - 1
"""The level of TIM-3 that is the limit; the levels before it are targets."""


def unreceived(situation: HandoverSituation, level: int) -> Outcome | None:
    """TIM-1 for a handover; None when the handover was received, answered or withdrawn in the meantime."""
    if situation.stage != "requested":
        return None
    if level > 0:
        facts = (audit(situation, "handover-not-received", detail="no alternate endpoint is known"),)
        return Outcome((), notices=(notice(situation, BREACHED, situation.sender),), audits=facts)
    task = situation.current
    again = situation.pathway.due("TIM-1", situation.at, situation.calendar, priority=str(task.get("priority", "")))
    timer = Timer(timer_key("TIM-1", task), "TIM-1", again, name_of(task), level + 1)
    told = notice(situation, "handover-task", situation.receiver)
    return Outcome((), timers=(timer,), notices=(told,), audits=(audit(situation, "handover-sent-again"),))


def uncontacted(situation: HandoverSituation, level: int, ids: Ids) -> Outcome | None:
    """TIM-3 for a `follow-up` Task of a handover; None once a contact was recorded, or that no contact is required."""
    if "completed" in (reading.status(situation.before), reading.status(situation.about)):
        return None
    agency = situation.receiver
    if level < LIMIT:
        facts = (audit(situation, "contact-target-missed"),)
        return Outcome((), notices=(notice(situation, BREACHED, agency),), audits=facts)
    made = (
        _owed(situation, TaskCode.WELFARE_CHECK, "Check the person's welfare: no contact was completed in time", "TIM-3", ids),
        _owed(
            situation,
            TaskCode.SAFEGUARDING_CONSIDERATION,
            "Consider safeguarding: no contact was completed in time",
            "TIM-8",
            ids,
        ),
    )
    return Outcome(
        tuple(Staged(one, created=True, custodian=agency) for one in made),
        notices=both_told(situation),
        audits=(audit(situation, "contact-limit-missed"),),
    )


def _owed(situation: HandoverSituation, code: str, text: str, rule: str, ids: Ids) -> Resource:
    task = situation.current
    return task_of(
        ids(),
        code,
        requester=situation.receiver,
        owner=link(task, "owner"),
        patient=link(task, "for"),
        at=situation.at,
        focus=name_of(task),
        part_of=name_of(situation.about) if situation.about else "",
        due=situation.pathway.due(rule, situation.at, situation.calendar),
        text=text,
        conversation=task.get("groupIdentifier"),
        priority="urgent",
    )
