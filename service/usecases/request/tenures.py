"""The tenures of a plan's leads (`$ownership`), kept beside the plan's current version: each write adds to them what it changes,
so that nobody reads the versions of a plan to tell who led it.

A plan that was last written before tenures were kept has none; its versions are read then, and its next write keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from service.care.ownership import timeline
from service.care.ownership.timeline import Tenure
from service.care.task import reading
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.date import written
from service.fhir.reference import link, unversioned
from service.store.records import Row
from service.usecases.request.services import Services

KEPT = "tenures"
BATCH = 200


def kept(tenures: tuple[Tenure, ...]) -> Mapping[str, Any]:
    """The tenures as they are kept."""
    return {KEPT: [asdict(each) for each in tenures]}


async def of(services: Services, row: Row) -> tuple[Tenure, ...]:
    """The tenures of a stored plan, oldest first."""
    if KEPT in row.beside:
        return tuple(Tenure(**each) for each in row.beside[KEPT])
    versions = await _versions(services, row.id)
    accepted = await services.holdings.having("Task", f"focus={row.reference}")
    handovers = {written(at): each.reference for each in accepted if (at := await _accepted(services, each.id)) is not None}
    return timeline.timeline(versions, handovers)


async def extended(services: Services, row: Row | None, at: datetime, plan: Resource, handover: str = "") -> tuple[Tenure, ...]:
    """The tenures of a plan once it has this content, in the place of the version `row`."""
    before = await of(services, row) if row is not None else ()
    return timeline.extended(before, max(at, row.at) if row else at, plan, handover)


def accepts(task: Resource, plan: str) -> bool:
    """Whether a Task is an accepted handover of a plan."""
    return (
        reading.code(task) == TaskCode.HANDOVER and task.get("status") == "accepted" and unversioned(link(task, "focus")) == plan
    )


async def _versions(services: Services, identity: str) -> list[tuple[datetime, Resource]]:
    """Every version of a plan, oldest first; a deleted one as one that nobody leads."""
    found, before = [], None
    while rows := await services.records.history("CarePlan", identity, before=before, limit=BATCH):
        found += [(row.at, row.resource if not row.deleted else {"status": "entered-in-error"}) for row in rows]
        before = rows[-1].version
    return found[::-1]


async def _accepted(services: Services, identity: str) -> datetime | None:
    """The instant at which a handover was accepted; None for a Task that is no handover or was not accepted."""
    before = None
    while rows := await services.records.history("Task", identity, before=before, limit=BATCH):
        accepted = (
            row.at
            for row in reversed(rows)
            if reading.code(row.resource) == TaskCode.HANDOVER and row.resource.get("status") == "accepted"
        )
        if (at := next(accepted, None)) is not None:
            return at
        before = rows[-1].version
    return None
