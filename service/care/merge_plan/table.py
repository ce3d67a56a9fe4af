"""The merge's table, and its machine."""

from __future__ import annotations

from service.care.merge_plan import effects, needs
from service.care.merge_plan.situation import MergeSituation
from service.care.task import reading
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER
from service.fhir.canonical import TaskCode

_R, _O = (REQUESTER,), (OWNER,)
_SEND = ("parties", "plans", "leads", "one_way", "goals", "authority_input", "authority")
_ACCEPT = ("still", "authority_still")

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("none",        "draft",       _R, ("parties",)),
    Move("none",        "requested",   _R, _SEND, effect="send"),
    Move("draft",       "draft",       _R, ("parties",), kind="edit"),
    Move("draft",       "requested",   _R, _SEND, effect="send"),
    Move("requested",   "received",    _O, effect="receive"),
    Move("requested",   "accepted",    _O, _ACCEPT, effect="accept"),
    Move("received",    "accepted",    _O, _ACCEPT, effect="accept"),
    Move("requested",   "rejected",    _O, ("reason",), effect="close"),
    Move("received",    "rejected",    _O, ("reason",), effect="close"),
    Move("requested",   "cancelled",   _R, ("reason",), effect="close"),
    Move("received",    "cancelled",   _R, ("reason",), effect="close"),
    Move("accepted",    "completed",   _O),
)
# fmt: on


def edited(situation: MergeSituation) -> str:
    """The kind of a write that leaves a draft a draft."""
    return "edit" if reading.status(situation.before) == reading.status(situation.after) == "draft" else ""


MACHINE: Machine[MergeSituation] = Machine(
    TaskCode.MERGE_PLAN,
    TABLE,
    named(
        needs.parties,
        needs.plans,
        needs.leads,
        needs.one_way,
        needs.goals,
        needs.authority_input,
        needs.authority,
        needs.still,
        needs.authority_still,
        reason,
    ),
    named(move, effects.send, effects.receive, effects.accept, effects.close),
    sent=True,
    rule="OWN-6",
    kind=edited,
)
