"""The `agree-plan` Task, by what it is about: a version of a crisis plan (E9), or of a pathway (GOV-7)."""

from __future__ import annotations

from service.care.task import agreement
from service.care.task.agreement import AgreementSituation
from service.care.task.situation import Outcome
from service.change import Resource
from service.usecases.care import crisis_plan, outcomes, pathways
from service.usecases.request.pathways import TYPE
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> AgreementSituation:
    """Loads the situation for the rules of an agreement."""
    if _of_pathway(proposal.before or proposal.resource):
        return await pathways.load(work, proposal)
    return await crisis_plan.load(work, viewer, proposal)


async def settle(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    """Stages the decision, and what follows from an agreement to a pathway."""
    await outcomes.stage(work, decision)
    task = decision.writes[0].resource
    if _of_pathway(task):
        await pathways.agreed(work, task)


def _of_pathway(task: Resource) -> bool:
    return agreement.focus(task).startswith(f"{TYPE}/")
