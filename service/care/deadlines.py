"""What a passed deadline does to a Task besides the escalation of a handover (`overdue`): TIM-1, TIM-3, and the dated Tasks.

The rules, in prose:

- TIM-1: a handover that nobody received is sent again; when that helps nothing either, its sender is told, since no alternate
  endpoint is known.
- TIM-3: past its target the owner is reminded of the contact; past its limit a welfare check and a safeguarding consideration are
  made, once (E11). Only a completed contact stops that, never an attempt or a status that just ends the Task.
- Any other dated Task (TIM-11 and its like): both its agencies are told. Nothing is reassigned.
"""

from __future__ import annotations

from service.care import effects
from service.care import task as tasks
from service.care.made import errand
from service.care.situation import Ids, Outcome, Situation, Staged, audit, notice
from service.care.timers import BY_ID, ROUTINE, due
from service.change import Notice, Resource, Timer
from service.fhir.reference import link, name_of

LIMIT = len(BY_ID["TIM-3"].spans[ROUTINE]) - 1
"""The level of TIM-3 that is the limit; those before it are targets."""
BREACHED = "deadline-breached"


def unreceived(situation: Situation, level: int) -> Outcome | None:
    """TIM-1 for a handover; None when it was received, answered or withdrawn in the meantime."""
    if situation.stage != "requested":
        return None
    if level > 0:
        facts = (audit(situation, "handover-not-received", detail="no alternate endpoint is known"),)
        return Outcome((), notices=(notice(situation, BREACHED, situation.sender),), audits=facts)
    task = situation.current
    again = due("TIM-1", situation.at, situation.calendar, priority=str(task.get("priority", "")))
    timer = Timer(effects.timer_key("TIM-1", task), "TIM-1", again, name_of(task), level + 1)
    told = notice(situation, "handover-task", situation.receiver)
    return Outcome((), timers=(timer,), notices=(told,), audits=(audit(situation, "handover-sent-again"),))


def uncontacted(situation: Situation, level: int, ids: Ids) -> Outcome | None:
    """TIM-3 for a `follow-up` Task of a handover; None once the contact, or that none is required, was recorded."""
    if "completed" in (tasks.status(situation.before), tasks.status(situation.handover)):
        return None
    agency = situation.receiver
    if level < LIMIT:
        facts = (audit(situation, "contact-target-missed"),)
        return Outcome((), notices=(notice(situation, BREACHED, agency),), audits=facts)
    made = (
        _owed(situation, "welfare-check", "Check the person's welfare: no contact was completed in time", "TIM-3", ids),
        _owed(situation, "safeguarding-consideration", "Consider safeguarding: no contact was completed in time", "TIM-8", ids),
    )
    return Outcome(
        tuple(Staged(one, created=True, custodian=agency) for one in made),
        notices=_both(situation),
        audits=(audit(situation, "contact-limit-missed"),),
    )


def passed(situation: Situation) -> Outcome | None:
    """A dated Task is not done by its date; None when it is."""
    if tasks.status(situation.before) in tasks.TERMINAL:
        return None
    return Outcome((), notices=_both(situation), audits=(audit(situation, BREACHED),))


def _both(situation: Situation) -> tuple[Notice, ...]:
    agencies = dict.fromkeys(one for one in (situation.sender, situation.receiver) if one)
    return tuple(notice(situation, BREACHED, agency) for agency in agencies)


def _owed(situation: Situation, code: str, text: str, rule: str, ids: Ids) -> Resource:
    task = situation.current
    return errand(
        ids(),
        code,
        requester=situation.receiver,
        owner=link(task, "owner"),
        patient=link(task, "for"),
        at=situation.at,
        focus=name_of(task),
        part_of=name_of(situation.handover) if situation.handover else "",
        due=due(rule, situation.at, situation.calendar),
        text=text,
        conversation=task.get("groupIdentifier"),
        priority="urgent",
    )
