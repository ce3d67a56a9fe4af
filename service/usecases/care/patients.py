"""Write rule of Patient: checks national identifiers, and asks a person to settle a doubtful identity (IDN-1, IDN-2)."""

from __future__ import annotations

from service import clock
from service.care.ownership import identity
from service.care.ownership.keys import led
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.made import task_of
from service.care.task.situation import Staged
from service.change import Resource
from service.consent.relationship import closed
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import outcomes
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Patient: every national identifier of the Patient must be valid."""
    refusal = identity.check(proposal.resource)
    if refusal is not None:
        raise Refused(refusal)
    ref = await store(work, viewer, proposal)
    if proposal.before is None and identity.doubtful(proposal.resource):
        await _queue(work, ref)
    return ref


async def unused(work: UnitOfWork, row: Row) -> None:
    """OWN-10: refuses the delete of a Patient with a plan that is led, or with an open Task of ours. The commit fails when either
    comes to be before the commit."""
    await work.premise(row.reference)
    plans = await work.services.holdings.of("CarePlan", (row.reference,))
    tasks = await work.services.holdings.of("Task", (row.reference,))
    if any(led(each.resource, each.keys) for each in plans) or any(_open(each.resource) for each in tasks):
        text = "This Patient is kept while responsibility for the person is open: set `active` to false instead of deleting it."
        raise Refused(problem(Category.NOT_ALLOWED, "business-rule", text, expression="Patient.active", rule="OWN-10"))


def _open(task: Resource) -> bool:
    return reading.code(task) in MACHINES and not closed(task)


async def _queue(work: UnitOfWork, ref: str) -> None:
    """IDN-2: a number that is marked as unverified links no Patients. An `identity-review` Task asks the Patient's own agency to
    verify or remove the number.

    The Task is made whether or not other Patients carry the number: otherwise the Task would tell who is known to other agencies.
    """
    agency = work.context.caller.organization
    task = task_of(
        clock.new_id(),
        "identity-review",
        requester=agency,
        owner=agency,
        patient=ref,
        at=work.context.at,
        focus=ref,
        text="The NHS number is not verified: verify it, or take it out. Until then it links no other record.",
    )
    await outcomes.put(work, Staged(task, created=True, custodian=agency))
