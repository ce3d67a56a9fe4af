"""The audit ledger: every AuditEvent that the service writes, and the digest of every record version, chained by keyed hashes so
that a change of any of them shows.

AuditEvents are kept in pages (`store.ledger_page`) in the collection of their type, so that AuditEvents are found and read as any
record. A page has more fields:

- `s`, its stream, and `n`, the page's number in the stream;
- `f`, the form of its hash;
- `w`, the record versions that the page's commit wrote, each with its name and the digests of its documents;
- `a`, the digests of the answers that the commit kept for repeated requests;
- `r`, the rows of registers that the commit changed, each with its name, the number of the change, and the digest of the row;
- `h`, the hash over the previous page's hash and the whole page.

A stream has one writer, and the writer knows the end of its stream, so no two commits ever wait for each other. The stream is
written to the database before its first page. A seal (`store.seals`) binds the ends of all streams that have grown. The key of
the hashes lies outside the database, so a person who can only write to the database cannot forge a hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import IndexModel

from service import clock
from service.change import Resource
from service.store.digests import digest
from service.store.ledger_check import LedgerCheck, Whole
from service.store.ledger_page import ENTRIES, FORM, MOST_ENTRIES, page
from service.store.mongo import Mongo, Session, reaching
from service.store.row import Document, Draft, Projector, lasting
from service.store.seal_file import KeptSeals, SealFile
from service.store.seals import LIFE, SEALS, STREAMS, Seal, Seals

INDEXES = {
    ENTRIES: [IndexModel([("s", 1), ("n", 1)], unique=True, partialFilterExpression={"s": {"$exists": True}})],
    STREAMS: [],
    SEALS: [],
}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: the number and hash of its last page. `begun` is when the stream was begun, told to its one
    writer by `clock.elapsed`."""

    stream: str
    begun: float
    number: int = 0
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """An AuditEvent to be chained, its instant, and the custodian that the AuditEvent belongs to."""

    event: Resource
    at: datetime
    custodian: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit wrote besides its AuditEvents: the drafts of record versions, the answers kept for repeated requests, and the
    rows of registers, each with its name `collection/_id`, the number of this change among the changes of the row, and the row,
    None when it was removed."""

    drafts: Sequence[Draft] = ()
    answers: Sequence[Document] = ()
    rows: Sequence[tuple[str, int, Document | None]] = ()


NOTHING = Written()


@dataclass(frozen=True, slots=True)
class Link:
    """Pages chained to the head of a stream, and the head after the pages. A writer takes the new head only once the pages are
    committed."""

    documents: tuple[Document, ...]
    head: Head

    async def write(self, mongo: Mongo, session: Session = None) -> None:
        """Inserts the pages, in the caller's transaction when a session is given."""
        await mongo.collection(ENTRIES).insert_many(list(self.documents), session=session)


async def begun(mongo: Mongo) -> bool:
    """Whether the database has a ledger already."""
    async with reaching():
        return await mongo.collection(STREAMS).find_one({}, {"_id": 1}) is not None


class Ledger:
    """Chains pages, seals streams, and checks pages and seals. `key` is the secret of the hashes; `outside` keeps the seals
    outside the database, None when they are kept in the database alone."""

    def __init__(self, mongo: Mongo, projector: Projector, key: bytes = b"", outside: SealFile | KeptSeals | None = None) -> None:
        self._mongo = mongo
        self._projector = projector
        self.key = key
        self._outside = outside
        self._seals = Seals(mongo, key, outside if isinstance(outside, SealFile) else None)

    async def begun(self, head: Head | None) -> Head:
        """The head that a writer continues: `head`, or the head of a new stream when `head` is None or older than `LIFE`. Raises
        Refused UNAVAILABLE."""
        now = clock.elapsed()
        if head is not None and now - head.begun < LIFE.total_seconds():
            return head
        fresh = Head(clock.new_id(), now)
        async with reaching():
            await self._mongo.collection(STREAMS).update_one(
                {"_id": fresh.stream}, [{"$set": {"n": 0, "at": "$$NOW", "open": True}}], upsert=True
            )
        return fresh

    def link(self, head: Head, entries: Sequence[Entry], written: Written = NOTHING) -> Link:
        """The entries as pages that continue the stream of `head`: one page for each custodian, or more where a page is full. The
        first page names all that was `written`; it has no entries when there are none."""
        documents: list[Document] = []
        at = max([entry.at for entry in entries] or [each.current["lu"] for each in written.drafts])
        named = self._named(written)
        for custodian, events in _by_custodian(entries) if entries else [(str(written.drafts[0].current["cust"]), [])]:
            drawn = page(events, at, custodian, self._projector)
            document = {**drawn, **named, "f": FORM, "s": head.stream, "n": head.number + 1}
            document["h"] = digest(self.key, document, head.hash)
            head = Head(head.stream, head.begun, head.number + 1, document["h"])
            documents.append(document)
            named = {}
        return Link(tuple(documents), head)

    def _named(self, written: Written) -> Document:
        """The fields of a page that name what was written. A version has two digests: in the history, and as the current row."""
        key = self.key
        fields: Document = {
            "w": [[each.past["_id"], digest(key, each.past), digest(key, lasting(each.current))] for each in written.drafts],
            "a": [digest(key, each) for each in written.answers],
            "r": [[name, number, digest(key, row) if row else b""] for name, number, row in written.rows],
        }
        return {name: values for name, values in fields.items() if values}

    def kept(self) -> KeptSeals:
        """The seals that are kept outside the database now."""
        return KeptSeals(tuple(self._outside.kept()), self._outside.unreadable()) if self._outside else KeptSeals(())

    async def seal(self, at: datetime) -> Seal | None:
        """Seals the streams that have grown since the last seal, as `Seals.seal`."""
        return await self._seals.seal(at)

    async def sealed(self) -> Seal | None:
        """The newest seal, for an operator or a partner to keep; None before the first. Whoever keeps a seal can show later that
        the ledger had come that far."""
        return await self._seals.newest()

    async def reached(self) -> tuple[int, datetime] | None:
        """The number and the instant of the newest seal; None before the first."""
        return await self._seals.reached()

    async def verified(self) -> Whole:
        """Every page and seal, checked: the faults, and what the pages name."""
        return await LedgerCheck(self._mongo, self.key, self._outside).whole()

    async def verify(self) -> list[str]:
        """Every fault of the ledger, one sentence each; empty when the ledger is whole."""
        return (await self.verified()).faults


def _by_custodian(entries: Sequence[Entry]) -> Iterator[tuple[str, Sequence[Resource]]]:
    """The events of each custodian, at most `MOST_ENTRIES` at a time."""
    groups: dict[str, list[Resource]] = {}
    for entry in entries:
        groups.setdefault(entry.custodian, []).append(entry.event)
    for custodian, events in groups.items():
        for start in range(0, len(events), MOST_ENTRIES):
            yield custodian, events[start : start + MOST_ENTRIES]


__all__ = [
    "ENTRIES",
    "FORM",
    "INDEXES",
    "LIFE",
    "SEALS",
    "STREAMS",
    "Entry",
    "Head",
    "Ledger",
    "Link",
    "Seal",
    "Whole",
    "Written",
]
