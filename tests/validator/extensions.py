"""Mutations of extensions: unknown, in a wrong context, of a wrong type, with a value and nested ones, without a url."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.validator.places import Place, Resource, kind, objects, some

HL7 = "http://hl7.org/fhir/StructureDefinition/"
OURS = "https://baton.example/fhir/StructureDefinition/"
KNOWN: tuple[Resource, ...] = (
    {"url": f"{HL7}data-absent-reason", "valueCode": "unknown"},
    {"url": f"{HL7}data-absent-reason", "valueString": "unknown"},
    {"url": f"{HL7}data-absent-reason", "valueCode": "no-such-code"},
    {"url": f"{HL7}patient-birthPlace", "valueAddress": {"city": "x"}},
    {"url": f"{HL7}patient-birthTime", "valueDateTime": "2026-01-01T10:00:00Z"},
    {"url": f"{HL7}patient-interpreterRequired", "valueBoolean": True},
    {"url": f"{HL7}iso21090-ADXP-streetName", "valueString": "x"},
    {"url": f"{HL7}humanname-own-prefix", "valueString": "x"},
    {"url": f"{HL7}originalText", "valueString": "x"},
    {"url": f"{HL7}rendering-xhtml", "valueString": "x"},
    {"url": f"{HL7}translation", "extension": [{"url": "lang", "valueCode": "de"}, {"url": "content", "valueString": "x"}]},
    {"url": f"{HL7}translation", "extension": [{"url": "lang", "valueCode": "de"}]},
    {"url": f"{HL7}translation", "extension": [{"url": "other", "valueCode": "de"}, {"url": "content", "valueString": "x"}]},
    {"url": f"{HL7}workflow-episodeOfCare", "valueReference": {"reference": "EpisodeOfCare/1"}},
    {"url": f"{HL7}workflow-episodeOfCare", "valueReference": {"reference": "Patient/1"}},
)
UNKNOWN: tuple[Resource, ...] = (
    {"url": f"{HL7}no-such-extension", "valueString": "x"},
    {"url": "http://hl7.org/fhir/no-such-extension", "valueString": "x"},
    {"url": "http://example.org/fhir/StructureDefinition/anything", "valueString": "x"},
    {"url": f"{OURS}no-such-extension", "valueString": "x"},
    {"url": "relative", "valueString": "x"},
    {"url": "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", "valueString": "x"},
    {"url": "http://example.org/a b", "valueString": "x"},
)
OWN: tuple[Resource, ...] = (
    {"url": f"{OURS}authority", "valueReference": {"reference": "Consent/1"}},
    {"url": f"{OURS}authority", "valueReference": {"reference": "Patient/1"}},
    {"url": f"{OURS}authority", "valueString": "x"},
    {
        "url": f"{OURS}authority",
        "valueCodeableConcept": {"coding": [{"system": "https://baton.example/fhir/CodeSystem/lawful-basis", "code": "x"}]},
    },
    {"url": f"{OURS}lead-agency", "valueReference": {"reference": "Organization/1"}},
    {"url": f"{OURS}review-date", "valueDate": "2026-01-01"},
    {"url": f"{OURS}review-date", "valueDateTime": "2026-01-01"},
    {"url": f"{OURS}participant-agency", "valueReference": {"reference": "Organization/1"}},
    {"url": f"{OURS}partner-role", "valueString": "x"},
)
SHAPES: tuple[Any, ...] = (
    {"url": "http://example.org/x", "valueString": "x", "extension": [{"url": "y", "valueString": "z"}]},
    {"url": "http://example.org/x"},
    {"valueString": "x"},
    {"url": "", "valueString": "x"},
    {"url": "http://example.org/x", "valueString": "x", "valueCode": "y"},
    {"url": "http://example.org/x", "value": "x"},
    {"url": "http://example.org/x", "valueNothing": "x"},
    {"url": "http://example.org/x", "valueHumanName": {"family": "x"}},
    {"url": "http://example.org/x", "valueHumanName": {"famly": "x"}},
    {"url": "http://example.org/x", "valueTiming": {"repeat": {"frequency": 1}}},
    {"url": "http://example.org/x", "valueTiming": {"repeat": {"duration": 1}}},
    {"url": "http://example.org/x", "valueAttachment": {"data": "YQ=="}},
    {"url": "http://example.org/x", "valueAttachment": {"contentType": "text/plain", "data": "YQ=="}},
    {"url": "http://example.org/x", "valueContactPoint": {"value": "1"}},
    {"url": "http://example.org/x", "valueMoney": {"value": 1, "currency": "GBP"}},
    {"url": "http://example.org/x", "valueMoney": {"value": 1, "currency": "Pounds"}},
    {"url": "http://example.org/x", "valueAge": {"value": 1, "system": "http://unitsofmeasure.org", "code": "a"}},
    {"url": "http://example.org/x", "valueAge": {"value": 1}},
    {"url": "http://example.org/x", "valueSampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "1 2 E"}},
    {"url": "http://example.org/x", "valueIdentifier": {"system": "http://example.org", "value": "1", "use": "official"}},
    {"url": "http://example.org/x", "valueIdentifier": {"use": "no-such-use"}},
    {"url": "http://example.org/x", "valueAnnotation": {"authorString": "x"}},
    {"url": "http://example.org/x", "valueExpression": {"language": "text/fhirpath"}},
    {"url": "http://example.org/x", "_valueString": {"extension": [KNOWN[0]]}},
    {"url": "http://example.org/x", "id": "a b", "valueString": "x"},
    {"url": "http://example.org/x", "extension": []},
    "x",
    None,
    {},
)


def element(place: Place) -> bool:
    """Whether a place holds an element that may have extensions."""
    return isinstance(place.value, dict) and "resourceType" not in place.value and place.name != "resource"


def extend(resource: Resource, chance: Random, added: Any) -> str:
    """Adds an extension somewhere."""
    place = some(resource, chance, element) if chance.random() < 0.5 else None
    held = place.value if place else resource["entry"][0]["resource"] if resource["resourceType"] == "Bundle" else resource
    held.setdefault("extension", []).append(added)
    return f"{place.path if place else 'the root'} with {added!r}"


@kind("extension of HL7")
def known(resource: Resource, chance: Random) -> str | None:
    return extend(resource, chance, chance.choice(KNOWN))


@kind("extension that is unknown")
def unknown(resource: Resource, chance: Random) -> str | None:
    return extend(resource, chance, chance.choice(UNKNOWN))


@kind("extension of ours")
def own(resource: Resource, chance: Random) -> str | None:
    return extend(resource, chance, chance.choice(OWN))


@kind("shape of an extension")
def shape(resource: Resource, chance: Random) -> str | None:
    return extend(resource, chance, chance.choice(SHAPES))


@kind("modifier extension")
def modifier(resource: Resource, chance: Random) -> str | None:
    place = some(resource, chance, element) if chance.random() < 0.5 else None
    held = place.value if place else resource
    held.setdefault("modifierExtension", []).append(chance.choice([*UNKNOWN, KNOWN[0], OWN[0]]))
    return f"{place.path if place else 'the root'} with {held['modifierExtension'][-1]!r}"


@kind("deep extension")
def deep(resource: Resource, chance: Random) -> str | None:
    made: Resource = {"url": "x", "valueString": chance.choice(["x", "", 7])}
    for _ in range(chance.randrange(1, 12)):
        made = {"url": chance.choice(["x", "http://example.org/x"]), "extension": [made]}
    return extend(resource, chance, {"url": "http://example.org/deep", "extension": [made]})


@kind("url of an extension")
def renamed(resource: Resource, chance: Random) -> str | None:
    found = [place for place in objects(resource) if "url" in place.value and place.name == "extension"]
    if not found:
        return None
    place = chance.choice(found)
    place.value["url"] = chance.choice([each["url"] for each in (*KNOWN, *UNKNOWN, *OWN)])
    return f"{place.path}.url = {place.value['url']}"
