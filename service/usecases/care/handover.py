"""The handover and its companion Tasks: loads the situations for their machines, and records the disclosure that sending a
handover makes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from service import clock
from service.care.handover import overdue
from service.care.handover.situation import Authority, HandoverSituation
from service.care.ownership.keys import led
from service.care.ownership.plan import episode_of, teams_of
from service.care.task import reading
from service.care.task.dataset import Completeness, completeness
from service.care.task.situation import Outcome, Situation
from service.change import Party, Resource
from service.consent import disclosure, lawful_basis
from service.consent.grants import granted
from service.consent.relationship import closed
from service.fhir.canonical import LAWFUL_BASIS, TaskCode, dataset
from service.fhir.coding import code_in
from service.fhir.reference import link, links, name_of, unversioned, versioned
from service.problem import Problem
from service.store.records import Row
from service.usecases.care import carriers, outcomes, situations
from service.usecases.consent import withdrawal
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

DATASET = dataset("handover")
PURPOSE = "TREAT"
WITHDRAWN = Authority(text="consent no longer permits what was handed over")


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> HandoverSituation:
    """Loads the situation for the rules of a handover, with only the plan and dataset that the sender may see."""
    may_focus, may_answer = await _may_focus(work, viewer, proposal), await _may_answer(work, viewer, proposal)
    return await situation(work, proposal.resource, proposal.before, may_focus, may_answer)


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
    if proposal.before is None and not await _sees(work, viewer, about):
        about = ""
    found = await work.get(about) if about else None
    loaded = await situations.situation(work, proposal.resource, proposal.before, (found,) if found else ())
    return replace(loaded, about=found)


async def situation(
    work: UnitOfWork, after: Resource, before: Resource | None, visible: bool = True, readable: bool = True
) -> HandoverSituation:
    """The situation for the handover's rules. `visible` False: the caller may not see the plan, which then counts as absent;
    `readable` False: the caller may not see the dataset, which then counts as absent."""
    task = before or after
    plan = await work.get(link(task, "focus")) if visible else None
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
        teams=tuple(teams),
        episode=await work.get(episode_of(plan or {})),
        lead=await work.lead(reading.lead_reference(after)),
        patients=await work.patients(link(task, "for")),
    )
    if reading.status(after) in ("draft", "cancelled", "rejected", "failed", "completed"):
        return loaded
    lacking, authority = await _dataset(work, after, readable), await _authority(work, loaded)
    return replace(loaded, dataset=lacking, authority=authority)


async def _unfit(work: UnitOfWork, plan: Resource) -> str:
    """Which of a plan's teams and episode cannot carry its ownership, and why; '' when all can."""
    keeper = await work.keeper(name_of(plan))
    for ref in carriers.named(plan):
        if why := await carriers.fault(work, plan, ref, keeper):
            return f"`{ref}` {why}"
        if await carriers.shared(work, plan, ref):
            return f"`{ref}` carries the ownership of another plan"
    return ""


