"""An accepted allocation (TRI-1): the plan with its lead, team, episode and first contact, under the rules of ownership."""

from __future__ import annotations

from datetime import timedelta

from service import clock
from service.care.ownership.plan import is_top_level
from service.care.pathway.pathway import Pathway
from service.care.referral import referral
from service.care.task import first_contact, reading
from service.care.task.made import make
from service.care.task.situation import Staged
from service.change import Notice, Party, Resource
from service.fhir.canonical import (
    CARE_PLAN,
    EPISODE_OF_CARE,
    GOALS_BY,
    SNOMED,
)
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, reference_to
from service.usecases.care import careplans, outcomes, parts
from service.usecases.request.proposal import Proposal, sees, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

PATHWAY = "front-door"
GOALS_DAYS = 14
"""Goals are agreed within so many days of an acceptance that does not say when (OUT-1), where the pathway does not say either."""


async def settle(work: UnitOfWork, viewer: Viewer, task: Resource) -> None:
    """TRI-1: an accepted allocation becomes an active plan with its lead, team and episode, and a first contact is owed (TIM-3).
    Where the agency leads the person already, their plan goes on, and no second one is made beside it (OWN-6)."""
    at, agency, calendar = work.context.at, work.context.caller.organization, work.services.calendar
    pathway = await work.services.pathways.in_force(PATHWAY)
    plan = await _going_on(work, viewer, task, agency) or await _begun(work, viewer, task, agency, pathway)
    why = "First contact after the referral"
    follow = first_contact.owed(task, plan, why, at=at, calendar=calendar, ids=clock.new_id, by=pathway.due)
    await outcomes.put(work, Staged(follow, created=True, custodian=agency))
    work.timers.extend(first_contact.clocks(task, follow, at=at, calendar=calendar, by=pathway.due))
    work.notices.append(Notice("ownership-changed", agency, plan, link(task, "for")))


async def _going_on(work: UnitOfWork, viewer: Viewer, task: Resource, agency: str) -> str:
    """The active top-level plan of the person that an agency leads already, led by the lead that it names now; ''."""
    rows = await work.services.holdings.of("CarePlan", sorted(await work.patients(link(task, "for"))))
    for row in sorted(rows, key=lambda each: each.reference):
        plan = await work.get(row.reference)
        if plan and row.custodian == agency and plan.get("status") == "active" and is_top_level(plan):
            work.rows.setdefault(row.reference, row)
            named = {**plan, "author": reference_to(link(task, "owner"))}
            await careplans.write(work, viewer, Proposal(named, row, "u"))
            return row.reference
    return ""


async def _begun(work: UnitOfWork, viewer: Viewer, task: Resource, agency: str, pathway: Pathway) -> str:
    """The plan that begins with the acceptance, in an episode of its own."""
    at, lead = work.context.at, link(task, "owner")
    episode = make(
        "EpisodeOfCare",
        id=clock.new_id(),
        status="active",
        patient=reference_to(link(task, "for")),
        managingOrganization=reference_to(agency),
        referralRequest=[reference_to(link(task, "focus"))],
        period={"start": written(at)},
        careManager=reference_to(lead),
    )
    await store(work, viewer, Proposal(episode, None, "c"))
    days = pathway.count("goals-days", GOALS_DAYS)
    by = referral.goals_by(task) or (at.astimezone(work.services.zone).date() + timedelta(days=days)).isoformat()
    plan = _plan(work, task, lead, name_of(episode), by)
    await careplans.write(work, viewer, Proposal(plan, None, "c"))
    await _leads(work, task, plan, agency)
    await _parallel(work, viewer, task, plan, agency)
    return name_of(plan)


async def _parallel(work: UnitOfWork, viewer: Viewer, task: Resource, plan: Resource, agency: str) -> None:
    """OWN-11: asks the agency to merge the plan that begins with one that another agency leads, where it may see that one."""
    rows = await work.services.holdings.of("CarePlan", sorted(await work.patients(link(task, "for"))))
    for row in rows:
        other = row.custodian != agency and row.resource.get("status") == "active" and is_top_level(row.resource)
        if other and await sees(work, viewer, row.reference):
            alert = parts.parallel(work, name_of(plan), agency, link(task, "for"))
            await outcomes.put(work, Staged(alert, created=True, custodian=agency))
            return


async def _leads(work: UnitOfWork, task: Resource, plan: Resource, agency: str) -> None:
    """IDN-6: who takes a person on by the referral of the agency that keeps the Patient leads the person's plan, as who
    receives it by handover does. A referral of somebody else's Patient gives no such standing."""
    if await work.keeper(link(task, "for")) == await work.keeper(link(task, "focus")):
        work.staged[name_of(plan)].parties = (Party(agency),)


def _plan(work: UnitOfWork, task: Resource, lead: str, episode: str, by: str) -> Resource:
    """The plan of an accepted allocation: led by its lead, with its Goals or the date by which they are agreed (OUT-1), under the
    pathway that the decision was taken under."""
    goals = referral.goals(task)
    given = next((reading.value_reference(each) for each in reading.inputs(task, "minimum-dataset")), "")
    pathways = [one["valueCanonical"] for one in reading.inputs(task, "pathway") if "valueCanonical" in one]
    extensions = [{"url": EPISODE_OF_CARE, "valueReference": reference_to(episode)}]
    if not goals:
        extensions.append({"url": GOALS_BY, "valueDate": by})
    return make(
        "CarePlan",
        id=clock.new_id(),
        extension=extensions,
        instantiatesCanonical=pathways or None,
        status="active",
        intent="plan",
        category=[concept(SNOMED, CARE_PLAN)],
        subject=reference_to(link(task, "for")),
        period={"start": written(work.context.at)},
        created=written(work.context.at),
        author=reference_to(lead),
        supportingInfo=[reference_to(given)] if given else None,
        goal=[reference_to(one) for one in goals] or None,
    )
