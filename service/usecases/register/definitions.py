"""Publishes the service's own definitions as records under `/fhir`, so that a partner reads there what it must write to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import chain

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import Resource
from service.fhir.json import dump
from service.fhir.reference import name_of
from service.problem import Category, Refused
from service.store.installation import Installation
from service.usecases.register.operations import OPERATIONS, definition
from service.usecases.request.audit import audited
from service.usecases.request.canonicals import KEEPER, PUBLISHED
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

FIRST = frozenset({"PlanDefinition"})
"""What is published once: later versions of a pathway are the locality's own (GOV-3, GOV-7)."""
STAMPED = frozenset({"versionId", "lastUpdated"})


async def publish(services: Services, base: str) -> int:
    """Stores each of the definitions that is not stored as it is now; gives how many were. Processes may publish side by side.

    What was published is remembered by a digest, so that a start of an unchanged service reads one document.
    """
    found = dict(_definitions(services))
    digest = hashlib.sha256(b"\n".join(map(dump, found.values()))).hexdigest()
    installation = Installation(services.mongo)
    if await installation.published() == digest:
        return 0
    try:
        stored = await _stored(services, base, found)
    except Refused as refused:
        if refused.problem.category is not Category.CONFLICT:
            raise
        return 0  # another process has published them, or will when it starts again
    await installation.publish(digest)
    return stored


async def _stored(services: Services, base: str, found: Mapping[str, Resource]) -> int:
    context = RequestContext(Caller("baton", KEEPER, NONE), clock.now(), f"{base}/fhir")
    rows = await services.records.read_many(list(found))
    work = UnitOfWork(services, context)
    for ref, resource in found.items():
        row = rows.get(ref)
        if row is not None and not row.deleted and _stands(row.resource, resource):
            continue
        if row is None:
            work.create(resource, KEEPER)
        else:
            work.rows[ref] = row
            work.update(resource, row.version, row.custodian)
        work.audits.append(audited(context, "C" if row is None else "U", ref))
    count = len(work.staged)
    if count:
        await work.commit()
    return count


def _definitions(services: Services) -> Iterator[tuple[str, Resource]]:
    shipped = chain.from_iterable(services.definitions.own(kind).values() for kind in (*PUBLISHED, *FIRST))
    for resource in (*shipped, *map(definition, OPERATIONS)):
        yield name_of(resource), resource


def _stands(stored: Resource, shipped: Resource) -> bool:
    """Whether what is stored is what is shipped, or is no longer the service's to say."""
    return shipped["resourceType"] in FIRST or _content(stored) == _content(shipped)


def _content(resource: Resource) -> Resource:
    """What a definition says, without the stamp of the version that was stored."""
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in STAMPED}
    return {**{name: value for name, value in resource.items() if name != "meta"}, **({"meta": meta} if meta else {})}
