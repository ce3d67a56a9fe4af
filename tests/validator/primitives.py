"""Mutations of primitive values: dates, ids, URIs, numbers, codes, texts; and values that are given by an extension alone."""

from __future__ import annotations

import re
from random import Random
from typing import Any

from tests.validator.places import ANYWHERE, Place, Resource, is_text, kind, some

_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T.*)?)?)?")
_CODES = (
    "status",
    "intent",
    "use",
    "gender",
    "type",
    "priority",
    "mode",
    "kind",
    "criticality",
    "action",
    "lifecycleStatus",
    "code",
)
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}

DATES = (
    "2026-02-30",
    "2026-13-01",
    "26-01-01",
    "2026-1-1",
    "2026-01-32",
    "0000-01-01",
    "2026-00",
    "20260101",
    "2026-06",
    "2026",
    "2024-02-29",
    "2023-02-29",
    "1900-02-29",
    "yesterday",
    "2026-01-01Z",
    "2026-01-01T10:00",
    "2026-01-01T10:00Z",
    "2026-01-01T10:00:00",
    "2026-01-01 10:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T10:60:00Z",
    "2026-01-01T10:00:00+15:00",
    "2026-01-01T10:00:00+0100",
    "2026-01-01T10:00:00+14:00",
    "2026-01-01T10:00:00.123456789Z",
    "2026-01-01T10:00:00-00:00",
    "2026-01-01t10:00:00z",
    "2026-01-01T10:00:60Z",
    "2026-01-01T10:00:61Z",
    "2026-01-01T10:00:00.Z",
)
INSTANTS = (*DATES, "2026-11-23T04:34:00Z", "2026-11-23T04:34:00.123+01:00", "2026-02-29T04:34:00Z")
URIS = (
    "http://a b",
    " http://example.org/x",
    "http://example.org/x ",
    "relative/path",
    "x",
    "urn:uuid:not-a-uuid",
    "urn:oid:9.9",
    "urn:oid:x",
    "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "urn:uuid:6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
    "urn:oid:2.16.840.1.113883.2.1.4.1",
    "http://",
    "https:",
    "http://example.org/\u00e9",
    "http://example.org/<x>",
    "http://example.org/{x}",
    "mailto:a@example.org",
    "http://example.org/%zz",
    "",
    "#x",
    "tel:1",
    "http:example",
    "http://example.org/a|1",
    "urn:ietf:rfc:3986",
)
IDS = ("a b", "a_b", "a/b", "x" * 64, "x" * 65, "", "\u00e9", "A.B-1", "a\n", "#a", "urn:x", ".", "a:b", 7)
BASE64 = ("YQ==", "YQ", "YWJj YWJj", "YWI=", "????", "YQ===", "", "YWJj\nYWJj", "YWJjYWJj", "Y", "YWJ")
DECIMALS: tuple[Any, ...] = (1.5, "1.5", 1e3, -0.0, True, "abc", 12345678901234567890, "1,5", 1e-30, None, [1], "")
INTEGERS: tuple[Any, ...] = (1, 1.5, 2**31 - 1, 2**31, -1, "1", 0, -(2**31), 1e2, True, "one")
TIMES = ("10:00:00", "10:00", "24:00:00", "10:00:00Z", "10:60:00", "10:00:60", "1:00:00", "10:00:00.5", "x")
LANGUAGES = ("en", "en-GB", "de-CH", "fr", "en_GB", "English", "e n", "", "cy", "EN-gb")


def dated(place: Place) -> bool:
    """Whether a place holds a date or an instant."""
    return isinstance(place.value, str) and _DATE.fullmatch(place.value) is not None


def primitive(place: Place) -> bool:
    """Whether a place is a member with a primitive value."""
    return (
        isinstance(place.key, str)
        and not isinstance(place.value, dict | list)
        and not place.key.startswith("_")
        and place.name != "div"
    )


def extension(value: Any, type: str) -> Resource:
    """An extension that nobody knows, with a value of a type."""
    return {"url": "http://example.org/fhir/anything", f"value{type}": value}


def extended(resource: Resource, value: Any, type: str) -> str:
    """Adds such an extension."""
    resource.setdefault("extension", []).append(extension(value, type))
    return f"extension value{type} = {value!r}"


