"""Mutations of the JSON: members and items that are missing, too many, wrapped, empty, null, unknown or of another JSON type."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from tests.validator.places import ANYWHERE, Place, Resource, is_text, kind, objects, places, some

CHOICES = (
    "value",
    "effective",
    "onset",
    "occurrence",
    "deceased",
    "multipleBirth",
    "medication",
    "content",
    "performed",
    "answer",
)
TYPES = (
    "String",
    "Boolean",
    "Integer",
    "DateTime",
    "Date",
    "Code",
    "Uri",
    "Quantity",
    "CodeableConcept",
    "Reference",
    "Coding",
    "Period",
)
SAMPLE: dict[str, Any] = {
    "String": "x",
    "Boolean": True,
    "Integer": 3,
    "DateTime": "2026-01-01",
    "Date": "2026-01-01",
    "Code": "x",
    "Uri": "urn:x:y",
    "Quantity": {"value": 1},
    "CodeableConcept": {"text": "x"},
    "Reference": {"display": "x"},
    "Coding": {"display": "x"},
    "Period": {"start": "2026-01-01"},
}


def member(place: Place) -> bool:
    """Whether a place is a member of an object."""
    return isinstance(place.key, str)


@kind("member dropped", ANYWHERE)
def drop(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, member)
    if place is None:
        return None
    del place.holder[place.key]
    return place.path


@kind("item dropped", ANYWHERE)
def drop_item(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: isinstance(place.key, int) and len(place.holder) > 1)
    if place is None:
        return None
    del place.holder[place.key]
    return place.path


@kind("item doubled", ANYWHERE)
def double(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: isinstance(place.key, int))
    if place is None:
        return None
    place.holder.insert(place.key, copy.deepcopy(place.value))
    return place.path


@kind("value in an array", ANYWHERE)
def wrap(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: member(place) and not isinstance(place.value, list))
    return place and place.put([place.value])


@kind("array unwrapped", ANYWHERE)
def unwrap(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: isinstance(place.value, list) and bool(place.value))
    return place and place.put(place.value[0])


@kind("JSON type", ANYWHERE)
def retype(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: True)
    others = ["x", 7, True, 1.5, {"x": "y"}, "true", "7", ["x"]]
    return place and place.put(chance.choice([each for each in others if type(each) is not type(place.value)]))


@kind("empty", ANYWHERE)
def empty(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: True)
    return place and place.put("" if isinstance(place.value, str) else type(place.value)() if place.value else "")


@kind("blank")
def blank(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, is_text)
    return place and place.put(
        chance.choice([" ", f" {place.value}", f"{place.value} ", f"{place.value}  {place.value}", f"\n{place.value}"])
    )


@kind("null", ANYWHERE)
def null(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: True)
    return place and place.put(None)


@kind("null in an array")
def null_item(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: isinstance(place.value, list))
    return place and place.put([*place.value, None] if chance.random() < 0.5 else [None, *place.value])


@kind("unknown member", ANYWHERE)
def unknown(resource: Resource, chance: Random) -> str | None:
    place = chance.choice(objects(resource) or [None])
    held = place.value if place and chance.random() < 0.8 else resource
    name, value = chance.choice([("favourite", "x"), ("Status", "active"), ("fhir_comments", ["x"]), ("_favourite", {"id": "x"})])
    held[name] = value
    return f"{place.path if place and held is not resource else ''}.{name}"


@kind("member misspelt", ANYWHERE)
def misspell(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, member)
    if place is None:
        return None
    name = chance.choice([place.key + "s", place.key.capitalize(), place.key[:-1] or "x", "_" + place.key])
    place.holder[name] = place.holder.pop(place.key)
    return f"{place.path} as {name}"


@kind("member of another", ANYWHERE)
def transplant(resource: Resource, chance: Random) -> str | None:
    """A member that some other object of the resource has."""
    source, target = some(resource, chance, member), chance.choice([*objects(resource), None])
    if source is None:
        return None
    held = target.value if target else resource
    held[source.key] = copy.deepcopy(source.value)
    return f"{source.path} to {target.path if target else 'the root'}"


def choice_of(place: Place) -> tuple[str, str] | None:
    """The stem and the type of a choice member."""
    if not isinstance(place.key, str):
        return None
    stem = next((stem for stem in CHOICES if place.key.startswith(stem) and place.key[len(stem) : len(stem) + 1].isupper()), None)
    return stem and (stem, place.key[len(stem) :])


@kind("another type of a choice")
def rechoose(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: choice_of(place) is not None)
    if place is None:
        return None
    stem, held = choice_of(place)
    other = chance.choice([each for each in TYPES if each != held])
    value = place.holder.pop(place.key)
    place.holder[stem + other] = SAMPLE[other] if chance.random() < 0.7 else value
    return f"{place.path} as {stem}{other}"


@kind("two types of a choice")
def both(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: choice_of(place) is not None)
    if place is None:
        return None
    stem, held = choice_of(place)
    other = chance.choice([each for each in TYPES if each != held])
    place.holder[stem + other] = SAMPLE[other]
    return f"{place.path} and {stem}{other}"


@kind("resource type")
def rename(resource: Resource, chance: Random) -> str | None:
    found = [place.value for place in places(resource) if isinstance(place.value, dict) and "resourceType" in place.value]
    held = chance.choice([resource, *found])
    held["resourceType"] = chance.choice(["Patient", "Basic", "patient", "Nothing", "HumanName", "", None, 7, "DomainResource"])
    if held["resourceType"] is None:
        del held["resourceType"]
    return str(held.get("resourceType"))


@kind("two changes")
def twice(resource: Resource, chance: Random) -> str | None:
    one, other = drop_item(resource, chance), double(resource, chance)
    return f"{one}, {other}" if one or other else None
