"""Care plans: the write rule with the lead of a plan (OWN-1…OWN-11) and the agreement to a crisis plan (E9), and the timeline of
`$ownership`."""

from __future__ import annotations

from service import clock
from service.care.ownership import lead as ownership
from service.care.ownership.keys import carried, led
from service.care.ownership.lead import Standing
from service.care.ownership.plan import ENDED, is_crisis_plan, parents_of, tagged, tagged_unowned
from service.care.ownership.role import Lead, lead_fault
from service.care.ownership.timeline import Tenure
from service.care.task.requirements import nobody
from service.care.task.situation import Staged
from service.change import Resource
from service.fhir.reference import link, name_of, relative
from service.problem import Category, Problem, Refused, problem
from service.usecases.care import carriers, confirmed_roles, crisis_plan, outcomes, parts
from service.usecases.request import tenures
from service.usecases.request.audit import note
from service.usecases.request.proposal import Proposal, custodian_only, sees
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of CarePlan."""
    custodian_only(work, proposal)
    before, standing = proposal.before, _standing(work, proposal)
    plan = ownership.completed(before, proposal.resource) if before and standing.led else proposal.resource
    lead = await work.lead(link(plan, "author"))
    _refuse(ownership.check(standing, plan, lead, at=work.context.at, zone=work.services.zone))
    _refuse(ownership.kept_carriers(before, plan) if before and standing.led else None)
    _refuse(_one_person(before, plan))
    await _visible(work, viewer, standing, plan)
    await _confirmed(work, before, plan)
    plan = tagged(plan, _listed(work, standing, plan, lead))
    await _stage(work, proposal, standing, plan)
    if is_crisis_plan(plan):
        await crisis_plan.agree(work, viewer, before, plan)
    await parts.reconsider(work, before, plan)
    return f"CarePlan/{plan['id']}"


def _standing(work: UnitOfWork, proposal: Proposal) -> Standing:
    row, before = proposal.row, proposal.before
    if row is None or before is None:
        return Standing(None, False, work.context.caller.organization)
    return Standing(before, led(before, row.keys), row.custodian)


def _refuse(refusal: Problem | None) -> None:
    if refusal is not None:
        raise Refused(refusal)


def _one_person(before: Resource | None, plan: Resource) -> Problem | None:
    if before is None or link(before, "subject") == link(plan, "subject"):
        return None
    text = "A plan stays with its person; write a new plan for another one."
    return problem(Category.RULE, "business-rule", text, expression="CarePlan.subject", rule="OWN-1")


def _listed(work: UnitOfWork, standing: Standing, plan: Resource, lead: Lead) -> bool:
    """Whether a plan is listed as unowned: a led plan while its lead cannot lead it (OWN-5), an imported one until it has an
    author (OWN-7)."""
    if standing.led:
        return plan.get("status") not in ENDED and lead_fault(lead, work.context.at, work.services.zone) != ""
    return tagged_unowned(standing.before or plan) and not link(plan, "author")


async def _stage(work: UnitOfWork, proposal: Proposal, standing: Standing, plan: Resource) -> None:
    """Stages the plan and, when it is led, its lead in its CareTeams and EpisodeOfCare, too (OWN-2)."""
    created, held = proposal.row is None, proposal.row.keys if proposal.row else ()
    if not led(plan, held):
        await outcomes.put(work, Staged(plan, created=created, keys=proposal.keys))
        return
    await _known_person(work, plan)
    borne = await carriers.load(work, plan, held)
    lead, at, zone = link(plan, "author"), work.context.at, work.services.zone
    if standing.led and link(standing.before, "author") == lead:
        first, *others = ownership.settle(borne, lead, standing.owner, at=at, zone=zone, ids=clock.new_id)
    else:
        user = work.context.caller.user
        first, *others = ownership.named(
            borne, lead, standing.owner, at=at, zone=zone, ids=clock.new_id, user=user, created=created
        )
    await outcomes.put(work, Staged(first.resource, created, first.custodian, proposal.keys))
    for staged in others:
        ref = name_of(staged.resource)
        if staged.created or carried(ref) not in held or await work.get(ref) != staged.resource:
            await outcomes.put(work, staged)  # a carrier that is new to the plan is written anyway: its other writers then see it


async def _visible(work: UnitOfWork, viewer: Viewer, standing: Standing, plan: Resource) -> None:
    """Refuses a plan that begins to be led about a person whom the writer does not see (OWN-10), and one that newly names, as the
    plan it is part of, a record here that the writer does not see (OWN-11): both as if that were absent."""
    if not (standing.led or plan.get("status") == "active"):
        return
    if not standing.led and not await sees(work, viewer, link(plan, "subject")):
        raise Refused(_unknown_person(plan))
    named = set(parents_of(plan)) - set(parents_of(standing.before or {}) if standing.led else ())
    for parent in sorted(named):
        local = relative(parent, work.context.base)
        if local and not await sees(work, viewer, local):
            text = f"`{parent}` is not here: name an active plan of the same person that you may see, or leave `partOf` out."
            raise Refused(problem(Category.RULE, "business-rule", text, expression="CarePlan.partOf", rule="OWN-11"))


async def _confirmed(work: UnitOfWork, before: Resource | None, plan: Resource) -> None:
    """E7: refuses a plan with a role that its agency has not confirmed."""
    if issues := await confirmed_roles.unconfirmed(work, before, plan, link(plan, "author")):
        raise Refused(Problem(Category.RULE, issues))


def _unknown_person(plan: Resource) -> Problem:
    return problem(Category.RULE, "business-rule", nobody(plan), expression="CarePlan.subject", rule="OWN-10")


async def _known_person(work: UnitOfWork, plan: Resource) -> None:
    """Refuses a led plan of somebody who is not known here, or was deleted (OWN-10)."""
    subject = link(plan, "subject")
    await work.patients(subject)  # first, so that a later delete shows
    if await work.get(subject) is None:
        raise Refused(_unknown_person(plan))


async def timeline(services: Services, context: RequestContext, identity: str) -> tuple[Tenure, ...]:
    """`$ownership`: every tenure of a plan that the caller may see, oldest first, including tenures of other agencies."""
    allowed(context, "CarePlan", "r")
    row = await services.records.read("CarePlan", identity)
    viewer = await viewer_of(services, context)
    shown = await viewer.reveal([row], "r") if row else []
    await note(services, context, "R", f"CarePlan/{identity}/$ownership", shown)
    if not shown:
        raise absent("CarePlan", identity)
    return await tenures.of(services, shown[0].row)
