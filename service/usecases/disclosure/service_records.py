"""Write rules of the service records: the service alone makes its AuditEvents and disclosure records, and no client changes
them."""

from __future__ import annotations

from service.change import Resource
from service.fhir.canonical import DISCLOSURE, DISCLOSURE_CATEGORY
from service.fhir.coding import codings
from service.problem import Category, Refused, problem
from service.usecases.request.audit import SITE
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write_event(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of AuditEvent: a client may add another system's event, but may change no event and may not write an event
    in this service's name."""
    if proposal.row is not None:
        raise _refusal(Category.NOT_ALLOWED, "AuditEvent", "The audit trail is only added to: send another event.", "security 4")
    if proposal.resource.get("source", {}).get("site") == SITE:
        text = f"Events of the site `{SITE}` are written by the service itself; name your own site."
        raise _refusal(Category.RULE, "AuditEvent.source.site", text, "security 4")
    return await store(work, viewer, proposal)


async def write_communication(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Communication: a client may neither make nor change a disclosure record, which the service makes when
    records are disclosed (DIS)."""
    if is_disclosure(proposal.resource) or (proposal.before is not None and is_disclosure(proposal.before)):
        text = "A disclosure record is made by the service when something is disclosed; ask for the disclosure itself."
        raise _refusal(Category.RULE, "Communication.category", text, "DIS")
    return await store(work, viewer, proposal)


def is_disclosure(resource: Resource) -> bool:
    """Whether a Communication is a disclosure record, which only the service makes (DIS)."""
    profiles = [str(each).partition("|")[0] for each in resource.get("meta", {}).get("profile", ())]
    return DISCLOSURE in profiles or any(system == DISCLOSURE_CATEGORY for system, _ in codings(resource.get("category")))


def _refusal(category: Category, expression: str, text: str, rule: str) -> Refused:
    return Refused(problem(category, "business-rule", text, expression=expression, rule=rule))
