"""What the HL7 validator refuses, and we let pass once: each an error with its place, and its like that is sound without one."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.validate import Validator

Resource = dict[str, Any]
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
PRACTICE = {"resourceType": "Organization", "name": "x"}
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def patient(**more: Any) -> Resource:
    """A Patient with these members."""
    return {"resourceType": "Patient", **more}


def told(div: str, **more: Any) -> Resource:
    """A Patient with this narrative."""
    return patient(text={"status": "generated", "div": f"<div {XHTML}>{div}</div>"}, **more)


def extended(name: str, value: Any) -> Resource:
    """A Patient with a value in an extension."""
    return patient(extension=[{"url": "http://example.org/x", name: value}])


def asked(**more: Any) -> Resource:
    """A Questionnaire of two items, the second of which depends on the first."""
    condition = {"question": "a", "operator": "exists", "answerBoolean": True}
    items = [{"linkId": "a", "type": "string"}, {"linkId": "b", "type": "string", "enableWhen": [condition, condition], **more}]
    return {"resourceType": "Questionnaire", "name": "X", "status": "draft", "item": items}


WRONG: dict[str, tuple[Resource, str]] = {
    "a line break in a code": (
        patient(maritalStatus={"coding": [{"system": "urn:s", "code": "a\nb"}]}),
        "Patient.maritalStatus.coding[0].code",
    ),
    "an OID of a wrong form": (patient(implicitRules="urn:oid:9.9"), "Patient.implicitRules"),
    "a canonical OID of a wrong form": (extended("valueCanonical", "urn:oid:9.9"), "Patient.extension[0].value"),
    "a language by its name": (patient(language="English"), "Patient.language"),
    "a language with an underscore": (patient(language="en_GB"), "Patient.language"),
    "a bound code by an extension alone": (patient(_gender=ABSENT), "Patient.gender"),
    "the id of a resource by an extension alone": (patient(_id=ABSENT), "Patient.id"),
    "two elements of one id": (patient(name=[{"id": "a", "family": "x"}, {"id": "a", "family": "y"}]), "Patient.name[1].id"),
    "a reference of an unknown type": (
        patient(managingOrganization={"display": "x", "type": "organization"}),
        "Patient.managingOrganization.type",
    ),
    "a contained resource of another type than it says": (
        patient(contained=[{**PRACTICE, "id": "a"}], managingOrganization={"reference": "#a", "type": "Patient"}),
        "Patient.managingOrganization.type",
    ),
    "a reference from the root to itself": (patient(managingOrganization={"reference": "#"}), "Patient.managingOrganization"),
    "a range of two units": (
        extended("valueRange", {"low": {"value": 1, "unit": "d"}, "high": {"value": 2, "unit": "h"}}),
        "Patient.extension[0].value",
    ),
    "two conditions without a behaviour": (asked(), "Questionnaire.item[1]"),
    "an order that cannot be, of a date by an extension alone": (
        {"resourceType": "Task", "status": "draft", "intent": "order", "lastModified": "2026-01-01", "_authoredOn": ABSENT},
        "Task",
    ),
    "an element of the narrative for edits": (told("<del>x</del>"), "Patient.text.div"),
    "an attribute on another element": (told("<p href='x'>x</p>"), "Patient.text.div"),
    "an attribute of presentation": (told("<table bgcolor='red'><tr><td>x</td></tr></table>"), "Patient.text.div"),
    "a cell outside a row": (told("<td>x</td>"), "Patient.text.div"),
    "a picture that is nowhere": (told("<img src='#p' alt='x'/>"), "Patient.text.div"),
    "a link that leads nowhere": (told("<a href='#p'>x</a>"), "Patient.text.div"),
}
SOUND: dict[str, Resource] = {
    "an OID": patient(implicitRules="urn:oid:2.16.840.1.113883.2.1.4.1"),
    "a canonical UUID with a version": extended("valueCanonical", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8|1"),
    "a language with a region": patient(language="en-GB"),
    "a language with a script": patient(language="zh-Hans"),
    "a bound code beside an extension": patient(gender="unknown", _gender=ABSENT),
    "a code that is not bound, by an extension alone": patient(_birthDate=ABSENT),
    "an id beside an extension": patient(id="a", _id=ABSENT),
    "an element with the id of its resource": patient(id="a", name=[{"id": "a", "family": "x"}]),
    "an element with the id of another in a contained resource": patient(
        contained=[{**PRACTICE, "id": "a", "alias": ["y"], "_alias": [{"id": "e"}]}],
        managingOrganization={"reference": "#a", "id": "e"},
    ),
    "a contained resource that refers to its container": patient(
        contained=[
            {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}, "subject": {"reference": "#"}}
        ]
    ),
    "a range of one unit": extended("valueRange", {"low": {"value": 1, "unit": "d"}, "high": {"value": 2, "unit": "d"}}),
    "two conditions with a behaviour": asked(enableBehavior="all"),
    "a table": told("<table summary='x'><tr><td nowrap='nowrap' colspan='2'>x</td></tr></table>"),
    "a picture that is contained": told(
        "<img src='#p' alt='x'/>", contained=[{"resourceType": "Binary", "id": "p", "contentType": "image/png", "data": "YQ=="}]
    ),
    "a link within the narrative": told("<a href='#p'>x</a><p id='p'>y</p>"),
    "a narrative of a space that does not break": told("&#160;"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(validator: Validator, name: str) -> None:
    resource, place = WRONG[name]
    assert place in [issue.expression for issue in validator.check(resource) if issue.severity == "error"]


@pytest.mark.parametrize("name", SOUND)
def test_its_like_is_sound(validator: Validator, name: str) -> None:
    assert [issue for issue in validator.check(SOUND[name]) if issue.severity == "error"] == []
