"""Relations: which organisation has a legitimate relationship with a person, which record establishes the relationship, and from
when until when. Every commit keeps the relations of the records that the commit writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import IndexModel

from service import clock
from service.store.coalesce import Coalescer
from service.store.mongo import Mongo, reached, reaching

RELATIONS = "relations"
FEW = 2000
"""The most relations by which an organisation's people are listed in a search."""
REMEMBERED_SECONDS = 60.0
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
        self._large: dict[str, float] = {}

    async def of(self, patients: Collection[str]) -> list[Relation]:
        """Every relation with any of these Patients, ended relations included, each relation once."""
        found = await self._read.get_many(patients)
        return list({relation: None for group in found.values() for relation in group})

    async def patients(self, organization: str, at: datetime) -> list[str]:
        """The Patients that this organisation is related to at the instant `at`, cut to the second; in order of reference."""
        async with reaching():
            cursor = self._mongo.collection(RELATIONS).find({"org": organization, **_standing(at)}, {"pts": 1})
            return sorted({patient for each in await cursor.to_list(None) for patient in each["pts"]})

    async def few(self, organization: str, at: datetime) -> list[str] | None:
        """As `patients`, for an organisation with at most `FEW` relations; None for one with more, which is asked for whom it is
        related to among those that were found (`among`). That it has many is remembered for a while: it decides on nothing but
        the way in which a search is made."""
        if self._large.get(organization, 0.0) > clock.elapsed():
            return None
        found = await self._related.get((organization, at.replace(microsecond=0))) or []
        if len(found) <= FEW:
            return found
        self._large[organization] = clock.elapsed() + REMEMBERED_SECONDS
        return None

    async def among(self, organization: str, patients: Collection[str], at: datetime) -> frozenset[str]:
        """Those of these Patients that this organisation is related to at the instant `at`."""
        asked = {"pts": {"$in": list(patients)}, "org": organization, **_standing(at)}
        async with reaching():
            found = await self._mongo.collection(RELATIONS).find(asked, {"pts": 1}).to_list(None)
        return frozenset(patient for each in found for patient in each["pts"])

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
        """The Patients of each organisation, up to one relation more than `FEW`."""
        answers: dict[tuple[str, datetime], list[str]] = {}
        async with reaching():
            for organization, at in wanted:
                asked = {"org": organization, **_standing(at)}
                found = await self._mongo.collection(RELATIONS).find(asked, {"pts": 1}).limit(FEW + 1).to_list(None)
                patients = [patient for each in found for patient in each["pts"]]
                answers[organization, at] = patients if len(found) > FEW else sorted(set(patients))
        return answers


def _standing(at: datetime) -> dict[str, Any]:
    """The condition for the relations that stand at an instant."""
    open_end = {"$or": [{"e": None}, {"e": {"$gt": at}}]}
    open_start = {"$or": [{"s": None}, {"s": {"$lte": at}}]}
    return {"$and": [open_end, open_start]}
