"""Early-warning signs (EWS-1): the write rules of an Observation that reports a sign on the person's plan, and of a Communication
that records one missed contact too many.

The agency that leads the plan is prompted only by what it may read. The reporter is told nothing either way, so
that nobody learns by reporting what another agency's plan lists.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from service import clock
from service.care.step_up import contacts, signs
from service.change import Resource
from service.fhir.reference import link, name_of
from service.store.records import Row
from service.usecases.care import outcomes
from service.usecases.care.sending import PURPOSE
from service.usecases.care.step_up import PATHWAY
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

Rule = Callable[[UnitOfWork, Viewer, Proposal], Awaitable[str]]


def noticing(rule: Rule) -> Rule:
    """Extends a write rule of Observation: a sign that is newly reported opens a structured review of each plan that lists it."""

    async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
        ref = await rule(work, viewer, proposal)
        new = signs.reported(proposal.resource) - signs.reported(proposal.before or {})
        person = link(proposal.resource, "subject")
        if new and person.startswith("Patient/") and await sees(work, viewer, person):
            await _prompt(work, proposal.resource, person)
        return ref

    return write


def missing(rule: Rule) -> Rule:
    """Extends a write rule of Communication: one more contact attempt that failed may be one too many."""

    async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
        ref = await rule(work, viewer, proposal)
        new = contacts.has_failed(proposal.resource) and not contacts.has_failed(proposal.before or {})
        person = link(proposal.resource, "subject")
        if new and person.startswith("Patient/") and await sees(work, viewer, person):
            await _count(work, person)
        return ref

    return write


async def _prompt(work: UnitOfWork, observation: Resource, person: str) -> None:
    for row, plan in await _plans(work, person):
        if signs.on_list(plan, observation) and await _told(work, observation, row.custodian):
            await _open(work, plan, row)


async def _count(work: UnitOfWork, person: str) -> None:
    """Prompts the agency of each active plan that knows of too many missed contacts in a row."""
    pathway = await work.services.pathways.in_force(PATHWAY)
    for row, plan in await _plans(work, person):
        if plan.get("status") == "active" and signs.too_many(await _attempts(work, row), work.services.calendar, pathway):
            await _open(work, plan, row)


async def _plans(work: UnitOfWork, person: str) -> list[tuple[Row, Resource]]:
    """The stored plans of a person, as the unit of work will leave them."""
    known = await work.person(person)
    work.rests_on((known,))
    rows = await work.services.holdings.of("CarePlan", known.patients)
    return [(row, plan) for row in rows if (plan := await work.get(row.reference)) is not None]


async def _attempts(work: UnitOfWork, plan: Row) -> list[Resource]:
    """The Communications about a plan's person that its agency keeps or was sent, those of this unit of work among them."""
    known = (await work.seen(plan.patients)).values()
    patients = {patient for person in known for patient in person.patients}
    stored = await work.services.holdings.of("Communication", patients)
    staged = [row for ref in work.staged if ref.startswith("Communication/") and (row := await work.standing(ref)) is not None]
    rows = {row.reference: row for row in (*stored, *staged) if patients.intersection(row.patients)}
    return [row.resource for row in rows.values() if _heard(row, plan.custodian)]


def _heard(row: Row, agency: str) -> bool:
    return agency == row.custodian or any(party.organization == agency for party in row.parties)


async def _told(work: UnitOfWork, observation: Resource, agency: str) -> bool:
    """Whether the agency that leads the plan may read what was reported."""
    row = await work.standing(name_of(observation))
    if row is None or row.custodian == agency:
        return row is not None
    decisions = await decided(work.services, work.context, Recipient(agency, (PURPOSE,)), [row], work)
    return all(decision.permit for _, decision in decisions)


async def _open(work: UnitOfWork, plan: Resource, row: Row) -> None:
    """Stages a structured review, unless one is open. Of two that are opened at once the second is decided again."""
    counter = f"{signs.SIGN}:{row.reference}"
    await work.premise(counter)
    reviews = await work.services.holdings.having("Task", f"focus={row.reference}")
    staged = [each.resource for each in work.staged.values() if link(each.resource, "focus") == row.reference]
    if any(signs.is_open(one) for one in (*(review.resource for review in reviews), *staged)):
        return
    made = signs.opened(plan, row.custodian, work.context.at, work.services.calendar, clock.new_id)
    await outcomes.stage(work, made)
    task = name_of(made.writes[0].resource)
    work.touches[task] = (*work.touches.get(task, ()), counter)
