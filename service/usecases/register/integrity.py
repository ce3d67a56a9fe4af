"""`baton check`: checks that the stored records are consistent, and reports each fault as a sentence.

A finding names records and rules, never the content of a record, so findings may be shown to any operator.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from service.care.ownership import lead as ownership
from service.care.ownership.lead import Led
from service.change import Resource
from service.fhir.reference import key, link, links
from service.store.integrity import Integrity
from service.store.outbox import Outbox
from service.usecases.request.services import Services


async def findings(services: Services, now: datetime) -> AsyncIterator[str]:
    """Every fault found, one sentence each; nothing when the stored records are sound. Raises Refused UNAVAILABLE."""
    integrity = Integrity(services.mongo, services.records.projector)
    for each in await services.ledger.verify():
        yield f"ledger: {each}"
    types = await integrity.types()
    for type_ in types:
        for each in await integrity.gaps(type_):
            yield f"history: {each}"
    for each in (*await integrity.loose_keys(), *await integrity.loose_idempotency()):
        yield f"keys: {each}"
    for lost in await Outbox(services.mongo).lost():
        yield f"outbox: notice {lost.number} for `{lost.recipient}`, of `{lost.focus}`, was given up and never arrived."
    if "CarePlan" in types:
        async for each in _plans(services, integrity, now):
            yield each


async def _plans(services: Services, integrity: Integrity, now: datetime) -> AsyncIterator[str]:
    """The faults of CarePlans: against OWN-1 in every version, against OWN-2 and OWN-6 in every current plan."""
    await services.directory.refresh()
    async for row in integrity.rows("CarePlan", past=True):
        lead = link(row.resource, "author")
        if row.resource.get("status") == "active" and not lead.startswith("PractitionerRole/"):
            yield f"OWN-1: version {row.version} of `{row.reference}` is active and names no PractitionerRole as its lead."
    async for row in integrity.rows("CarePlan"):
        plan = row.resource
        role = await services.directory.get(lead) if (lead := link(plan, "author")) else None
        for each in ownership.one_owner(await _led(services, plan), role, now, services.zone):
            yield f"{each.partition(': ')[0]}: `{row.reference}`: {each.partition(': ')[2]}."
        async for each in _keyed(services, plan, row.custodian):
            yield each


async def _keyed(services: Services, plan: Resource, custodian: str) -> AsyncIterator[str]:
    """The plan's fault against OWN-6: an active top-level plan must hold the unique key of its episode, so that the episode
    cannot get a second active plan."""
    subject = link(plan, "subject")
    person = (await services.evidence.person(subject)).name if subject.startswith("Patient/") else ""
    for held in ownership.keys(plan, person, custodian):
        if await services.records.holder(held) != f"CarePlan/{plan['id']}":
            yield f"OWN-6: `CarePlan/{plan['id']}` is an active top-level plan without its unique key: a second could be made."


async def _led(services: Services, plan: Resource) -> Led:
    teams = links(plan, "careTeam")
    return Led(plan, await _current(services, teams[0] if teams else ""), await _current(services, ownership.episode_of(plan)))


async def _current(services: Services, ref: str) -> Resource | None:
    row = await services.records.read(*key(ref)) if ref else None
    return None if row is None or row.deleted else row.resource
