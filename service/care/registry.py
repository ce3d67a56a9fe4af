"""The registry: the machine of every code of `task-code`. A code has exactly one machine."""

from __future__ import annotations

from typing import Any

from service.care.action import table as action
from service.care.companion import table as companion
from service.care.data_request import table as data_request
from service.care.handover import table as handover
from service.care.identity_review import table as identity_review
from service.care.meeting import roles
from service.care.merge_plan import table as merge_plan
from service.care.override_review import table as override_review
from service.care.referral import table as referral
from service.care.step_up import table as step_up
from service.care.task import agreement
from service.care.task.machine import Machine

_EVERY: tuple[Machine[Any], ...] = (
    handover.MACHINE,
    data_request.MACHINE,
    agreement.MACHINE,
    override_review.MACHINE,
    identity_review.MACHINE,
    action.MACHINE,
    roles.MACHINE,
    merge_plan.MACHINE,
    step_up.REVIEW,
    *step_up.FOLLOWING,
    *companion.MACHINES,
    *referral.MACHINES,
)
MACHINES: dict[str, Machine[Any]] = {machine.code: machine for machine in _EVERY}
"""The machine of each code. A new kind of Task is one more machine, with its table, needs and effects in a room of its own."""
