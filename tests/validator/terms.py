"""Mutations of codes and quantities: codes, systems and displays, units without system, reversed periods and ranges."""

from __future__ import annotations

import copy
from random import Random

from tests.validator.places import Place, Resource, kind, some
from tests.validator.primitives import extended

SYSTEMS = (
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://unitsofmeasure.org",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "http://terminology.hl7.org/CodeSystem/v2-0203",
    "http://terminology.hl7.org/CodeSystem/observation-category",
    "http://hl7.org/fhir/task-status",
    "https://baton.example/fhir/CodeSystem/task-code",
    "https://baton.example/fhir/CodeSystem/no-such-system",
    "http://example.org/codes",
    "http://terminology.hl7.org/CodeSystem/no-such-system",
    "relative",
    "urn:oid:2.16.840.1.113883.2.1.4.1",
)


def coding(place: Place) -> bool:
    """Whether a place holds a Coding."""
    return isinstance(place.value, dict) and "code" in place.value and "system" in place.value and "value" not in place.value


def concept(place: Place) -> bool:
    """Whether a place holds a CodeableConcept with codes."""
    return isinstance(place.value, dict) and isinstance(place.value.get("coding"), list)


def quantity(place: Place) -> bool:
    """Whether a place holds a Quantity."""
    return isinstance(place.value, dict) and isinstance(place.value.get("value"), int | float)


@kind("code")
def code(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, coding)
    if place is None:
        return None
    held = place.value["code"]
    place.value["code"] = chance.choice(
        ["no-such-code", held.upper() if isinstance(held, str) else "X", "1", " x", "handover", "a  b"]
    )
    return f"{place.path}.code = {place.value['code']!r} of {place.value['system']}"


@kind("code alone")
def bare(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, coding)
    if place is None:
        return None
    del place.value[chance.choice(["code", "system"])]
    return f"{place.path} = {place.value!r}"


@kind("system")
def system(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, coding)
    if place is None:
        return None
    place.value["system"] = chance.choice(SYSTEMS)
    return f"{place.path} = {place.value!r}"


@kind("text instead of a code")
def text(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, concept)
    return place and place.put({"text": "x"})


@kind("second code")
def second(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, concept)
    if place is None:
        return None
    more = copy.deepcopy(chance.choice([*place.value["coding"], {"system": "http://example.org/codes", "code": "x"}]))
    place.value["coding"].insert(chance.choice([0, len(place.value["coding"])]), more)
    return f"{place.path} with {more!r}"


@kind("display")
def display(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, coding)
    if place is None:
        return None
    place.value["display"] = "Something else"
    return f"{place.path} of {place.value['system']}"


@kind("quantity")
def unit(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, quantity)
    wrong = chance.choice(
        [
            {"value": 1, "code": "d"},
            {"value": 1, "unit": "d"},
            {"value": 1, "system": "http://unitsofmeasure.org"},
            {"value": 1, "system": "http://unitsofmeasure.org", "code": "d"},
            {"comparator": "<"},
            {"value": 1, "comparator": "="},
            {"value": 1, "system": "http://unitsofmeasure.org", "code": "no unit"},
            {"value": "1"},
        ]
    )
    return place.put(wrong) if place else extended(resource, wrong, "Quantity")


@kind("period")
def period(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: isinstance(place.value, dict) and bool({"start", "end"} & place.value.keys()))
    wrong = chance.choice(
        [
            ("2026-01-02", "2026-01-01"),
            ("2026-01-01", "2026-01-02"),
            ("2026-02", "2026-01"),
            ("2026", "2026"),
            ("2026-01-01T10:00:00Z", "2026-01-01"),
            ("2026-01-01T10:00:00+01:00", "2026-01-01T09:30:00Z"),
            ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+01:00"),
        ]
    )
    made = dict(zip(("start", "end"), wrong, strict=True))
    if place is None:
        return extended(resource, made, "Period")
    place.value.update(made)
    return f"{place.path} = {made!r}"


@kind("range")
def range_(resource: Resource, chance: Random) -> str | None:
    low, high = {"value": 2, "unit": "d"}, {"value": chance.choice([1, 2, 3]), "unit": chance.choice(["d", "h"])}
    return extended(resource, {"low": low, "high": high}, "Range")
