"""The write rule of Task, and the table of practices by Task code.

A Task with a code of ours changes only as its machine allows (`care.registry`). A Task with any other code is written by its
custodian, like a record of any type. A Practice loads the situation that its machine decides on, and may settle the decision with
records loaded afterwards. A code without a Practice is decided from the parties alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from service import clock
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Situation
from service.fhir.canonical import TaskCode
from service.problem import Category, Problem, Refused, problem
from service.usecases.care import (
    actions,
    agreement,
    data_request,
    handover,
    identity,
    merge_plan,
    outcomes,
    referral,
    situations,
    step_up_review,
)
from service.usecases.consent import override_review
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def _staged(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    await outcomes.stage(work, decision)


async def _judged(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    await outcomes.stage(work, decision)
    await override_review.judged(work, decision.writes[0].resource)


@dataclass(frozen=True, slots=True)
class Practice:
    """The use case of a Task code: `load` loads the situation for the machine, `settle` stages the machine's decision."""

    load: Callable[[UnitOfWork, Viewer, Proposal], Awaitable[Any]]
    settle: Callable[[UnitOfWork, Viewer, Proposal, Outcome], Awaitable[None]] = _staged


async def _answered(work: UnitOfWork, _: Viewer, proposal: Proposal) -> Situation:
    """Loads the situation with the organisations of the parties only."""
    return await situations.situation(work, proposal.resource, proposal.before)


PLAIN = Practice(_answered)
COMPANION = Practice(handover.companion)
FRONT_DOOR = Practice(referral.load, referral.settle)
PRACTICES: dict[str, Practice] = {
    TaskCode.HANDOVER: Practice(handover.load, handover.settle),
    TaskCode.DATA_REQUEST: Practice(data_request.load, data_request.settle),
    TaskCode.AGREE_PLAN: Practice(agreement.load, agreement.settle),
    TaskCode.OVERRIDE_REVIEW: Practice(_answered, _judged),
    TaskCode.ACTION: Practice(actions.load),
    TaskCode.MERGE_PLAN: Practice(merge_plan.load, merge_plan.settle),
    TaskCode.ESCALATION_REVIEW: Practice(step_up_review.load, step_up_review.settle),
    TaskCode.IDENTITY_REVIEW: Practice(identity.load, identity.settle),
    **dict.fromkeys((TaskCode.TRIAGE, TaskCode.APPROVE, TaskCode.ALLOCATION), FRONT_DOOR),
    **dict.fromkeys((TaskCode.ABORT, TaskCode.CLARIFICATION, TaskCode.FOLLOW_UP), COMPANION),
}


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Task."""
    stored = proposal.before
    code = reading.code(stored or proposal.resource)
    if stored is not None and reading.code(proposal.resource) != code:
        raise _refused("A Task keeps its code; send another Task instead.")
    machine = MACHINES.get(code)
    if machine is None:
        return await store(work, viewer, proposal)
    if stored is None and not machine.sent:
        raise _refused(f"A Task `{code}` is made by the service when its rule asks for one; it is answered, not sent.")
    practice = PRACTICES.get(code, PLAIN)
    decision = decide(machine, await practice.load(work, viewer, proposal), clock.new_id)
    if isinstance(decision, Problem):
        raise Refused(decision)
    if isinstance(decision, Outcome):
        await practice.settle(work, viewer, proposal, decision)
    return f"Task/{proposal.resource['id']}"


def _refused(text: str) -> Refused:
    return Refused(problem(Category.RULE, "business-rule", text, expression="Task.code", rule="HOV-1"))
