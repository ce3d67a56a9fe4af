"""Patch (R4 section 3.1.0.6): an update that says what changes. The rules of an update hold, and the record as the caller sees it
is what is changed, so that no operation tells of what is withheld."""

from __future__ import annotations

from service.consent.redact import is_redacted
from service.fhir.json import parse
from service.fhir.patch import patched
from service.problem import Category, Problem, Refused, problem
from service.usecases.interactions import records
from service.usecases.request import idempotency
from service.usecases.request.results import Answer
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork, decided_again


async def patch(
    services: Services, context: RequestContext, kind: str, identity: str, operations: object, if_match: int | None
) -> Answer:
    """Stores the next version of a record: its current version after the operations of a JSON Patch."""
    records.served(services, kind)
    allowed(context, kind, "u")
    return await decided_again(
        context, lambda at: idempotency.once(UnitOfWork(services, at), plan_patch, kind, identity, operations, if_match)
    )


async def plan_patch(work: UnitOfWork, kind: str, identity: str, operations: object, if_match: int | None) -> str:
    """Stages the update and returns the record's reference. Refuses to patch what the caller sees only in part."""
    viewer = await viewer_of(work.services, work.context)
    row = await work.row(f"{kind}/{identity}")
    shown = await viewer.reveal([row] if row else [], "u")
    if row is None or not shown:
        raise absent(kind, identity)
    if row.deleted:
        raise records.gone(kind, identity)
    records.current(row, kind, if_match)
    seen = parse(shown[0].body, max_depth=work.services.settings.max_depth)
    assert not isinstance(seen, Problem), "INVARIANT: what is shown was stored as sound JSON"
    if is_redacted(seen):
        text = "You see a redacted copy of this record, which cannot be patched; ask its custodian to change it."
        raise Refused(problem(Category.RULE, "business-rule", text, rule="consent-rules 3"))
    changed = patched(seen, operations, work.services.settings.max_depth)
    if isinstance(changed, Problem):
        raise Refused(changed)
    return await records.plan_update(work, kind, identity, changed, if_match)
