"""Checks every record against the audit ledger: each row, history version, unique key, relation and kept answer must be what the
ledger says was written, and nothing that was written may be missing.

A finding names a record, with the version that the ledger names last, and never says what the record contains: a finding about a
record that was written meanwhile is not made a second time. A changed document may hold anything, so nothing is taken from a
document before its digest holds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from service.store import worklist
from service.store.commit import KEYS, RELEASED
from service.store.digests import decoded, digest
from service.store.history import HISTORY
from service.store.ledger import ENTRIES, Whole
from service.store.mongo import Mongo, reaching
from service.store.partners import PARTNERS
from service.store.relations import RELATIONS, relation_documents
from service.store.row import Document, lasting
from service.store.visible import VISIBLE, names

REGISTERS = (PARTNERS, "auth.clients", "auth.users")
UNKNOWN = "is in no page of the ledger: it was added past the service, or before the ledger named what is written"


class RecordCheck:
    """One check of all records against what the ledger names. `key` is the secret of the digests."""

    def __init__(self, mongo: Mongo, key: bytes, whole: Whole) -> None:
        self._mongo, self._key = mongo, key
        self._versions, self._answers, self._rows_named = whole.versions, whole.answers, whole.rows
        self._unsound: set[str] = set()
        self._keys: dict[str, str] = {}
        self._relations: dict[str, bytes] = {}

    async def faults(self, types: list[str]) -> AsyncIterator[str]:
        """Every fault of the records of these types and of all that was drawn from them, one sentence each, each beginning with
        what is at fault. Raises Refused UNAVAILABLE."""
        async with reaching():
            for type_ in sorted({*types, *self._versions}):
                async for each in self._rows(type_):
                    yield f"record: {each}"
            async for each in self._unique_keys():
                yield f"keys: {each}"
            async for each in self._drawn_relations():
                yield f"relations: {each}"
            async for each in self._registers():
                yield f"register: {each}"
            async for each in self._history():
                yield f"history: {each}"

    async def _documents(self, name: str, wanted: Mapping[str, Any]) -> AsyncIterator[Document]:
        """The documents of a collection; one that cannot be read is given empty."""
        async for raw in self._mongo.raw(name).find(wanted):
            yield decoded(raw.raw)

    async def _rows(self, type_: str) -> AsyncIterator[str]:
        """Faults of the current rows of one type. The pages of the ledger have been checked in their streams."""
        name, versions = f"r.{type_}", self._versions.get(type_, {})
        missing = set(versions)
        async for row in self._documents(name, {"s": {"$exists": False}} if name == ENTRIES else {}):
            identity = str(row.get("_id"))
            missing.discard(identity)
            fault = self._row_fault(name, row, versions.get(identity))
            if fault:
                self._unsound.add(f"{type_}/{identity}")
                yield f"`{type_}/{identity}` {fault}."
            else:
                self._draw(f"{type_}/{identity}", row)
        for identity in sorted(missing):
            self._unsound.add(f"{type_}/{identity}")
            yield f"`{type_}/{identity}` is missing; version {max(versions[identity])} was written last."

    def _row_fault(self, name: str, row: Document, written: Mapping[int, tuple[bytes, bytes]] | None) -> str:
        if written is None:
            return UNKNOWN
        last = max(written)
        if digest(self._key, lasting(row)) == written[last][1]:
            if name != ENTRIES and row.get(VISIBLE) != names(row):
                return "is not found by those who may see it"
            listed = worklist.drawn(row) if name == worklist.COLLECTION else {}
            return "" if listed.get(worklist.AGENCIES) == row.get(worklist.AGENCIES) else "is not on its agencies' worklists"
        if row.get("v") in [each for each in written if each != last]:
            return f"stands at version {row['v']}, and version {last} was written last: it was put back"
        return f"is not what was written as version {last}"

    def _draw(self, reference: str, row: Document) -> None:
        """Remembers the keys and relations that a sound row must have."""
        self._keys.update((key, reference) for key in row["keys"])
        self._relations.update((each["_id"], digest(self._key, each)) for each in relation_documents(reference, row))

    async def _history(self) -> AsyncIterator[str]:
        """Faults of the history. Each version found is struck off, so that the missing ones are left over."""
        async for past in self._documents(HISTORY, {}):
            type_, identity, version = (*str(past.get("_id")).split("/"), "", "")[:3]
            written = self._versions.get(type_, {}).get(identity, {}).pop(int(version) if version.isdecimal() else 0, None)
            if written is None:
                yield f"`{type_}/{identity}` version {version} {UNKNOWN}."
            elif digest(self._key, past) != written[0]:
                yield f"`{type_}/{identity}` version {version} is not what was written."
        for type_, records in self._versions.items():
            for identity, left in records.items():
                for number in left:
                    yield f"`{type_}/{identity}` version {number} is missing."

    async def _unique_keys(self) -> AsyncIterator[str]:
        """Unique keys whose record does not list them, keys of records that are not held, and answers that no request was given.
        The database forgets what is released, and an answer when its time is over. A row at fault is named already."""
        async for held in self._documents(KEYS, {}):
            key, said = str(held.get("_id")), str(held.get("ref"))
            if held == {"_id": key, **RELEASED}:
                continue
            if "ref" not in held and digest(self._key, held) not in self._answers:
                yield f"The answer kept for a repeat of the request `{key}` is not what was answered."
            elif "ref" in held and held != {"_id": key, "ref": self._keys.pop(key, None)} and said not in self._unsound:
                yield f"The unique key `{_kind(key)}` of {self._as_written(said)} is not what it holds."
        for key, reference in self._keys.items():
            yield f"The unique key `{_kind(key)}` of {self._as_written(reference)} is missing."

    async def _drawn_relations(self) -> AsyncIterator[str]:
        """Relations that their record does not establish, and relations that are missing."""
        async for relation in self._documents(RELATIONS, {}):
            identity = str(relation.get("_id"))
            source = _source(identity)
            if self._relations.pop(identity, b"") != digest(self._key, relation) and source not in self._unsound:
                yield f"A relation of {self._as_written(source)} is not what it establishes."
        for reference in sorted({_source(identity) for identity in self._relations}):
            yield f"A relation of {self._as_written(reference)} is missing."

    def _as_written(self, reference: str) -> str:
        """A record with the version that was written last, as the ledger was read."""
        type_, _, identity = reference.partition("/")
        return f"`{reference}` version {max(self._versions.get(type_, {}).get(identity, {0: ()}))}"

    async def _registers(self) -> AsyncIterator[str]:
        """Rows of the registers that are not what a command made them, and rows that are missing."""
        last = {name: max(changes.items()) for name, changes in self._rows_named.items()}
        for collection in REGISTERS:
            async for row in self._documents(collection, {}):
                name = f"{collection}/{row.get('_id')}"
                number, written = last.pop(name, (0, b""))
                if not number:
                    yield f"`{name}` {UNKNOWN}."
                elif digest(self._key, row) != written:
                    yield f"`{name}` is not what its change {number}, the last, made it."
        for name, (number, written) in sorted(last.items()):
            if written:
                yield f"`{name}` is missing; its change {number} was the last."


def _kind(key: str) -> str:
    """What a unique key is for; the rest of the key may tell of a person."""
    return key.partition(":")[0]


def _source(identity: str) -> str:
    """The record that establishes the relation with this `_id`."""
    return identity.partition("#")[0]
