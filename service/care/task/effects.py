"""The effects that moves of all Tasks share: resources to write, timer keys and notices. A practice adds its own effects."""

from __future__ import annotations

from service.care.task import reading
from service.care.task.situation import Ids, Outcome, Situation, Staged, audit, notice
from service.change import Notice, Resource
from service.fhir.date import written
from service.fhir.reference import name_of

BREACHED = "deadline-breached"


def completed(situation: Situation) -> Resource:
    """The submitted Task with the members that the service wrote and a client need not repeat: the conversation's groupIdentifier
    and the date of sending.
    """
    before = situation.before or {}
    given: Resource = {
        name: before[name] for name in ("groupIdentifier", "authoredOn") if name in before and name not in situation.after
    }
    return {**situation.after, **given}


def kept(situation: Situation) -> Resource:
    """The submitted Task as it is to be stored: the service's own members are those of the stored Task, `lastModified` is now.

    A client cannot set or clear businessStatus, the memory of a hold, or any extension of a sent Task by writing it.
    """
    before, after = situation.before, situation.after
    task = {**after, "lastModified": written(situation.at)}
    if before is None or reading.status(before) == "draft":
        return reading.with_hold(reading.with_member(task, "businessStatus", None), "")
    return reading.with_member(
        reading.with_member(task, "businessStatus", before.get("businessStatus")), "extension", before.get("extension")
    )


def told(situation: Situation, topic: str = "handover-task") -> tuple[Notice, ...]:
    """Notices to the other agency of the Task, or to the caller's agency when it is both requester's and owner's."""
    both = tuple(dict.fromkeys((situation.sender, situation.receiver)))
    others = [one for one in both if one != situation.agency] or both
    return tuple(notice(situation, topic, one) for one in others if one)


def outcome(situation: Situation, task: Resource, event: str, *more: Staged, told_: bool = True) -> Outcome:
    """An Outcome with the Task first, an audit line about the Task, and a notice to the other agency unless `told_` is false. A
    new Task becomes the record of the requester's agency.
    """
    new = situation.before is None
    first = Staged(task, created=new, custodian=situation.agency if new else "")
    facts = (audit(situation, event, "C" if new else "U"),)
    return Outcome((first, *more), notices=told(situation) if told_ else (), audits=facts)


def move(situation: Situation, ids: Ids) -> Outcome:
    """Stores a move that has no further effect. The other agency gets no notice of a draft, held or not."""
    del ids
    task = kept(situation)
    return outcome(situation, task, f"{reading.code(task)}-{task['status']}", told_=reading.sent(task))


def timer_key(rule: str, task: Resource) -> str:
    """The key of a timer about a Task: `TIM-2:Task/x`."""
    return f"{rule}:{name_of(task)}"


def answer_keys(task: Resource) -> tuple[str, ...]:
    """The keys of the timers that wait for the receiver's answer (TIM-1, TIM-2)."""
    return (timer_key("TIM-1", task), timer_key("TIM-2", task))


def both_told(situation: Situation) -> tuple[Notice, ...]:
    """Notices of a passed deadline to both agencies of the Task."""
    agencies = dict.fromkeys(one for one in (situation.sender, situation.receiver) if one)
    return tuple(notice(situation, BREACHED, agency) for agency in agencies)


def passed(situation: Situation) -> Outcome | None:
    """A dated Task (TIM-11 and the like) has passed its date: both its agencies are told, and the Task is not reassigned. None
    when the Task has ended.
    """
    if reading.status(situation.before) in reading.TERMINAL:
        return None
    return Outcome((), notices=both_told(situation), audits=(audit(situation, BREACHED),))
