"""The audit ledger: every AuditEvent that the service writes, chained by keyed hashes so that a change of any AuditEvent shows.

AuditEvents are kept in pages (`store.ledger_page`) in the collection of their type, so that AuditEvents are found and read as any
record. A page has three more fields: `s`, its stream; `n`, the page's number in the stream; and `h`, the hash over the previous
page's hash and the page's content. A stream has one writer, and the writer knows the end of its stream, so no two commits ever
wait for each other. The stream is written to the database before its first page. A seal binds the ends of all streams that have
grown, and the previous seal. The key of the hashes lies outside the database, so a person who can only write to the database
cannot forge a hash.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.errors import DuplicateKeyError

from service import clock
from service.change import Resource
from service.store.ledger_page import MOST_ENTRIES, page
from service.store.mongo import Mongo, Session, reaching
from service.store.row import Document, Projector

ENTRIES = "r.AuditEvent"
STREAMS = "ledger"
SEALS = "seals"
INDEXES = {
    ENTRIES: [IndexModel([("s", 1), ("n", 1)], unique=True, partialFilterExpression={"s": {"$exists": True}})],
    STREAMS: [],
    SEALS: [],
}
LIFE = timedelta(hours=6)
"""How long a writer uses one stream before the writer begins a new stream. Old streams end, so a seal need not read them all."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: the number and hash of its last page."""

    stream: str
    begun: datetime
    number: int = 0
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """An AuditEvent to be chained, its instant, and the custodian that the AuditEvent belongs to."""

    event: Resource
    at: datetime
    custodian: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Pages chained to the head of a stream, and the head after the pages. A writer takes the new head only once the pages are
    committed."""

    documents: tuple[Document, ...]
    head: Head

    async def write(self, mongo: Mongo, session: Session = None) -> None:
        """Inserts the pages, in the caller's transaction when a session is given."""
        await mongo.collection(ENTRIES).insert_many(list(self.documents), session=session)


