"""The handover and its companion Tasks: loads the situations for their machines, and records the disclosure that sending a
handover makes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from service.care.handover import overdue
from service.care.handover.situation import HandoverSituation
from service.care.ownership.keys import led
from service.care.ownership.plan import episode_of, teams_of
from service.care.task import reading
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness, completeness
from service.care.task.requirements import Issues
from service.care.task.situation import Outcome, Situation
from service.change import Resource
from service.consent.grants import SENT
from service.consent.relationship import closed
from service.fhir.canonical import dataset
from service.fhir.reference import link, links, name_of, unversioned
from service.store.records import Row
from service.usecases.care import carriers, confirmed_roles, outcomes, sending, situations
from service.usecases.consent import withdrawal
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

DATASET = dataset("handover")
PURPOSE = "TREAT"
WITHDRAWN = Authority(text="consent no longer permits what was handed over")


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> HandoverSituation:
    """Loads the situation for the rules of a handover, with only those records that the sender may see."""
    return await situation(work, proposal.resource, proposal.before, await _hidden(work, viewer, proposal))


async def settle(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    """Stages the decision. When a handover is sent, the disclosure of its records is recorded in the same transaction (HOV-3)."""
    await outcomes.stage(work, decision)
    if decision.disclosure:
        await _disclose(work, decision.writes[0].resource)


async def companion(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> Situation:
    """Loads the situation of a companion Task, with the Task that the companion is about: its focus, or the Task it is part
    of."""
    task = proposal.before or proposal.resource
    about = next((ref for ref in (link(task, "focus"), *links(task, "partOf")) if ref.startswith("Task/")), "")
    if proposal.before is None and not await sees(work, viewer, about):
        about = ""
    found = await work.get(about) if about else None
    loaded = await situations.situation(work, proposal.resource, proposal.before, (found,) if found else ())
    return replace(loaded, about=found)


async def situation(
    work: UnitOfWork, after: Resource, before: Resource | None, hidden: frozenset[str] = frozenset()
) -> HandoverSituation:
    """The situation for the handover's rules. `hidden` are records that the Task refers to and that its sender may not see: they
    count as absent."""
    task = _standing(after, before)
    focus = link(task, "focus")
    plan = await work.get(focus) if focus not in hidden else None
    teams = [team for ref in teams_of(plan or {}) if (team := await work.get(ref)) is not None]
    found = await situations.situation(work, after, before, (*((plan,) if plan else ()), *teams))
    row = await work.row(name_of(plan)) if plan else None
    owned = plan is not None and led(plan, row.keys if row else ())
    loaded = found.widened(
        HandoverSituation,
        plan=plan,
        keeper=await work.keeper(name_of(plan)) if plan else "",
        led=owned,
        unfit=await _unfit(work, plan) if plan and not owned else "",
        nobody=await _nobody(work, plan) if plan and not owned else "",
        unconfirmed=await _unconfirmed(work, after, plan) if plan and not owned else (),
        teams=tuple(teams),
        episode=await work.get(episode_of(plan or {})),
        lead=await work.lead(reading.lead_reference(after)),
        patients=await work.patients(link(task, "for")),
    )
    if reading.status(after) in ("draft", "cancelled", "rejected", "failed", "completed"):
        return loaded
    lacking, authority = await _dataset(work, after, hidden), await _authority(work, loaded, hidden)
    spans, astray = await situations.pathway(work, task, starting=not reading.sent(before))
    return replace(loaded, dataset=lacking, authority=authority, pathway=spans, astray=astray)


def _standing(after: Resource, before: Resource | None) -> Resource:
    """The Task that says what is handed over: the stored one once it was sent, the submitted one as long as it is a draft."""
    return before if before is not None and reading.sent(before) else after


async def _nobody(work: UnitOfWork, plan: Resource) -> str:
    """The Patient of a plan, when the Patient is not known here or was deleted; '' otherwise."""
    subject = link(plan, "subject")
    await work.patients(subject)  # first, so that a later delete shows
    return subject if await work.get(subject) is None else ""


async def _unconfirmed(work: UnitOfWork, task: Resource, plan: Resource) -> Issues:
    """The roles of a proposed plan that their agencies have not confirmed, as it would be accepted."""
    lead = reading.lead_reference(task) or link(task, "owner")
    return await confirmed_roles.unconfirmed(work, plan, {**plan, "status": "active"}, lead)


async def _unfit(work: UnitOfWork, plan: Resource) -> str:
    """Which of a plan's teams and episode cannot carry its ownership, and why; '' when all can."""
    keeper = await work.keeper(name_of(plan))
    for ref in carriers.named(plan):
        if why := await carriers.fault(work, plan, ref, keeper):
            return f"`{ref}` {why}"
        if await carriers.shared(work, plan, ref):
            return f"`{ref}` carries the ownership of another plan"
    return ""


