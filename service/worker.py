"""The worker: fires due timers and seals the ledger. Any number of workers may run against one database, because each takes its
timers under leases.

Notices for partners wait in the outbox, in order, until a partner has subscribed to them; no notice is dropped meanwhile.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from service import clock
from service.app import Built
from service.change import Timer
from service.problem import Category, Refused, trace
from service.store.mongo import Mongo
from service.usecases.care import deadlines

log = structlog.get_logger()

LEASE_SECONDS = 15.0
"""How long a worker may take for a batch of timers. When a worker is killed, other workers may take its timers after this
time."""
BATCH = 32
SEAL_SECONDS = 60.0


async def run_once(built: Built, now: datetime) -> int:
    """Fires one batch of the timers that are due at `now`. Returns the number of timers settled. Raises Refused UNAVAILABLE."""
    due = await built.services.timers.due(now, LEASE_SECONDS, BATCH)
    return sum([await _fired(built, timer, now) for timer in due])


async def _seal(built: Built) -> None:
    """Seals the ledger. The seal is logged: wherever the log is kept, it shows later how far the ledger had come, the more so
    when the data folder cannot keep the seal. Raises Refused UNAVAILABLE."""
    made = None
    try:
        made = await built.services.ledger.seal(clock.now())
    except Refused:
        made = await built.services.ledger.sealed()
        raise
    finally:
        if made is not None:
            log.info("ledger-sealed", seal=made.number, signed=made.signed)


async def _fired(built: Built, timer: Timer, now: datetime) -> bool:
    """Fires one timer. Returns whether the timer was settled. A timer that cannot be carried out does not stop the other timers:
    it is logged, and is due again after its lease."""
    told = {"kind": timer.kind, "key": timer.key, "level": timer.level}
    if not deadlines.known(timer):
        log.warning("unknown-timer", **told)
        return False
    try:
        fired = await deadlines.fire(built.services, built.base, timer, now)
    except Exception as error:
        if isinstance(error, Refused) and error.problem.category is Category.UNAVAILABLE:
            raise
        log.error("timer-fault", error=type(error).__name__, at=trace(error), **told)
        return False
    log.info("timer", fired=fired, kind=timer.kind, level=timer.level)
    return fired


class Pace:
    """The time by which a worker leases: the database's clock, which all workers share, carried on by this process's monotonic
    clock. It never goes back, whatever is done to the clocks of the machines."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._told: datetime | None = None
        self._since = 0.0

    async def now(self) -> datetime:
        """The time now. Raises Refused UNAVAILABLE before the database has first answered."""
        if self._told is None:
            await self.set()
        assert self._told is not None
        return self._told + timedelta(seconds=clock.elapsed() - self._since)

    async def set(self) -> None:
        """Follows the database's clock where that is ahead."""
        told = await self._mongo.time()
        self._told = told if self._told is None else max(told, await self.now())
        self._since = clock.elapsed()


async def run(built: Built) -> None:
    """Runs the worker until the task is cancelled. While the database does not answer, the worker waits and tries again, and says
    so once."""
    pause, pace = built.services.settings.worker_poll_seconds, Pace(built.services.mongo)
    seal_at, waits = clock.elapsed(), False
    while True:
        settled = 0
        try:
            settled = await run_once(built, await pace.now())
            if clock.elapsed() >= seal_at:
                seal_at = clock.elapsed() + SEAL_SECONDS
                await pace.set()
                await _seal(built)
            waits = False
        except Refused as refusal:
            if not waits:
                log.warning("worker-waits", reason=str(refusal))
            waits = True
        except Exception as error:
            log.error("worker-fault", error=type(error).__name__, at=trace(error))
        await asyncio.sleep(0 if settled == BATCH else pause)
