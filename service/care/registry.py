"""Every code of `task-code` and its machine. A code is here once, or it is no code of ours."""

from __future__ import annotations

from typing import Any

from service.care.companion import table as companion
from service.care.crisis_plan import table as crisis_plan
from service.care.data_request import table as data_request
from service.care.handover import table as handover
from service.care.override_review import table as override_review
from service.care.task.machine import Machine

_EVERY: tuple[Machine[Any], ...] = (
    handover.MACHINE,
    data_request.MACHINE,
    crisis_plan.MACHINE,
    override_review.MACHINE,
    *companion.MACHINES,
)
MACHINES: dict[str, Machine[Any]] = {machine.code: machine for machine in _EVERY}
"""By code. A new kind of Task is one more value here, with its table, needs and effects in a room of its own."""