async def _hidden(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> frozenset[str]:
    """The records that a handover refers to and that its sender may not see, each time the sender writes it: what the sender does
    not see counts as absent, so that a try tells nothing about it (HOV-11). The receiver writes of what it was sent."""
    task = proposal.resource
    sender = await work.organization(link(proposal.before or task, "requester"))
    if proposal.before is not None and sender != work.context.caller.organization:
        return frozenset()
    authority = [reading.value_reference(each) for each in reading.inputs(task, "sharing-authority")]
    refs = {link(_standing(task, proposal.before), "focus"), *_given(task), *authority} - {""}
    return frozenset([ref for ref in sorted(refs) if not await sees(work, viewer, unversioned(ref))])


def _answers(task: Resource) -> str:
    given = reading.inputs(task, "minimum-dataset")
    return reading.value_reference(given[0]) if given else ""


async def _dataset(work: UnitOfWork, task: Resource, hidden: frozenset[str]) -> Completeness:
    """HOV-2: what the handover's dataset lacks, by linkId, or why the dataset cannot be used."""
    named = _answers(task)
    response = await work.get(named) if named and named not in hidden else None
    if named and response is None:
        return Completeness(fault=f"there is no `{named}` here")
    if response is not None and not await _about_same_person(work, response, task):
        return Completeness(fault="the dataset is about another person than the handover")
    canonical = str((response or {}).get("questionnaire", "")).partition("|")[0]
    if response is not None and canonical != DATASET:
        return Completeness(fault=f"the dataset answers `{canonical}`, not `{DATASET}`")
    return completeness(response, work.services.definitions.questionnaire(DATASET))


async def _about_same_person(work: UnitOfWork, response: Resource, task: Resource) -> bool:
    subject, patient = link(response, "subject"), link(task, "for")
    return subject == patient or subject in (await work.person(patient)).records


async def _authority(work: UnitOfWork, situation: HandoverSituation, hidden: frozenset[str]) -> Authority:
    """HOV-3: the authority on which the receiving agency may have every record that would be handed over, or why there is
    none."""
    task, receiver = situation.after, situation.receiver
    rows = [row for row in await _handed_over(work, task) if row.reference not in hidden]
    lost = [ref for ref in _packages(task) if unversioned(ref) not in {row.reference for row in rows}]
    if lost:
        return Authority(text=f"there is no package `{lost[0]}` here that you may see")
    if not rows or not receiver:
        return Authority(text="what is handed over, or who would receive it, is not known here")
    if any(not situation.patients.issuperset(row.patients) for row in rows):
        return Authority(text="the package is about somebody else, too: hand over what is about the plan's own person alone")
    task = {**task, "status": "requested"}
    return await sending.permitted(work, task, situation.sender, receiver, rows, hidden)


async def _handed_over(work: UnitOfWork, task: Resource) -> list[Row]:
    """The records that a handover shows to its receiver: the plan, the dataset and the package."""
    refs = [unversioned(ref) for ref in (link(task, "focus"), *_given(task)) if ref]
    rows = await asyncio.gather(*(work.standing(ref) for ref in refs))
    return [row for row in rows if row is not None and not row.deleted]


def _given(task: Resource) -> list[str]:
    """The references of a handover's dataset and package."""
    return [*(reading.value_reference(each) for each in reading.inputs(task, "minimum-dataset")), *_packages(task)]


def _packages(task: Resource) -> list[str]:
    return [reading.value_reference(each) for each in reading.inputs(task, "package")]


async def _disclose(work: UnitOfWork, task: Resource) -> None:
    """HOV-3: stages the disclosure record of a sent handover, so that both are committed in the same transaction."""
    sender, receiver = await work.organization(link(task, "requester")), await work.organization(link(task, "owner"))
    rows = await _handed_over(work, task)
    await sending.disclose(work, task, sender, receiver, rows, ("handover", "care-plan"))


async def reconsider(work: UnitOfWork, consent: Resource) -> None:
    """HOV-8: marks the open Tasks with which records were sent and whose receiver may no longer read the dataset or package. Both
    agencies are notified."""
    if not link(consent, "patient").startswith("Patient/"):
        return
    person = await withdrawal.person_of(work, consent)
    for row in await work.services.holdings.of("Task", person.records):
        task = await work.get(row.reference) or {}
        if reading.code(task) not in SENT or closed(task) or task.get("status") == "draft":
            continue
        if reading.business_status(task) == overdue.WITHDRAWN:
            continue
        given = _given(task)
        receiver = await work.organization(link(task, "owner"))
        if await withdrawal.refused(work, receiver, given, withdrawal.CARE):
            await _mark(work, task)


async def _mark(work: UnitOfWork, task: Resource) -> None:
    found = (await situations.situation(work, task, task)).widened(HandoverSituation, authority=WITHDRAWN)
    if (decision := overdue.withdrawn(found)) is not None:
        await outcomes.stage(work, decision)
