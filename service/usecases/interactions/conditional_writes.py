"""Conditional update and delete (R4 sections 3.1.0.4.3 and 3.1.0.7.1): a search in the place of an id.

The search is that of a conditional create: it finds among the records that the caller could have created, and the writes that
look for one thing take turns.
"""

from __future__ import annotations

from functools import partial

from service.change import Resource
from service.fhir.reference import id_of
from service.problem import Category, Refused, problem
from service.usecases import rules
from service.usecases.interactions import records
from service.usecases.request import idempotency
from service.usecases.request.results import Answer
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

RULE = "R4 3.1.0.4.3"


async def update(
    services: Services, context: RequestContext, kind: str, resource: Resource, criteria: str, if_match: int | None
) -> Answer:
    """Stores the next version of the record found, or a new record when none is found."""
    allowed(context, kind, "u")
    return await decided_again(
        context, lambda at: idempotency.once(UnitOfWork(services, at), plan_update, kind, resource, criteria, if_match)
    )


async def plan_update(
    work: UnitOfWork, kind: str, resource: Resource, criteria: str, if_match: int | None, identity: str = ""
) -> str:
    """Stages the update or create and returns the record's reference. `identity` is the id that a created record has been given
    before; empty: the create chooses one. Refuses a search that finds several records, and an id that is not that of the record
    found."""
    _offered(work.services, kind, "update")
    allowed(work.context, kind, "u")
    found = await records.existing(work, await viewer_of(work.services, work.context), kind, criteria)
    if found is None:
        return await records.in_turn(work, kind, criteria, partial(_plan_new, work, kind, resource, if_match, identity))
    if resource.get("id", id_of(found)) != id_of(found):
        text = "The search finds a record of another id; send the resource with that id or without one."
        raise Refused(problem(Category.MALFORMED, "invalid", text, expression=f"{kind}.id", rule=RULE))
    return await records.plan_update(work, kind, id_of(found), {**resource, "id": id_of(found)}, if_match)


async def _plan_new(work: UnitOfWork, kind: str, resource: Resource, if_match: int | None, identity: str) -> str:
    """Stages the create, with the id that the resource has; a record of this id that the search does not find stays as it is."""
    if if_match not in (None, records.NEW):
        text = f"The search finds no `{kind}` of yours, in whatever version; leave If-Match out to create it."
        raise Refused(problem(Category.STALE, "conflict", text, rule="R4 3.1.0.5"))
    if "id" in resource:
        return await records.plan_update(work, kind, str(resource["id"]), resource, records.NEW)
    return await records.plan_create(work, kind, resource, identity=identity)


async def delete(services: Services, context: RequestContext, kind: str, criteria: str, if_match: int | None) -> Answer | None:
    """Marks the record found as deleted; None when none is found. Refuses a search that finds several records."""
    return await decided_again(context, lambda at: _deleted(UnitOfWork(services, at), kind, criteria, if_match))


async def aim(work: UnitOfWork, kind: str, criteria: str) -> str | None:
    """The reference of the record that a delete finds; None when there is none. Refuses a search that finds several records."""
    _offered(work.services, kind, "delete")
    allowed(work.context, kind, "d")
    return await records.existing(work, await viewer_of(work.services, work.context), kind, criteria)


async def _deleted(work: UnitOfWork, kind: str, criteria: str, if_match: int | None) -> Answer | None:
    found = await aim(work, kind, criteria)
    return await records.deleted(work, kind, id_of(found), if_match) if found else None


def _offered(services: Services, kind: str, interaction: str) -> None:
    """Refuses an interaction that the type does not have, whatever the search would find."""
    records.served(services, kind)
    if interaction in rules.WITHOUT.get(kind, ()):
        text = f"A `{kind}` has no {interaction}; the CapabilityStatement at `/fhir/metadata` says what it has."
        raise Refused(problem(Category.NOT_ALLOWED, "not-supported", text))
