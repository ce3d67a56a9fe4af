"""Reads the records about a person that decisions rest on: Patient, Consents, Tasks, CareTeams, RelatedPersons and relations.

One query reads all of these records, and concurrent decisions share the query. A change of any of these records makes the next
decision read them again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.store.coalesce import Coalescer
from service.store.mongo import Mongo, reached, reaching
from service.store.relations import RELATIONS, Relation, relation_of
from service.store.row import Projector, Row, row_of
from service.store.visible import VISIBLE

TYPES = ("Patient", "Consent", "Task", "CareTeam", "RelatedPerson")


@dataclass(slots=True)
class Kept:
    """The live rows of each of `TYPES`, and the relations, ended relations included."""

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {type_: {} for type_ in TYPES})
    relations: dict[Relation, None] = field(default_factory=dict)

    def of(self, type_: str) -> list[Row]:
        """The rows of one type, each row once."""
        return list(self.rows[type_].values())

    def add(self, other: Kept) -> None:
        """Adds the rows and relations of another Patient record of the same person."""
        for type_ in TYPES:
            self.rows[type_] |= other.rows[type_]
        self.relations |= other.relations


@reached
class Persons:
    """Reads the rows and relations of people, by Patient reference."""

    def __init__(self, mongo: Mongo, projector: Projector) -> None:
        self._mongo = mongo
        self._projector = projector
        self._read: Coalescer[str, Kept] = Coalescer(self._fetch)

    async def about(self, patients: Collection[str]) -> Kept:
        """The rows and relations of the person whom these Patient references stand for."""
        kept = Kept()
        for each in (await self._read.get_many(patients)).values():
            kept.add(each)
        return kept

    async def _fetch(self, patients: Collection[str]) -> Mapping[str, Kept]:
        found = {patient: Kept() for patient in patients}
        async with reaching():
            documents = await self._mongo.aggregate(f"r.{TYPES[0]}", _pipeline(list(patients)))
        for document in documents:
            kept = [found[patient] for patient in found.keys() & set(document["pts"])]
            if document["kind"] == RELATIONS:
                relation = relation_of(document)
                for each in kept:
                    each.relations[relation] = None
                continue
            row = row_of(document["kind"], document, self._projector)
            for each in kept:
                each.rows[row.type][row.id] = row
        return found


def _pipeline(patients: list[str]) -> Sequence[dict[str, Any]]:
    """The pipeline over all the collections. Each document gets a field `kind`: its resource type, or `relations`."""
    first, *others = [
        *((f"r.{type_}", type_, {VISIBLE: {"$in": patients}, "del": False}) for type_ in TYPES),
        (RELATIONS, RELATIONS, {"pts": {"$in": patients}}),
    ]

    def stages(kind: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"$match": wanted}, {"$set": {"kind": kind}}]

    unions = ({"$unionWith": {"coll": name, "pipeline": stages(kind, wanted)}} for name, kind, wanted in others)
    return [*stages(first[1], first[2]), *unions]
