"""What real files and independent validators found: each an error with its place, and its like that is sound without one."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.canonical import TASK_CODE
from service.fhir.path import compile_path
from service.fhir.pathsteps import STEMS, Environment, is_choice
from service.fhir.primitive import LONGEST
from service.fhir.validate import Validator

Resource = dict[str, Any]
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
REQUEST = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}}
PRACTICE = {"resourceType": "Organization", "name": "x"}
PLAN = {"resourceType": "CarePlan", "status": "draft", "intent": "plan", "subject": {"reference": "Patient/1"}}
TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}
HL7 = "http://terminology.hl7.org/CodeSystem"
SERVER = "https://there.example/fhir"
UUID = "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'


def patient(**more: Any) -> Resource:
    """A Patient with these members."""
    return {"resourceType": "Patient", **more}


def repeating(**repeat: Any) -> Resource:
    """A request that is repeated so."""
    return {**REQUEST, "occurrenceTiming": {"repeat": repeat}}


def without(resource: Resource, name: str) -> Resource:
    """The resource with a member told by an extension alone."""
    return {key: value for key, value in resource.items() if key != name} | {f"_{name}": ABSENT}


def coded(**coding: Any) -> Resource:
    """A request for what this Coding says."""
    return {**REQUEST, "code": {"coding": [coding]}}


def ranged(low: Resource, high: Resource) -> Resource:
    """A request for an amount between these."""
    return {**REQUEST, "quantityRange": {"low": low, "high": high}}


def entry(full_url: str, **more: Any) -> Resource:
    """A Bundle with a practice by this address."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": full_url, "resource": {**PRACTICE, **more}}],
    }