class Ledger:
    """Chains pages, seals streams, and checks pages and seals. `key` is the secret of the hashes."""

    def __init__(self, mongo: Mongo, projector: Projector, key: bytes = b"") -> None:
        self._mongo = mongo
        self._projector = projector
        self._key = key

    async def begun(self, head: Head | None, now: datetime) -> Head:
        """The head that a writer continues: `head`, or the head of a new stream when `head` is None or older than `LIFE`. Raises
        Refused UNAVAILABLE."""
        if head is not None and now - head.begun < LIFE:
            return head
        fresh = Head(clock.new_id(), now)
        async with reaching():
            await self._mongo.collection(STREAMS).insert_one({"_id": fresh.stream, "n": 0, "at": now, "open": True})
        return fresh

    def link(self, head: Head, entries: Sequence[Entry]) -> Link:
        """The entries as pages that continue the stream of `head`: one page for each custodian, or more where a page is full."""
        documents = []
        at = max(entry.at for entry in entries)
        for custodian, events in _by_custodian(entries):
            document = page(events, at, custodian, self._projector)
            number = head.number + 1
            hash_ = self._hash(head.hash, head.stream, number, document)
            documents.append({**document, "s": head.stream, "n": number, "h": hash_})
            head = Head(head.stream, head.begun, number, hash_)
        return Link(tuple(documents), head)

    async def seal(self, at: datetime) -> bool:
        """Writes a seal over the ends of the streams that have grown since the last seal. False when no stream has grown, or when
        another worker wrote a seal at the same moment."""
        async with reaching():
            last = await self._mongo.collection(SEALS).find_one({}, sort=[("_id", -1)]) or {"_id": 0, "h": b""}
            streams = await self._mongo.collection(STREAMS).find({"open": True}).sort("_id", 1).to_list(None)
            ends = {each["_id"]: await self._end(each["_id"]) for each in streams}
            moved = [[each["_id"], *ends[each["_id"]]] for each in streams if ends[each["_id"]][0] != each["n"]]
            over = [each["_id"] for each in streams if ends[each["_id"]][0] == each["n"] and at - each["at"] > 2 * LIFE]
            if moved:
                seal = {"_id": last["_id"] + 1, "at": at, "heads": moved}
                try:
                    await self._mongo.collection(SEALS).insert_one({**seal, "h": self._seal_hash(bytes(last["h"]), seal)})
                except DuplicateKeyError:
                    return False
            await self._remember(moved, over)
        return bool(moved)

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

    async def verify(self) -> list[str]:
        """Every fault of the ledger, one sentence each; empty when the ledger is whole."""
        async with reaching():
            seals, findings = await self._check_seals()
            streams = {each["_id"] async for each in self._mongo.collection(STREAMS).find({})}
            found: set[str] = set()
            async for document, sentence in self._check_pages():
                found.add(document["s"])
                if sentence:
                    findings.append(sentence)
                expected = seals.pop((document["s"], document["n"]), None)
                if expected is not None and expected != bytes(document["h"]):
                    findings.append(f"Page `{document['n']}` of stream `{document['s']}` is not the one that was sealed.")
        findings += (f"Page `{number}` of stream `{stream}` was sealed and is missing." for stream, number in seals)
        return findings + [f"Stream `{stream}` has pages and was never begun." for stream in sorted(found - streams)]

    async def _check_pages(self) -> AsyncIterator[tuple[Document, str]]:
        """Every page in order, each with a sentence about its fault; the sentence is empty for a sound page."""
        fields = {"s": 1, "n": 1, "h": 1, "body": 1, "cust": 1}
        last: tuple[str, int, bytes] = ("", 0, b"")
        order = [("s", 1), ("n", 1)]
        async for document in self._mongo.collection(ENTRIES).find({"s": {"$exists": True}}, fields).sort(order):
            stream, number = document["s"], document["n"]
            _, before, hash_ = last if stream == last[0] else (stream, 0, b"")
            sentence = ""
            if number != before + 1:
                sentence = f"Stream `{stream}` goes from `{before}` to `{number}`: pages are missing."
            elif self._hash(hash_, stream, number, document) != bytes(document["h"]):
                sentence = f"Page `{number}` of stream `{stream}` is not what was written there."
            yield document, sentence
            last = (stream, number, bytes(document["h"]))

    async def _check_seals(self) -> tuple[dict[tuple[str, int], bytes], list[str]]:
        """The hash of every sealed page, by stream and number, and a sentence for each fault of the seals."""
        heads: dict[tuple[str, int], bytes] = {}
        findings: list[str] = []
        last, number = b"", 0
        async for seal in self._mongo.collection(SEALS).find({}).sort("_id", 1):
            number += 1
            if seal["_id"] != number or self._seal_hash(last, seal) != bytes(seal["h"]):
                findings.append(f"Seal `{seal['_id']}` does not follow the one before it.")
            number, last = seal["_id"], bytes(seal["h"])
            heads.update({(stream, n): bytes(hash_) for stream, n, hash_ in seal["heads"]})
        return heads, findings

    def _hash(self, previous: bytes, stream: str, number: int, document: Mapping[str, Any]) -> bytes:
        return self._digest(previous, stream, number, document["_id"], document["cust"], bytes(document["body"]))

    def _seal_hash(self, previous: bytes, seal: Mapping[str, Any]) -> bytes:
        heads = (part for stream, number, hash_ in seal["heads"] for part in (stream, number, bytes(hash_)))
        return self._digest(previous, "seal", seal["_id"], seal["at"].isoformat(), *heads)

    def _digest(self, *parts: bytes | str | int) -> bytes:
        """The keyed hash over parts. The length of each part is hashed before the part, so that no two lists of parts look
        alike."""
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.digest()


def _by_custodian(entries: Sequence[Entry]) -> Iterator[tuple[str, Sequence[Resource]]]:
    """The events of each custodian, at most `MOST_ENTRIES` at a time."""
    groups: dict[str, list[Resource]] = {}
    for entry in entries:
        groups.setdefault(entry.custodian, []).append(entry.event)
    for custodian, events in groups.items():
        for start in range(0, len(events), MOST_ENTRIES):
            yield custodian, events[start : start + MOST_ENTRIES]
