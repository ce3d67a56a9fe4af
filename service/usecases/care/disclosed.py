"""`Task/{id}/$disclosed`: the agency that sent a data request fetches the records that were disclosed in answer to it.

The agency gets the versions that the disclosure records name. Each version is decided again at the time of the fetch: a record
that consent or policy no longer permits is withheld (HOV-8). The approved lawful basis holds for the records disclosed on it, and
for no other record.
"""

from __future__ import annotations

import asyncio

from service.care.data_request.question import RULE
from service.care.task import reading
from service.change import Resource
from service.consent.disclosure import by_basis
from service.consent.lawful_basis import Basis
from service.consent.redact import redact
from service.fhir.canonical import AUTHORITY, LAWFUL_BASIS, TaskCode
from service.fhir.coding import code_in
from service.fhir.json import dump
from service.fhir.reference import target
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care.data_request import asked_of, registered
from service.usecases.disclosure import selection
from service.usecases.disclosure.release import Item, bundle
from service.usecases.request.audit import note
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown, Viewer, absent, allowed, as_now, parted, viewer_of
from service.usecases.request.work import UnitOfWork


async def disclosed(services: Services, context: RequestContext, identity: str) -> bytes:
    """The collection Bundle as canonical JSON; empty when no record was disclosed or none is permitted any more.

    Refuses alike (ABSENT) an absent Task, a hidden Task and a Task that the caller's agency did not send.
    """
    allowed(context, "Task", "r")
    viewer = await viewer_of(services, context)
    work = UnitOfWork(services, context)
    task = await _task(viewer, work, identity)
    if reading.status(task) != "completed":
        text = f"This data request is `{reading.status(task)}`: what is disclosed can be fetched once it is `completed`."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="Task.status", rule=RULE))
    items = [item for item in await _decided(viewer, work, task) if item.decision.permit]
    shown = [Shown(item.row, b"", item.decision) for item in items]
    await note(services, context, "E", f"Task/{identity}/$disclosed", shown)
    return dump(bundle(context, items))


async def _task(viewer: Viewer, work: UnitOfWork, identity: str) -> Resource:
    """The data request, which the caller's agency must have sent. A person is refused: a person reads their own record, not the
    disclosures between agencies."""
    row = await work.row(f"Task/{identity}")
    shown = await viewer.reveal([row], "r") if row else []
    if row is not None and shown and _asked_by(viewer.context, row):
        return row.resource
    await note(viewer.services, viewer.context, "R", f"Task/{identity}/$disclosed", [])
    raise absent("Task", identity)


def _asked_by(context: RequestContext, row: Row) -> bool:
    staff = not context.caller.personal
    return (
        staff
        and not row.deleted
        and row.custodian == context.caller.organization
        and reading.code(row.resource) == TaskCode.DATA_REQUEST
    )


async def _decided(viewer: Viewer, work: UnitOfWork, task: Resource) -> list[Item]:
    """The disclosed versions within the caller's scopes, each decided now for the caller's agency, by its own content and also
    with the record's current labels. The approved basis counts only for the records disclosed on it."""
    services, context = viewer.services, viewer.context
    asked = asked_of(services, task, context.caller.organization)
    for kind in asked.types:
        allowed(context, kind, "r")
    registered(context, services, asked)
    approved = Basis(code_in(asked.basis, LAWFUL_BASIS), asked.basis) if asked.basis else None
    items: list[Item] = []
    for record in await _records(work, task):
        rows = [row for row in await _versions(work, record) if parted(row) or viewer.in_scope(row, "r")]
        basis = approved if approved and by_basis(approved.concept).items() <= _authority(record).items() else None
        now = [as_now(row, await work.row(row.reference) or row) for row in rows]
        user = context.caller.user
        told = await selection.judged(services, context, asked, basis, rows, user)
        still = await selection.judged(services, context, asked, basis, now, user)
        items += (item for item, again in zip(told, still, strict=True) if again.decision.permit)
    return sorted((item for item in items if _in_scope(viewer, item)), key=lambda item: item.row.reference)


def _in_scope(viewer: Viewer, item: Item) -> bool:
    """Whether the scopes reach an item. A granular scope is tested on the shown parts of a record, as for every read."""
    if not parted(item.row):
        return True
    body = dump(redact(item.row.resource, item.decision.redactions))
    return viewer.in_scope(item.row, "r", viewer.left(Shown(item.row, body, item.decision)))


async def _records(work: UnitOfWork, task: Resource) -> list[Resource]:
    """The disclosure records that a data request names in its output."""
    found = [await work.get(reading.value_reference(output)) for output in reading.outputs(task, "disclosure")]
    return [each for each in found if each is not None]


async def _versions(work: UnitOfWork, record: Resource) -> list[Row]:
    """The versions that a disclosure record names."""
    payload = (target(each["contentReference"]) for each in record.get("payload", ()))
    rows = await asyncio.gather(*(work.version(ref) for ref in payload))
    return [row for row in rows if row is not None]


def _authority(record: Resource) -> Resource:
    return next((each for each in record.get("extension", ()) if each.get("url") == AUTHORITY), {})
