"""Write rules of CareTeam and EpisodeOfCare. Both repeat the lead of a CarePlan, so a client may not change the lead there
(OWN-2)."""

from __future__ import annotations

from service.care.ownership import lead as ownership
from service.change import Resource
from service.fhir.reference import link
from service.problem import Category, Refused, problem
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of CareTeam: the team's open care coordinator is the lead of the team's active plans, and changes only when
    the lead of a plan changes."""
    at = work.context.at
    before, after = (ownership.coordinators(team, at, work.services.zone) for team in (proposal.before, proposal.resource))
    if len(after) > 1:
        raise _refusal("CareTeam.participant", "A team has one open care coordinator; end the others' periods.")
    if before != after and proposal.before is not None and await _leads(work, proposal.resource):
        text = (
            "The care coordinator of a team is the lead of its plan; name the lead in `CarePlan.author`, or hand the plan over."
        )
        raise _refusal("CareTeam.participant", text)
    return await store(work, viewer, proposal)


async def write_episode(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of EpisodeOfCare: the episode's care manager is the lead of the episode's plan, and changes only when the
    lead of the plan changes."""
    moved = proposal.before is not None and link(proposal.before, "careManager") != link(proposal.resource, "careManager")
    if moved and await work.services.records.holder(f"rule:OWN-6:EpisodeOfCare/{proposal.resource['id']}"):
        raise _refusal(
            "EpisodeOfCare.careManager",
            "The care manager of an episode is the lead of its plan; name the lead in `CarePlan.author`.",
        )
    return await store(work, viewer, proposal)


async def _leads(work: UnitOfWork, team: Resource) -> bool:
    """Whether an active plan refers to this team. The plans are guarded, so that a plan that becomes active meanwhile refuses the
    commit."""
    rows = await work.services.holdings.having("CarePlan", f"care-team=CareTeam/{team['id']}")
    for row in rows:
        work.guard(row)
    return any(row.resource.get("status") == "active" for row in rows)


def _refusal(expression: str, text: str) -> Refused:
    return Refused(problem(Category.RULE, "business-rule", text, expression=expression, rule="OWN-2"))
