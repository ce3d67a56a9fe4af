"""Patients: identifiers that hold, whose record a Patient is, and doubts about that, which a person settles (IDN-1, IDN-2)."""

from __future__ import annotations

from service import clock
from service.care.ownership import identity
from service.care.task.made import task_of
from service.care.task.situation import Staged
from service.problem import Refused
from service.usecases.care import outcomes
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The rule of Patient: every national identifier it carries is one."""
    refusal = identity.check(proposal.resource)
    if refusal is not None:
        raise Refused(refusal)
    ref = await store(work, viewer, proposal)
    if proposal.before is None and identity.doubtful(proposal.resource):
        await _queue(work, ref)
    return ref


async def _queue(work: UnitOfWork, ref: str) -> None:
    """IDN-2: a number that is said to be unverified links nobody; its own agency is asked to decide, and to say so in the record.

    DisclosureRequest whether or not others carry the number: else asking would tell who is known elsewhere.
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
