"""What real files and independent validators found: each an error with its place, and its like that is sound without one."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.path import compile_path
from service.fhir.pathsteps import STEMS, Environment, is_choice
from service.fhir.primitive import LONGEST
from service.fhir.validate import Validator

Resource = dict[str, Any]
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
REQUEST = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}}
PRACTICE = {"resourceType": "Organization", "name": "x"}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'


def patient(**more: Any) -> Resource:
    """A Patient with these members."""
    return {"resourceType": "Patient", **more}


def repeating(**repeat: Any) -> Resource:
    """A request that is repeated so."""
    return {**REQUEST, "occurrenceTiming": {"repeat": repeat}}


WRONG: dict[str, tuple[Resource, str]] = {
    "a duration that is at most without one": (
        repeating(durationMax=2, durationUnit="h"),
        "ServiceRequest.occurrence.repeat",
    ),
    "null beside an id alone": (
        patient(name=[{"given": [None, "A"], "_given": [{"id": "x"}, None]}]),
        "Patient.name[0].given[0]",
    ),
    "an extension without a url": (patient(extension=[{"_url": ABSENT, "valueCode": "x"}]), "Patient.extension[0].url"),
    "a narrative without a div": (patient(text={"status": "empty", "_div": ABSENT}), "Patient.text.div"),
    "a reference of another type than it says": (
        patient(generalPractitioner=[{"reference": "Practitioner/1", "type": "Organization"}]),
        "Patient.generalPractitioner[0].type",
    ),
    "two contained of one id": (
        patient(contained=[{**PRACTICE, "id": "a"}, {**PRACTICE, "id": "a"}], managingOrganization={"reference": "#a"}),
        "Patient.contained[1].id",
    ),
    "a relative system of a code": (
        {**REQUEST, "code": {"coding": [{"system": "x", "code": "y"}]}},
        "ServiceRequest.code.coding[0].system",
    ),
    "a relative system of an identifier": (patient(identifier=[{"system": "x/y", "value": "1"}]), "Patient.identifier[0].system"),
    "a control character in a code": (
        {**REQUEST, "code": {"coding": [{"system": "urn:s", "code": "a\x01b"}]}},
        "ServiceRequest.code.coding[0].code",
    ),
    "a control character in a uri": (patient(implicitRules="urn:a\x02"), "Patient.implicitRules"),
    "a string of more than a megabyte": (patient(name=[{"text": "a" * (LONGEST + 1)}]), "Patient.name[0].text"),
    "a string of more bytes than that": (patient(name=[{"text": "\u00e9" * (LONGEST // 2 + 1)}]), "Patient.name[0].text"),
}
SOUND: dict[str, Resource] = {
    "a duration that is at most, with one": repeating(duration=1, durationMax=2, durationUnit="h"),
    "null beside an extension": patient(name=[{"given": [None, "A"], "_given": [ABSENT, None]}]),
    "a value beside an id": patient(name=[{"given": ["A"], "_given": [{"id": "x"}]}]),
    "a reference of the type that it says": patient(
        generalPractitioner=[{"reference": "Practitioner/1", "type": "Practitioner"}]
    ),
    "a type without a reference": patient(generalPractitioner=[{"display": "x", "type": "Practitioner"}]),
    "two contained of two ids": patient(
        contained=[{**PRACTICE, "id": "a"}, {**PRACTICE, "id": "b"}],
        managingOrganization={"reference": "#a"},
        generalPractitioner=[{"reference": "#b"}],
    ),
    "a system that is an oid": patient(identifier=[{"system": "urn:oid:1.2.3", "value": "1"}]),
    "a code of two words": {**REQUEST, "code": {"coding": [{"system": "urn:s", "code": "a b"}]}},
    "a string of a megabyte": patient(name=[{"text": "a" * LONGEST}]),
    "a narrative": patient(text={"status": "generated", "div": DIV}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(validator: Validator, name: str) -> None:
    resource, place = WRONG[name]
    assert place in [issue.expression for issue in validator.check(resource) if issue.severity == "error"]


@pytest.mark.parametrize("name", SOUND)
def test_its_like_is_sound(validator: Validator, name: str) -> None:
    assert [issue for issue in validator.check(SOUND[name]) if issue.severity == "error"] == []


@pytest.mark.parametrize("stem", sorted(STEMS))
def test_a_stem_is_not_a_longer_sibling(stem: str) -> None:
    """`durationMax` is no `duration[x]`, and no name that only begins so is."""
    for longer in (f"{stem}Max", f"{stem}Unit", f"{stem}Other", f"{stem}x"):
        assert not is_choice(longer, stem)
        held = {longer: 1}
        assert not compile_path(f"{stem}.exists() or {stem}.exists()").holds(held, Environment(held, held))
    held = {f"{stem}Quantity": {}}
    assert compile_path(f"{stem}.exists() or {stem}.exists()").holds(held, Environment(held, held))
