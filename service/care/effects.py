"""What each move of a handover Task writes, times and tells. Acceptance has its own module."""

from __future__ import annotations

from service.care import task as tasks
from service.care.made import errand
from service.care.requirements import accept_by_of, question_of
from service.care.situation import Ids, Outcome, Situation, Staged, audit, notice
from service.care.timers import due
from service.change import Notice, Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS
from service.fhir.coding import code_in, concept
from service.fhir.date import written
from service.fhir.reference import link, name_of

_BOOKKEEPING = frozenset(("meta", "text", "lastModified", "businessStatus", "extension"))


def said(task: Resource) -> Resource:
    """A Task without what the service keeps in it, for telling whether two say the same."""
    return {name: value for name, value in task.items() if name not in _BOOKKEEPING}


def awaiting(task: Resource) -> bool:
    """Whether the owner's agency waits for information."""
    return business_status(task) == "awaiting-information"


def business_status(task: Resource) -> str:
    """The Task's businessStatus from our code system, or ''."""
    return code_in(task.get("businessStatus"), BUSINESS_STATUS)


def completed(situation: Situation) -> Resource:
    """The submitted Task with what the service gave it and a client need not repeat: conversation and date of sending."""
    before = situation.before or {}
    given: Resource = {
        name: before[name] for name in ("groupIdentifier", "authoredOn") if name in before and name not in situation.after
    }
    return {**situation.after, **given}


def kept(situation: Situation) -> Resource:
    """The submitted Task as it is stored: the service's own parts are those of the stored one, `lastModified` is now.

    A client cannot set or clear businessStatus, the memory of a hold, or any extension of a sent Task by writing it.
    """
    before, after = situation.before, situation.after
    task = {**after, "lastModified": written(situation.at)}
    if before is None or tasks.status(before) == "draft":
        return tasks.with_hold(tasks.with_member(task, "businessStatus", None), "")
    return tasks.with_member(
        tasks.with_member(task, "businessStatus", before.get("businessStatus")), "extension", before.get("extension")
    )


def told(situation: Situation, topic: str = "handover-task") -> tuple[Notice, ...]:
    """Notices to the other agency of the Task; to the one agency when it is both."""
    both = tuple(dict.fromkeys((situation.sender, situation.receiver)))
    others = [one for one in both if one != situation.agency] or both
    return tuple(notice(situation, topic, one) for one in others if one)


def stored(situation: Situation, task: Resource) -> Staged:
    """The Task to write; a new one becomes the record of the requester's agency."""
    new = situation.before is None
    return Staged(task, created=new, custodian=situation.agency if new else "")


def outcome(situation: Situation, task: Resource, event: str, *more: Staged, told_: bool = True) -> Outcome:
    """An Outcome with the Task first, its audit line, and a notice to the other side."""
    action = "C" if situation.before is None else "U"
    facts = (audit(situation, event, action),)
    return Outcome((stored(situation, task), *more), notices=told(situation) if told_ else (), audits=facts)


def move(situation: Situation, ids: Ids) -> Outcome:
    """A move without further consequence. A draft is nobody else's news."""
    del ids
    task = kept(situation)
    return outcome(situation, task, f"handover-{task['status']}", told_=task["status"] != "draft")


