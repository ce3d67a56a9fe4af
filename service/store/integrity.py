"""Checks between collections for `baton check`: every history is without gaps, every key names a record that exists.

The checks ask the database itself. A finding names a record and never says what the record contains.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from service.fhir.reference import key as key_of
from service.store.commit import IDEMPOTENCY, KEYS
from service.store.history import HISTORY, of_type
from service.store.mongo import Mongo, reaching
from service.store.row import Projector, Row, row_of

MOST = 100
"""How many findings of one kind and type are wanted; one finding more is listed, to show that there are further findings."""


class Integrity:
    """Finds the rows, histories and keys that contradict each other."""

    def __init__(self, mongo: Mongo, projector: Projector) -> None:
        self._mongo, self._projector = mongo, projector

    async def types(self) -> list[str]:
        """The resource types that have a collection of records."""
        async with reaching():
            names = await self._mongo.database.list_collection_names()
        return sorted(name[2:] for name in names if name.startswith("r."))

    async def gaps(self, type_: str) -> list[str]:
        """Records whose history does not hold every version from 1 to the current one, and histories without a record."""
        short = await self._mongo.aggregate(f"r.{type_}", _short_histories(type_), allowDiskUse=True)
        lost = await self._mongo.aggregate(HISTORY, _lost_records(type_), allowDiskUse=True)
        return [
            *(f"The history of `{type_}/{each['_id']}` holds {each['n']} of its {each['v']} versions." for each in short),
            *(f"`{type_}/{each['_id']}` has a history and no current version." for each in lost),
        ]

    async def loose_keys(self) -> list[str]:
        """Unique keys whose record is absent, was deleted, or does not list the key."""
        findings = []
        async with reaching():
            async for key in self._mongo.collection(KEYS).find({}):
                kind, identity = key_of(str(key["ref"]))
                held = {"_id": identity, "del": False, "keys": key["_id"]}
                if await self._mongo.collection(f"r.{kind}").find_one(held, {"_id": 1}) is None:
                    findings.append(f"The unique key `{key['_id'].partition(':')[0]}` of `{key['ref']}` is not that record's.")
        return findings

    async def loose_idempotency(self) -> list[str]:
        """Answers kept for repeated requests that name a version missing from the history."""
        findings = []
        async with reaching():
            async for kept in self._mongo.collection(IDEMPOTENCY).find({"answer.ref": {"$exists": True}}):
                ref, version = str(kept["answer"]["ref"]), kept["answer"].get("version", 1)
                if await self._mongo.collection(HISTORY).find_one({"_id": f"{ref}/{version}"}, {"_id": 1}) is None:
                    findings.append(f"A repeated request would be answered with `{ref}` version {version}, which is not there.")
        return findings

    async def rows(self, type_: str, *, past: bool = False) -> AsyncIterator[Row]:
        """Every current record of a type, or with `past` every version of the type's records; deleted versions are left out."""
        name, among = (HISTORY, of_type(type_)) if past else (f"r.{type_}", {})
        async with reaching():
            async for document in self._mongo.collection(name).find({"del": False, **among}):
                yield row_of(type_, document, self._projector)


def _short_histories(type_: str) -> list[dict[str, Any]]:
    """The pipeline that finds records with a version missing from the history. Versions are dense from 1, so a record lacks a
    version when it has fewer versions up to the current one than the current number. Pages of the ledger are left out: a page is
    kept once, and the ledger's chain takes the place of a history."""
    name = {"$concat": [f"{type_}/", "$_id", "/", {"$toString": "$$this"}]}
    versions = {"$map": {"input": {"$range": [1, {"$add": ["$v", 1]}]}, "in": name}}
    return [
        {"$match": {"s": {"$exists": False}}},
        {"$project": {"v": 1, "names": versions}},
        {"$lookup": {"from": HISTORY, "localField": "names", "foreignField": "_id", "as": "past"}},
        {"$project": {"v": 1, "n": {"$size": "$past"}}},
        {"$match": {"$expr": {"$ne": ["$n", "$v"]}}},
        {"$limit": MOST + 1},
    ]


def _lost_records(type_: str) -> list[dict[str, Any]]:
    """The pipeline that finds histories whose last version is not the current version of a record. A history that goes beyond
    the current version is found, too."""
    return [
        {"$match": of_type(type_)},
        {"$group": {"_id": {"$arrayElemAt": [{"$split": ["$_id", "/"]}, 1]}, "v": {"$max": "$v"}}},
        {"$lookup": {"from": f"r.{type_}", "localField": "_id", "foreignField": "_id", "as": "now"}},
        {"$match": {"$expr": {"$not": [{"$in": ["$v", "$now.v"]}]}}},
        {"$limit": MOST + 1},
    ]
