"""Seals: what binds the ends of the ledger's streams, so that nothing can be cut off without a trace.

A seal names the last page of every stream that has grown since the seal before it. Its hash `h` is over the previous seal and the
whole seal, and `sig` is the seal's number, instant and hash, signed. The signing key is made from the ledger's secret, which lies
outside the database: the keys that sign id_tokens lie in the database, where an operator of the database could use them.

A chain shows no cut at its very end. The seals are therefore kept outside the database, too: in the data folder
(`store.seal_file`), in the log, and with whomever they were sent to. Only what was written since the last seal can be cut off
unseen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from service.auth.seals import SealingKey
from service.store.digests import digest, raw_bytes
from service.store.ledger_page import ENTRIES
from service.store.mongo import Mongo, reached, reaching
from service.store.row import Document
from service.store.seal_file import SealFile

STREAMS = "ledger"
SEALS = "seals"
LIFE = timedelta(hours=6)
"""How long a writer uses one stream before the writer begins a new stream. Old streams end, so a seal need not read them all.
INVARIANT: clocks of two machines are never compared. A writer counts by itself (`clock.elapsed`), and a stream's age is
told by the database alone; it ends at twice its life, so that the two may differ by as much."""
_OPEN = (
    {"$match": {"open": True}},
    {"$sort": {"_id": 1}},
    {"$set": {"left": {"$lt": ["$at", {"$subtract": ["$$NOW", 2 * LIFE // timedelta(milliseconds=1)]}]}}},
)
"""The streams that have not ended, each with whether its writer has left it for certain."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal's number and its signed form, a compact JWS."""

    number: int
    signed: str


def after(seal: Document) -> bytes:
    """What the next seal's hash begins with: this seal's hash and signature."""
    return raw_bytes(seal, "h") + str(seal.get("sig", "")).encode()


def claims(seal: Document) -> dict[str, Any]:
    """What is signed of a seal: its number, instant and hash."""
    at = seal.get("at")
    told = at.isoformat(timespec="milliseconds") if isinstance(at, datetime) else ""
    return {"seal": seal.get("_id"), "at": told, "hash": raw_bytes(seal, "h").hex()}


@reached
class Seals:
    """Writes seals, and keeps them outside the database."""

    def __init__(self, mongo: Mongo, key: bytes, outside: SealFile | None) -> None:
        self._mongo = mongo
        self._key = key
        self._outside = outside

    async def seal(self, at: datetime) -> Seal | None:
        """Writes a seal over the ends of the streams that have grown since the last seal, and keeps it outside the database. None
        when no stream has grown, or when another worker wrote a seal at the same moment; the seal that another machine's worker
        wrote last is then kept here, too. Raises Refused UNAVAILABLE, also when the seal stands and cannot be kept outside."""
        async with reaching():
            last = await self._last() or {"_id": 0}  # read first: of two workers only one writes the seal after it
            streams = await self._mongo.aggregate(STREAMS, _OPEN)
            ends = {each["_id"]: await self._end(each["_id"]) for each in streams}
            moved = [[each["_id"], *ends[each["_id"]]] for each in streams if ends[each["_id"]][0] != each["n"]]
            over = [each["_id"] for each in streams if ends[each["_id"]][0] == each["n"] and each["left"]]
            made = None
            if moved:
                try:
                    made = await self._write(last, at, moved)
                except DuplicateKeyError:
                    return None
            await self._remember(moved, over)
        newest = made or Seal(last["_id"], last.get("sig", ""))
        if self._outside is not None and (made is not None or newest.number > self._outside.last()):
            await asyncio.to_thread(self._outside.keep, newest.number, newest.signed)
        return made

    async def newest(self) -> Seal | None:
        """The seal written last."""
        async with reaching():
            last = await self._last()
        return Seal(last["_id"], last.get("sig", "")) if last else None

    async def reached(self) -> tuple[int, datetime] | None:
        """The number and the instant of the seal written last."""
        async with reaching():
            last = await self._last()
        return (last["_id"], last["at"]) if last else None

    async def _write(self, last: Document, at: datetime, moved: Sequence[Sequence[Any]]) -> Seal:
        seal: Document = {"_id": last["_id"] + 1, "at": max(at, last.get("at", at)), "heads": moved}
        seal["h"] = digest(self._key, seal, after(last))
        seal["sig"] = SealingKey(self._key).sign(claims(seal))
        await self._mongo.collection(SEALS).insert_one(seal)
        return Seal(seal["_id"], seal["sig"])

    async def _last(self) -> Document | None:
        found: Document | None = await self._mongo.collection(SEALS).find_one({}, sort=[("_id", -1)])
        return found

    async def _end(self, stream: str) -> tuple[int, bytes]:
        """The number and hash of a stream's last page."""
        last = await self._mongo.collection(ENTRIES).find_one({"s": stream}, {"n": 1, "h": 1}, sort=[("n", -1)])
        return (last["n"], bytes(last["h"])) if last else (0, b"")

    async def _remember(self, moved: Sequence[Sequence[Any]], over: Sequence[str]) -> None:
        """Marks how far each stream is sealed, and which streams have ended. A stream whose mark is lost is only sealed again."""
        marks = [UpdateOne({"_id": stream}, {"$max": {"n": number}}) for stream, number, _ in moved]
        marks += [UpdateOne({"_id": stream}, {"$set": {"open": False}}) for stream in over]
        if marks:
            await self._mongo.collection(STREAMS).bulk_write(marks, ordered=False)
