"""The Tasks around a handover, and those that other rules make and an agency answers: `abort`, `clarification`, `follow-up` …

The rules, in prose:

- Once work has started the sender cannot cancel: it asks by an `abort` Task whose focus is the handover. The handover's
  owner accepts it, and the handover is cancelled in the same Outcome, or rejects it with a reason. Ownership stays where it is.
- A `clarification` is made by the service when the receiver awaits information. Completing it, with its answer, ends the waiting.
- A `follow-up` is done by a completed contact (TIM-3); an attempt is not a contact. The others are done when their owner says so.
- Only an abort is made by a client; the rest are made by the rules. The table is total, as the handover's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.care import effects
from service.care import task as tasks
from service.care.dataset import blank
from service.care.handover import absent
from service.care.requirements import Issues, contact, creator, fixed, reason
from service.care.situation import OWNER, REQUESTER, STRANGER, Ids, Outcome, Repeat, Situation, Staged, audit, notice
from service.care.transition import Move, illegal, legal
from service.change import Resource
from service.fhir.coding import codings
from service.fhir.date import written
from service.fhir.reference import link, name_of
from service.problem import Category, Issue, Problem

KINDS = (
    "abort",
    "clarification",
    "follow-up",
    "action",
    "escalation",
    "role",
    "alert",
    "identity-review",
    "stop-use",
    "welfare-check",
    "safeguarding-consideration",
)
_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
ABORT: tuple[Move, ...] = (
    Move("none",        "requested",   _R, ("creator", "about_started_handover", "why")),
    Move("requested",   "received",    _O),
    Move("requested",   "accepted",    _O, ("still_started",), effect="abort"),
    Move("received",    "accepted",    _O, ("still_started",), effect="abort"),
    Move("requested",   "rejected",    _O, ("reason",)),
    Move("received",    "rejected",    _O, ("reason",)),
    Move("requested",   "cancelled",   _R, ("reason",)),
    Move("received",    "cancelled",   _R, ("reason",)),
)
ERRAND: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "accepted",    _O),
    Move("received",    "accepted",    _O),
    Move("requested",   "in-progress", _O),
    Move("received",    "in-progress", _O),
    Move("accepted",    "in-progress", _O),
    Move("requested",   "completed",   _O, ("done",), effect="done"),
    Move("received",    "completed",   _O, ("done",), effect="done"),
    Move("accepted",    "completed",   _O, ("done",), effect="done"),
    Move("in-progress", "completed",   _O, ("done",), effect="done"),
    Move("requested",   "rejected",    _O, ("reason",)),
    Move("received",    "rejected",    _O, ("reason",)),
    Move("requested",   "cancelled",   _R, ("reason",)),
    Move("received",    "cancelled",   _R, ("reason",)),
)
# fmt: on


def decide(situation: Situation, ids: Ids) -> Outcome | Repeat | Problem:
    """Whether a submitted abort, clarification, follow-up … Task may be stored; `situation.handover` is the one it is about."""
    del ids
    before, after = situation.before, situation.after
    if before is not None and situation.sides == (STRANGER,):
        return absent()
    if before is not None and tasks.status(before) == tasks.status(after) and effects.said(before) == effects.said(after):
        return Repeat(before)
    table = table_of(situation.current)
    row = legal(table, tasks.status(before), tasks.status(after), situation.sides)
    if row is None:
        return illegal(table, situation, f"`{tasks.code(situation.current)}`")
    frozen = fixed(situation, "move") if before is not None else ()
    issues = (*frozen, *(issue for need in row.needs for issue in NEEDS[need](situation)))
    return Problem(Category.RULE, issues) if issues else EFFECTS[row.effect](situation)


def table_of(task: Resource) -> tuple[Move, ...]:
    """The transition table of a Task around a handover."""
    return ABORT if tasks.code(task) == "abort" else ERRAND


def about_started_handover(situation: Situation) -> Issues:
    """An abort is about a handover in progress that the caller's agency sent, and goes to the agency that works on it."""
    handover, after = situation.handover, situation.after
    found = []
    if handover is None or name_of(handover) != link(after, "focus") or tasks.code(handover) != "handover":
        return (_issue("An abort is about one handover: set `focus` to it.", "Task.focus"),)
    if tasks.status(handover) != "in-progress":
        text = f"An abort is for a handover that is `in-progress`, this is `{tasks.status(handover)}`: cancel it instead."
        found.append(_issue(text, "Task.focus"))
    if situation.organization(link(handover, "requester")) != situation.agency:
        found.append(_issue("Only the agency that sent the handover asks for its abort.", "Task.requester"))
    if situation.organization(link(after, "owner")) != situation.organization(link(handover, "owner")):
        found.append(_issue("An abort goes to the handover's owner: set `owner` to it.", "Task.owner"))
    if link(after, "for") != link(handover, "for"):
        found.append(_issue("An abort is for the handover's person: set `for` to them.", "Task.for"))
    return tuple(found)


