"""Write rules of CareTeam and EpisodeOfCare. Both repeat the lead of a CarePlan, so a client may not change the lead there
(OWN-2, OWN-8)."""

from __future__ import annotations

from service.care.ownership import lead as ownership
from service.problem import Category, Refused, problem
from service.usecases.care import carriers
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of CareTeam: a team has at most one open care coordinator, who is the lead of the plan whose ownership the
    team carries."""
    if len(ownership.coordinators(proposal.resource, work.context.at, work.services.zone)) > 1:
        text = "A team has one open care coordinator; end the others' periods."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="CareTeam.participant", rule="OWN-2"))
    return await write_episode(work, viewer, proposal)


async def write_episode(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of EpisodeOfCare: what carries a plan's ownership is as the plan makes it."""
    carriers.guard(work, proposal)
    return await store(work, viewer, proposal)
