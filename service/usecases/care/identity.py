"""Links between the Patients of several agencies (IDN-1, IDN-4, IDN-5): proposes them, confirms those that need no person's
decision, suspends those whose ground has changed, and loads the review of one.

A Patient with a national identifier is compared by a timer, whether or not another agency knows the person: neither the answer to
the write nor its duration tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service import clock
from service.care.identity_review import review
from service.care.identity_review.table import ReviewSituation
from service.care.ownership import identity
from service.care.ownership.keys import alone
from service.care.task.situation import Outcome, Staged
from service.change import Resource, Timer
from service.fhir.reference import link
from service.store.records import Row
from service.usecases.care import outcomes, parts, situations
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

KIND = "IDN-1"
INTRODUCTIONS = ("CareTeam", "Task", "ServiceRequest")
"""The types of records by which an agency names another for a person: in its own team, by a handover or by a referral."""


def watch(work: UnitOfWork, patient: str) -> None:
    """Has a Patient compared with the other Patients that carry its national identifier, shortly."""
    work.cancelled.append(f"{KIND}:{patient}")
    work.timers.append(Timer(f"{KIND}:{patient}", KIND, work.context.at, patient))


async def introduced(work: UnitOfWork, record: Resource) -> None:
    """Has the open reviews about a person looked at again when an agency may have named the one that registered the person."""
    if record["resourceType"] in INTRODUCTIONS:
        patients = [each for each in work.services.indexer.patients(record) if each.startswith("Patient/")]
        persons = await work.seen(patients) if patients else {}
        for each in {link(task, "focus") for person in persons.values() for task in person.reviews}:
            watch(work, each)


async def compare(work: UnitOfWork, patient: Row) -> None:
    """Stages what follows from a Patient as it is now: suspended and superseded reviews, new ones, and those that are answered
    without a person. The commit fails when a Patient with its identifier changes before the commit."""
    work.cancelled.append(f"{KIND}:{patient.reference}")
    keys = identity.person_keys(patient.resource)
    await work.premise(*(f"person:{key}" for key in keys))
    others = await _bearers(work, keys, patient)
    reviews = await _reviews(work, (patient, *others))
    for row in reviews:
        await _judge(work, row)
    for other in others:
        if other.custodian == patient.custodian and not identity.differ(other.resource, patient.resource):
            await _merge(work, patient, other)
        known, newcomer = await _in_order(work, patient, other)
        if other.custodian != patient.custodian and not await _asked(work, reviews, newcomer, known):
            ref = await _ask(work, known, newcomer)
            work.touches[ref] = tuple(f"person:{key}" for key in keys)  # two Patients written at once propose one review


async def load(work: UnitOfWork, _: Viewer, proposal: Proposal) -> ReviewSituation:
    """Loads the situation for the rules of a review."""
    found = await situations.situation(work, proposal.resource, proposal.before)
    task = proposal.before or proposal.resource
    return found.widened(ReviewSituation, stands=not review.is_review(task) or await _stands(work, task))


async def settle(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    """Stages a step of a review, and what follows from a confirmation."""
    await outcomes.stage(work, decision)
    await _confirmed(work, decision.writes[0].resource)


async def _bearers(work: UnitOfWork, keys: Iterable[str], patient: Row) -> list[Row]:
    """The other live Patients that carry one of these identifiers, the earliest first."""
    found = await work.services.holdings.having_any("Patient", [f"person={key}" for key in keys])
    return sorted((row for row in found if row.id != patient.id), key=lambda row: (row.at, row.id))


async def _reviews(work: UnitOfWork, patients: Iterable[Row]) -> list[Row]:
    """The reviews about these Patients."""
    keys = [f"{member}={row.reference}" for row in patients for member in ("focus", "patient")]
    rows = await work.services.holdings.having_any("Task", keys)
    return [row for row in rows if review.is_review(row.resource)]


async def _in_order(work: UnitOfWork, one: Row, other: Row) -> tuple[Row, Row]:
    """Two Patients in the order in which each came to the identity that it has: the later one is the newcomer."""
    first, second = sorted([(await _since(work, row), row.id, row) for row in (one, other)], key=lambda each: each[:2])
    return first[2], second[2]


async def _since(work: UnitOfWork, row: Row) -> datetime:
    """The instant since which a Patient has the identifiers, family names and birth date that it has."""
    version = review.since(row.keys)
    past = None if version == row.version else await work.services.records.version(row.type, row.id, version)
    return past.at if past else row.at


async def _asked(work: UnitOfWork, reviews: Iterable[Row], one: Row, other: Row) -> bool:
    """Whether the agency of the Patient `other` was asked about the Patient `one`, or the other way round. A review that was
    suspended is asked anew."""
    tasks = [await work.get(row.reference) or {} for row in reviews]
    forth = [task for task in tasks if _pair(task) == (other.reference, one.reference)]
    back = [task for task in tasks if _pair(task) == (one.reference, other.reference)]
    return any(map(_counts, forth)) or (not any(map(_lapsed, forth)) and any(map(_counts, back)))


def _lapsed(task: Resource) -> bool:
    return review.decision(task) == review.SAME and not review.links(task)


async def _judge(work: UnitOfWork, row: Row) -> None:
    """Ends a review that is about what is no longer so, and answers an open one that needs no person's decision."""
    task = row.resource
    if not await _stands(work, task):
        if review.links(task):
            await _put(work, row, review.suspended(task))
        elif review.is_open(task):
            await _put(work, row, review.superseded(task))
        return
    known, newcomer = await work.row(link(task, "for")), await work.row(link(task, "focus"))
    if review.is_open(task) and known and newcomer and (why := await _vouched(work, known, newcomer)):
        answered = review.answered(task, review.SAME, why)
        await _put(work, row, answered)
        await _confirmed(work, answered)


