"""`baton check` for ownership: reads the plans with all that their ownership rests on, and reports each breach of an OWN rule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from service.care.ownership.plan import carriers
from service.care.ownership.soundness import Past, Version, faults
from service.care.task import reading
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import link, relative
from service.store.integrity import Integrity
from service.store.records import Row
from service.usecases.request import plan_keys
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

TOGETHER = 100
"""How many plans are read and judged together."""

Histories = Mapping[str, Sequence[Row]]


async def findings(services: Services, context: RequestContext, integrity: Integrity) -> AsyncIterator[str]:
    """The breaches of OWN rules in every CarePlan, on what stands and in every past version, one sentence each."""
    await services.directory.refresh()
    rows: list[Row] = []
    async for row in integrity.rows("CarePlan"):
        rows.append(row)
        if len(rows) == TOGETHER:
            for each in await judged(services, context, rows):
                yield each
            rows = []
    for each in await judged(services, context, rows):
        yield each


async def judged(services: Services, context: RequestContext, rows: Sequence[Row]) -> list[str]:
    """The breaches of OWN rules in these plans, one sentence each."""
    histories = await _histories(services, rows)
    moved = await _handovers(services, rows)
    work = UnitOfWork(services, context)
    work.rows.update({row.reference: row for row in rows})
    found = []
    for row in rows:
        patients = await work.patients(link(row.resource, "subject"))
        past = Past(_versions(histories[row.reference]), _others(histories, row), moved.get(row.reference, frozenset()))
        breaches = [*faults(past, services.zone), *[each async for each in _unkeyed(services, work, row, patients)]]
        found += [f"{rule}: `{row.reference}`: {sentence}." for rule, sentence in breaches]
    return found


async def _unkeyed(services: Services, work: UnitOfWork, row: Row, patients: frozenset[str]) -> AsyncIterator[tuple[str, str]]:
    """The breaches of a plan whose unique keys are not what keeps others from owning the same: OWN-6, OWN-8 and OWN-9, and the
    listing of OWN-11."""
    for key in await plan_keys.keys(work, row.resource, row, row.custodian):
        holder = await services.records.holder(key)
        if key not in row.keys or holder != row.reference:
            yield key.split(":")[1], "it does not hold the unique key by which nobody else owns the same"
    for patient in sorted(patients) if any(key.startswith("rule:OWN-6:Patient/") for key in row.keys) else ():
        holder = await services.records.holder(f"rule:OWN-6:{patient}|{row.custodian}")
        if holder not in (None, row.reference):
            yield "OWN-11", f"`{holder}` is an active top-level plan of the same person: merge them (`merge-plan`), or end one"


async def _histories(services: Services, plans: Iterable[Row]) -> dict[str, list[Row]]:
    """The versions of plans, oldest first, and of all records that their ownership ever rested on."""
    found = await _read(services, {row.reference: row for row in plans})
    for names in (_carriers_and_roles, _actors):
        refs = {ref for rows in found.values() for row in rows for ref in names(row.resource)} - found.keys()
        found |= await _read(services, await services.records.read_many(refs))
    return found


async def _read(services: Services, current: Mapping[str, Row]) -> dict[str, list[Row]]:
    """The past versions of records, and after them the records as they stand, whatever the history says of the last version."""
    past = await services.records.past.whole({ref: row.version - 1 for ref, row in current.items()})
    return {ref: [*past[ref], row] for ref, row in current.items()}


def _carriers_and_roles(resource: Resource) -> tuple[str, ...]:
    if resource["resourceType"] != "CarePlan":
        return ()
    return tuple(filter(None, map(relative, (link(resource, "author"), *carriers(resource)))))


def _actors(resource: Resource) -> tuple[str, ...]:
    if resource["resourceType"] != "PractitionerRole":
        return ()
    return tuple(filter(None, (relative(link(resource, name)) for name in ("practitioner", "organization"))))


def _others(histories: Histories, plan: Row) -> dict[str, list[Version]]:
    named = {ref for row in histories[plan.reference] for ref in _carriers_and_roles(row.resource)}
    actors = {actor for ref in named for row in histories.get(ref, ()) for actor in _actors(row.resource)}
    return {ref: _versions(histories[ref]) for ref in sorted(named | actors) if ref in histories}


def _versions(rows: Iterable[Row]) -> list[Version]:
    return [Version(row.at, None if row.deleted else row.resource, row.custodian) for row in rows]


async def _handovers(services: Services, plans: Iterable[Row]) -> dict[str, frozenset[Any]]:
    """By plan, the instants at which a handover of the plan was accepted."""
    tasks = {
        row.reference: row for row in await services.holdings.having_any("Task", [f"focus={row.reference}" for row in plans])
    }
    histories = await services.records.past.whole({ref: row.version for ref, row in tasks.items()})
    moved: dict[str, frozenset[Any]] = {}
    for rows in histories.values():
        accepted = [each for each in rows if reading.code(each.resource) == TaskCode.HANDOVER and _accepted(each)][:1]
        for each in accepted:
            plan = link(each.resource, "focus")
            moved[plan] = moved.get(plan, frozenset()) | {each.at}
    return moved


def _accepted(task: Row) -> bool:
    return task.resource.get("status") == "accepted"
