"""Reads rows by patient, by key and by custodian, for the service's own decisions. Records for an answer are found by search
instead, within the rows that the caller may see."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from service.fhir.query import Query
from service.store.coalesce import Coalescer
from service.store.ledger_page import rows_of
from service.store.mongo import Mongo, reached, reaching
from service.store.row import Projector, Row
from service.store.search_filter import filter_of
from service.store.visible import VISIBLE

Wanted = tuple[str, str]
"""A resource type and a Patient reference."""


@reached
class Holdings:
    """Reads rows for decisions; concurrent readers share a query."""

    def __init__(self, mongo: Mongo, projector: Projector) -> None:
        self._mongo = mongo
        self._projector = projector
        self._read: Coalescer[Wanted, list[Row]] = Coalescer(self._fetch)

    async def of(self, type_: str, patients: Collection[str]) -> list[Row]:
        """Every live row of a type that belongs to any of these Patients, each row once."""
        found = await self._read.get_many((type_, patient) for patient in patients)
        return list({row.id: row for rows in found.values() for row in rows}.values())

    async def having(self, type_: str, key: str) -> list[Row]:
        """Every live row of a type with this index key."""
        return await self._find(type_, {"idx": key, "del": False})

    async def having_all(self, type_: str, keys: Collection[str]) -> list[Row]:
        """Every live row of a type with all of these index keys."""
        return await self._find(type_, {"idx": {"$all": list(keys)}, "del": False})

    async def having_any(self, type_: str, keys: Collection[str]) -> list[Row]:
        """Every live row of a type with any of these index keys."""
        return await self._find(type_, {"idx": {"$in": list(keys)}, "del": False})

    async def sharing(self, type_: str, prefix: str) -> list[str]:
        """The references of the live rows of a type with an index key of this prefix that another of them has, too."""
        stages: list[dict[str, Any]] = [
            {"$match": {"del": False, "idx": {"$gte": prefix, "$lt": prefix + "\U0010ffff"}}},
            {"$unwind": "$idx"},
            {"$match": {"idx": {"$regex": f"^{prefix}"}}},
            {"$group": {"_id": "$idx", "ids": {"$addToSet": "$_id"}}},
            {"$match": {"ids.1": {"$exists": True}}},
        ]
        async with reaching():
            groups = await self._mongo.aggregate(f"r.{type_}", stages)
        return sorted({f"{type_}/{id_}" for group in groups for id_ in group["ids"]})

    async def kept(self, query: Query, custodian: str, limit: int) -> list[Row]:
        """At most `limit` matches of a query among one custodian's own rows, or among all for an empty custodian, without the
        AuditEvents that the service wrote."""
        whose = {"cust": custodian, "page": None} if custodian else {"page": None}
        return await self._find(query.type, {"$and": [filter_of(query), whose]}, limit)

    async def _find(self, type_: str, wanted: Mapping[str, Any], limit: int = 0) -> list[Row]:
        async with reaching():
            cursor = self._mongo.collection(f"r.{type_}").find(wanted).limit(limit)
            documents = await cursor.to_list(None)
        return [row for document in documents for row in rows_of(type_, document, self._projector)]

    async def _fetch(self, wanted: Collection[Wanted]) -> Mapping[Wanted, list[Row]]:
        groups: dict[str, list[str]] = {}
        for type_, patient in wanted:
            groups.setdefault(type_, []).append(patient)
        answers: dict[Wanted, list[Row]] = {each: [] for each in wanted}
        for type_, patients in groups.items():
            for row in await self._find(type_, {VISIBLE: {"$in": patients}, "del": False}):
                for patient in set(row.patients).intersection(patients):
                    answers[type_, patient].append(row)
        return answers
