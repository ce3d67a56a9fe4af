"""The table of an `action` Task, and its effects."""

from __future__ import annotations

from dataclasses import replace

from service.care.action.needs import authority, decision, due, owner
from service.care.action.situation import ActionSituation
from service.care.task import reading
from service.care.task.effects import move, timer_key
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER, Ids, Outcome
from service.change import Timer
from service.fhir.canonical import TaskCode
from service.fhir.reference import name_of

_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("none",        "requested",   _R, ("owner", "due", "decision", "authority"), effect="ask"),
    Move("requested",   "received",    _O),
    Move("requested",   "accepted",    _O),
    Move("received",    "accepted",    _O),
    Move("requested",   "in-progress", _O),
    Move("received",    "in-progress", _O),
    Move("accepted",    "in-progress", _O),
    Move("requested",   "completed",   _O, effect="finish"),
    Move("received",    "completed",   _O, effect="finish"),
    Move("accepted",    "completed",   _O, effect="finish"),
    Move("in-progress", "completed",   _O, effect="finish"),
    Move("requested",   "rejected",    _O, ("reason",), effect="finish"),
    Move("received",    "rejected",    _O, ("reason",), effect="finish"),
    Move("requested",   "cancelled",   _R, ("reason",), effect="finish"),
    Move("received",    "cancelled",   _R, ("reason",), effect="finish"),
)
# fmt: on


def ask(situation: ActionSituation, ids: Ids) -> Outcome:
    """Asks for an action: its owner's agency is told, and its clock starts (TIM-11)."""
    made = move(situation, ids)
    task, when = made.writes[0].resource, reading.due(situation.after, situation.zone)
    if when is None:
        return made
    return replace(made, timers=(Timer(timer_key("TIM-11", task), "TIM-11", when, name_of(task)),))


def finish(situation: ActionSituation, ids: Ids) -> Outcome:
    """Ends an action: nobody waits for it any more, so its clock stops (TIM-11)."""
    return replace(move(situation, ids), cancelled=(timer_key("TIM-11", situation.current),))


MACHINE: Machine[ActionSituation] = Machine(
    TaskCode.ACTION, TABLE, named(owner, due, decision, authority, reason), named(move, ask, finish), sent=True
)
