"""The worker: fires due timers and seals the ledger. Any number may run against one database: leases, not singletons.

Notices for partners wait in the outbox, in order, until a partner has subscribed to them; nothing is dropped meanwhile.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from service import clock
from service.app import Built
from service.change import Timer
from service.problem import Category, Refused, trace
from service.usecases.care import deadlines

log = structlog.get_logger()

LEASE_SECONDS = 15.0
"""How long a worker may take over a batch; when it was killed, the next one takes over after that."""
BATCH = 32
SEAL_EVERY = timedelta(minutes=1)


async def run_once(built: Built, now: datetime) -> int:
    """Fires what is due at `now`, one batch; gives how many timers it settled. Raises Refused UNAVAILABLE."""
    due = await built.services.timers.due(now, LEASE_SECONDS, BATCH)
    return sum([await _fired(built, timer, now) for timer in due])


async def _fired(built: Built, timer: Timer, now: datetime) -> bool:
    """Whether the timer was settled. One that cannot be carried out holds no other up; it is offered again, and logged again."""
    told = {"kind": timer.kind, "key": timer.key, "level": timer.level}
    if not deadlines.known(timer):
        log.warning("unknown-timer", **told)
        return False
    try:
        return await deadlines.fire(built.services, built.base, timer, now)
    except Exception as error:
        if isinstance(error, Refused) and error.problem.category is Category.UNAVAILABLE:
            raise
        log.error("timer-fault", error=type(error).__name__, at=trace(error), **told)
        return False


async def run(built: Built) -> None:
    """Works until it is cancelled. A database that is away is waited for."""
    pause = built.services.settings.worker_poll_seconds
    seal_at = clock.now()
    while True:
        settled = 0
        try:
            settled = await run_once(built, clock.now())
            if clock.now() >= seal_at:
                seal_at = clock.now() + SEAL_EVERY
                await built.services.ledger.seal(clock.now())
        except Refused as refusal:
            log.warning("worker-waits", reason=str(refusal))
        except Exception as error:
            log.error("worker-fault", error=type(error).__name__, at=trace(error))
        await asyncio.sleep(0 if settled == BATCH else pause)
