"""Care plans: the write rule with the lead of a plan (OWN-1…OWN-7) and the agreement to a crisis plan (E9), and the timeline of
`$ownership`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service import clock
from service.care.crisis_plan.content import is_crisis_plan
from service.care.ownership import lead as ownership
from service.care.ownership.lead import Led, Tenure
from service.care.task import reading
from service.care.task.situation import Staged
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.date import written
from service.fhir.reference import link, links, name_of, relative, unversioned
from service.problem import Category, Refused, problem
from service.store.records import Held
from service.usecases.care import crisis_plan, outcomes
from service.usecases.request.audit import note
from service.usecases.request.proposal import Proposal, custodian_only
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, _: Viewer, proposal: Proposal) -> str:
    """The write rule of CarePlan."""
    custodian_only(work, proposal)
    before, plan = proposal.before, ownership.adopted(proposal.resource)
    agency = work.context.caller.organization
    role = await work.entry(lead) if (lead := link(plan, "author")) else None
    led_by = await work.organization(link(before, "author")) if before else ""
    refusal = ownership.check(
        before, plan, agency=agency, at=work.context.at, zone=work.services.zone, role=role, author_agency=led_by
    )
    if refusal is not None:
        raise Refused(refusal)
    await _one_person(before, plan)
    await _stage(work, proposal, plan, role)
    if is_crisis_plan(plan):
        await crisis_plan.agree(work, before, plan)
    return f"CarePlan/{plan['id']}"


async def _one_person(before: Resource | None, plan: Resource) -> None:
    if before is not None and link(before, "subject") != link(plan, "subject"):
        text = "A plan stays with its person; write a new plan for another one."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="CarePlan.subject", rule="OWN-1"))


async def _stage(work: UnitOfWork, proposal: Proposal, plan: Resource, role: Resource | None) -> None:
    """Stages the plan and, when the plan has a live lead, the lead in its CareTeam and EpisodeOfCare, too (OWN-2)."""
    agency = proposal.row.custodian if proposal.row else work.context.caller.organization
    live = plan.get("status") == "active" and role is not None
    led = await _led(work, plan) if live else None  # before the keys: tells nothing about another agency's episode
    keys = await _keys(work, plan, agency)
    if led is None or role is None:
        await outcomes.put(work, Staged(plan, created=proposal.row is None, keys=keys))
        return
    changed = proposal.before is None or link(proposal.before, "author") != link(plan, "author")
    settle = ownership.settle(led, role, at=work.context.at, zone=work.services.zone, ids=clock.new_id)
    named = ownership.named(
        led,
        role,
        at=work.context.at,
        zone=work.services.zone,
        ids=clock.new_id,
        user=work.context.caller.user,
        created=proposal.row is None,
    )
    first, *others = named if changed else settle
    await outcomes.put(work, Staged(first.resource, created=proposal.row is None, custodian=first.custodian, keys=keys))
    for staged in others:
        if staged.created or await work.get(name_of(staged.resource)) != staged.resource:
            await outcomes.put(work, staged)


async def _led(work: UnitOfWork, plan: Resource) -> Led:
    """The plan with its team and episode. Refuses a team or episode of another agency, which a plan could otherwise change by
    naming it."""
    teams = links(plan, "careTeam")
    episode = ownership.episode_of(plan)
    return Led(
        plan,
        await _own(work, teams[0], "careTeam") if teams else None,
        await _own(work, episode, "extension") if episode else None,
    )


async def _own(work: UnitOfWork, ref: str, member: str) -> Resource | None:
    local = "" if unversioned(ref) != ref else relative(ref, work.context.base)  # an old version is nobody's current team
    resource = await work.get(local)
    row = await work.row(local) if local not in work.staged else None
    custodian = work.staged[local].custodian if local in work.staged else row.custodian if row else ""
    if resource is None or custodian != work.context.caller.organization:
        text = f"`{ref}` is not a record of your agency; refer to your own, or leave it out and one is made."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=f"CarePlan.{member}", rule="OWN-2"))
    return resource


async def _keys(work: UnitOfWork, plan: Resource, agency: str) -> tuple[str, ...]:
    """The unique keys of a plan (OWN-6). Raises Held, which names the holder, when another plan holds one of the keys."""
    subject = link(plan, "subject")
    person = (await work.services.evidence.person(subject)).name if subject.startswith("Patient/") else ""
    keys = ownership.keys(plan, person, agency)
    for key in keys:
        holder = await work.services.records.holder(key)
        if holder is not None and holder != f"CarePlan/{plan['id']}":
            raise Held(key, holder)
    return keys


async def timeline(services: Services, context: RequestContext, identity: str) -> tuple[Tenure, ...]:
    """`$ownership`: every tenure of a plan that the caller may see, oldest first, including tenures of other agencies."""
    allowed(context, "CarePlan", "r")
    row = await services.records.read("CarePlan", identity)
    viewer = await viewer_of(services, context)
    shown = await viewer.reveal([row], "r") if row else []
    await note(services, context, "R", f"CarePlan/{identity}/$ownership", shown)
    if not shown:
        raise absent("CarePlan", identity)
    versions = await _versions(services, identity)
    accepted = await services.holdings.having("Task", f"focus=CarePlan/{identity}")
    handovers = {written(at): f"Task/{each.id}" for each in accepted if (at := await _accepted(services, each.id)) is not None}
    return ownership.timeline(list(versions), handovers)


async def _versions(services: Services, identity: str) -> Iterable[tuple[datetime, Resource]]:
    found, before = [], None
    while rows := await services.records.history("CarePlan", identity, before=before, limit=200):
        found += [(row.at, row.resource if not row.deleted else {"status": "entered-in-error"}) for row in rows]
        before = rows[-1].version
    return found


async def _accepted(services: Services, identity: str) -> datetime | None:
    """The instant at which a handover was accepted; None for a Task that is no handover or was not accepted."""
    before = None
    while rows := await services.records.history("Task", identity, before=before, limit=200):
        at = next(
            (
                row.at
                for row in reversed(rows)
                if reading.code(row.resource) == TaskCode.HANDOVER and row.resource.get("status") == "accepted"
            ),
            None,
        )
        if at is not None:
            return at
        before = rows[-1].version
    return None
