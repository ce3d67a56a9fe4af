"""A watch over the database of one process: a line in the log when it goes away, and one when it answers again, whoever asks it
meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

import structlog
from pymongo.errors import PyMongoError

from service.problem import Refused
from service.store.mongo import Mongo

log = structlog.get_logger()
PAUSE_SECONDS = 5.0
"""How long between two looks. What is away for less is not told."""


class Watch:
    """Looks at one database."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._away = False

    async def run(self) -> None:
        """Looks until the task is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(PAUSE_SECONDS)

    async def look(self) -> None:
        """Looks once, and tells what has changed."""
        try:
            await self._mongo.followed()
        except (Refused, PyMongoError) as error:
            if not self._away:
                reason = str(error) if isinstance(error, Refused) else type(error).__name__
                log.warning("database-away", at=self._mongo.at, reason=reason)
            self._away = True
            return
        if self._away:
            log.info("database-answers", at=self._mongo.at)
        self._away = False


@contextlib.asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Work that runs beside the service, such as a Watch, and is cancelled when the service ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