@kind("date", ANYWHERE)
def date(resource: Resource, chance: Random) -> str | None:
    place, wrong = some(resource, chance, dated), chance.choice(DATES)
    return place.put(wrong) if place else extended(resource, wrong, chance.choice(["Date", "DateTime"]))


@kind("instant")
def instant(resource: Resource, chance: Random) -> str | None:
    wrong = chance.choice(INSTANTS)
    resource.setdefault("meta", {})["lastUpdated"] = wrong
    return f"meta.lastUpdated = {wrong}"


@kind("time")
def time(resource: Resource, chance: Random) -> str | None:
    return extended(resource, chance.choice(TIMES), "Time")


@kind("uri")
def uri(resource: Resource, chance: Random) -> str | None:
    place = some(
        resource, chance, lambda place: place.name in ("system", "url", "implicitRules") and isinstance(place.value, str)
    )
    wrong = chance.choice(URIS)
    if place and chance.random() < 0.7:
        return place.put(wrong)
    return extended(resource, wrong, chance.choice(["Uri", "Url", "Canonical", "Oid", "Uuid"]))


@kind("id")
def id(resource: Resource, chance: Random) -> str | None:
    place, wrong = some(resource, chance, lambda place: place.key == "id"), chance.choice(IDS)
    if place and chance.random() < 0.5:
        return place.put(wrong)
    if chance.random() < 0.3:
        return extended(resource, wrong, "Id")
    resource["id"] = wrong
    return f"id = {wrong!r}"


@kind("id of an element")
def element_id(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: isinstance(place.value, dict) and "resourceType" not in place.value)
    if place is None:
        return None
    place.value["id"] = chance.choice(IDS)
    return f"{place.path}.id = {place.value['id']!r}"


@kind("base64")
def base64(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: place.key == "data" and isinstance(place.value, str))
    wrong = chance.choice(BASE64)
    return place.put(wrong) if place else extended(resource, wrong, "Base64Binary")


@kind("decimal")
def decimal(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: place.key == "value" and isinstance(place.value, int | float))
    wrong = chance.choice(DECIMALS)
    return place.put(wrong) if place else extended(resource, wrong, "Decimal")


@kind("integer")
def integer(resource: Resource, chance: Random) -> str | None:
    return extended(resource, chance.choice(INTEGERS), chance.choice(["Integer", "PositiveInt", "UnsignedInt"]))


@kind("boolean")
def boolean(resource: Resource, chance: Random) -> str | None:
    place, wrong = (
        some(resource, chance, lambda place: isinstance(place.value, bool)),
        chance.choice(["true", 1, "", None, True, "no"]),
    )
    return place.put(wrong) if place else extended(resource, wrong, "Boolean")


@kind("language")
def language(resource: Resource, chance: Random) -> str | None:
    resource["language"] = chance.choice(LANGUAGES)
    return f"language = {resource['language']!r}"


@kind("code of a required binding", ANYWHERE)
def bound(resource: Resource, chance: Random) -> str | None:
    place = some(
        resource, chance, lambda place: place.key in _CODES and isinstance(place.value, str) and "system" not in place.holder
    )
    return place and place.put(
        chance.choice(["no-such-code", "active", "completed", "Active", "order", "x y", "unknown", place.value.upper()])
    )


@kind("value by an extension alone", ANYWHERE)
def absent(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, primitive)
    if place is None:
        return None
    del place.holder[place.key]
    place.holder[f"_{place.key}"] = {"extension": [ABSENT]}
    return place.path


@kind("value by an id alone", ANYWHERE)
def identified(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, primitive)
    if place is None:
        return None
    if chance.random() < 0.7:
        del place.holder[place.key]
    place.holder[f"_{place.key}"] = {"id": "x"}
    return place.path


@kind("extension beside a value", ANYWHERE)
def beside(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, primitive)
    if place is None:
        return None
    place.holder[f"_{place.key}"] = chance.choice(
        [{"extension": [extension("x", "String")]}, {"extension": []}, {}, [{"id": "x"}], "x", {"x": 1}]
    )
    return f"{place.path} beside {place.holder[f'_{place.key}']!r}"


@kind("control character")
def control(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, is_text)
    mark = chance.choice(["\x00", "\x1f", "\x7f", "\t", "\n", "\r", "\u00a0", "\u200b", "\U0001f600"])
    return place and place.put(f"{place.value[:1]}{mark}{place.value[1:]}")
