"""Reads records by id, reads their versions, and commits Changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from pymongo import IndexModel

from service.change import Change
from service.fhir.reference import key, type_of
from service.problem import Category, Refused, problem
from service.store import commit, generations, history, ledger, ledger_page, outbox, relations, timers, worklist
from service.store.commit import KEYS, Prepared, Taken, Transaction, conflict, prepare
from service.store.commit_queue import CommitQueue
from service.store.history import History
from service.store.ledger import Ledger, Link
from service.store.mongo import Mongo, reaching
from service.store.row import Document, Projection, Projector, Row, row_of
from service.store.seal_file import KeptSeals, SealFile
from service.store.visible import drawn_anew

Indexes = Mapping[str, Sequence[IndexModel]]
FIXED: tuple[Indexes, ...] = (commit.INDEXES, history.INDEXES, relations.INDEXES, timers.INDEXES, outbox.INDEXES, ledger.INDEXES)
REPEATS = 3
ANSWERS_BEFORE = "claims"
"""The collection of answers in layouts up to 3."""
IDENTIFIER = "rule:IDN-7:"
"""How the unique key of an actor's business identifier begins."""


class Held(Refused):
    """Refuses a Change because another record holds one of its unique keys.

    `holder` is that record's reference; `rule` is the id of the rule that the key enforces, empty when the key enforces none.
    """

    def __init__(self, key: str, holder: str) -> None:
        self.key = key
        self.holder = holder
        self.rule = key.split(":")[1] if key.startswith("rule:") else ""
        text = f"`{holder}` exists already and may exist only once: change that record instead of adding another."
        identifier = key.removeprefix(IDENTIFIER)
        if identifier != key:
            text = f"The identifier `{identifier}` is that of `{holder}` already, and names one actor: use that, or correct it."
        super().__init__(problem(Category.DUPLICATE, "duplicate", text, rule=self.rule))


class Repeated(Refused):
    """Refuses a request that was received before; `answer` is the answer that the first request was given."""

    def __init__(self, key: str, answer: Mapping[str, Any]) -> None:
        self.key = key
        self.answer = answer
        text = "This request was received before and is not applied twice: send a new request id with a new request."
        super().__init__(problem(Category.DUPLICATE, "duplicate", text, rule="HOV-9"))


def no_indexes(type_: str) -> Sequence[IndexModel]:
    """Gives no search indexes for any type: the choice of a store that is not searched."""
    del type_
    return ()


