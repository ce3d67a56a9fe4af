"""The one transaction of a Change: guards, rows, history, keys, idempotency keys, timers, outbox, relations, generations, ledger.

Several independent Changes may share a transaction (`service.store.commit_queue`), so a Transaction takes a batch of Changes.
INVARIANT: every row that the transaction reads for a decision, the transaction also writes or guards; snapshot isolation alone
allows write skew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from pymongo import IndexModel, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from service.change import Change, Replaced
from service.fhir.reference import id_of, type_of
from service.problem import Category, Refused, problem
from service.store import outbox, timers
from service.store.generations import GENERATIONS, keys_of
from service.store.history import HISTORY
from service.store.ledger import Entry, Link
from service.store.mongo import Mongo, Session
from service.store.relations import RELATIONS, relation_documents
from service.store.row import Document, Draft, Projector, draft, parties_of

KEYS = "keys"
"""What may be there only once, by its `_id`: a unique key with the record that holds it (`ref`), or an idempotency key with the
answer that is kept for a repeat (`answer`). A document whose `until` is over is as good as deleted, and the database deletes it a
little later: releasing and taking keys is one command then."""
RELEASED = {"until": datetime(1970, 1, 1, tzinfo=UTC)}
INDEXES = {KEYS: [IndexModel("until", expireAfterSeconds=0)]}
_HELD = {"v": 1, "cust": 1, "pts": 1, "parties": 1, "keys": 1, "s": 1}


class Taken(Exception):  # noqa: N818 - a fact for `records` to explain, not an error
    """A key is taken already, so the transaction is lost. The holder of the key can be looked up outside the transaction."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Moved(Refused):
    """Refuses a Change because a premise of its decision, a person's consents or ties, has changed: the use case decides
    again, at the instant `after` or later."""

    def __init__(self, after: datetime | None = None) -> None:
        self.after = after
        text = "What this was decided on was changed by somebody else meanwhile: read again, decide again, and send it again."
        super().__init__(problem(Category.CONFLICT, "conflict", text))


