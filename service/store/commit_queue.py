"""Group commit: Changes that arrive together and touch nothing in common share one transaction.

A commit costs one wait for the disk and a handful of round trips, however many Changes the commit carries. Changes that touch
the same record, key or timer wait for each other in this process, instead of conflicting in the database. To its caller each
Change is its own transaction: when a shared transaction fails, its Changes are tried again one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pymongo.errors import PyMongoError

from service.problem import Category, Refused
from service.store.commit import Prepared, answers_of
from service.store.ledger import Head, Ledger, Link, Written
from service.store.mongo import Unfollowed

LANES = 3
MOST_CHANGES = 64
WORTH_A_LANE = 16
"""How many waiting Changes start another lane while a lane is busy. Fewer Changes wait for more, to be committed together, for at
most `PATIENCE_SECONDS`."""
PATIENCE_SECONDS = 0.005

Run = Callable[[Sequence[Prepared], Link | None], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Waiting:
    """A Change in the queue, and the future that its caller awaits."""

    prepared: Prepared
    done: asyncio.Future[None]


@dataclass(slots=True)
class Together:
    """What the Changes of one batch touch."""

    own: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    raised: set[str] = field(default_factory=set)
    premises: set[str] = field(default_factory=set)

    def takes(self, prepared: Prepared) -> bool:
        """Whether a Change may share the transaction: no record of one is touched by the other, and neither raises a counter that
        the other rests on."""
        records = self.own.isdisjoint(prepared.own | prepared.shared) and self.shared.isdisjoint(prepared.own)
        return records and self.raised.isdisjoint(prepared.premises) and self.premises.isdisjoint(prepared.generations)

    def add(self, prepared: Prepared) -> None:
        """Takes a Change into the batch."""
        self.own |= prepared.own
        self.shared |= prepared.shared
        self.raised |= prepared.generations
        self.premises |= prepared.premises


class CommitQueue:
    """A queue of Changes and a few lanes that commit them. Each lane is the one writer of its ledger stream."""

    def __init__(self, run: Run, ledger: Ledger) -> None:
        self._run = run
        self._ledger = ledger
        self._queue: list[Waiting] = []
        self._free: list[Head | None] = [None] * LANES
        self._running: set[asyncio.Task[None]] = set()
        self._touched: set[str] = set()
        self._scheduled = False
        self._later: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many Changes wait."""
        return len(self._queue)

    async def submit(self, prepared: Prepared) -> None:
        """Returns when the Change is committed; raises the refusal when the Change is refused. When the caller is cancelled, a
        Change still in the queue is withdrawn, and a transaction that has begun runs to its end."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(prepared, loop.create_future())
        waiting.done.add_done_callback(_seen)
        self._queue.append(waiting)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        try:
            await asyncio.shield(waiting.done)
        except asyncio.CancelledError:
            if waiting in self._queue:
                self._queue.remove(waiting)
            raise

    def _start(self) -> None:
        """Gives every free lane a batch of Changes that may be committed now."""
        self._scheduled = False
        while self._free and self._queue:
            if len(self._free) < LANES and len(self._queue) < WORTH_A_LANE:
                loop = asyncio.get_running_loop()
                self._later = self._later or loop.call_later(PATIENCE_SECONDS, self._overdue)
                return
            if not self._begin():
                return

    def _overdue(self) -> None:
        """Starts a batch when `PATIENCE_SECONDS` have passed, however few Changes are waiting."""
        self._later = None
        if self._free and self._queue:
            self._begin()

    def _begin(self) -> bool:
        """Starts one free lane with a batch; False when no Change may be committed now."""
        batch = self._pick()
        if batch:
            task = asyncio.get_running_loop().create_task(self._drive(self._free.pop(), batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return bool(batch)

    def _pick(self) -> list[Waiting]:
        """Takes a batch out of the queue: the Changes, in order of arrival, that have nothing in common with a Change of another
        lane, and `own` nothing that another Change of the batch touches. A Change never overtakes an earlier Change that touches
        the same thing."""
        batch: list[Waiting] = []
        together = Together()
        passed: set[str] = set()
        for waiting in list(self._queue):
            prepared, touched = waiting.prepared, waiting.prepared.touched
            apart = self._touched.isdisjoint(touched) and passed.isdisjoint(touched)
            if apart and together.takes(prepared) and len(batch) < MOST_CHANGES:
                batch.append(waiting)
                together.add(prepared)
            else:
                passed |= touched
        for waiting in batch:
            self._queue.remove(waiting)
            self._touched |= waiting.prepared.touched
        return batch

    async def _drive(self, head: Head | None, batch: list[Waiting]) -> None:
        try:
            head = await self._commit(head, batch)
        finally:
            for waiting in batch:
                self._touched -= waiting.prepared.touched
                if not waiting.done.done():
                    waiting.done.cancel()
            self._free.append(head)
            self._start()

    async def _commit(self, head: Head | None, batch: list[Waiting]) -> Head | None:
        """Commits a batch together, or one by one when that fails. Returns the stream's head afterwards, None when the head is
        not known."""
        try:
            link = None
            entries = [each for waiting in batch for each in waiting.prepared.entries]
            drafts = [each for waiting in batch for each in waiting.prepared.drafts]
            answers = [each for waiting in batch for each in answers_of(waiting.prepared.change)]
            if entries or drafts:
                head = await self._ledger.begun(head)
                link = self._ledger.link(head, entries, Written(drafts, answers))
            await self._run([waiting.prepared for waiting in batch], link)
        except Exception as error:
            if isinstance(error, Unfollowed):
                self._give_up()
            if _doubtful(error):
                head = None
            elif len(batch) > 1:
                for waiting in batch:
                    head = await self._commit(head, [waiting])
                return head
            _end(batch, error)
            return head
        _end(batch)
        return link.head if link else head

    def _give_up(self) -> None:
        """Refuses what waits, because a majority does not follow: tried in turn, the last would wait for as many times as long.
        Nothing of it is stored."""
        waiting, self._queue = self._queue, []
        _end(waiting, Unfollowed())


def _doubtful(error: Exception) -> bool:
    """Whether the transaction may have been committed in spite of the error. The stream's end is not known then, and the lane
    begins a new stream."""
    if isinstance(error, Refused):
        return error.problem.category is Category.UNAVAILABLE
    return isinstance(error, PyMongoError) and error.has_error_label("UnknownTransactionCommitResult")


def _end(batch: Sequence[Waiting], error: Exception | None = None) -> None:
    for waiting in batch:
        if waiting.done.done():
            continue
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)


def _seen(done: asyncio.Future[None]) -> None:
    """Marks a future's failure as retrieved, because the caller of the Change may have been cancelled."""
    if not done.cancelled():
        done.exception()
