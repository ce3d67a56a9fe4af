"""Relations: which organisation has a legitimate relationship with a person, which record establishes the relationship, and from
when until when. Every commit keeps the relations of the records that the commit writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel

from service.store.coalesce import Coalescer
from service.store.mongo import Mongo, reached, reaching

RELATIONS = "relations"
INDEXES = {RELATIONS: [IndexModel("source"), IndexModel("pts"), IndexModel([("org", 1), ("e", 1)])]}


@dataclass(frozen=True, slots=True)
class Relation:
    """The record `source` of `custodian` ties `organization` to `patients`. The relation stands from `start` until just before
    `end`; None is an open end."""

    source: str
    patients: tuple[str, ...]
    organization: str
    start: datetime | None
    end: datetime | None
    custodian: str = ""


def relation_documents(reference: str, current: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The relations of one current row, one document for each party."""
    return [
        {
            "_id": f"{reference}#{number}",
            "source": reference,
            "pts": current["pts"],
            "org": each["o"],
            "cust": current["cust"],
            "s": each["s"],
            "e": each["e"],
        }
        for number, each in enumerate(current["parties"])
    ]


def relation_of(document: Mapping[str, Any]) -> Relation:
    return Relation(document["source"], tuple(document["pts"]), document["org"], document["s"], document["e"], document["cust"])


@reached
class Relations:
    """Reads the relations; concurrent readers share a query."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._read: Coalescer[str, list[Relation]] = Coalescer(self._fetch)
        self._related: Coalescer[tuple[str, datetime], list[str]] = Coalescer(self._fetch_related)

    async def of(self, patients: Collection[str]) -> list[Relation]:
        """Every relation with any of these Patients, ended relations included, each relation once."""
        found = await self._read.get_many(patients)
        return list({relation: None for group in found.values() for relation in group})

    async def patients(self, organization: str, at: datetime) -> list[str]:
        """The Patients that this organisation is related to at the instant `at`, cut to the second; in order of reference."""
        return await self._related.get((organization, at.replace(microsecond=0))) or []

    async def _fetch(self, patients: Collection[str]) -> Mapping[str, list[Relation]]:
        answers: dict[str, list[Relation]] = {patient: [] for patient in patients}
        async with reaching():
            cursor = self._mongo.collection(RELATIONS).find({"pts": {"$in": list(patients)}}).sort("_id", 1)
            for document in await cursor.to_list(None):
                relation = relation_of(document)
                for patient in answers.keys() & set(relation.patients):
                    answers[patient].append(relation)
        return answers

    async def _fetch_related(self, wanted: Collection[tuple[str, datetime]]) -> Mapping[tuple[str, datetime], list[str]]:
        groups: dict[datetime, list[str]] = {}
        for organization, at in wanted:
            groups.setdefault(at, []).append(organization)
        answers: dict[tuple[str, datetime], list[str]] = {}
        async with reaching():
            for at, organizations in groups.items():
                for found in await self._mongo.aggregate(RELATIONS, _related(organizations, at)):
                    answers[found["_id"], at] = sorted(found["pts"])
        return answers


def _related(organizations: list[str], at: datetime) -> list[dict[str, Any]]:
    """The pipeline that finds, for each organisation, the Patients it has a relation with at an instant."""
    open_end = {"$or": [{"e": None}, {"e": {"$gt": at}}]}
    open_start = {"$or": [{"s": None}, {"s": {"$lte": at}}]}
    standing = {"org": {"$in": organizations}, "$and": [open_end, open_start]}
    return [{"$match": standing}, {"$unwind": "$pts"}, {"$group": {"_id": "$org", "pts": {"$addToSet": "$pts"}}}]