def shown(*conditions: str) -> Resource:
    """A Questionnaire with an item that is shown under these conditions."""
    asked = [{"question": each, "operator": "exists", "answerBoolean": True} for each in conditions]
    item = {"linkId": "z", "type": "string", "enableWhen": asked}
    items = [*({"linkId": each, "type": "string"} for each in conditions), item]
    return {"resourceType": "Questionnaire", "status": "draft", "item": items}


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
    "a Task whose status is an extension": (without(TASK, "status"), "Task.status"),
    "a plan whose status is an extension": (without(PLAN, "status"), "CarePlan.status"),
    "a plan whose intent is an extension": (without(PLAN, "intent"), "CarePlan.intent"),
    "a code that need not be there, as an extension": (without(patient(), "gender"), "Patient.gender"),
    "a day of the week as an extension": (
        repeating(dayOfWeek=[None, "mon"], _dayOfWeek=[ABSENT, None]),
        "ServiceRequest.occurrence.repeat.dayOfWeek[0]",
    ),
    "a date that a rule compares as an extension": (without({**TASK, "lastModified": "2026-01-01"}, "authoredOn"), "Task"),
    "a reference that a rule reads as an extension": (
        {
            **TASK,
            "code": {"coding": [{"system": TASK_CODE, "code": "agree-plan"}]},
            "focus": {"_reference": ABSENT, "display": "x"},
        },
        "Task.focus",
    ),
    "an id that is an extension": (without(patient(), "id"), "Patient.id"),
    "a code that its system does not have": (
        coded(system=f"{HL7}/v3-ActReason", code="no-such"),
        "ServiceRequest.code.coding[0].code",
    ),
    "a code in another case": (coded(system=f"{HL7}/v3-ActReason", code="treat"), "ServiceRequest.code.coding[0].code"),
    "a label that its system does not have": (
        patient(meta={"security": [{"system": f"{HL7}/v3-Confidentiality", "code": "X"}]}),
        "Patient.meta.security[0].code",
    ),
    "a code in an extension that its system does not have": (
        patient(extension=[{"url": "urn:x", "valueCoding": {"system": "http://hl7.org/fhir/task-status", "code": "x"}}]),
        "Patient.extension[0].value.code",
    ),
    "a system without a code": (coded(system=f"{HL7}/v3-ActReason"), "ServiceRequest.code.coding[0].code"),
    "a tab in a code": (coded(system="urn:s", code="a\tb"), "ServiceRequest.code.coding[0].code"),
    "a language that is none": (patient(language="en_GB"), "Patient.language"),
    "a language by its name": (patient(language="English"), "Patient.language"),
    "a language that a person speaks and is none": (
        patient(communication=[{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "english"}]}}]),
        "Patient.communication[0].language.coding[0].code",
    ),
    "a code of a concept as an extension": (
        {"resourceType": "AllergyIntolerance", "patient": {"display": "x"}, "code": {"text": "x"}, "clinicalStatus": ABSENT},
        "AllergyIntolerance.clinicalStatus",
    ),
    "base64 that is parted within four": (
        patient(photo=[{"contentType": "image/png", "data": "YQ =="}]),
        "Patient.photo[0].data",
    ),
    "a UUID that is none": (patient(identifier=[{"system": "urn:uuid:x", "value": "1"}]), "Patient.identifier[0].system"),
    "an OID that is none": (patient(identifier=[{"system": "urn:oid:1..2", "value": "1"}]), "Patient.identifier[0].system"),
    "a type of a reference that is none": (
        patient(managingOrganization={"display": "x", "type": "organization"}),
        "Patient.managingOrganization.type",
    ),
    "a type of a reference by its canonical": (
        patient(managingOrganization={"display": "x", "type": "http://hl7.org/fhir/StructureDefinition/Organization"}),
        "Patient.managingOrganization.type",
    ),
    "a container outside of what is contained": (
        patient(managingOrganization={"reference": "#"}),
        "Patient.managingOrganization",
    ),
    "two elements of one id": (patient(name=[{"id": "a", "text": "x"}], telecom=[{"id": "a"}]), "Patient.telecom[0].id"),
    "a range in two units": (ranged({"value": 1, "unit": "d"}, {"value": 2, "unit": "h"}), "ServiceRequest.quantity"),
    "two conditions that are not combined": (shown("a", "b"), "Questionnaire.item[2]"),
    "a relative fullUrl": (entry("Organization/a", id="a"), "Bundle.entry[0].fullUrl"),
    "a fullUrl of another id": (entry(f"{SERVER}/Organization/b", id="a"), "Bundle.entry[0].fullUrl"),
    "a fullUrl of another type": (entry(f"{SERVER}/Patient/a", id="a"), "Bundle.entry[0].fullUrl"),
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
    "a code in any case of a system without case": coded(system=f"{HL7}/v2-0203", code="mr"),
    "a code of another version of its system": coded(system=f"{HL7}/v3-ActReason", version="9", code="NO-SUCH"),
    "a code of a system that R4 has in part": coded(system=f"{HL7}/service-type", code="no-such"),
    "a code of a system of others": coded(system="http://snomed.info/sct", code="1"),
    "a display that is another's": coded(system=f"{HL7}/v3-ActReason", code="TREAT", display="something else"),
    "a system of others without a code": coded(system="http://snomed.info/sct", display="x"),
    "a system without a code beside one with a code": {
        **REQUEST,
        "code": {"coding": [{"system": f"{HL7}/v3-ActReason"}, {"system": f"{HL7}/v3-ActReason", "code": "TREAT"}]},
    },
    "a language that a person speaks": patient(
        communication=[{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-GB"}]}}]
    ),
    "a canonical of what is contained": {**REQUEST, "instantiatesCanonical": ["#x"]},
    "a canonical of a version": {**REQUEST, "instantiatesCanonical": [f"{UUID}|1"]},
    "base64 in lines": patient(photo=[{"contentType": "image/png", "data": "YWJj\r\nZGVm YQ==\n"}]),
    "a language of a region": patient(language="en-GB"),
    "a language in a script": patient(language="zh-Hant-TW"),
    "a text that is an extension": without(patient(), "birthDate"),
    "a UUID": patient(identifier=[{"system": UUID, "value": "1"}]),
    "a UUID in capitals": patient(identifier=[{"system": UUID[:9] + UUID[9:].upper(), "value": "1"}]),
    "the container of what is contained": patient(
        contained=[{"resourceType": "RelatedPerson", "id": "a", "patient": {"reference": "#"}}]
    ),
    "two elements of two ids": patient(name=[{"id": "a", "text": "x"}], telecom=[{"id": "b"}]),
    "one id here and in what is contained": patient(
        contained=[{**PRACTICE, "id": "o", "address": [{"id": "a"}]}],
        name=[{"id": "a", "text": "x"}],
        managingOrganization={"reference": "#o"},
    ),
    "a range in one unit": ranged({"value": 1, "unit": "d"}, {"value": 2, "unit": "d"}),
    "one condition": shown("a"),
    "a fullUrl of its resource": entry(f"{SERVER}/Organization/a", id="a"),
    "a fullUrl that is a UUID": entry(UUID, id="a"),
    "a fullUrl that is an OID": entry("urn:oid:1.2.3", id="a"),
    "a fullUrl that is no record's": entry("https://there.example/practices/1", id="a"),
    "a fullUrl of a resource without an id": entry(f"{SERVER}/Organization/a"),
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
