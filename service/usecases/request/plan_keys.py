"""The unique keys of a CarePlan (OWN-6, OWN-8, OWN-9), and the counters that its write raises, drawn from the plan as the unit of
work will leave it, so that no route can write a plan without them."""

from __future__ import annotations

from typing import Protocol

from service.care.ownership import keys as ownership
from service.care.ownership.plan import is_top_level, parents_of
from service.care.ownership.role import leading
from service.change import Resource
from service.fhir.reference import link, name_of
from service.store.records import Row

FARTHEST = 16
"""How many plans above a plan are looked at to see that no plan is, in the end, part of itself."""


class Records(Protocol):
    """The records as a unit of work will leave them."""

    async def get(self, ref: str, /) -> Resource | None:
        """A record by reference."""

    async def guarded(self, ref: str, /) -> Resource | None:
        """A record by reference, which the commit rests on."""

    async def patients(self, subject: str, /) -> frozenset[str]:
        """All Patients of the person whom a Patient reference stands for."""

    async def keeper(self, ref: str, /) -> str:
        """The Organization that keeps a record, or ''."""


async def keys(records: Records, plan: Resource, row: Row | None, custodian: str) -> tuple[str, ...]:
    """The unique keys of a plan that replaces the version `row`."""
    held = row.keys if row else ()
    if not ownership.led(plan, held):
        return ()
    patients = await records.patients(link(plan, "subject"))
    apart = ownership.alone(plan) and await spared(records, plan)
    return ownership.keys(plan, held, patients=patients, custodian=custodian, spared=apart)


async def leads(records: Records, plan: Resource, row: Row | None, custodian: str) -> bool:
    """Whether the agency that keeps a plan, which replaces the version `row`, leads the person's plan by it (IDN-6): a top-level
    plan that the agency which keeps the Patient began, whoever received it since. So nobody leads by writing a plan of their
    own about somebody else's Patient."""
    if not is_top_level(plan) or not ownership.led(plan, row.keys if row else ()):
        return False
    received = row is not None and not row.deleted and bool(row.parties)
    return received or await records.keeper(link(plan, "subject")) == custodian


def touches(plan: Resource, row: Row | None) -> tuple[str, ...]:
    """The counters that a plan raises when it takes a lead, or ends: of its lead, its Patient, and the plans above it."""
    was = row is not None and not row.deleted and ownership.led(row.resource, row.keys)
    is_ = ownership.led(plan, row.keys if row else ())
    moved = row is None or link(row.resource, "author") != link(plan, "author")
    if was == is_ and not (is_ and moved):
        return ()
    person = (each for each in (link(plan, "subject"),) if each.startswith("Patient/"))
    return (leading(link(plan, "author")), *person, *map(partly, parents_of(plan)))


def partly(plan: str) -> str:
    """The name of the counter that is raised whenever a plan that is part of `plan`, by reference, takes a lead or ends."""
    return f"part:{plan}"


async def spared(records: Records, plan: Resource) -> bool:
    """Whether OWN-6 spares a plan: it is part of an active plan about the same Patient that is not, in the end, part of it
    (OWN-11)."""
    for parent in parents_of(plan):
        found = await records.guarded(parent)
        if found and found.get("status") == "active" and link(found, "subject") == link(plan, "subject"):
            return not await _above(records, found, name_of(plan))
    return False


async def _above(records: Records, plan: Resource, wanted: str) -> bool:
    """Whether the plan `wanted` is above a plan by `partOf`, or may be: what is too far away to see counts as above."""
    seen, waiting = {name_of(plan)}, list(parents_of(plan))
    while waiting and len(seen) < FARTHEST:
        ref = waiting.pop()
        if ref == wanted:
            return True
        if ref not in seen:
            seen.add(ref)
            waiting += parents_of(await records.get(ref) or {})
    return bool(waiting)
