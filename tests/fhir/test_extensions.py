"""Extensions that are known: R4's and our own, where they stand, what they hold; and those that are not known."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from service.fhir.canonical import R4_STRUCTURE, structure
from service.fhir.validate import Validator

Resource = dict[str, Any]
PATIENT: Resource = {"resourceType": "Patient", "birthDate": "1980-05-01"}
OBSERVATION: Resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
MEALS: Resource = {
    "resourceType": "NutritionOrder",
    "status": "active",
    "intent": "order",
    "patient": {"display": "x"},
    "dateTime": "2026-01-01",
}
NOT: Resource = {"url": f"{R4_STRUCTURE}request-doNotPerform", "valueBoolean": True}
ABSENT: Resource = {"url": f"{R4_STRUCTURE}data-absent-reason", "valueCode": "unknown"}
BIRTH_TIME: Resource = {"url": f"{R4_STRUCTURE}patient-birthTime", "valueDateTime": "1980-05-01T04:00:00Z"}
BIRTH_PLACE: Resource = {"url": f"{R4_STRUCTURE}patient-birthPlace", "valueAddress": {"city": "Leeds"}}
LANG: Resource = {"url": "lang", "valueCode": "cy"}
CONTENT: Resource = {"url": "content", "valueString": "x"}
REVIEW: Resource = {"url": structure("review-date"), "valueDate": "2027-01-01"}


def on(resource: Resource, *extensions: Resource, member: str = "extension") -> Resource:
    """The resource with extensions."""
    return {**resource, member: list(extensions)}


def translation(*parts: Resource) -> Resource:
    """HL7's extension of a text in another language."""
    return {"url": f"{R4_STRUCTURE}translation", "extension": list(parts)}


def titled(*extensions: Resource) -> Resource:
    """A Patient whose family name has extensions."""
    return {**PATIENT, "name": [{"family": "x", "_family": {"extension": list(extensions)}}]}


def asking(kind: str, *extensions: Resource) -> Resource:
    """A Questionnaire with an item of this type, three deep, that has extensions."""
    item = {"linkId": "3", "type": kind, "text": "x", "extension": list(extensions)}
    for number in ("2", "1"):
        item = {"linkId": number, "type": "group", "item": [item]}
    return {"resourceType": "Questionnaire", "status": "draft", "item": [item]}


STEP: Resource = {"url": f"{R4_STRUCTURE}questionnaire-sliderStepValue", "valueInteger": 2}