def conflict(reference: str) -> Refused:
    """The refusal of a Change because another change of `reference` was committed first."""
    text = f"`{reference}` was changed by somebody else meanwhile: read it again, decide again, and send the change again."
    return Refused(problem(Category.CONFLICT, "conflict", text))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A Change with its rows drafted, and the names of everything that the Change touches.

    `own` names the records, keys and timers that the Change writes: no other Change may touch them at the same moment. `shared`
    names the guarded records: many Changes of one transaction may touch them, but not two transactions at once. The same holds of
    the counters that the Change raises (`generations`) and of the counters that must stay as they are (`premises`), only that no
    Change of one transaction may raise what another one rests on. `touched` names all of these.
    """

    change: Change
    drafts: tuple[Draft, ...]
    entries: tuple[Entry, ...]
    generations: frozenset[str]
    premises: frozenset[str]
    own: frozenset[str]
    shared: frozenset[str]
    touched: frozenset[str]


def prepare(change: Change, projector: Projector, custodian: str = "") -> Prepared:
    """Drafts everything of a Change that needs no database. The Change's audit entries belong to the custodian of its first
    write, or to `custodian` when the Change writes nothing."""
    drafts = tuple(draft(write, change.at, projector) for write in change.writes)
    touches = chain.from_iterable(write.touches for write in change.writes)
    generations = {*touches, *(key for each in drafts for key in keys_of(each.type, each.current["pts"]))}
    audited = change.writes[0].custodian if change.writes else custodian
    premises = {key for key, _ in change.premises}
    own, shared = set(_own(change, drafts)), {reference for reference, _ in change.guards}
    return Prepared(
        change=change,
        drafts=drafts,
        entries=tuple(Entry(event, change.at, audited) for event in change.audits),
        generations=frozenset(generations),
        premises=frozenset(premises),
        own=frozenset(own),
        shared=frozenset(shared),
        touched=frozenset({*own, *shared, *(f"generation:{key}" for key in generations | premises)}),
    )


def _own(change: Change, drafts: tuple[Draft, ...]) -> Iterator[str]:
    yield from (each.reference for each in drafts)
    yield from (f"key:{key}" for write in change.writes for key in write.keys)
    yield from (f"idempotency:{each.key}" for each in change.idempotency)
    yield from (f"timer:{timer.key}" for timer in change.timers)
    yield from (f"timer:{key}" for key, _ in change.settled)
    yield from (f"timer:{key}" for key in change.cancelled)


def answers_of(change: Change) -> list[Document]:
    """The documents of the answers that a Change keeps for repeated requests."""
    return [{"_id": each.key, "answer": dict(each.answer), "until": each.until} for each in change.idempotency]


class Transaction:
    """The body of one transaction. The database may ask that the body is run again from the start."""

    def __init__(self, mongo: Mongo, batch: Sequence[Prepared], link: Link | None) -> None:
        self.mongo = mongo
        self.changes = [each.change for each in batch]
        self.batch = batch
        self.drafts = [draft for each in batch for draft in each.drafts]
        self.link = link
        self.replaced: dict[str, Replaced] = {}

    async def run(self, session: Session) -> None:
        """Writes every Change of the batch. Raises Refused for a conflict, and Taken for a unique or idempotency key that is
        held; nothing is written then."""
        await self._guard(session)
        await self._load_replaced(session)
        await self._bump(session)  # first: a decision that is late is taken again, before it is refused for what it did not see
        await self._write_rows(session)
        await self._write_keys(session)
        await self._write_relations(session)
        settling = timers.settling(self.changes)
        await self._bulk(session, timers.TIMERS, settling, len(settling), "a timer")
        await self._bulk(session, timers.TIMERS, timers.scheduling(self.changes), 0, "")
        await self._bulk(session, outbox.OUTBOX, outbox.posting(self.changes), 0, "")
        if self.link is not None:
            await self.link.write(self.mongo, session)

    async def _bulk(self, session: Session, name: str, operations: Sequence[Any], expected: int, what: str) -> None:
        """Makes one bulk write, in order. Refuses with a conflict about `what` when fewer than `expected` documents were matched;
        upserts do not count."""
        if operations:
            result = await self.mongo.collection(name).bulk_write(list(operations), ordered=True, session=session)
            if expected and result.matched_count < expected:
                raise conflict(what)

    async def _guard(self, session: Session) -> None:
        """Touches every guarded row, so that this transaction and a concurrent writer of the row cannot both commit."""
        guards: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for reference, version in chain.from_iterable(change.guards for change in self.changes):
            guards[type_of(reference)].add((id_of(reference), version))
        for type_, pairs in guards.items():
            present = [UpdateOne({"_id": id_, "v": version}, {"$inc": {"g": 1}}) for id_, version in sorted(pairs) if version]
            names = " or ".join(f"{type_}/{id_}" for id_, _ in sorted(pairs))
            await self._bulk(session, f"r.{type_}", present, len(present), names)
            absent = [id_ for id_, version in sorted(pairs) if not version]
            if absent:
                rows = self.mongo.collection(f"r.{type_}")
                await _insert(rows, [{"_id": id_} for id_ in absent], session, type_)
                await rows.delete_many({"_id": {"$in": absent}}, session=session)

    async def _load_replaced(self, session: Session) -> None:
        """Loads the custodian, patients, parties and keys of each replaced row whose Write brings no `replaced`."""
        self.replaced = {each.reference: each.replaced for each in self.drafts if each.replaced}
        wanted = {each.reference: each.before for each in self.drafts if each.before and not each.replaced}
        for type_, references in _by_type(wanted).items():
            names = {"_id": {"$in": [_id(each) for each in references]}}
            found = await self.mongo.collection(f"r.{type_}").find(names, _HELD, session=session).to_list(None)
            held = {f"{type_}/{document['_id']}": document for document in found}
            for reference in references:
                self.replaced[reference] = _replaced(reference, wanted[reference], held.get(reference, {}))

    async def _write_rows(self, session: Session) -> None:
        drafts: dict[str, list[Draft]] = defaultdict(list)
        for each in self.drafts:
            drafts[each.type].append(each)
        for type_, group in drafts.items():
            newer = [each for each in group if each.before]
            if not newer:
                await _insert(self.mongo.collection(f"r.{type_}"), [each.current for each in group], session, type_)
                continue
            # A row that is not there is at version 0: with the others it is one command.
            writes = [ReplaceOne({"_id": each.id, "v": each.before}, each.current, upsert=not each.before) for each in group]
            await self._replace(session, type_, writes, newer)
        if self.drafts:
            await self.mongo.collection(HISTORY).insert_many([each.past for each in self.drafts], session=session)

    async def _replace(self, session: Session, type_: str, writes: list[ReplaceOne[Document]], newer: list[Draft]) -> None:
        try:
            await self._bulk(session, f"r.{type_}", writes, len(newer), "` or `".join(each.reference for each in newer))
        except BulkWriteError as error:
            raise conflict(f"{type_}/{_duplicate(error)}") from error

    async def _write_keys(self, session: Session) -> None:
        """Releases the unique keys that the new versions no longer hold, then takes those that the old versions did not hold, and
        the idempotency keys."""
        dropped: list[str] = []
        taken: list[Document] = []
        for each in self.drafts:
            replaced = self.replaced.get(each.reference)
            old, new = set(replaced.keys if replaced else ()), set(each.current["keys"])
            dropped += old - new
            taken += ({"_id": key, "ref": each.reference} for key in sorted(new - old))
        taken += (each for change in self.changes for each in answers_of(change))
        over = {"$lte": max(change.at for change in self.changes)}
        writes = [ReplaceOne({"_id": key}, RELEASED) for key in dropped]
        writes += [ReplaceOne({"_id": each["_id"], "until": over}, each, upsert=True) for each in taken]
        try:
            await self._bulk(session, KEYS, writes, 0, "")
        except BulkWriteError as error:
            raise Taken(str(_duplicate(error))) from error

    async def _write_relations(self, session: Session) -> None:
        """Writes the relations of every record whose relations have changed."""
        changed = [each for each in self.drafts if not self._tied_as_before(each)]
        documents = [document for each in changed for document in relation_documents(each.reference, each.current)]
        held = {each.reference: len(self.replaced[each.reference].parties) for each in changed if each.reference in self.replaced}
        fewer = [
            f"{each.reference}#{number}"
            for each in changed
            for number in range(len(each.current["parties"]), held.get(each.reference, 0))
        ]
        if fewer:
            await self.mongo.collection(RELATIONS).delete_many({"_id": {"$in": fewer}}, session=session)
        if any(held.values()):
            writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in documents]
            await self._bulk(session, RELATIONS, writes, 0, "")
        elif documents:
            await self.mongo.collection(RELATIONS).insert_many(documents, session=session)

    def _tied_as_before(self, each: Draft) -> bool:
        held, current = self.replaced.get(each.reference), each.current
        if held is None or not (held.parties or current["parties"]):
            return held is not None
        here = (current["cust"], tuple(current["pts"]), parties_of(current))
        return here == (held.custodian, held.patients, held.parties)

    async def _bump(self, session: Session) -> None:
        """Raises the generation of every person and directory that the batch touches, including the persons that a replaced
        version belonged to."""
        keys = Counter(chain.from_iterable(each.generations for each in self.batch))
        for each in self.drafts:
            held = self.replaced.get(each.reference)
            keys.update(set(keys_of(each.type, held.patients if held else ())) - keys.keys())
        premises = _agreed(chain.from_iterable(change.premises for change in self.changes))
        resting = [(key, number, keys.pop(key, 0)) for key, number in sorted(premises.items())]
        bumps = [UpdateOne({"_id": key}, {"$inc": {"n": count}}, upsert=True) for key, count in sorted(keys.items())]
        await self._raise(session, [*_holding(resting), *bumps])

    async def _raise(self, session: Session, writes: Sequence[UpdateOne]) -> None:
        """Raises generations; raises Moved when the number of one that a decision was made under differs."""
        if not writes:
            return
        try:
            result = await self.mongo.collection(GENERATIONS).bulk_write(list(writes), ordered=True, session=session)
        except BulkWriteError as error:
            _duplicate(error)  # the counter exists by now; when the decision was made there was none
            raise Moved from error
        if result.matched_count + len(result.upserted_ids or ()) < len(writes):
            raise Moved


def _holding(premises: Sequence[tuple[str, int, int]]) -> list[UpdateOne]:
    """The writes that raise each generation, by a count that may be 0, provided that its number is still the number the decision
    was made under. The generation is written even when the count is 0, so that this transaction and another transaction that
    raises the generation at this moment cannot both commit."""
    return [
        UpdateOne({"_id": key, "n": number}, {"$inc": {"n": count, "g": 1}}, upsert=not number) for key, number, count in premises
    ]


def _agreed(premises: Iterator[tuple[str, int]]) -> dict[str, int]:
    """The number that each counter must have; raises Moved when two Changes expect different numbers, so one of them is late."""
    wanted: dict[str, int] = {}
    for key, number in premises:
        if wanted.setdefault(key, number) != number:
            raise Moved
    return wanted


def _replaced(reference: str, before: int, held: Document) -> Replaced:
    """The custodian, patients, parties and keys of a row at version `before`. Refuses a row at another version with a conflict,
    and any change of a page of the ledger."""
    if "s" in held:
        text = f"`{reference}` is part of the audit ledger, which is only ever added to: write a new entry instead."
        raise Refused(problem(Category.NOT_ALLOWED, "not-supported", text))
    if held.get("v") != before:
        raise conflict(reference)
    return Replaced(held["cust"], tuple(held["pts"]), parties_of(held), tuple(held["keys"]))


def _by_type(references: Mapping[str, int]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for reference in references:
        groups[type_of(reference)].append(reference)
    return groups


def _id(reference: str) -> str:
    return id_of(reference)


async def _insert(rows: Any, documents: list[Document], session: Session, type_: str) -> None:
    try:
        await rows.insert_many(documents, session=session)
    except (BulkWriteError, DuplicateKeyError) as error:
        raise conflict(f"{type_}/{_duplicate(error)}") from error


def _duplicate(error: BulkWriteError | DuplicateKeyError) -> Any:
    """The `_id` that exists already. Any other failure of the write is a fault, and is raised again."""
    details: Mapping[str, Any] = error.details or {}
    first = (details.get("writeErrors") or [details])[0]
    if first.get("code") != 11000:
        raise error
    return first.get("keyValue", {}).get("_id", "")


__all__ = ["INDEXES", "KEYS", "Moved", "Prepared", "Taken", "Transaction", "answers_of", "conflict", "prepare"]
