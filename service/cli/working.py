"""`baton worker`: a process that fires timers, separate from the processes that serve."""

from __future__ import annotations

import asyncio
import contextlib

from service import worker
from service.cli import logs
from service.cli.arguments import Data, settings_for
from service.cli.opening import opened
from service.cli.signals import cancelled_by_signals


def work(data: Data = None) -> None:
    """Fire due timers and seal the ledger, beside services that run with `--no-worker`."""
    settings = settings_for(data)
    logs.configure(settings.log_level)

    async def working() -> None:
        cancelled_by_signals()
        with contextlib.suppress(asyncio.CancelledError):
            async with opened(settings) as built:
                print("Baton's worker is running.", flush=True)
                await worker.run(built)

    asyncio.run(working())
