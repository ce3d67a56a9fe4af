"""The effects of a handover's moves: resources to write, timers to set or cancel, and notices to send. Acceptance has its own
module.
"""

from __future__ import annotations

from service.care.handover.overdue import WITHDRAWN
from service.care.handover.situation import HandoverSituation
from service.care.task import reading
from service.care.task.clarification import ask
from service.care.task.effects import answer_keys, kept, move, outcome, timer_key
from service.care.task.situation import Ids, Outcome, notice
from service.change import Notice, Resource, Timer
from service.fhir.canonical import URIS
from service.fhir.date import written
from service.fhir.reference import link, name_of


def conversing(situation: HandoverSituation, task: Resource, ids: Ids) -> Resource:
    """The Task with a groupIdentifier, which names its conversation, and with the date of sending; both are kept if present."""
    given = task.get("groupIdentifier") or {"system": URIS, "value": f"urn:uuid:{ids()}"}
    return {**task, "groupIdentifier": given, "authoredOn": task.get("authoredOn", written(situation.at))}


def send(situation: HandoverSituation, ids: Ids) -> Outcome:
    """HOV-3: sends a handover. The Task becomes visible to the receiver, a disclosure is due, the clocks start (TIM-1, TIM-2).

    Also gives a handover that was sent a new authority (HOV-8): the records are disclosed again, and the clocks run on.
    """
    task = conversing(situation, kept(situation), ids)
    again = situation.stage not in ("none", "draft")
    if reading.business_status(task) == WITHDRAWN:
        task = reading.with_member(task, "businessStatus", None)
    made = outcome(situation, task, "handover-reauthorised" if again else "handover-sent")
    timers = () if again else _clocks(situation, task)
    return Outcome(made.writes, timers, notices=_to_receiver(situation), audits=made.audits, disclosure=True)


def receive(situation: HandoverSituation, ids: Ids) -> Outcome:
    """Records the second acknowledgement, `received`, and stops the clock for it (TIM-1)."""
    made = move(situation, ids)
    return Outcome(made.writes, cancelled=(timer_key("TIM-1", situation.after),), notices=made.notices, audits=made.audits)


def close(situation: HandoverSituation, ids: Ids) -> Outcome:
    """Rejects, cancels or fails a handover; the clocks for its answer stop. A contact owed to the person stays owed (TIM-3)."""
    made = move(situation, ids)
    return Outcome(made.writes, cancelled=answer_keys(situation.after), notices=made.notices, audits=made.audits)


def complete(situation: HandoverSituation, ids: Ids) -> Outcome:
    """Completes a handover: the contact happened, or was not required, so the clock for the contact stops (TIM-3)."""
    made = move(situation, ids)
    stopped = (timer_key("TIM-3", situation.after),)
    return Outcome(made.writes, cancelled=stopped, notices=made.notices, audits=made.audits)


def hold(situation: HandoverSituation, ids: Ids) -> Outcome:
    """Puts a handover on hold and remembers the status it had. No clock stops: a hold does not prevent an escalation (HOV-7)."""
    del ids
    task = reading.with_hold(kept(situation), reading.status(situation.before))
    return outcome(situation, task, "handover-on-hold", told_=situation.stage != "draft")


def resume(situation: HandoverSituation, ids: Ids) -> Outcome:
    """Takes a handover from hold back to the status from which it was held."""
    del ids
    return outcome(situation, reading.with_hold(kept(situation), ""), "handover-resumed", told_=situation.stage != "draft")


def clarify(situation: HandoverSituation, ids: Ids) -> Outcome:
    """Awaits information: a clarification Task goes back to the requester, due in the span of TIM-1; a TIM-11 timer watches the
    clarification.
    """
    when = situation.pathway.due("TIM-1", situation.at, situation.calendar, priority=str(situation.current.get("priority", "")))
    return ask(situation, ids, when)


def _clocks(situation: HandoverSituation, task: Resource) -> tuple[Timer, ...]:
    priority, spans = str(task.get("priority", "")), situation.pathway
    received = spans.due("TIM-1", situation.at, situation.calendar, priority=priority)
    by_date = reading.due(task, situation.zone)
    accepted = by_date or spans.due("TIM-2", situation.at, situation.calendar, priority=priority)
    name = name_of(task)
    return (Timer(timer_key("TIM-1", task), "TIM-1", received, name), Timer(timer_key("TIM-2", task), "TIM-2", accepted, name))


def _to_receiver(situation: HandoverSituation) -> tuple[Notice, ...]:
    receiver = situation.organization(link(situation.after, "owner"))
    return (notice(situation, "handover-task", receiver),)
