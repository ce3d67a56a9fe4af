"""Tasks: which practice speaks for which code. A Task with a code of ours moves only by its machine (`care.registry`); any other
is its custodian's to write, like a record of any type.

A practice here loads the situation that its machine decides on, and may settle what the rules leave to be loaded afterwards. One
that has neither is answered by the parties alone.
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
from service.usecases.care import crisis_plan, data_request, handover, outcomes, situations
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def _staged(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    await outcomes.stage(work, decision)


@dataclass(frozen=True, slots=True)
class Practice:
    """How the use cases speak for a Task code: `load` what its machine looks at, `settle` what it decided."""

    load: Callable[[UnitOfWork, Viewer, Proposal], Awaitable[Any]]
    settle: Callable[[UnitOfWork, Viewer, Proposal, Outcome], Awaitable[None]] = _staged


async def _answered(work: UnitOfWork, _: Viewer, proposal: Proposal) -> Situation:
    """The parties, and nothing else."""
    return await situations.situation(work, proposal.resource, proposal.before)


PLAIN = Practice(_answered)
COMPANION = Practice(handover.companion)
PRACTICES: dict[str, Practice] = {
    TaskCode.HANDOVER: Practice(handover.load, handover.settle),
    TaskCode.DATA_REQUEST: Practice(data_request.load, data_request.settle),
    TaskCode.AGREE_PLAN: Practice(crisis_plan.load),
    **dict.fromkeys((TaskCode.ABORT, TaskCode.CLARIFICATION, TaskCode.FOLLOW_UP), COMPANION),
}


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The rule of Task."""
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
