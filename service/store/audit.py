"""Writes the AuditEvents of requests that change no record: reads, searches, denials, and changes of a register. AuditEvents of
the same moment and custodian go into the ledger as one page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pymongo import ReturnDocument

from service import clock
from service.change import Resource
from service.store.generations import GENERATIONS
from service.store.ledger import Entry, Head, Ledger, Written
from service.store.mongo import Body, Mongo, Session, reached, reaching
from service.store.row import Document

T = TypeVar("T")

WRITERS = 2
"""How many pages are written at once. With one writer, all readers would wait for the disk in step; with many writers, no page
would fill."""


@dataclass(eq=False, slots=True)
class _Told:
    """An entry in the queue, and the future that its caller awaits."""

    entry: Entry
    done: asyncio.Future[None]


@reached
class AuditTrail:
    """Writes AuditEvents into the ledger. Each writer has a stream of its own, and a free writer takes all AuditEvents that are
    waiting."""

    def __init__(self, mongo: Mongo, ledger: Ledger) -> None:
        self._mongo = mongo
        self._ledger = ledger
        self._queue: list[_Told] = []
        self._free: list[Head | None] = [None] * WRITERS
        self._running: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._registers: Head | None = None
        self._turn = asyncio.Lock()

    async def note(self, event: Resource, *, at: datetime | None = None, custodian: str = "") -> None:
        """Returns when the event (an AuditEvent without id) is durable; the caller releases no data before. `custodian` is the
        organisation whose record was read. Raises Refused UNAVAILABLE when the event cannot be written."""
        loop = asyncio.get_running_loop()
        told = _Told(Entry(event, at or clock.now(), custodian), loop.create_future())
        self._queue.append(told)
        if self._free and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._start)
        await told.done

    async def together(self, change: Body[T], entry: Entry, rows: Sequence[str] = ()) -> T:
        """Makes a change of a register and writes its entry in one transaction; a change whose result is false changed nothing,
        and its entry is not written. `rows` name what it changes, as `collection/_id`. Gives the result. Raises Refused
        UNAVAILABLE, and what `change` raises: nothing is changed then."""
        async with self._turn:
            head, self._registers = await self._ledger.begun(self._registers), None

            async def both(session: Session) -> tuple[T, Head]:
                result = await change(session)
                if not result:
                    return result, head
                written = Written(rows=[await self._changed(name, session) for name in rows])
                link = self._ledger.link(head, [entry], written)
                await link.write(self._mongo, session)
                return result, link.head

            result, self._registers = await self._mongo.transaction(both)
            return result

    async def _changed(self, name: str, session: Session) -> tuple[str, int, Document | None]:
        """A register's row as it is now, with the number of this change among the changes of the row."""
        collection, _, identity = name.partition("/")
        counter = await self._mongo.collection(GENERATIONS).find_one_and_update(
            {"_id": f"register:{name}"}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER, session=session
        )
        return name, counter["n"], await self._mongo.collection(collection).find_one({"_id": identity}, session=session)

    def _start(self) -> None:
        """Gives a free writer all entries of the queue."""
        self._scheduled = False
        if self._free and self._queue:
            told, self._queue = self._queue, []
            task = asyncio.get_running_loop().create_task(self._write(self._free.pop(), told))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _write(self, head: Head | None, told: list[_Told]) -> None:
        try:
            head = await self._append(head, [each.entry for each in told])
            _end(told)
        except Exception as error:
            head = None  # some pages may have been written: the stream's end is not known, and the writer begins a new stream
            _end(told, error)
        finally:
            for each in told:
                each.done.cancel()
            self._free.append(head)
            self._start()

    async def _append(self, head: Head | None, entries: list[Entry]) -> Head:
        """Inserts the entries' pages, and returns the new head when the pages are durable."""
        link = self._ledger.link(await self._ledger.begun(head), entries)
        async with reaching():
            await link.write(self._mongo)
        return link.head


def _end(told: list[_Told], error: Exception | None = None) -> None:
    for each in told:
        if each.done.done():  # the caller was cancelled, or has its result
            continue
        if error is None:
            each.done.set_result(None)
        else:
            each.done.set_exception(error)
            each.done.exception()  # retrieved here, because the caller may be gone