class Records:
    """Reads and commits records. `projector` draws each row's index and facts; `row_indexes` gives the MongoDB indexes by which
    the rows of a type are searched; `ledger_key` is the secret of the audit ledger's hashes, and `seal_file` keeps the ledger's
    seals outside the database."""

    def __init__(
        self,
        mongo: Mongo,
        projector: Projector,
        *,
        ledger_key: bytes = b"",
        seal_file: SealFile | KeptSeals | None = None,
        row_indexes: Callable[[str], Sequence[IndexModel]] = no_indexes,
    ) -> None:
        self.mongo = mongo
        self.projector = projector
        self.ledger = Ledger(mongo, projector, ledger_key, seal_file)
        self.past = History(mongo, projector)
        self._row_indexes = row_indexes
        self._ready: set[str] = set()
        self._queue = CommitQueue(self._run, self.ledger)

    def over(self, mongo: Mongo, kept: KeptSeals) -> Records:
        """The same records in a snapshot of the database; `kept` are the seals that were kept outside before it was taken."""
        return Records(mongo, self.projector, ledger_key=self.ledger.key, seal_file=kept)

    @property
    def waiting(self) -> int:
        """How many Changes wait to be committed in this process."""
        return self._queue.waiting

    async def prepare(self, types: Iterable[str] = ()) -> None:
        """Makes the collections and indexes of the store and of these types. The collection of any other type is made when
        a record of the type is first written."""
        wanted: dict[str, Sequence[IndexModel]] = {generations.GENERATIONS: ()}
        for fixed in FIXED:
            wanted.update(fixed)
        for type_ in sorted({*types, "AuditEvent"}):
            wanted.update(self._indexes(type_))
        await self.mongo.ensure_indexes(wanted)

    async def name_anew(self) -> None:
        """Gives the rows of an older layout the names by which they are found, and the collections of all types their indexes."""
        names = await self.mongo.names()
        await self.prepare(name.removeprefix("r.") for name in names if name.startswith("r."))
        await drawn_anew(self.mongo)

    async def list_anew(self) -> None:
        """Gives the open Tasks of an older layout the agencies on whose worklist they stand, and their index."""
        if worklist.COLLECTION in await self.mongo.names():
            await self.prepare([worklist.TYPE])
            await worklist.drawn_anew(self.mongo)

    async def join_answers(self) -> None:
        """Moves the answers of an older layout to the keys. It may be repeated."""
        if ANSWERS_BEFORE in await self.mongo.names():
            await self.mongo.aggregate(ANSWERS_BEFORE, [{"$merge": {"into": KEYS, "whenMatched": "keepExisting"}}])
            async with reaching():
                await self.mongo.collection(ANSWERS_BEFORE).drop()

    def ask(self, type_: str, id_: str) -> Awaitable[Row | None]:
        """Starts a `read` now; the caller awaits the row later."""
        if type_ == ledger_page.TYPE:
            places = [each for each in (id_, ledger_page.page_of(id_)) if each]
            return _First([self.mongo.lookup.ask(ledger_page.ENTRIES, each, partial(self._entry, id_)) for each in places])
        return self.mongo.lookup.ask(f"r.{type_}", id_, lambda document: row_of(type_, document, self.projector))

    async def read(self, type_: str, id_: str) -> Row | None:
        """The current version of a record, deleted or not; None when the record never existed. Concurrent readers share a
        query."""
        return await self.ask(type_, id_)

    async def read_many(self, references: Iterable[str]) -> dict[str, Row]:
        """The current version of each of these records that exists, by reference."""
        asked = {reference: self.ask(*key(reference)) for reference in references}
        return {reference: row for reference, pending in asked.items() if (row := await pending) is not None}

    async def version(self, type_: str, id_: str, version: int) -> Row | None:
        """One version of a record; None when there is no such version."""
        return await self.past.version(type_, id_, version) or await self._current(type_, id_, version)

    async def history(self, type_: str, id_: str, *, before: int | None = None, limit: int) -> list[Row]:
        """The versions of a record, newest first, at most `limit`, all older than version `before`."""
        absent = False
        if before is None:
            row = await self.read(type_, id_)
            before, absent = (row.version + 1, False) if row else (2, True)
        # An absent record is looked for in the history, too, so that it takes the time of one that is there.
        found = await self.past.versions(type_, id_, before, limit)
        if found or before != 2 or absent:
            return found
        only = await self._current(type_, id_, 1)  # an audit entry has one version and no history
        return [only] if only else []

    async def commit(self, change: Change, custodian: str = "") -> dict[str, Row]:
        """The rows written, by reference, once everything in the Change is durable. When a Change has no writes, its audit
        entries belong to `custodian`.

        Raises Refused: CONFLICT when a `before`, a guard or a timer does not hold any more, Held when a unique key is taken,
        Repeated when the idempotency key is kept, UNAVAILABLE when the database cannot be reached. A refused Change has written
        nothing; after UNAVAILABLE the Change was written as a whole or not at all.
        """
        return await self.submit(prepare(change, self.projector, custodian))

    async def submit(self, prepared: Prepared) -> dict[str, Row]:
        """Commits a Change that was prepared before; otherwise as `commit`."""
        if wanted := self._collections(prepared):
            await self.mongo.ensure_indexes(wanted)
            self._ready.update(each.removeprefix("r.") for each in wanted if each.startswith("r."))
        for _ in range(REPEATS):
            try:
                await self._queue.submit(prepared)
            except Taken as taken:
                await self._explain(taken)
            else:
                return {each.reference: row_of(each.type, each.current, self.projector) for each in prepared.drafts}
        raise conflict(" or ".join(draft.reference for draft in prepared.drafts) or "the request")

    def answered(self, key: str) -> Awaitable[Mapping[str, Any] | None]:
        """Starts to look now for the answer that the request with this idempotency key was given; None when no such request was
        received."""
        return self.mongo.lookup.ask(KEYS, key, lambda kept: kept.get("answer"))

    async def holder(self, key: str) -> str | None:
        """The reference of the record that holds a unique key, None when no record holds the key."""
        return (await self._kept(key)).get("ref")

    async def vacant(self, change: Change) -> None:
        """Raises Held when a record that the Change does not write holds one of the unique keys that the Change would take."""
        written = {f"{write.resource['resourceType']}/{write.resource['id']}" for write in change.writes}
        for wanted in [wanted for write in change.writes for wanted in write.keys]:
            if (holder := await self.holder(wanted)) is not None and holder not in written:
                raise Held(wanted, holder)

    async def _run(self, batch: Sequence[Prepared], link: Link | None) -> None:
        await self.mongo.transaction(Transaction(self.mongo, batch, link).run)
        outbox.tell(each.change for each in batch)

    async def _explain(self, taken: Taken) -> None:
        """Raises Held or Repeated for a key that is taken; returns when the key is free by now and the commit may be tried
        again. A primary just elected has keys that it does not read yet, until a majority has them from it."""
        kept = await self._kept(taken.key)
        if not kept:
            await self.mongo.followed()
            kept = await self._kept(taken.key)
        if "ref" in kept:
            raise Held(taken.key, kept["ref"]) from taken
        if "answer" in kept:
            raise Repeated(taken.key, kept["answer"]) from taken

    async def _kept(self, key: str) -> Document:
        """What is kept under a unique key or an idempotency key; empty when it is free."""
        return await self.mongo.lookup.one(KEYS, key) or {}

    async def _current(self, type_: str, id_: str, version: int) -> Row | None:
        row = await self.read(type_, id_)
        return row if row is not None and row.version == version else None

    def _collections(self, prepared: Prepared) -> Indexes:
        wanted: dict[str, Sequence[IndexModel]] = {}
        types = {each.type for each in prepared.drafts} | {type_of(reference) for reference, _ in prepared.change.guards}
        for type_ in types - self._ready:
            wanted.update(self._indexes(type_))
        return wanted

    def _indexes(self, type_: str) -> Indexes:
        return {f"r.{type_}": [*self._row_indexes(type_), *ledger.INDEXES.get(f"r.{type_}", ())]}

    def _entry(self, id_: str, document: Document) -> Row | None:
        """The AuditEvent with this id in a page of the ledger, or in a document of its own."""
        rows = ledger_page.rows_of(ledger_page.TYPE, document, self.projector)
        return next((row for row in rows if row.id == id_), None)


class _First:
    """The first row that one of several reads finds."""

    def __init__(self, reads: Sequence[Awaitable[Row | None]]) -> None:
        self._reads = reads

    def __await__(self) -> Generator[Any, None, Row | None]:
        for each in self._reads:
            if (row := (yield from each.__await__())) is not None:
                return row
        return None


__all__ = ["Held", "Projection", "Projector", "Records", "Repeated", "Row"]