async def _put(work: UnitOfWork, row: Row, task: Resource) -> None:
    work.rows.setdefault(row.reference, row)
    await outcomes.put(work, Staged(task))


async def _ask(work: UnitOfWork, known: Row, newcomer: Row) -> str:
    """Stages a review, answered already where it needs no person's decision, and gives its reference."""
    at, why = work.context.at, await _vouched(work, known, newcomer)
    task = review.proposal(clock.new_id(), known.resource, known.custodian, newcomer.resource, newcomer.custodian, at)
    made = review.answered(task, review.SAME, why) if why else task
    ref = await outcomes.put(work, Staged(made, created=True, custodian=known.custodian))
    if why:
        await _confirmed(work, made)
    return ref


async def _confirmed(work: UnitOfWork, task: Resource) -> None:
    """Stages what follows when an agency has confirmed who somebody is: the other agency is asked in turn, and a merge is asked
    for when the person has two active plans (OWN-11)."""
    if not (review.is_review(task) and review.links(task)):
        return
    known, newcomer = await work.row(link(task, "for")), await work.row(link(task, "focus"))
    if known is None or newcomer is None or known.deleted or newcomer.deleted:
        return
    await _merge(work, known, newcomer)
    stored = [await work.get(row.reference) or {} for row in await _reviews(work, (newcomer,))]
    tasks = [*stored, *(each.resource for each in work.staged.values())]
    if not any(_counts(task) for task in tasks if _pair(task) == (newcomer.reference, known.reference)):
        await _ask(work, newcomer, known)


def _pair(task: Resource) -> tuple[str, str]:
    """The Patient that a review opens, and the one that joins it; empty for any other record."""
    return (link(task, "for"), link(task, "focus")) if review.is_review(task) else ("", "")


def _counts(task: Resource) -> bool:
    """Whether a review is open, or decided and not suspended."""
    return review.is_open(task) or (task.get("status") == "completed" and not _lapsed(task))


async def _stands(work: UnitOfWork, task: Resource) -> bool:
    """Whether both Patients of a review are here, carry one identifier, and the joining one is as it was judged (IDN-5)."""
    known, newcomer = [await work.guarded(link(task, member)) for member in ("for", "focus")]
    row = await work.row(link(task, "focus"))
    if known is None or newcomer is None or row is None or not review.judged(task, row.keys):
        return False
    return not set(identity.person_keys(known)).isdisjoint(identity.person_keys(newcomer))


async def _vouched(work: UnitOfWork, known: Row, newcomer: Row) -> str:
    """Why nobody has to decide whether two Patients are one person, or '' (IDN-1): their family name and birth date agree, and
    the agency that keeps the one named the other agency, or an identity authority knows both."""
    if not identity.agree(known.resource, newcomer.resource):
        return ""
    if newcomer.custodian in await _named(work, known):
        return "The agency that registered the person was named for the person before."
    if known.custodian in (await work.person(newcomer.reference)).leading:
        return "The agency leads the plan that the other record is about."
    for bearer in await _bearers(work, identity.person_keys(known.resource), known):
        partner = await work.services.partners.get(bearer.custodian)
        if partner and partner.identity_authority and _vouches(bearer, known, newcomer):
            return "An identity authority knows both records as one person."
    partner = await work.services.partners.get(known.custodian)
    return "The agency is an identity authority." if partner and partner.identity_authority else ""


def _vouches(bearer: Row, known: Row, newcomer: Row) -> bool:
    return all(identity.agree(bearer.resource, each.resource) for each in (known, newcomer))


async def _named(work: UnitOfWork, patient: Row) -> frozenset[str]:
    """The agencies that were ever named for a Patient by the agency that keeps it, or by one that leads the person's plan."""
    person = await work.person(patient.reference)
    return frozenset(
        tie.organization
        for tie in await work.services.relations.of((patient.reference,))
        if tie.custodian in person.leading | {patient.custodian}
        and tie.source.startswith(INTRODUCTIONS)
        and (tie.start is None or tie.start != tie.end)
    )


async def _merge(work: UnitOfWork, known: Row, newcomer: Row) -> None:
    """OWN-11: asks the agency of an active top-level plan to merge it with the one of a Patient who has joined its person."""
    plans = [await work.services.holdings.of("CarePlan", (row.reference,)) for row in (known, newcomer)]
    mine, theirs = [[row for row in rows if alone(row.resource)] for rows in plans]
    for row in mine if theirs else ():
        await outcomes.put(work, Staged(parts.merge_asked(work, row), created=True, custodian=row.custodian))
