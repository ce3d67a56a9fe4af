"""HOV-9: a request is carried out once. The same X-Request-Id with the same request gets the first answer again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from service.change import Claim
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.answers import Answer, written
from service.usecases.work import Work

REMEMBERED = timedelta(days=7)
"""How long a repeat is recognised; partners retry for 72 hours."""


async def earlier(work: Work) -> Answer | None:
    """The first answer to this very request, None when it is new. Another request under the same id is refused as a duplicate."""
    if not work.session.given_id:
        return None
    answer = await work.services.records.claimed(_key(work))
    return await _replayed(work, answer) if answer else None


async def committed(work: Work, ref: str) -> Answer:
    """Commits the Work together with the claim on its request id; a repeat that lost the race gets the winner's answer."""
    if ref not in work.staged:  # an existing record answered a conditional create, or a repeat changed nothing
        row = await work.row(ref)
        assert row is not None, "INVARIANT: a plan gives the reference of what it staged or found"
        return written({ref: row}, ref).unchanged()
    if work.session.given_id:
        staged = work.staged[ref]
        facts = {"fingerprint": work.session.fingerprint, "ref": ref, "version": staged.before + 1}
        work.claims.append(Claim(_key(work), facts, work.session.at + REMEMBERED))
    try:
        return written(await work.commit(), ref)
    except Refused:
        if (answer := await earlier(work)) is not None:
            return answer
        raise


async def _replayed(work: Work, answer: Mapping[str, Any]) -> Answer:
    if answer["fingerprint"] != work.session.fingerprint:
        text = "This X-Request-Id was used for another request; send each request under an id of its own."
        raise Refused(problem(Category.DUPLICATE, "duplicate", text, rule="HOV-9"))
    row = await _version(work, answer)
    return written({answer["ref"]: row}, answer["ref"])


async def _version(work: Work, answer: Mapping[str, Any]) -> Row:
    kind, _, identity = str(answer["ref"]).partition("/")
    row = await work.services.records.version(kind, identity, answer["version"])
    assert row is not None, "INVARIANT: a claim is committed with the version it names"
    return row


def _key(work: Work) -> str:
    return f"request:{work.session.caller.client}:{work.session.request_id}"
