"""Escalations (E5): the write rule of a ServiceRequest `escalation`, and the end of a contact plan (E10).

Load: the person and the sender's place in their care team, the dataset, whom the agency asked has (ESC-1), the escalations that
are replaced. Decide: `service.care.step_up.request`. What is sent, its review, its timer and the disclosure commit together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from service import clock
from service.care.ownership.role import Lead, role_fault
from service.care.step_up import needs, request
from service.care.step_up.effects import ENDS
from service.care.step_up.situation import EscalationSituation, Pathway, Routes, decider_of
from service.care.task import reading
from service.care.task.dataset import Completeness, completeness
from service.care.task.situation import Staged
from service.change import Resource, Timer
from service.consent.relationship import ties
from service.fhir import date
from service.fhir.canonical import TaskCode, dataset
from service.fhir.reference import link, links, name_of, unversioned
from service.problem import Problem, Refused
from service.store.records import Row
from service.usecases.care import outcomes, sending
from service.usecases.request.proposal import Proposal, custodian_only, sees, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

DATASET, PATHWAY = dataset("escalation"), "step-up"
CATEGORIES = ("risk", "mental-health")
"""What kinds of information an escalation discloses."""


async def escalate(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of an escalation."""
    custodian_only(work, proposal)
    situation = await load(work, viewer, proposal)
    if situation.known:
        situation = await _shared(work, viewer, situation)
    decision = request.decide(situation, clock.new_id)
    if isinstance(decision, Problem):
        raise Refused(decision)
    first, *others = decision.writes
    await outcomes.stage(work, replace(decision, writes=(replace(first, keys=proposal.keys), *others)))
    if decision.disclosure:
        task, rows = others[0].resource, await _sent(work, situation)
        await sending.disclose(work, task, situation.agency, situation.receiver, rows, CATEGORIES)
    return name_of(first.resource)


