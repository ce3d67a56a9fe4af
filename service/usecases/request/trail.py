"""Draws the Projection (index, patients, facts) of the service's own AuditEvents faster than the general projector.

Every read writes an AuditEvent. The client, agents, action and outcome of these events are the same from one read to the next;
only the time, the entities and the id differ. The common part, the event's shape, is therefore drawn once and kept.
`tests/usecases/request/test_trail.py` checks that the result equals the general projector's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from service.change import Resource
from service.fhir import key
from service.fhir.date import Interval, parse
from service.fhir.index import Index, Rank
from service.fhir.reference import unversioned
from service.store.row import Projection, Projector
from service.usecases.request.audit import SITE

MOST_SHAPES = 4096
SAME = ("type", "subtype", "action", "outcome", "purposeOfEvent", "agent", "source")
VERSION = frozenset({"versionId", "lastUpdated"})
VARYING = frozenset({"resourceType", "id", "meta", "recorded", "outcomeDesc", "entity", *SAME})


@dataclass(slots=True)
class _Varying:
    """The keys, ranks and references that one event adds to its shape."""

    keys: set[str]
    ranks: dict[str, Rank | None]
    references: dict[str, None]

    def rank(self, name: str, value: str) -> None:
        """Adds a value to the smallest and the largest value of a sort key, as an Index does."""
        value = value[:64]
        self.ranks[name] = min(str(self.ranks.get(name, value)), value)
        self.ranks[f"-{name}"] = max(str(self.ranks.get(f"-{name}", value)), value)


def with_events(project: Projector) -> Projector:
    """A projector that draws the service's own AuditEvents from their kept shapes, and every other resource with `project`."""
    shapes: dict[bytes, Projection] = {}

    def drawn(resource: Resource, tokens: Sequence[str]) -> Projection:
        if resource["resourceType"] != "AuditEvent" or tokens or not _ours(resource):
            return project(resource, tokens)
        shape = _shape(resource)
        mark = orjson.dumps(shape)
        found = shapes.get(mark)
        if found is None:
            if len(shapes) >= MOST_SHAPES:
                shapes.clear()
            found = shapes[mark] = project(shape, ())
        return _filled(found, resource)

    return drawn


def _ours(resource: Mapping[str, Any]) -> bool:
    """Whether `service.usecases.request.audit` made this AuditEvent. Another system's event may have any form."""
    return bool(
        resource.get("source", {}).get("site") == SITE
        and VARYING.issuperset(resource)
        and VERSION.issuperset(resource.get("meta", ()))
        and len(resource.get("recorded", "")) == len("2026-11-23T04:34:00.123Z")
    )


def _shape(resource: Resource) -> Resource:
    entities = [{name: value for name, value in each.items() if name in ("type", "role")} for each in resource.get("entity", ())]
    shape: Resource = {"resourceType": "AuditEvent"}
    shape.update((name, resource[name]) for name in SAME if name in resource)
    return {**shape, "entity": entities} if entities else shape


def _filled(shape: Projection, resource: Resource) -> Projection:
    index, facts = shape.index, shape.facts
    varying = _Varying(set(index.keys), dict(index.ranks), dict.fromkeys(facts.get("r", ())))
    for entity in resource.get("entity", ()):
        _entity(varying, entity)
    at = _instant(resource["recorded"])
    varying.ranks["date"] = varying.ranks["-date"] = at.low
    patients = _patients(index, varying)
    drawn = Index(
        type=index.type,
        id=resource["id"],
        updated=_instant(resource["meta"]["lastUpdated"]).low,
        keys=frozenset(varying.keys),
        dates=(("date", at.low, at.high),),
        ranks=varying.ranks,
        patients=patients,
    )
    return Projection(drawn, patients, _facts(facts, resource, varying, (at.low, at.high)))


@lru_cache(maxsize=16)
def _instant(text: str) -> Interval:
    """The interval of an instant in text. The last results are kept, because the entries of a ledger page share one instant."""
    found = parse(text)
    assert found is not None, "INVARIANT: the service writes instants"
    return found


def _entity(varying: _Varying, entity: Mapping[str, Any]) -> None:
    if "what" in entity:
        target: str = entity["what"]["reference"]
        record = unversioned(target)
        varying.references[record] = None
        names = ("entity", "patient") if target.startswith("Patient/") else ("entity",)
        for name in names:
            varying.keys.update(key.reference(name, target))
            varying.rank(name, target)
    if "name" in entity:
        folded = key.fold(entity["name"])
        varying.keys.add(f"entity-name={folded}\t{entity['name']}")
        varying.rank("entity-name", folded)


def _patients(index: Index, varying: _Varying) -> tuple[str, ...]:
    named = {each for each in varying.references if each.startswith("Patient/")}
    return tuple(sorted(named.union(index.patients)))


def _facts(shape: Mapping[str, Any], resource: Resource, varying: _Varying, when: tuple[int, int]) -> dict[str, Any]:
    references = list(varying.references)
    row = {**shape, "i": resource["id"], "d": list(when)}
    if references:
        row["r"] = references
    if patients := [each for each in references if each.startswith("Patient/")]:
        row["p"] = patients
    return row
