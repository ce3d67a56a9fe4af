"""Conditional references of a transaction (R4 section 3.1.0.11.2): `Patient?identifier=system|value` in the place of an id."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from service.change import Resource
from service.fhir.reference import own
from service.fhir.resource import references
from service.problem import Category, Refused, problem
from service.usecases.interactions import search
from service.usecases.request.services import RequestContext, Services

SEARCHED = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.+)")
RULE = "R4 3.1.0.11.2"


async def targets(services: Services, context: RequestContext, resource: Resource) -> dict[str, str]:
    """The record that each conditional reference of a resource finds, by reference; only records that the caller may search and
    see are found.

    Raises Refused when a conditional reference finds no record, or more than one record.
    """
    said = ((path, own(reference, context.base)) for path, reference in references(resource))
    conditional = {reference: path for path, reference in said if SEARCHED.fullmatch(reference)}
    return {reference: await _target(services, context, path, reference) for reference, path in conditional.items()}


async def _target(services: Services, context: RequestContext, path: str, reference: str) -> str:
    kind, _, query = reference.partition("?")
    params = (*parse_qsl(query, keep_blank_values=True), ("_count", "2"))
    page = await search.search(services, context, kind, params)
    matches = [each.answer.reference for each in page.entries if each.mode == "match"]
    if len(matches) == 1:
        return matches[0]
    text = f"This conditional reference finds {'more than one' if matches else 'no'} `{kind}` that you may see; make it find one."
    raise Refused(problem(Category.STALE, "multiple-matches" if matches else "not-found", text, expression=path, rule=RULE))
