"""The table of an `agree-plan` Task: one agency's agreement to one version of a crisis plan."""

from __future__ import annotations

from service.care.crisis_plan.needs import AgreementSituation, shown, this_version
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER
from service.fhir.canonical import TaskCode

_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "completed",   _O, ("shown", "this_version")),
    Move("received",    "completed",   _O, ("shown", "this_version")),
    Move("requested",   "rejected",    _O, ("reason",)),
    Move("received",    "rejected",    _O, ("reason",)),
    Move("requested",   "cancelled",   _R, ("reason",)),
    Move("received",    "cancelled",   _R, ("reason",)),
)
# fmt: on


MACHINE: Machine[AgreementSituation] = Machine(TaskCode.AGREE_PLAN, TABLE, named(shown, this_version, reason), named(move))
