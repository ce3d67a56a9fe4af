"""HOV-9: a request is carried out once. A repeat of the request under the same X-Request-Id gets the first answer again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from service.change import IdempotencyKey
from service.fhir.reference import key
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.request.audit import note
from service.usecases.request.results import Answer, written
from service.usecases.request.telling import as_told, partly
from service.usecases.request.viewer import viewer_of
from service.usecases.request.work import UnitOfWork

Kept = Mapping[str, Any]
"""What is kept of a request for a repeat: its fingerprint, and the record version or the answers that it led to."""
REMEMBERED = timedelta(days=7)
"""How long a repeat of a request is recognised; partners retry for 72 hours."""


async def once(work: UnitOfWork, plan: Callable[..., Awaitable[str]], *given: Any) -> Answer:
    """Plans and commits one write. A repeat of an earlier request gets the earlier answer, whatever the plan comes to by now: a
    plan stores nothing."""
    kept = asked(work)
    try:
        ref = await plan(work, *given)
    except Refused:
        if (earlier := await replayed(work, kept)) is not None:
            return earlier
        raise
    return await replayed(work, kept) or await committed(work, ref)


def asked(work: UnitOfWork) -> Awaitable[Kept | None] | None:
    """Starts to look for what is kept of an earlier request under the same id; None for a request without an id of its own."""
    return work.services.records.answered(_key(work)) if work.context.given_id else None


async def earlier(work: UnitOfWork) -> Answer | None:
    """The first answer to this request, None when the request is new. Refuses another request under the same id as a
    duplicate."""
    return await replayed(work, asked(work))


async def replayed(work: UnitOfWork, looked: Awaitable[Kept | None] | None) -> Answer | None:
    """As `earlier`, when what is kept was `asked` for before."""
    kept = await looked if looked else None
    if kept is None:
        return None
    _same(work, kept)
    return await _again(work, await _version(work, kept))


async def committed(work: UnitOfWork, ref: str) -> Answer:
    """Commits the unit of work with the request's idempotency key. A repeat that runs at the same moment and commits second gets
    the answer of the first."""
    if ref not in work.staged:
        return await found(work, ref)
    if work.context.given_id:
        staged = work.staged[ref]
        facts = {"fingerprint": work.context.fingerprint, "ref": ref, "version": staged.before + 1}
        work.idempotency.append(IdempotencyKey(_key(work), facts, work.context.at + REMEMBERED))
    try:
        return await _written(work, await work.commit(), ref)
    except Refused:
        if (answer := await earlier(work)) is not None:
            return answer
        raise


async def transaction(work: UnitOfWork) -> list[Answer] | None:
    """The first answers to the writes of this transaction; None when the transaction is new."""
    looked = asked(work)
    told = await looked if looked else None
    if told is None:
        return None
    _same(work, told)
    if "answers" not in told:
        text = "This was carried out before an upgrade, and its answer is not kept: read what it wrote, and do not send it again."
        raise Refused(problem(Category.DUPLICATE, "duplicate", text, rule="HOV-9"))
    return [
        await _again(work, await _version(work, {"ref": ref, "version": version})) if version else await found(work, ref)
        for ref, version in told["answers"]
    ]


async def together(work: UnitOfWork, refs: Sequence[str]) -> list[Answer]:
    """Commits what a transaction has staged in one Change, with the transaction's idempotency key. Returns the answers of its
    writes, which are to these records; '' for a write that had nothing to do. A repeat that runs at the same moment and commits
    second gets the answers of the first."""
    if not work.staged:
        return [await found(work, ref) for ref in refs]
    if work.context.given_id:
        versions = [(ref, work.staged[ref].before + 1 if ref in work.staged else 0) for ref in refs]
        facts = {"fingerprint": work.context.fingerprint, "answers": versions}
        work.idempotency.append(IdempotencyKey(_key(work), facts, work.context.at + REMEMBERED))
    try:
        rows = await work.commit()
    except Refused:
        if (answers := await transaction(work)) is not None:
            return answers
        raise
    return [await _written(work, rows, ref) if ref in rows else await found(work, ref) for ref in refs]


async def _written(work: UnitOfWork, rows: Mapping[str, Row], ref: str) -> Answer:
    return await _as_read(work, rows[ref], written(rows, ref, work.rows.get(ref), work.remarks.get(ref, ())))


async def _as_read(work: UnitOfWork, row: Row, answer: Answer) -> Answer:
    """The answer without what its writer may not know of: what the service has noted in a Task, whom others have put on an
    agenda."""
    if not partly(row):
        return answer
    viewer = await viewer_of(work.services, work.context)
    (body,) = await as_told(viewer, [row], [answer.body])
    return replace(answer, body=body)


async def found(work: UnitOfWork, ref: str) -> Answer:
    """The answer to a write that changed nothing, such as a conditional create that matched. The answer has a body only for a
    caller that may read the record, and none for a write to no record ('')."""
    if not ref:
        return Answer("", 0, work.context.at)
    row = await work.row(ref)
    assert row is not None, "INVARIANT: a plan gives the reference of what it staged or found"
    viewer = await viewer_of(work.services, work.context)
    shown = await viewer.reveal([row], "r")
    if shown and not row.deleted:
        await note(work.services, work.context, "R", ref, shown)
    return Answer(ref, row.version, row.at, shown[0].body if shown and not row.deleted else b"")


async def _again(work: UnitOfWork, row: Row) -> Answer:
    """The answer that the write of this version had."""
    before = await work.services.records.version(row.type, row.id, row.version - 1) if row.version > 1 else None
    remarks = () if row.deleted else work.services.validator.check(row.resource)
    return await _as_read(work, row, written({row.reference: row}, row.reference, before, remarks))


def _same(work: UnitOfWork, answer: Mapping[str, Any]) -> None:
    if answer["fingerprint"] != work.context.fingerprint:
        text = "This X-Request-Id was used for another request; send each request under an id of its own."
        raise Refused(problem(Category.DUPLICATE, "duplicate", text, rule="HOV-9"))


async def _version(work: UnitOfWork, answer: Mapping[str, Any]) -> Row:
    kind, identity = key(str(answer["ref"]))
    row = await work.services.records.version(kind, identity, answer["version"])
    if row is None:  # both were committed together; but a primary just elected reads as of before its election for a moment
        text = "What this request wrote cannot be read at this moment; repeat it under the same `X-Request-Id`."
        raise Refused(problem(Category.UNAVAILABLE, "transient", text))
    return row


def _key(work: UnitOfWork) -> str:
    caller = work.context.caller
    return f"request:{caller.client}:{caller.user}:{work.context.request_id}"
