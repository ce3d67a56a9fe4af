"""Bundles of other resources, and their mutations: addresses against ids and twice, requests and responses out of place."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from tests.validator.places import Resource, kind

BASE = "https://other.example/fhir"


def bundle(type: str, resources: list[Resource], request: bool = False) -> Resource:
    """A Bundle of resources, each with an id and an address."""
    entries = []
    for number, each in enumerate(resources):
        resource = {**copy.deepcopy(each), "id": f"r{number}"}
        entry: Resource = {"fullUrl": f"{BASE}/{each['resourceType']}/r{number}", "resource": resource}
        if request:
            entry["request"] = {"method": "PUT", "url": f"{each['resourceType']}/r{number}"}
        entries.append(entry)
    return {"resourceType": "Bundle", "type": type, "entry": entries}


def _of_bundles(resource: Resource) -> bool:
    return resource["resourceType"] == "Bundle"


@kind("address in a Bundle")
def address(resource: Resource, chance: Random) -> str | None:
    if not _of_bundles(resource):
        return None
    entry, held = chance.choice(resource["entry"]), resource["entry"][0]
    wrong = chance.choice(
        [
            f"{BASE}/{entry['resource']['resourceType']}/other",
            f"{BASE}/Nothing/r1",
            "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "urn:uuid:x",
            "Patient/1",
            "",
            held["fullUrl"],
            f"{held['fullUrl']}/_history/1",
            "https://other.example/x",
            "urn:oid:2.16.840.1.113883.2.1.4.1",
            "#x",
            f"{BASE}/Basic/{entry['resource']['id']}",
            None,
        ]
    )
    if wrong is None:
        del entry["fullUrl"]
    else:
        entry["fullUrl"] = wrong
    return f"fullUrl = {wrong!r}"


@kind("entry of a Bundle")
def entry(resource: Resource, chance: Random) -> str | None:
    if not _of_bundles(resource):
        return None
    held = chance.choice(resource["entry"])
    changes: list[tuple[str, Any]] = [
        ("request", {"method": "GET", "url": "Patient/1"}),
        ("request", {"method": "FETCH", "url": "x"}),
        ("request", {"method": "POST"}),
        ("request", {}),
        ("response", {"status": "200"}),
        ("response", {}),
        ("search", {"mode": "match"}),
        ("search", {"mode": "x"}),
        ("search", {"score": 1}),
        ("link", [{"relation": "self", "url": "x"}]),
        ("link", [{"url": "x"}]),
        ("resource", None),
        ("resource", {"resourceType": "Basic"}),
        ("resource", {"resourceType": "Nothing", "id": "r0"}),
        ("request", None),
    ]
    name, value = chance.choice(changes)
    if value is None:
        held.pop(name, None)
    else:
        held[name] = value
    return f"entry.{name} = {value!r}"


@kind("Bundle")
def envelope(resource: Resource, chance: Random) -> str | None:
    if not _of_bundles(resource):
        return None
    changes: list[tuple[str, Any]] = [
        ("type", "no-such"),
        ("type", "document"),
        ("type", "message"),
        ("type", "searchset"),
        ("type", "history"),
        ("type", "batch-response"),
        ("total", 1),
        ("total", "1"),
        ("type", "batch"),
        ("type", "collection"),
        ("type", "transaction"),
        ("timestamp", "2026"),
        ("link", [{"relation": "self"}]),
        ("identifier", {"value": "x"}),
        ("identifier", [{"value": "x"}]),
        ("entry", []),
        ("entry", [{}]),
        ("signature", {"type": []}),
        ("text", {"status": "empty"}),
        ("link", [{"relation": "self", "url": "x"}, {"relation": "self", "url": "y"}]),
    ]
    name, value = chance.choice(changes)
    resource[name] = value
    return f"{name} = {value!r}"


@kind("reference within a Bundle")
def within(resource: Resource, chance: Random) -> str | None:
    """To a resource of the Bundle, of a type that may not fit."""
    if not _of_bundles(resource):
        return None
    held, other = chance.choice(resource["entry"])["resource"], chance.choice(resource["entry"])
    name = chance.choice(["subject", "focus", "for", "patient", "author", "basedOn"])
    aim = chance.choice(
        [other["fullUrl"], other["fullUrl"].removeprefix(f"{BASE}/"), "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"]
    )
    held[name] = {"reference": aim}
    return f"{held['resourceType']}.{name} = {aim}"


@kind("ids of a Bundle")
def ids(resource: Resource, chance: Random) -> str | None:
    if not _of_bundles(resource):
        return None
    held = chance.choice(resource["entry"])["resource"]
    held["id"] = chance.choice(["other", "a b", "", "r0"])
    return f"{held['resourceType']}.id = {held['id']!r}"
