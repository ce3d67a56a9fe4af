"""Mutations of references, contained resources and profiles: wrong targets and types, ends that hang, ids that come twice."""

from __future__ import annotations

from random import Random

from tests.validator.places import ANYWHERE, Place, Resource, kind, some
from tests.validator.primitives import extended

FORMS = (
    "Patient/a b",
    "patient/1",
    "",
    "http://example.org/fhir/Nothing/1",
    "urn:uuid:xyz",
    "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "urn:oid:2.16.840.1.113883.2.1.4.1",
    "Patient/1/_history/2",
    "https://other.example/fhir/Patient/1",
    "https://other.example/fhir/Organization/1/_history/3",
    "Patient?identifier=x",
    "Patient/1#a",
    "Patient/" + "x" * 65,
    "#",
    "Patient /1",
    " Patient/1",
    "Patient/1 ",
    "#a b",
)
TARGETS = (
    "Patient/1",
    "Organization/1",
    "Practitioner/1",
    "Observation/1",
    "Location/1",
    "Task/1",
    "Binary/1",
    "Consent/1",
    "Group/1",
    "Device/1",
)
CONTAINED: Resource = {"resourceType": "Organization", "id": "held", "name": "x"}


def reference(place: Place) -> bool:
    """Whether a place holds a Reference."""
    return isinstance(place.value, dict) and isinstance(place.value.get("reference"), str)


@kind("target of a reference", ANYWHERE)
def target(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, reference)
    if place is None:
        return None
    place.value["reference"] = chance.choice(TARGETS)
    return f"{place.path} = {place.value['reference']}"


@kind("form of a reference")
def form(resource: Resource, chance: Random) -> str | None:
    place, wrong = some(resource, chance, reference), chance.choice(FORMS)
    if place is None:
        return extended(resource, {"reference": wrong}, "Reference")
    place.value["reference"] = wrong
    return f"{place.path} = {wrong!r}"


@kind("type of a reference")
def type_(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, reference)
    if place is None:
        return None
    held = place.value["reference"].split("/")[0]
    place.value["type"] = chance.choice(
        [held, "Medication", "Nothing", "http://hl7.org/fhir/StructureDefinition/Binary", "patient", "a b"]
    )
    if chance.random() < 0.3:
        del place.value["reference"]
    return f"{place.path} = {place.value!r}"


@kind("reference by identifier")
def logical(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, reference)
    return place and place.put(
        chance.choice(
            [
                {"identifier": {"value": "x"}},
                {"display": "x"},
                {"identifier": {}},
                {"type": "Patient"},
                {"identifier": [{"value": "x"}]},
                "Patient/1",
                {"uri": "Patient/1"},
            ]
        )
    )


@kind("end that hangs")
def dangling(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, reference)
    if place is None:
        return extended(resource, {"reference": "#nothing"}, "Reference")
    place.value["reference"] = "#nothing"
    return place.path


def holding(resource: Resource, *held: Resource, by: str = "#held") -> None:
    """Contains resources, and refers to one."""
    resource.setdefault("contained", []).extend(held)
    resource.setdefault("extension", []).append({"url": "http://example.org/fhir/held", "valueReference": {"reference": by}})


@kind("contained")
def contained(resource: Resource, chance: Random) -> str | None:
    way = chance.choice(["sound", "twice", "unreferenced", "nameless", "meta", "nested", "security", "wrong", "unknown", "self"])
    held: dict[str, tuple[Resource, ...]] = {
        "twice": (CONTAINED, CONTAINED | {"name": "y"}),
        "nameless": ({"resourceType": "Organization", "name": "x"},),
        "meta": (CONTAINED | {"meta": {"versionId": "1"}},),
        "nested": (CONTAINED | {"contained": [CONTAINED | {"id": "inner"}]},),
        "security": (CONTAINED | {"meta": {"security": [{"system": "http://example.org", "code": "x"}]}},),
        "wrong": (CONTAINED | {"active": "yes"},),
        "unknown": ({"resourceType": "Nothing", "id": "held"},),
        "self": (CONTAINED | {"partOf": {"reference": "#"}},),
    }
    if way in ("unreferenced", "self"):
        resource.setdefault("contained", []).extend(held.get(way, (CONTAINED,)))
    else:
        holding(resource, *held.get(way, (CONTAINED,)))
    return way


@kind("contained of a wrong type")
def held(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, lambda place: reference(place) and not place.path.startswith("contained"))
    if place is None or resource["resourceType"] == "Bundle":
        return None
    place.value["reference"] = "#held"
    named = chance.choice(["Organization", "Patient", "Practitioner", "Location"])
    resource.setdefault("contained", []).append({"resourceType": named, "id": "held", "language": "en"})
    return f"{place.path} to {named}"


@kind("profile")
def profile(resource: Resource, chance: Random) -> str | None:
    named = chance.choice(
        [
            "https://baton.example/fhir/StructureDefinition/nothing",
            "https://baton.example/fhir/StructureDefinition/baton-consent",
            "http://hl7.org/fhir/StructureDefinition/Patient",
            "http://example.org/fhir/StructureDefinition/x",
            "x",
            "",
            "a b",
            f"http://hl7.org/fhir/StructureDefinition/{resource['resourceType']}",
            f"http://hl7.org/fhir/StructureDefinition/{resource['resourceType']}|4.0.1",
        ]
    )
    resource.setdefault("meta", {}).setdefault("profile", []).append(named)
    return named


@kind("meta")
def meta(resource: Resource, chance: Random) -> str | None:
    name, value = chance.choice(
        [
            ("versionId", "a b"),
            ("versionId", "1"),
            ("source", "a b"),
            ("tag", [{"code": "x"}]),
            ("security", [{}]),
            ("tag", {"code": "x"}),
            ("security", [{"system": "http://example.org/x", "code": "x"}]),
            ("source", "#x"),
            ("tag", [{"system": "x", "code": "x"}]),
        ]
    )
    resource.setdefault("meta", {})[name] = value
    return f"meta.{name} = {value!r}"
