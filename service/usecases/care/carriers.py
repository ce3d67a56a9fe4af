"""The CareTeams and the EpisodeOfCare that carry a plan's ownership (OWN-8): loads and checks the ones that a plan takes, and
checks what clients write to the ones that a plan has."""

from __future__ import annotations

from functools import partial

from service.care.ownership import lead as ownership
from service.care.ownership.carriers import carrier_fault, changed
from service.care.ownership.keys import carried
from service.care.ownership.lead import Led
from service.care.ownership.plan import ENDED, episode_of, teams_of
from service.change import Resource
from service.fhir.reference import link, links, name_of, relative, type_of, unversioned
from service.problem import Category, Refused, problem
from service.usecases.request.proposal import Proposal
from service.usecases.request.work import UnitOfWork

MENDS = {
    "CareTeam": "name the lead in `CarePlan.author`, hand the plan over, or end the plan first",
    "EpisodeOfCare": "name the lead in `CarePlan.author`, hand the plan over, or end the plan before its episode",
}


async def load(work: UnitOfWork, plan: Resource, held: tuple[str, ...]) -> Led:
    """A led plan with its teams and its episode. Refuses one that is not the agency's own, is about another Patient, is over, or
    carries the ownership of another plan. `held` are the keys of the plan's stored version."""
    taken = [ref for ref in named(plan) if carried(relative(ref, work.context.base)) not in held]
    for ref in taken:
        if why := await fault(work, plan, ref, work.context.caller.organization):
            raise _refused(ref, why)
        work.check(name_of(plan), partial(_unshared, work, plan, ref))
    teams = [await work.get(ref) or {} for ref in teams_of(plan)]
    episode = episode_of(plan)
    return Led(plan, tuple(teams), await work.get(episode) if episode else None)


def named(plan: Resource) -> tuple[str, ...]:
    """The references of a plan's teams and episode, as the plan names them."""
    return tuple(dict.fromkeys((*links(plan, "careTeam"), *filter(None, (episode_of(plan),)))))


async def fault(work: UnitOfWork, plan: Resource, ref: str, agency: str) -> str:
    """Why a record cannot carry the ownership of an agency's plan that does not have it yet, or ''."""
    local = "" if unversioned(ref) != ref else relative(ref, work.context.base)  # an old version is nobody's current team
    record = await work.get(local)
    if record is None or await work.keeper(local) != agency:
        return "is not a record of the plan's agency; refer to one of its own, or leave it out and one is made"
    if found := carrier_fault(record, link(plan, "subject"), work.context.at, work.services.zone):
        return f"cannot carry this plan's ownership: {found}; refer to another, or leave it out"
    return ""


async def shared(work: UnitOfWork, plan: Resource, ref: str) -> bool:
    """Whether a record carries the ownership of another plan, which does not end in the same unit of work."""
    holder = await work.services.records.holder(carried(ref))
    return holder not in (None, name_of(plan)) and not await _ended(work, str(holder))


async def _unshared(work: UnitOfWork, plan: Resource, ref: str) -> None:
    if await shared(work, plan, ref):
        raise _refused(ref, "carries the ownership of another plan: end that plan first, refer to another, or leave it out")


async def _ended(work: UnitOfWork, plan: str) -> bool:
    return (await work.get(plan) or {}).get("status") in (*ENDED, None)


def guard(work: UnitOfWork, proposal: Proposal) -> None:
    """Has a client's write of a CareTeam or EpisodeOfCare checked against the plan whose ownership it carries, as that plan will
    be left. A write of a record that carries none is free."""
    if proposal.before is not None:
        ref = name_of(proposal.resource)
        work.check(ref, partial(_as_the_plan_says, work, proposal.before, ref))


async def _as_the_plan_says(work: UnitOfWork, before: Resource, ref: str) -> None:
    """Refuses a carrier in which anything that follows from its plan is not as the plan makes it."""
    holder = await work.services.records.holder(carried(ref))
    plan = await work.get(holder) if holder else None
    if plan is None or plan.get("status") in ENDED:
        return
    agency = await work.keeper(name_of(plan))
    expected = ownership.carrying(before, plan, link(plan, "author"), agency, work.context.at, work.services.zone)
    if member := changed(expected, work.staged[ref].resource):
        text = f"`{member}` follows from the plan whose ownership this carries: {MENDS[type_of(ref)]}."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=f"{type_of(ref)}.{member}", rule="OWN-8"))


def _refused(ref: str, why: str) -> Refused:
    member = "extension" if type_of(ref) == "EpisodeOfCare" else "careTeam"
    return Refused(problem(Category.RULE, "business-rule", f"`{ref}` {why}.", expression=f"CarePlan.{member}", rule="OWN-8"))
