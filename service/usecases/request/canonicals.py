"""Canonical resources: what the service publishes under its own canonicals, partners read and nobody else writes."""

from __future__ import annotations

from service.fhir.canonical import BASE
from service.problem import Category, Refused, problem
from service.usecases.request.proposal import Proposal, store
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

KEEPER = "Device/baton"
"""The custodian of what the service publishes: the service itself. A caller acts for an Organization, so no caller is its
custodian and writes it."""

PUBLISHED = ("CodeSystem", "OperationDefinition", "Questionnaire", "SearchParameter", "StructureDefinition", "ValueSet")
"""The types of what the service publishes."""


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of these types: an agency keeps its own definitions under canonicals of its own."""
    url = proposal.resource.get("url")
    if isinstance(url, str) and url.startswith(f"{BASE}/"):
        text = f"Canonicals under `{BASE}/` are the service's own; give your definition a canonical of yours."
        raise Refused(problem(Category.RULE, "business-rule", text, expression=f"{proposal.type}.url", rule="IDN-3"))
    return await store(work, viewer, proposal)
