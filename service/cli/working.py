"""`baton worker`: a process that fires timers, separate from the processes that serve."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from service import worker
from service.app import WAIT_SECONDS
from service.cli import logs
from service.cli.arguments import Data, settings_for
from service.cli.opening import opened
from service.cli.signals import cancelled_by_signals
from service.problem import Category, Refused
from service.settings import Settings
from service.store.mongo import address
from service.store.watch import Watch, running

log = structlog.get_logger()


def work(data: Data = None) -> None:
    """Fire due timers and seal the ledger, beside services that run with `--no-worker`."""
    settings = settings_for(data)
    logs.configure(settings.log_level)

    async def working() -> None:
        cancelled_by_signals()
        with contextlib.suppress(asyncio.CancelledError):
            await _awaited(settings)

    asyncio.run(working())


async def _awaited(settings: Settings) -> None:
    """Works on a database of your own as soon as it answers, and says once that it waits. Raises Refused for an embedded one that
    does not start, and for a reason for which it can never work."""
    waits = False
    while True:
        try:
            await _work(settings)
        except Refused as refusal:
            if not settings.mongodb_uri or refusal.problem.category is not Category.UNAVAILABLE:
                raise
            if not waits:
                log.warning("database-awaited", at=address(settings.mongodb_uri), reason=str(refusal))
            waits = True
            await asyncio.sleep(WAIT_SECONDS)


async def _work(settings: Settings) -> None:
    async with opened(settings) as built, running(Watch(built.services.mongo).run()):
        print("Baton's worker is running.", flush=True)
        await worker.run(built)
