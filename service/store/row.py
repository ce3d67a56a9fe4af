"""A stored version of a record, as a value and as MongoDB documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from service.change import Party, Replaced, Resource, Write
from service.fhir import json
from service.fhir.index import Index
from service.problem import Problem
from service.store import worklist
from service.store.visible import VISIBLE, names

Document = dict[str, Any]
BESIDE = "by"
GUARD = "g"
"""The field that a guard counts up in a row; it says nothing about the record."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The parts of a row drawn from the resource: the Index, the references of the Patients that the record belongs to, and the
    facts that consent decides on."""

    index: Index
    patients: tuple[str, ...]
    facts: Mapping[str, Any]


Projector = Callable[[Resource, Sequence[str]], Projection]
"""A pure function: the Projection of a stamped resource and its `Write.tokens`. The projector is injected, and is applied to
every write without exception."""


@dataclass(frozen=True)
class Row:
    """One version of one record. `body` is the resource's canonical JSON, given back byte for byte; `at` is its lastUpdated.

    `resource` and `index` are made when first asked for and are shared by all callers: no caller may change either.
    """

    type: str
    id: str
    version: int
    body: bytes = field(repr=False)
    custodian: str
    patients: tuple[str, ...]
    facts: Mapping[str, Any] = field(repr=False)
    at: datetime
    deleted: bool = False
    method: str = "PUT"
    parties: tuple[Party, ...] = ()
    keys: tuple[str, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict, repr=False)
    draw: Callable[[Row], Index] | None = field(default=None, repr=False, compare=False)

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"

    @property
    def replaced(self) -> Replaced:
        """The `replaced` of a Write that replaces this version."""
        return Replaced(self.custodian, self.patients, self.parties, self.keys)

    @cached_property
    def resource(self) -> Resource:
        """The parsed resource; no caller may change it."""
        parsed = json.parse(self.body, max_depth=1000)
        assert not isinstance(parsed, Problem), "INVARIANT: only canonical JSON is stored"
        return parsed

    @cached_property
    def index(self) -> Index:
        """The Index by which a search finds this version."""
        assert self.draw is not None, "a Row made by hand has no index"
        return self.draw(self)


@dataclass(frozen=True, slots=True)
class Draft:
    """The documents of a Write: the current row, and the same version for the history."""

    type: str
    id: str
    before: int
    current: Document
    past: Document
    replaced: Replaced | None = None

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"


def draft(write: Write, at: datetime, projector: Projector) -> Draft:
    """The Draft of one Write."""
    resource = write.resource
    version = write.before + 1
    projection = projector(resource, write.tokens)
    common = {
        "v": version,
        "body": json.dump(resource),
        "cust": write.custodian,
        "pts": list(projection.patients),
        "facts": dict(projection.facts),
        "parties": [{"o": party.organization, "s": party.start, "e": party.end} for party in write.parties],
        "tk": list(write.tokens),
        "m": write.method,
        "lu": at,
        "del": write.deleted,
    }
    # No search finds a deleted record; its earlier versions stay in the history.
    found = {"idx": [], "dt": [], "so": {}} if write.deleted else projection.index.to_row()
    current = {
        "_id": resource["id"],
        **common,
        **found,
        "keys": [] if write.deleted else list(write.keys),
        VISIBLE: names(common),
        **(worklist.drawn({**common, **found}) if resource["resourceType"] == worklist.TYPE else {}),
        **({BESIDE: dict(write.beside)} if write.beside else {}),
    }
    past = {"_id": f"{resource['resourceType']}/{resource['id']}/{version}", **common}
    return Draft(resource["resourceType"], resource["id"], write.before, current, past, write.replaced)


def lasting(document: Mapping[str, Any]) -> Document:
    """What a digest of a current row covers: all but what guards count up in it, and what is drawn from the rest."""
    return {name: value for name, value in document.items() if name not in (GUARD, VISIBLE, worklist.AGENCIES)}


def parties_of(document: Mapping[str, Any]) -> tuple[Party, ...]:
    """The parties in a row's document."""
    return tuple(Party(each["o"], each["s"], each["e"]) for each in document["parties"])


def row_of(type_: str, document: Mapping[str, Any], projector: Projector) -> Row:
    """The Row that a document of `r.<type>` or of the history holds."""

    def draw(row: Row) -> Index:
        if "idx" in document:
            return Index.from_row(type_, document)
        return projector(row.resource, document["tk"]).index  # the history is not searched, so its documents hold no search keys

    return Row(
        type=type_,
        id=document["_id"].removeprefix(f"{type_}/").partition("/")[0],
        version=document["v"],
        body=bytes(document["body"]),
        custodian=document["cust"],
        patients=tuple(document["pts"]),
        facts=document["facts"],
        at=document["lu"],
        deleted=document["del"],
        method=document["m"],
        parties=parties_of(document),
        keys=tuple(document.get("keys", ())),
        beside=document.get(BESIDE, {}),
        draw=draw,
    )