def still_started(situation: Situation) -> Issues:
    """The handover is still in progress, so that there is something to abort."""
    if situation.handover is not None and tasks.status(situation.handover) == "in-progress":
        return ()
    return (_issue("The handover is no longer `in-progress`: reject the abort.", "Task.focus"),)


def done(situation: Situation) -> Issues:
    """A clarification is completed by its answer, a follow-up by a contact that happened."""
    after = situation.after
    if tasks.code(after) == "clarification":
        answers = (str(one.get("valueString", "")) or tasks.value_reference(one) for one in tasks.outputs(after, "answer"))
        return (
            ()
            if any(not blank(one) for one in answers)
            else (_issue("A clarification is done by its answer: add output `answer`.", "Task.output"),)
        )
    if tasks.code(after) == "follow-up" and contact(situation):
        text = "A follow-up is done by a contact, not an attempt: add `first-contact`, or `no-contact-required` with its reason."
        return (_issue(text, "Task.output", "TIM-3"),)
    return ()


def why(situation: Situation) -> Issues:
    """An abort says why: a coded `reasonCode`, or `statusReason`."""
    after = situation.after
    if any(code for _, code in codings(after.get("reasonCode"))) or tasks.reason(after):
        return ()
    return (_issue("An abort says why: set a coded `reasonCode`.", "Task.reasonCode"),)


def move(situation: Situation) -> Outcome:
    """A move that changes this Task only."""
    task = effects.kept(situation)
    return effects.outcome(situation, task, f"{tasks.code(task)}-{task['status']}")


def abort(situation: Situation) -> Outcome:
    """The abort is accepted and the handover is cancelled, in one Outcome. The plan stays with who leads it (OWN-3)."""
    handover = situation.handover or {}
    cancelled = {
        **handover,
        "status": "cancelled",
        "statusReason": tasks.status_reason("aborted"),
        "lastModified": written(situation.at),
    }
    made = effects.outcome(situation, effects.kept(situation), "abort-accepted", Staged(cancelled))
    told = effects.told(situation)
    notices = tuple(notice(situation, one.topic, one.recipient, name_of(handover)) for one in told)
    facts = (*made.audits, audit(situation, "handover-cancelled", detail="aborted"))
    return Outcome(made.writes, cancelled=effects.answer_keys(handover), notices=(*made.notices, *notices), audits=facts)


def finish(situation: Situation) -> Outcome:
    """Done: its clock stops, and for a clarification the handover no longer awaits information."""
    made, handover = move(situation), situation.handover
    if handover is None:
        return Outcome(made.writes, cancelled=_keys(situation), notices=made.notices, audits=made.audits)
    writes = made.writes
    if tasks.code(situation.current) == "clarification" and effects.awaiting(handover):
        informed = {**tasks.with_member(handover, "businessStatus", None), "lastModified": written(situation.at)}
        writes = (*writes, Staged(informed))
    return Outcome(writes, cancelled=_keys(situation), notices=made.notices, audits=made.audits)


def _keys(situation: Situation) -> tuple[str, ...]:
    keys = (effects.timer_key("TIM-11", situation.current),)
    if tasks.code(situation.current) != "follow-up" or situation.handover is None:
        return keys
    return (*keys, effects.timer_key("TIM-3", situation.handover))


def _issue(text: str, expression: str, rule: str = "HOV-1") -> Issue:
    return Issue("business-rule", text, expression, rule)


NEEDS: Mapping[str, Callable[[Situation], Issues]] = {
    rule.__name__: rule for rule in (creator, reason, about_started_handover, still_started, done, why)
}
EFFECTS: Mapping[str, Callable[[Situation], Outcome]] = {"move": move, "abort": abort, "done": finish}
