"""`baton check`: checks that the stored records are consistent, and reports each fault as a sentence.

A finding names records and rules, never the content of a record, so findings may be shown to any operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime

from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.store.integrity import Integrity
from service.store.outbox import Outbox
from service.usecases.register import ownership
from service.usecases.register.frozen import frozen
from service.usecases.request.services import RequestContext, Services

CHECKER = "baton-check"
LISTED = 100
"""How many findings of one kind are told one by one: another secret, or an older database, puts every record at fault."""


async def findings(services: Services, now: datetime) -> AsyncIterator[str]:
    """Every fault found, one sentence each; nothing when the stored records are sound. What is written meanwhile is not looked
    at. Raises Refused UNAVAILABLE."""
    async with frozen(services) as still:
        async for each in _found(still, now):
            yield each


async def _found(services: Services, now: datetime) -> AsyncIterator[str]:
    integrity = Integrity(services.mongo, services.records.projector)
    edited = await integrity.contradictions(services.ledger)
    for each in _listed(edited):
        yield each
    try:
        async for each in _breaches(services, integrity, now):
            yield each
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        if not edited:
            raise  # the service wrote what it cannot read
        text = "a record that was edited, as said above, cannot be read, and what depends on it was not checked"
        yield f"check: {text} ({type(error).__name__})."


async def _breaches(services: Services, integrity: Integrity, now: datetime) -> AsyncIterator[str]:
    """Notices that never arrived, and breaches of ownership, in what is stored as it stands."""
    for lost in await Outbox(services.mongo).lost():
        yield f"outbox: notice {lost.number} for `{lost.recipient}`, of `{lost.focus}`, was given up and never arrived."
    context = RequestContext(Caller(CHECKER, "", NONE), now, "")
    async for each in ownership.findings(services, context, integrity):
        yield each
    for pathway in await services.pathways.overdue(now):
        yield f"pathway: `{pathway.canonical}` is past its review date; it stays in force until a reviewed version is (GOV-8)."


def _listed(found: Sequence[str]) -> Iterator[str]:
    """The first findings of each kind, and how many more there are; the kind is the word before the colon."""
    kinds = Counter[str]()
    for each in found:
        kind = each.partition(":")[0]
        kinds[kind] += 1
        if kinds[kind] <= LISTED:
            yield each
    for kind, count in kinds.items():
        if count > LISTED:
            yield f"{kind}: and {count - LISTED} more."