WRONG: dict[str, tuple[Resource, str]] = {
    "on another type": (on(OBSERVATION, BIRTH_PLACE), "Observation.extension[0]"),
    "on another element": (on(PATIENT, BIRTH_TIME), "Patient.extension[0]"),
    "on another data type": (
        titled({"url": f"{R4_STRUCTURE}tz-code", "valueCode": "UTC"}),
        "Patient.name[0].family.extension[0]",
    ),
    "of our own, on another type": (on(PATIENT, REVIEW), "Patient.extension[0]"),
    "on an item of another type": (asking("string", STEP), "Questionnaire.item[0].item[0].item[0].extension[0]"),
    "with a value of another type": (on(PATIENT, {**BIRTH_PLACE, "valueAddress": "x"}), "Patient.extension[0].value"),
    "with a value that it does not take": (
        on(PATIENT, {"url": BIRTH_PLACE["url"], "valueString": "Leeds"}),
        "Patient.extension[0].value",
    ),
    "with a code that is none": (on(PATIENT, {**ABSENT, "valueCode": "gone"}), "Patient.extension[0].value"),
    "without a part": (titled(translation(LANG)), "Patient.name[0].family.extension[0].extension"),
    "with a part twice": (titled(translation(LANG, LANG, CONTENT)), "Patient.name[0].family.extension[0].extension"),
    "with a part of another": (
        titled(translation(LANG, CONTENT, {**CONTENT, "url": "other"})),
        "Patient.name[0].family.extension[0].extension[2].url",
    ),
    "with parts and a value": (titled({**translation(LANG, CONTENT), "valueString": "x"}), "Patient.name[0].family.extension[0]"),
    "that does not modify, among those that do": (
        on(PATIENT, BIRTH_PLACE, member="modifierExtension"),
        "Patient.modifierExtension[0]",
    ),
    "that modifies, among those that do not": (on(MEALS, NOT), "NutritionOrder.extension[0]"),
    "by a url with a version": (on(PATIENT, {**BIRTH_PLACE, "url": f"{BIRTH_PLACE['url']}|4.0.1"}), "Patient.extension[0].url"),
    "by a relative url": (on(PATIENT, {"url": "place", "valueString": "x"}), "Patient.extension[0].url"),
}
SOUND: dict[str, Resource] = {
    "where it belongs": on(PATIENT, BIRTH_PLACE),
    "on a text": {**PATIENT, "_birthDate": {"extension": [BIRTH_TIME]}},
    "on a line of a list": {
        **PATIENT,
        "address": [
            {
                "line": ["1 The Road"],
                "_line": [{"extension": [{"url": f"{R4_STRUCTURE}iso21090-ADXP-streetName", "valueString": "The Road"}]}],
            }
        ],
    },
    "on a type that is a kind of its own": titled(translation(LANG, CONTENT)),
    "on a choice": {**OBSERVATION, "valueString": "x", "_valueString": {"extension": [translation(LANG, CONTENT)]}},
    "on the value of another": on(
        PATIENT, {"url": "https://a.example/x", "valueString": "x", "_valueString": {"extension": [translation(LANG, CONTENT)]}}
    ),
    "on an item three deep": asking("integer", STEP),
    "anywhere": titled(ABSENT),
    "without its value, for a reason": on(PATIENT, {"url": BIRTH_PLACE["url"], "valueAddress": {"extension": [ABSENT]}}),
    "that modifies": on(MEALS, NOT, member="modifierExtension"),
    "of our own": on({"resourceType": "CarePlan", "status": "draft", "intent": "plan", "subject": {"display": "x"}}, REVIEW),
    "of others, with parts": on(PATIENT, {"url": "https://a.example/x", "extension": [{"url": "y", "valueString": "z"}]}),
}


def errors(validator: Validator, resource: Resource) -> list[str]:
    return [issue.expression for issue in validator.check(resource) if issue.severity == "error"]


@pytest.mark.parametrize("name", WRONG)
def test_an_extension_that_is_not_as_it_is_defined_is_an_error(validator: Validator, name: str) -> None:
    resource, place = WRONG[name]
    assert place in errors(validator, resource)


@pytest.mark.parametrize("name", SOUND)
def test_an_extension_as_it_is_defined_is_sound(validator: Validator, name: str) -> None:
    assert errors(validator, SOUND[name]) == []


@pytest.mark.parametrize("name", [*WRONG, *SOUND])
def test_the_place_is_that_in_its_own_resource(validator: Validator, name: str) -> None:
    """Inside a Bundle, and in a contained resource of it."""
    resource = copy.deepcopy(WRONG[name][0] if name in WRONG else SOUND[name])
    host = {
        "resourceType": "Basic",
        "code": {"text": "x"},
        "subject": {"reference": "#a"},
        "contained": [{**resource, "id": "a"}],
    }
    for inner in (resource, host):
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "urn:x:1", "resource": inner}]}
        assert bool(errors(validator, bundle)) is (name in WRONG)


@pytest.mark.parametrize(
    ("url", "member", "told"),
    [
        (f"{R4_STRUCTURE}no-such-extension", "extension", ["warning"]),
        ("http://hl7.org/fhir/5.0/StructureDefinition/extension-Patient.x", "extension", ["warning"]),
        ("http://hl7.org/fhir/us/core/StructureDefinition/us-core-race", "extension", ["warning"]),
        ("https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-BirthSex", "extension", []),
        ("https://a.example/x", "extension", []),
        ("https://a.example/x", "modifierExtension", ["warning"]),
    ],
)
def test_an_unknown_extension_is_kept_and_no_error(validator: Validator, url: str, member: str, told: list[str]) -> None:
    """Later packages of HL7 define extensions, too: what is not known here cannot be called wrong."""
    resource = on(PATIENT, {"url": url, "valueString": "x"}, member=member)
    assert [issue.severity for issue in validator.check(resource)] == told