async def _may_focus(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> bool:
    """Whether the sender may see the plan of a new handover. A plan that the sender does not see counts as absent, so that a try
    tells nothing about other agencies' plans (HOV-11)."""
    return proposal.before is not None or await _sees(work, viewer, link(proposal.resource, "focus"))


async def _may_answer(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> bool:
    """Whether the sender may see a dataset that the handover newly names. A dataset that the sender does not see counts as
    absent, so that a try tells nothing about the dataset (HOV-11)."""
    named = _answers(proposal.resource)
    return named == _answers(proposal.before or {}) or await _sees(work, viewer, named)


def _answers(task: Resource) -> str:
    given = reading.inputs(task, "minimum-dataset")
    return reading.value_reference(given[0]) if given else ""


async def _sees(work: UnitOfWork, viewer: Viewer, ref: str) -> bool:
    row = await work.row(ref) if ref else None
    return ref in work.staged or bool(row and viewer.permits([row], await work.services.evidence.persons(row.patients)))


async def _dataset(work: UnitOfWork, task: Resource, readable: bool) -> Completeness:
    """HOV-2: what the handover's dataset lacks, by linkId, or why the dataset cannot be used."""
    named = _answers(task)
    response = await work.get(named) if named and readable else None
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
    return subject == patient or subject in (await work.services.evidence.person(patient)).records


async def _authority(work: UnitOfWork, situation: HandoverSituation) -> Authority:
    """HOV-3: the authority on which the receiving agency may have every record that would be handed over, or why there is
    none."""
    rows = await _handed_over(work, situation.after)
    receiver = situation.receiver
    if not rows or not receiver:
        return Authority(text="what is handed over, or who would receive it, is not known here")
    task = situation.after
    if await _unjustified(work, situation):
        return Authority(text="outside health and adult social care, `direct-care` needs its justification as the `text`, too")
    grants = granted([({**task, "status": "requested"}, situation.sender, (receiver,))])
    recipient = Recipient(receiver, (PURPOSE,), related=True, grants=grants)
    decisions = [decision for _, decision in await decided(work.services, work.context, recipient, rows, work)]
    refusal = next((each for each in decisions if not each.permit), None)
    if refusal is not None:
        return Authority(text=refusal.reasons[0].text.rstrip(".") if refusal.reasons else "nothing permits it")
    consents = tuple(dict.fromkeys(ref for each in decisions for ref in each.consents))
    named = next((reading.value_reference(each) for each in reading.inputs(task, "sharing-authority")), "")
    if named.startswith("Consent/"):
        spoke = next((ref for ref in consents if unversioned(ref) == named), "")
        if not spoke:
            return Authority(text=f"`{named}` does not permit it now: name a Consent that is active and covers this")
        return Authority(True, "", spoke)
    return Authority(True, "", "")


async def _unjustified(work: UnitOfWork, situation: HandoverSituation) -> bool:
    """Whether the basis `direct-care` lacks its justification (care rules, section 4): only between health and adult social care
    services does `direct-care` need none."""
    concept = lawful_basis.recorded(situation.after)
    sender, receiver = [await work.services.partners.get(each) for each in (situation.sender, situation.receiver)]
    sectors = sender.sector if sender else "", receiver.sector if receiver else ""
    return concept is not None and isinstance(lawful_basis.claimed(concept, sectors, "Task.input"), Problem)


async def _handed_over(work: UnitOfWork, task: Resource) -> list[Row]:
    """The records that a handover shows to its receiver: the plan, the dataset and the package."""
    refs = [ref for ref in (link(task, "focus"), *_given(task)) if ref]
    rows = await asyncio.gather(*(work.standing(ref) for ref in refs))
    return [row for row in rows if row is not None and not row.deleted]


def _given(task: Resource) -> list[str]:
    """The references of a handover's dataset and package."""
    return [reading.value_reference(each) for kind in ("minimum-dataset", "package") for each in reading.inputs(task, kind)]


async def _disclose(work: UnitOfWork, task: Resource) -> None:
    """HOV-3: stages the disclosure record of a sent handover, so that both are committed in the same transaction."""
    sender, receiver = await work.organization(link(task, "requester")), await work.organization(link(task, "owner"))
    rows = await _handed_over(work, task)
    told = disclosure.Disclosure(
        patient=link(task, "for"),
        sender=sender,
        recipients=(receiver,),
        categories=("handover", "care-plan"),
        purposes=(PURPOSE,),
        payload=disclosure.versions((row.reference, row.version) for row in rows),
        authority=await _basis(work, task),
    )
    record = disclosure.record(told, clock.new_id(), work.context.at)
    addressed = Party(receiver, work.context.at, work.context.at)
    work.create(record, sender, parties=(addressed,))


async def _basis(work: UnitOfWork, task: Resource) -> Resource:
    given = reading.inputs(task, "sharing-authority")[0]
    named = reading.value_reference(given)
    if not named:
        concept = given["valueCodeableConcept"]
        return disclosure.by_basis(concept if concept.get("text") else {**concept, "text": code_in(concept, LAWFUL_BASIS)})
    row = await work.standing(named)
    return disclosure.by_consent(versioned(named, row.version if row else 0))


async def reconsider(work: UnitOfWork, consent: Resource) -> None:
    """HOV-8: marks the open handovers whose receiver may no longer read the dataset or package. Both agencies are notified."""
    if not link(consent, "patient").startswith("Patient/"):
        return
    person = await withdrawal.person_of(work, consent)
    for row in await work.services.holdings.of("Task", person.records):
        task = await work.get(row.reference) or {}
        if reading.code(task) != TaskCode.HANDOVER or closed(task) or task.get("status") == "draft":
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
