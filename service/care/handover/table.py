"""The handover's table, and the parts of its machine that differ from `Machine`'s defaults (HOV-1)."""

from __future__ import annotations

from service.care.handover import acceptance, effects, needs
from service.care.handover.acceptance import accept
from service.care.handover.situation import HandoverSituation
from service.care.task import reading
from service.care.task.clarification import clarification
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import contact, reason
from service.care.task.situation import OWNER, REQUESTER, STRANGER
from service.fhir.canonical import TaskCode
from service.fhir.reference import link
from service.problem import Category, Problem, problem

_R, _O, _E = (REQUESTER,), (OWNER,), (REQUESTER, OWNER)
_SEND = ("parties", "leads_plan", "carriers", "dataset", "authority_input", "accept_by", "pathway", "authority")
_BASIS = ("input.sharing-authority",)
_ACCEPT = ("named_lead", "scope", "still_led_by_sender", "carriers", "roles", "authority_still")

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("none",        "draft",       _R, ("parties",)),
    Move("none",        "requested",   _R, _SEND, effect="send"),
    Move("draft",       "draft",       _R, ("parties",), kind="edit"),
    Move("draft",       "requested",   _R, _SEND, effect="send"),
    Move("draft",       "on-hold",     _R, ("reason",), effect="hold"),
    Move("requested",   "received",    _O, effect="receive"),
    Move("requested",   "accepted",    _O, _ACCEPT, effect="accept", frees=("owner",)),
    Move("received",    "accepted",    _O, _ACCEPT, effect="accept", frees=("owner",)),
    Move("requested",   "rejected",    _O, ("reason", "instead"), effect="close"),
    Move("received",    "rejected",    _O, ("reason", "instead"), effect="close"),
    Move("requested",   "cancelled",   _R, ("reason",), effect="close"),
    Move("received",    "cancelled",   _R, ("reason",), effect="close"),
    Move("accepted",    "cancelled",   _R, ("reason",), effect="close"),
    Move("received",    "received",    _O, ("clarification",), kind="awaiting-information", effect="clarify"),
    Move("requested",   "requested",   _R, ("authority_input", "authority"), kind="authority", effect="send", frees=_BASIS),
    Move("received",    "received",    _R, ("authority_input", "authority"), kind="authority", effect="send", frees=_BASIS),
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
    Move("requested",   "requested",   _E, ("answer_kept",), kind="note"),
    Move("received",    "received",    _E, ("answer_kept",), kind="note"),
    Move("accepted",    "accepted",    _E, ("answer_kept",), kind="note"),
    Move("in-progress", "in-progress", _E, ("answer_kept",), kind="note"),
    Move("on-hold",     "on-hold",     _E, ("answer_kept",), kind="note"),
)
# fmt: on


def changed(situation: HandoverSituation) -> str:
    """The kind of amendment that a write without a change of status makes; '' for a change of status."""
    before, after = situation.before, situation.after
    if before is None or reading.status(before) != reading.status(after):
        return ""
    if reading.status(before) == "draft":
        return "edit"
    if reading.awaiting(after) and not reading.awaiting(before):
        return "awaiting-information"
    replaced = reading.inputs(before, "sharing-authority") != reading.inputs(after, "sharing-authority")
    return "authority" if replaced else "note"


def stands(situation: HandoverSituation) -> bool:
    """HOV-5: whether the submitted Task says what the stored Task says, once the service's own additions are made to it."""
    before, after = situation.before, situation.after
    if before is None or reading.status(before) != reading.status(after) or changed(situation) == "awaiting-information":
        return False
    answers = OWNER in situation.sides and situation.organization(link(after, "owner")) == situation.receiver
    filled = acceptance.filled(situation, after) if answers and reading.status(after) == "accepted" else after
    return reading.said(filled) == reading.said(before)


def raced(situation: HandoverSituation) -> Problem | None:
    """HOV-5: the conflict of an acceptance that names another lead, as output or as owner, or other scopes, when the handover is
    accepted already; else None.
    """
    before, after = situation.before, situation.after
    if (
        before is None
        or OWNER not in situation.sides
        or (reading.status(before), reading.status(after)) != ("accepted", "accepted")
    ):
        return None
    filled = acceptance.filled(situation, after)
    scoped = any(reading.scopes(filled, one) != reading.scopes(before, one) for one in ("accepted-scope", "declined-scope"))
    lead, owner = reading.lead_reference(before), link(after, "owner")
    if not (scoped or reading.lead_reference(filled) != lead or (owner.startswith("PractitionerRole/") and owner != lead)):
        return None
    text = "This handover was accepted by another request first: read it again."
    return problem(Category.CONFLICT, "conflict", text, expression="Task.status", rule="HOV-5")


def hint(situation: HandoverSituation) -> str:
    """What a client should do instead of a move that the table does not hold; '' where the table's own moves show it."""
    if situation.before is None and situation.sides == (STRANGER,):
        return f"set `requester` to a PractitionerRole of your agency, which `{link(situation.after, 'requester')}` is not"
    if reading.status(situation.before) == "in-progress" and REQUESTER in situation.sides:
        return "send a Task with code `abort` whose focus is the handover"
    return ""


MACHINE: Machine[HandoverSituation] = Machine(
    code=TaskCode.HANDOVER,
    table=TABLE,
    needs=named(
        needs.parties,
        needs.leads_plan,
        needs.carriers,
        needs.roles,
        needs.dataset,
        needs.authority_input,
        needs.authority,
        needs.authority_still,
        needs.accept_by,
        needs.pathway,
        needs.named_lead,
        needs.scope,
        needs.still_led_by_sender,
        needs.instead,
        clarification,
        needs.came_from,
        needs.answer_kept,
        contact,
        reason,
    ),
    effects=named(
        move,
        accept,
        effects.send,
        effects.receive,
        effects.close,
        effects.clarify,
        effects.hold,
        effects.resume,
        effects.complete,
    ),
    sent=True,
    noun="handover",
    kind=changed,
    stands=stands,
    raced=raced,
    hint=hint,
)
