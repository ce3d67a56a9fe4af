"""Conditional references of a transaction (R4 section 3.1.0.11.2): `Patient?identifier=system|value` in the place of an id."""

from __future__ import annotations

from urllib.parse import parse_qsl

from service.change import Resource
from service.fhir.naming import SEARCH
from service.fhir.reference import own
from service.fhir.resource import references, root
from service.problem import Category, Refused, problem
from service.usecases.interactions import search
from service.usecases.request.services import RequestContext, Services

RULE = "R4 3.1.0.11.2"


async def targets(services: Services, context: RequestContext, resource: Resource) -> dict[str, str]:
    """The record that each conditional reference of a resource finds, by reference; only records that the caller may search and
    see are found.

    Raises Refused when a conditional reference finds no record, or more than one record.
    """
    wanted = {own(reference, context.base): path for reference, path in asked(resource, context.base).items()}
    return {reference: await target(services, context, path, reference) for reference, path in wanted.items()}


def asked(resource: Resource, base: str) -> dict[str, str]:
    """The conditional references of a resource, relative or at our own base URL `base`, each with the path where it stands. Those
    in a Bundle that is kept as a record are the Bundle's own."""
    if root(resource) == "Bundle":
        return {}
    return {reference: path for path, reference in references(resource) if SEARCH.fullmatch(own(reference, base))}


async def target(services: Services, context: RequestContext, path: str, reference: str) -> str:
    """The record that the conditional reference at this path finds; as `targets`."""
    kind, _, query = own(reference, context.base).partition("?")
    params = (*parse_qsl(query, keep_blank_values=True), ("_count", "2"))
    page = await search.search(services, context, kind, params)
    matches = [each.answer.reference for each in page.entries if each.mode == "match"]
    if len(matches) == 1:
        return matches[0]
    text = f"This conditional reference finds {'more than one' if matches else 'no'} `{kind}` that you may see; make it find one."
    raise Refused(problem(Category.STALE, "multiple-matches" if matches else "not-found", text, expression=path, rule=RULE))
