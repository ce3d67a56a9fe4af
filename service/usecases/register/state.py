"""The state of the service for its operators: what waits, and how far the ledger is sealed. No patient and no agency is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.store.outbox import Outbox
from service.usecases.request.services import Services


@dataclass(frozen=True, slots=True)
class State:
    """`timers` are due and not yet fired, `notices` wait in the outbox, `commits` wait for the database in this process; `seal`
    is the number of the newest seal, `sealed` its age in seconds, -1 before the first."""

    timers: int
    notices: int
    commits: int
    seal: int
    sealed: float


async def state(services: Services, outbox: Outbox, now: datetime) -> State:
    """The state now. Raises Refused UNAVAILABLE."""
    number, at = await services.ledger.reached() or (0, None)
    return State(
        timers=await services.timers.overdue(now),
        notices=await outbox.waiting(),
        commits=services.records.waiting,
        seal=number,
        sealed=(now - at).total_seconds() if at else -1.0,
    )
