"""The audit ledger: every AuditEvent the service writes, chained by keyed hashes so that a change of any of them shows.

An entry is the AuditEvent's own row in `r.AuditEvent`, found and read as any record, with three more fields: the stream
`s`, its number `n` in it, and `h`, the hash over the hash before it and its content. A stream has one writer, which knows
its own head, so no two transactions ever wait for a head. Each stream's head is kept beside; a seal binds the heads of
all streams that moved, and the seal before. The key lies outside the database: whoever can only write to the database can
forge no hash.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.errors import DuplicateKeyError

from service import clock
from service.change import Resource, Write
from service.fhir.resource import stamp
from service.store.mongo import Mongo, Session, reaching
from service.store.row import Document, Projector, draft

ENTRIES = "r.AuditEvent"
HEADS = "ledger"
SEALS = "seals"
INDEXES = {
    ENTRIES: [IndexModel([("s", 1), ("n", 1)], unique=True, partialFilterExpression={"s": {"$exists": True}})],
    HEADS: [],
    SEALS: [],
}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: its last number and hash."""

    stream: str
    number: int = 0
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """An AuditEvent to be chained, when, and whose record it is."""

    event: Resource
    at: datetime
    custodian: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Entries chained to a head, and the head after them. The head moves only when the transaction commits."""

    documents: tuple[Document, ...]
    head: Head

    async def write(self, mongo: Mongo, session: Session) -> None:
        """Insert the entries and move the kept head, in the caller's transaction."""
        await mongo.collection(ENTRIES).insert_many(list(self.documents), session=session)
        moved = {"_id": self.head.stream, "n": self.head.number, "h": self.head.hash}
        await mongo.collection(HEADS).replace_one({"_id": self.head.stream}, moved, upsert=True, session=session)


class Ledger:
    """Chains entries, seals the streams and checks them. `key` is the secret of the hashes."""

    def __init__(self, mongo: Mongo, projector: Projector, key: bytes = b"") -> None:
        self._mongo = mongo
        self._projector = projector
        self._key = key

    def link(self, head: Head, entries: Sequence[Entry]) -> Link:
        """The entries as rows that continue the stream of `head`. Gives each AuditEvent its id."""
        documents = []
        for entry in entries:
            event = stamp(entry.event, id=clock.new_id(), version=1, at=entry.at)
            document = draft(Write(event, 0, entry.custodian, "POST"), entry.at, self._projector).current
            number = head.number + 1
            hash_ = self._hash(head.hash, head.stream, number, document)
            documents.append({**document, "s": head.stream, "n": number, "h": hash_})
            head = Head(head.stream, number, hash_)
        return Link(tuple(documents), head)

    async def append(self, stream: str, entries: Sequence[Entry]) -> Head:
        """Add entries to a stream by its kept head, in a transaction of their own: for commands outside the service."""

        async def add(session: Session) -> Head:
            kept = await self._mongo.collection(HEADS).find_one({"_id": stream}, session=session)
            link = self.link(Head(stream, kept["n"], bytes(kept["h"])) if kept else Head(stream), entries)
            await link.write(self._mongo, session)
            return link.head

        return await self._mongo.transaction(add)

    async def seal(self, at: datetime) -> bool:
        """Bind the heads that moved since the last seal. False when none did, or another worker sealed at this moment."""
        async with reaching():
            last = await self._mongo.collection(SEALS).find_one({}, sort=[("_id", -1)]) or {"_id": 0, "h": b""}
            heads = {each["_id"]: each async for each in self._mongo.collection(HEADS).find({}).sort("_id", 1)}
            moved = [[stream, each["n"], each["h"]] for stream, each in heads.items() if each.get("sealed") != each["n"]]
            if not moved:
                return False
            seal = {"_id": last["_id"] + 1, "at": at, "heads": moved}
            try:
                await self._mongo.collection(SEALS).insert_one({**seal, "h": self._seal_hash(bytes(last["h"]), seal)})
            except DuplicateKeyError:
                return False
            await self._mark(moved)
        return True

    async def _mark(self, moved: Sequence[Sequence[Any]]) -> None:
        """Remember what is sealed, on heads that have not moved on. One that is not marked is only sealed once more."""
        marks = [UpdateOne({"_id": stream, "n": number}, {"$set": {"sealed": number}}) for stream, number, _ in moved]
        await self._mongo.collection(HEADS).bulk_write(marks, ordered=False)

    async def verify(self) -> list[str]:
        """Everything that does not hold, one sentence each; empty when the ledger is whole."""
        async with reaching():
            seals, findings = await self._check_seals()
            heads = {each["_id"]: each async for each in self._mongo.collection(HEADS).find({})}
            ends: dict[str, int] = {}
            async for document, sentence in self._check_entries():
                ends[document["s"]] = document["n"]
                if sentence:
                    findings.append(sentence)
                expected = seals.pop((document["s"], document["n"]), None)
                if expected is not None and expected != bytes(document["h"]):
                    findings.append(f"Entry `{document['n']}` of stream `{document['s']}` is not the one that was sealed.")
        findings += (f"Entry `{number}` of stream `{stream}` was sealed and is missing." for stream, number in seals)
        findings += (
            f"Stream `{stream}` ends at `{ends.get(stream, 0)}`, its head says `{head['n']}`: its last entries are missing."
            for stream, head in heads.items()
            if ends.get(stream, 0) != head["n"]
        )
        return findings + [f"Stream `{stream}` has entries and no head." for stream in ends.keys() - heads.keys()]

    async def _check_entries(self) -> AsyncIterator[tuple[Document, str]]:
        """Every entry in order, with what is wrong with it or nothing."""
        fields = {"s": 1, "n": 1, "h": 1, "body": 1, "cust": 1}
        head = Head("")
        order = [("s", 1), ("n", 1)]
        async for document in self._mongo.collection(ENTRIES).find({"s": {"$exists": True}}, fields).sort(order):
            stream, number = document["s"], document["n"]
            if stream != head.stream:
                head = Head(stream)
            sentence = ""
            if number != head.number + 1:
                sentence = f"Stream `{stream}` goes from `{head.number}` to `{number}`: entries are missing."
            elif self._hash(head.hash, stream, number, document) != bytes(document["h"]):
                sentence = f"Entry `{number}` of stream `{stream}` is not what was written there."
            yield document, sentence
            head = Head(stream, number, bytes(document["h"]))

    async def _check_seals(self) -> tuple[dict[tuple[str, int], bytes], list[str]]:
        """The sealed heads, and what is wrong with the seals."""
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
        """A keyed hash over parts; each is framed by its length, so that no two lists of parts look alike."""
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        return digest.digest()
