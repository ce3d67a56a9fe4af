"""Write rule of Patient: checks national identifiers, asks a person to settle a doubtful one, and has the Patient compared with
others (IDN-1, IDN-2)."""

from __future__ import annotations

from dataclasses import replace

from service import clock
from service.care.identity_review import review
from service.care.ownership import identity
from service.care.ownership.identity import person_keys
from service.care.ownership.keys import led
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.situation import Staged
from service.change import Resource
from service.consent.relationship import closed
from service.fhir.canonical import TaskCode
from service.fhir.reference import name_of
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import identity as links
from service.usecases.care import outcomes
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Patient: every national identifier of the Patient must be valid."""
    refusal = identity.check(proposal.resource)
    if refusal is not None:
        raise Refused(refusal)
    before, after = proposal.before, proposal.resource
    changed = identity.grounds(before or {}) != identity.grounds(after)
    ref = await store(work, viewer, replace(proposal, keys=(*proposal.keys, _since(proposal, changed))))
    if before is None and identity.doubtful(after):
        await _queue(work, ref)
    if changed and (person_keys(after) or person_keys(before or {})):
        links.watch(work, ref)
    return ref


def _since(proposal: Proposal, changed: bool) -> str:
    """The key that says since which version the Patient's identifiers, family names and birth date are what they are (IDN-5)."""
    row, patient = proposal.row, name_of(proposal.resource)
    return review.epoch(patient, (row.version + 1 if row else 1) if changed or row is None else review.since(row.keys))


async def unused(work: UnitOfWork, row: Row) -> None:
    """OWN-10: refuses the delete of a Patient with a plan that is led, or with an open Task of ours. The commit fails when either
    comes to be before the commit."""
    await work.premise(row.reference)
    plans = await work.services.holdings.of("CarePlan", (row.reference,))
    tasks = await work.services.holdings.of("Task", (row.reference,))
    if any(led(each.resource, each.keys) for each in plans) or any(_open(each.resource) for each in tasks):
        text = "This Patient is kept while responsibility for the person is open: set `active` to false instead of deleting it."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="Patient.active", rule="OWN-10"))


def _open(task: Resource) -> bool:
    """Whether somebody is asked for something by a Task of ours. The review of an identity is none: it would tell who else is
    known to carry the number."""
    return reading.code(task) in MACHINES.keys() - {TaskCode.IDENTITY_REVIEW} and not closed(task)


async def _queue(work: UnitOfWork, ref: str) -> None:
    """IDN-2: a number that is marked as unverified links no Patients. An `identity-review` Task asks the Patient's own agency to
    verify or remove the number.

    The Task is made whether or not other Patients carry the number: otherwise the Task would tell who is known to other agencies.
    """
    agency = work.context.caller.organization
    task = review.question(clock.new_id(), agency, ref, work.context.at)
    await outcomes.put(work, Staged(task, created=True, custodian=agency))