def conversing(situation: Situation, task: Resource, ids: Ids) -> Resource:
    """The Task with a conversation: its own groupIdentifier, or a new one."""
    given = task.get("groupIdentifier") or {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{ids()}"}
    return {**task, "groupIdentifier": given, "authoredOn": task.get("authoredOn", written(situation.at))}


def send(situation: Situation, ids: Ids) -> Outcome:
    """HOV-3: the Task becomes visible to the receiver, a disclosure is due, the clocks start (TIM-1, TIM-2).

    Also a new authority for a Task that was sent (HOV-8): disclosed again; its clocks run on.
    """
    task = conversing(situation, kept(situation), ids)
    again = situation.stage not in ("none", "draft")
    if business_status(task) == "authority-withdrawn":
        task = tasks.with_member(task, "businessStatus", None)
    made = outcome(situation, task, "handover-reauthorised" if again else "handover-sent")
    timers = () if again else _clocks(situation, task)
    return Outcome(made.writes, timers, notices=_to_receiver(situation), audits=made.audits, disclosure=True)


def receive(situation: Situation, ids: Ids) -> Outcome:
    """The second acknowledgement: received. Its clock stops (TIM-1)."""
    made = move(situation, ids)
    return Outcome(made.writes, cancelled=(timer_key("TIM-1", situation.after),), notices=made.notices, audits=made.audits)


def close(situation: Situation, ids: Ids) -> Outcome:
    """Rejected, cancelled or failed: the clocks for an answer stop. A contact that is owed to the person stays owed (TIM-3)."""
    made = move(situation, ids)
    return Outcome(made.writes, cancelled=answer_keys(situation.after), notices=made.notices, audits=made.audits)


def complete(situation: Situation, ids: Ids) -> Outcome:
    """Completed: the contact happened, or was not required, so its clock stops (TIM-3)."""
    made = move(situation, ids)
    stopped = (timer_key("TIM-3", situation.after),)
    return Outcome(made.writes, cancelled=stopped, notices=made.notices, audits=made.audits)


def hold(situation: Situation, ids: Ids) -> Outcome:
    """On hold, remembering from where. No clock stops: a hold is no way round an escalation (HOV-7)."""
    del ids
    task = tasks.with_hold(kept(situation), tasks.status(situation.before))
    return outcome(situation, task, "handover-on-hold", told_=situation.stage != "draft")


def resume(situation: Situation, ids: Ids) -> Outcome:
    """Back from hold to where it came from."""
    del ids
    return outcome(situation, tasks.with_hold(kept(situation), ""), "handover-resumed", told_=situation.stage != "draft")


def clarify(situation: Situation, ids: Ids) -> Outcome:
    """Awaiting information: a clarification Task goes back to the requester, due as a receipt is (TIM-1); TIM-11 watches it."""
    when = due("TIM-1", situation.at, situation.calendar, priority=str(situation.current.get("priority", "")))
    task = {**kept(situation), "businessStatus": concept(BUSINESS_STATUS, "awaiting-information")}
    asked = errand(
        ids(),
        "clarification",
        requester=situation.user or situation.agency,
        owner=link(situation.current, "requester"),
        patient=link(situation.current, "for"),
        at=situation.at,
        focus=name_of(task),
        part_of=name_of(task),
        due=when,
        text=question_of(situation),
        conversation=task.get("groupIdentifier"),
        priority=str(task.get("priority", "")),
    )
    made = outcome(situation, task, "handover-awaiting-information", Staged(asked, created=True, custodian=situation.agency))
    timer = Timer(timer_key("TIM-11", asked), "TIM-11", when, name_of(asked), 0, {"handover": name_of(task)})
    notices = (*made.notices, notice(situation, "handover-task", situation.sender, name_of(asked)))
    return Outcome(made.writes, (timer,), notices=notices, audits=made.audits)


def timer_key(rule: str, task: Resource) -> str:
    """The key of a timer about a Task: `TIM-2:Task/x`."""
    return f"{rule}:{name_of(task)}"


def answer_keys(task: Resource) -> tuple[str, ...]:
    """The clocks that wait for the receiver's answer."""
    return (timer_key("TIM-1", task), timer_key("TIM-2", task))


def _clocks(situation: Situation, task: Resource) -> tuple[Timer, ...]:
    priority = str(task.get("priority", ""))
    received = due("TIM-1", situation.at, situation.calendar, priority=priority)
    accepted = accept_by_of(task, situation) or due("TIM-2", situation.at, situation.calendar, priority=priority)
    name = name_of(task)
    return (Timer(timer_key("TIM-1", task), "TIM-1", received, name), Timer(timer_key("TIM-2", task), "TIM-2", accepted, name))


def _to_receiver(situation: Situation) -> tuple[Notice, ...]:
    receiver = situation.organization(link(situation.after, "owner"))
    return (notice(situation, "handover-task", receiver),)
