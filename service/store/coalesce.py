"""Coalesces reads: concurrent callers share one query. Callers that ask while a batch is being fetched share the next batch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
M = TypeVar("M")

MOST_KEYS = 500
MOST_BATCHES = 2


class PendingRead(Generic[V, M]):
    """The read of one key, which the caller may await. `made` makes of the value what this caller asked for. A caller that is
    cancelled, or never awaits the read, does not disturb the other callers of the batch."""

    __slots__ = ("_future", "_made")

    def __init__(self, future: asyncio.Future[V | None], made: Callable[[V], M]) -> None:
        self._future = future
        self._made = made

    def __await__(self) -> Generator[Any, None, M | None]:
        """What is made of the value of the key; None for a key without a value."""
        value = yield from asyncio.shield(self._future).__await__()
        return None if value is None else self._made(value)


class Coalescer(Generic[K, V]):
    """Fetches keys in batches: one batch per turn of the event loop, at most `MOST_BATCHES` under way.

    A value is never older than the call that asked for it: a batch takes only keys asked for before the batch was sent. An
    exception of `fetch` reaches every caller of the batch. A caller that is cancelled does not disturb the batch's other callers.
    """

    def __init__(self, fetch: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._fetch = fetch
        self._asked: dict[K, asyncio.Future[V | None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._scheduled = False

    def ask(self, key: K, made: Callable[[V], M]) -> PendingRead[V, M]:
        """Starts to read a key now; the caller awaits what is `made` of its value later, and may start other reads meanwhile."""
        return PendingRead(self._ask(key), made)

    async def get(self, key: K) -> V | None:
        """The value of one key, None for a key without a value."""
        return await asyncio.shield(self._ask(key))

    async def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """The values of these keys, by key; a key without a value is left out."""
        asked = {key: self._ask(key) for key in keys}
        if len(asked) == 1:
            ((key, future),) = asked.items()
            value = await asyncio.shield(future)
            return {} if value is None else {key: value}
        if asked:
            # The futures are awaited together, so that a failure is raised once, to the caller that waits.
            await asyncio.wait(asked.values())
        answers = {key: future.result() for key, future in asked.items()}
        return {key: value for key, value in answers.items() if value is not None}

    def _ask(self, key: K) -> asyncio.Future[V | None]:
        future = self._asked.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._asked[key] = loop.create_future()
            future.add_done_callback(_seen)
            if not self._scheduled and len(self._running) < MOST_BATCHES:
                self._scheduled = True
                loop.call_soon(self._send)
        return future

    def _send(self) -> None:
        """Starts a batch with the keys asked for so far, at most `MOST_KEYS`."""
        self._scheduled = False
        batch = dict(list(self._asked.items())[:MOST_KEYS])
        for key in batch:
            del self._asked[key]
        if batch:
            task = asyncio.get_running_loop().create_task(self._answer(batch))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._asked and not self._scheduled:
            self._send()

    async def _answer(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._fetch(batch.keys())
        except BaseException as error:
            for future in batch.values():
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for key, future in batch.items():
            if not future.done():
                future.set_result(found.get(key))


def _seen(future: asyncio.Future[V | None]) -> None:
    """Marks a future's failure as retrieved, because every caller of the future may have been cancelled."""
    if not future.cancelled():
        future.exception()