async def plan_contacts(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of a contact plan: its timer follows the end that it says (E10)."""
    ref = await store(work, viewer, proposal)
    key, end = f"{ENDS}:{ref}", needs.timing_end(proposal.resource.get("occurrenceTiming"), work.services.zone)
    if proposal.resource.get("status") == "active" and end is not None:
        work.timers.append(Timer(key, ENDS, end, ref))
    else:
        work.cancelled.append(key)
    return ref


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> EscalationSituation:
    """Loads the situation of an escalation, with only those records that its sender may see. One that was sent before is compared
    with what was sent, and nothing else is loaded."""
    after, before, context = proposal.resource, proposal.before, work.context
    asked = next(iter(links(after, "performer")), "")
    actors = {ref: await _agency(work, ref) for ref in (link(after, "requester"), asked) if ref}
    found = EscalationSituation(
        context.at, context.caller.organization, after, before, context.caller.user, actors, calendar=work.services.calendar
    )
    if before is not None and before.get("status") != request.DRAFT:
        return replace(found, open=await _open(work, name_of(before))) if after.get("status") == request.REVOKED else found
    person = link(after, "subject")
    known = await in_care_team(work, viewer, person)
    patients = (await work.person(person)).patients if known else frozenset[str]()
    refs, lacking = await _dataset(work, viewer, after, patients)
    replaced = await _replaced(work, viewer, after, patients)
    return replace(
        found,
        known=known,
        responses=refs,
        dataset=lacking,
        clinician=await work.lead(asked) if asked.startswith("PractitionerRole/") else Lead(),
        routes=await routes(work, found.receiver),
        replaced=replaced,
        passed=await _passed(work, replaced),
        pathway=await _pathway(work, after),
    )


async def _open(work: UnitOfWork, escalation: str) -> tuple[Resource, ...]:
    """The review of an escalation, and the clarifications that it asked for, as far as they are open. The commit fails when one
    of them is decided meanwhile."""
    reviews = [row for row in await work.services.holdings.having("Task", f"focus={escalation}") if _reviews(row.resource)]
    asked = [row for each in reviews for row in await work.services.holdings.having("Task", f"focus={each.reference}")]
    clarifications = [row for row in asked if reading.code(row.resource) == TaskCode.CLARIFICATION]
    found = []
    for row in (*reviews, *clarifications):
        work.rows.setdefault(row.reference, row)
        task = await work.guarded(row.reference)
        if task is not None and reading.status(task) not in reading.TERMINAL:
            found.append(task)
    return tuple(found)


def _reviews(task: Resource) -> bool:
    return reading.code(task) == TaskCode.ESCALATION_REVIEW


async def _pathway(work: UnitOfWork, after: Resource) -> Pathway:
    """The step-up pathway in force. Refuses an escalation that names another pathway, or a version that is not in force."""
    pathways, named = work.services.pathways, after.get("instantiatesCanonical") or []
    for canonical in named if after.get("status") == request.SENT else ():
        await pathways.named(str(canonical), "ServiceRequest.instantiatesCanonical")
    return await pathways.in_force(PATHWAY)


async def _agency(work: UnitOfWork, actor: str) -> str:
    """The Organization behind an actor's reference, or '' when the Organization is not known here."""
    organization = await work.organization(actor)
    return organization if await work.get(organization) is not None else ""


async def in_care_team(work: UnitOfWork, viewer: Viewer, person: str) -> bool:
    """Whether the caller's agency may see a person and is a member of a CareTeam about them that the agency which keeps the
    person's record, or one that leads their plan, has written: a team of one's own making gives no place in the care."""
    if not person.startswith("Patient/") or not await sees(work, viewer, person):
        return False
    found = await work.person(person)
    work.rests_on((found,))
    rows = await work.services.holdings.of("CareTeam", found.patients | found.records)
    teams = [await work.get(row.reference) for row in rows if await _entitled(work, row, found.leading)]
    return any([await _member(work, team) for team in teams if team is not None])


async def _entitled(work: UnitOfWork, team: Row, leading: frozenset[str]) -> bool:
    """Whether a team is by an agency that leads the person's plan, or that keeps the Patient whom the team is about."""
    return team.custodian in leading | {await work.keeper(link(team.resource, "subject"))}


async def _member(work: UnitOfWork, team: Resource) -> bool:
    at, zone = work.context.at, work.services.zone
    standing = [tie for tie in ties(team) if all(date.contains(each, at, zone) for each in tie.bounds)]
    return any([await work.organization(tie.actor) == work.context.caller.organization for tie in standing])


async def routes(work: UnitOfWork, agency: str) -> Routes:
    """Whom an agency has for its escalations (ESC-1): its services and clinicians, and its contacts in the register."""
    if not agency:
        return Routes()
    holdings, at, zone = work.services.holdings, work.context.at, work.services.zone
    services = [row.resource for row in await holdings.having("HealthcareService", f"organization={agency}")]
    clinicians = [row.resource for row in await holdings.having("PractitionerRole", f"organization={agency}")]
    partner = await work.services.directory.partner(agency)
    return Routes(
        agency,
        tuple(one for one in services if one.get("active") is not False),
        tuple(one for one in clinicians if not role_fault(one, at, zone)),
        partner.duty if partner else "",
        partner.contacts if partner else (),
        (await work.services.pathways.in_force(PATHWAY)).routes,
    )


async def _dataset(
    work: UnitOfWork, viewer: Viewer, after: Resource, patients: frozenset[str]
) -> tuple[tuple[str, ...], Completeness]:
    """The responses to the dataset `escalation` that an escalation refers to and its sender may see, and what the last lacks."""
    refs = [unversioned(ref) for ref in links(after, "supportingInfo") if ref.startswith("QuestionnaireResponse/")]
    seen = {ref: await work.get(ref) for ref in refs if await sees(work, viewer, ref)}
    found = {ref: each for ref, each in seen.items() if each and _canonical(each) == DATASET}
    lacking = Completeness()
    for response in found.values():
        lacking = completeness(response, work.services.definitions.questionnaire(DATASET))
        if link(response, "subject") not in {*patients, link(after, "subject")}:
            lacking = Completeness(fault="the dataset is about another person than the escalation")
    return tuple(found), lacking


def _canonical(response: Resource) -> str:
    return str(response.get("questionnaire", "")).partition("|")[0]


async def _replaced(work: UnitOfWork, viewer: Viewer, after: Resource, patients: frozenset[str]) -> tuple[Resource, ...]:
    """The requests that an escalation replaces, of those about this person that its sender may see."""
    named = [unversioned(ref) for ref in links(after, "replaces")]
    found = [await work.get(ref) for ref in named if ref != name_of(after) and await sees(work, viewer, ref)]
    return tuple(one for one in found if one is not None and link(one, "subject") in patients)


async def _passed(work: UnitOfWork, replaced: Iterable[Resource]) -> frozenset[str]:
    """Who decided on these escalations, and on those that they replaced."""
    waiting, seen, passed = list(replaced), set[str](), set[str]()
    while waiting:
        one = waiting.pop()
        if name_of(one) in seen:
            continue
        seen.add(name_of(one))
        for row in await work.services.holdings.having("Task", f"focus={name_of(one)}"):
            if _reviews(row.resource):
                passed |= {decider_of(row.resource, ""), link(row.resource, "owner")}
        waiting += [each for ref in links(one, "replaces") if (each := await work.get(unversioned(ref))) is not None]
    return frozenset(one for one in passed if one.startswith("PractitionerRole/"))


async def _shared(work: UnitOfWork, viewer: Viewer, situation: EscalationSituation) -> EscalationSituation:
    """The situation with the decision about sharing, once the escalation is staged as it would be shared (HOV-3). A Consent that
    the sender may not see permits nothing, as one that is not here."""
    asks = situation.after.get("status") == request.SENT and situation.receiver
    if not asks or situation.receiver == situation.agency:
        return situation
    await outcomes.put(work, Staged(situation.after, situation.before is None, situation.agency))
    task = request.review_of(situation, situation.after, clock.new_id)
    named = link(request.authority_of(situation.after), "valueReference")
    hidden = frozenset((named,)) if named and not await sees(work, viewer, named) else frozenset[str]()
    rows = await _sent(work, situation)
    found = await sending.permitted(work, task, situation.agency, situation.receiver, rows, hidden)
    return replace(situation, authority=found)


async def _sent(work: UnitOfWork, situation: EscalationSituation) -> list[Row]:
    """The records that an escalation shows to the agency asked: itself, and its answers."""
    refs = [name_of(situation.after), *situation.responses]
    return [row for ref in refs if (row := await work.standing(ref)) is not None]
