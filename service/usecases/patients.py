"""Patients: identifiers that hold (IDN-2), and whose record a Patient is (IDN-1)."""

from __future__ import annotations

from service.care import identity
from service.problem import Refused
from service.usecases.access import Eyes
from service.usecases.proposal import Proposal, store
from service.usecases.work import Work


async def write(work: Work, eyes: Eyes, proposal: Proposal) -> str:
    """The rule of Patient: every national identifier it carries is one."""
    refusal = identity.check(proposal.resource)
    if refusal is not None:
        raise Refused(refusal)
    return await store(work, eyes, proposal)
