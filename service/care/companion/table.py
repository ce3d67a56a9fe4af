"""The tables of the companion Tasks, one machine for each of their codes."""

from __future__ import annotations

from service.care.companion.effects import abort, finish, inform, reach
from service.care.companion.needs import about_started_handover, answer, contacted, still_started, why
from service.care.task.answering import answered
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER, Situation
from service.fhir.canonical import TaskCode

_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
ABORT: tuple[Move, ...] = (
    Move("none",        "requested",   _R, ("about_started_handover", "why")),
    Move("requested",   "received",    _O),
    Move("requested",   "accepted",    _O, ("still_started",), effect="abort"),
    Move("received",    "accepted",    _O, ("still_started",), effect="abort"),
    Move("requested",   "rejected",    _O, ("reason",)),
    Move("received",    "rejected",    _O, ("reason",)),
    Move("requested",   "cancelled",   _R, ("reason",)),
    Move("received",    "cancelled",   _R, ("reason",)),
)

# fmt: on


CLARIFICATION, FOLLOW_UP, COMPANION = answered(("answer",), "inform"), answered(("contacted",), "reach"), answered()
COMPANIONS = (
    TaskCode.ESCALATION, TaskCode.ROLE, TaskCode.ALERT, TaskCode.STOP_USE,
    TaskCode.WELFARE_CHECK, TaskCode.SAFEGUARDING_CONSIDERATION,
)  # fmt: skip
"""Codes of the companion Tasks that a rule makes and the Task's owner completes."""
AWAITED = (
    TaskCode.SAFEGUARDING, TaskCode.ACTED_UPON, TaskCode.TAPER_STEP, TaskCode.READINESS,
    TaskCode.JOINT_REVIEW, TaskCode.IMPROVEMENT, TaskCode.PLAN_REVIEW,
)  # fmt: skip
"""Codes that the care rules name and no rule makes yet. A client's Task with such a code is refused: no practice acts on it."""


MACHINES: tuple[Machine[Situation], ...] = (
    Machine(TaskCode.ABORT, ABORT, named(about_started_handover, still_started, why, reason), named(move, abort), sent=True),
    Machine(TaskCode.CLARIFICATION, CLARIFICATION, named(answer, reason), named(move, inform)),
    Machine(TaskCode.FOLLOW_UP, FOLLOW_UP, named(contacted, reason), named(move, reach)),
    *(Machine(code, COMPANION, named(reason), named(move, finish)) for code in (*COMPANIONS, *AWAITED)),
)
