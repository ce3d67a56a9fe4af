"""The handover: one Task that moves responsibility for a plan from the agency that leads it to the one that accepts it.

The rules, in prose (care-rules section 2):

- The requester's agency drafts and sends. Sending needs a complete minimum dataset (HOV-2), an authority to share (HOV-3), an
  accept-by date ahead, and that the agency leads the plan. Until it is sent the owner's agency has no part in the Task.
- The owner's agency acknowledges (`received`), then accepts with a named lead, or rejects with a coded reason and what should
  happen instead. It may ask for information first: the status stays `received`, a clarification Task goes back with a due date.
- Acceptance moves ownership in one Outcome (HOV-4): until it commits the sender stays accountable (OWN-4). A part may be declined
  and goes back as a new Task (HOV-6); ownership moves only if `overall-coordination` is accepted.
- After acceptance the owner's agency starts (`in-progress`), then completes with a first contact, or says why none was needed, or
  fails with a reason. The requester may cancel until work has started; from then on it sends an `abort` Task, which the owner
  accepts or rejects. Ownership that has moved stays moved: it goes back only by another accepted handover (OWN-3).
- Either agency may put a Task on hold and take it back to the very status it came from. A hold does not stop the clock (HOV-7).
- From `requested` on the Task says what it said: only status, reason, notes, outputs and, accepting, the owner change (HOV-1).
  The authority to share may be replaced, by the requester, when it no longer holds (HOV-8).
- Nobody else's move, and no other move, is legal: the table is total, and what it does not hold is refused (HOV-1). For a third
  agency the Task does not exist (HOV-11). No other event about the person closes a handover (HOV-10): only these rows do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from service.care import acceptance, effects
from service.care import task as tasks
from service.care.requirements import REQUIREMENTS, fixed
from service.care.situation import OWNER, REQUESTER, STRANGER, Ids, Outcome, Repeat, Situation
from service.care.transition import Move, illegal, legal
from service.fhir.reference import link
from service.problem import Category, Issue, Problem, problem

_R, _O, _E = (REQUESTER,), (OWNER,), (REQUESTER, OWNER)
_SEND = ("creator", "parties", "leads_plan", "dataset", "authority_input", "accept_by", "authority")
_ACCEPT = ("named_lead", "scope", "still_led_by_sender", "authority_still")

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("none",        "draft",       _R, ("creator", "parties")),
    Move("none",        "requested",   _R, _SEND, effect="send"),
    Move("draft",       "draft",       _R, ("creator", "parties"), kind="edit"),
    Move("draft",       "requested",   _R, _SEND, effect="send"),
    Move("draft",       "on-hold",     _R, ("reason",), effect="hold"),
    Move("requested",   "received",    _O, effect="receive"),
    Move("requested",   "accepted",    _O, _ACCEPT, effect="accept"),
    Move("received",    "accepted",    _O, _ACCEPT, effect="accept"),
    Move("requested",   "rejected",    _O, ("reason", "instead"), effect="close"),
    Move("received",    "rejected",    _O, ("reason", "instead"), effect="close"),
    Move("requested",   "cancelled",   _R, ("reason",), effect="close"),
    Move("received",    "cancelled",   _R, ("reason",), effect="close"),
    Move("accepted",    "cancelled",   _R, ("reason",), effect="close"),
    Move("received",    "received",    _O, ("clarification",), kind="awaiting-information", effect="clarify"),
    Move("requested",   "requested",   _R, ("authority_input", "authority"), kind="authority", effect="reauthorise"),
    Move("received",    "received",    _R, ("authority_input", "authority"), kind="authority", effect="reauthorise"),
    Move("accepted",    "in-progress", _O),
    Move("in-progress", "completed",   _O, ("contact",), effect="complete"),
    Move("in-progress", "failed",      _O, ("reason",), effect="close"),
    Move("requested",   "on-hold",     _E, ("reason",), effect="hold"),
    Move("received",    "on-hold",     _E, ("reason",), effect="hold"),
    Move("accepted",    "on-hold",     _E, ("reason",), effect="hold"),
    Move("in-progress", "on-hold",     _E, ("reason",), effect="hold"),
    Move("on-hold",     "draft",       _R, ("reason", "came_from"), effect="resume"),
    Move("on-hold",     "requested",   _E, ("reason", "came_from"), effect="resume"),
    Move("on-hold",     "received",    _E, ("reason", "came_from"), effect="resume"),
    Move("on-hold",     "accepted",    _E, ("reason", "came_from"), effect="resume"),
    Move("on-hold",     "in-progress", _E, ("reason", "came_from"), effect="resume"),
    Move("requested",   "requested",   _E, kind="note"),
    Move("received",    "received",    _E, kind="note"),
    Move("accepted",    "accepted",    _E, kind="note"),
    Move("in-progress", "in-progress", _E, kind="note"),
    Move("on-hold",     "on-hold",     _E, kind="note"),
)
# fmt: on

EFFECTS: Mapping[str, Callable[[Situation, Ids], Outcome]] = {
    "move": effects.move,
    "send": effects.send,
    "receive": effects.receive,
    "accept": acceptance.accept,
    "close": effects.close,
    "clarify": effects.clarify,
    "reauthorise": effects.send,
    "hold": effects.hold,
    "resume": effects.resume,
    "complete": effects.complete,
}


def decide(situation: Situation, ids: Ids) -> Outcome | Repeat | Problem:
    """Whether a submitted handover Task may be stored, and everything that goes with it.

    Order: whose it is (HOV-11), is it a repeat (HOV-5), is it a move of the table for this side (HOV-1), is the rest as
    it was sent (HOV-1), does it have what the row needs. A refusal of needs names all of them at once.
    """
    if situation.before is not None and situation.sides == (STRANGER,):
        return absent()
    situation = replace(situation, after=effects.completed(situation))
    if late_acceptance(situation):
        return problem(
            Category.CONFLICT,
            "conflict",
            "This handover was accepted by another request first: read it again.",
            expression="Task.status",
            rule="HOV-5",
        )
    if stands(situation):
        return Repeat(situation.before or {})
    row = find(situation)
    if row is None:
        return illegal(TABLE, situation, "handover", _hint(situation))
    issues = unmet(situation, row)
    return Problem(Category.RULE, issues) if issues else EFFECTS[row.effect](situation, ids)


def find(situation: Situation) -> Move | None:
    """The row for this move and side, or None."""
    return legal(TABLE, tasks.status(situation.before), tasks.status(situation.after), situation.sides, kind(situation))


def kind(situation: Situation) -> str:
    """What a write that leaves the status as it is changes; '' for a move."""
    before, after = situation.before, situation.after
    if before is None or tasks.status(before) != tasks.status(after):
        return ""
    if tasks.status(before) == "draft":
        return "edit"
    if effects.awaiting(after) and not effects.awaiting(before):
        return "awaiting-information"
    changed = tasks.inputs(before, "sharing-authority") != tasks.inputs(after, "sharing-authority")
    return "authority" if changed else "note"


def unmet(situation: Situation, row: Move) -> tuple[Issue, ...]:
    """Every issue of this move: what it may not change, and what it needs."""
    frozen = fixed(situation, row.effect) if situation.stage not in ("none", "draft") else ()
    return (*frozen, *(issue for need in row.needs for issue in REQUIREMENTS[need](situation)))


def stands(situation: Situation) -> bool:
    """HOV-5: whether the submitted Task says what is stored already, once the service's own additions are made to it."""
    before, after = situation.before, situation.after
    if before is None or tasks.status(before) != tasks.status(after) or kind(situation) == "awaiting-information":
        return False
    filled = acceptance.filled(situation, after) if tasks.status(after) == "accepted" else after
    return effects.said(filled) == effects.said(before)


def late_acceptance(situation: Situation) -> bool:
    """HOV-5: an acceptance that names another lead, as output or as owner, or other scopes, after one has won."""
    before, after = situation.before, situation.after
    if before is None or OWNER not in situation.sides or (tasks.status(before), tasks.status(after)) != ("accepted", "accepted"):
        return False
    filled = acceptance.filled(situation, after)
    scoped = any(tasks.scopes(filled, kind) != tasks.scopes(before, kind) for kind in ("accepted-scope", "declined-scope"))
    lead, owner = tasks.lead_reference(before), link(after, "owner")
    return scoped or tasks.lead_reference(filled) != lead or (owner.startswith("PractitionerRole/") and owner != lead)


def absent() -> Problem:
    """HOV-11: to a third agency the Task does not exist."""
    return problem(Category.ABSENT, "not-found", "There is no such Task.")


def _hint(situation: Situation) -> str:
    if situation.before is None and situation.sides == (STRANGER,):
        return f"set `requester` to a PractitionerRole of your agency, which `{link(situation.after, 'requester')}` is not"
    if tasks.status(situation.before) == "in-progress" and REQUESTER in situation.sides:
        return "send a Task with code `abort` whose focus is the handover"
    return ""
