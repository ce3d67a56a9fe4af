"""The write rule of ServiceRequest: which practice speaks for which category."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from service.care.referral.referral import REFERRAL
from service.care.step_up.request import CONTACT_PLAN, ESCALATION
from service.change import Resource
from service.fhir.canonical import REQUEST_CATEGORY
from service.fhir.coding import codes_in
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import referral, step_up
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

PRACTICES: Mapping[str, Callable[[UnitOfWork, Viewer, Proposal], Awaitable[str]]] = {
    REFERRAL: referral.write,
    ESCALATION: step_up.escalate,
    CONTACT_PLAN: step_up.plan_contacts,
}


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of ServiceRequest. A request of a category of ours keeps it."""
    kind = practice(proposal.before or proposal.resource)
    if kind != practice(proposal.resource):
        text = "A request keeps the category that it was sent with; end it, and send another."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="ServiceRequest.category", rule="E4"))
    return await PRACTICES.get(kind, store)(work, viewer, proposal)


def practice(request: Resource) -> str:
    """The category of ours that a request has, or ''."""
    return next(iter(sorted(codes_in(request.get("category"), REQUEST_CATEGORY) & PRACTICES.keys())), "")


def unsent(row: Row) -> None:
    """Refuses to delete a request of a practice that was sent: it is ended by its status."""
    if practice(row.resource) and row.resource.get("status") != "draft":
        text = "A request that was sent is kept: end it by its status instead of deleting it."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="ServiceRequest.status", rule="GOV-6"))
