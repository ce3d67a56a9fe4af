"""The places of a resource that lead elsewhere (R4 section 2.36.4.1)."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.definitions import Definitions
from service.fhir.links import Links, Place
from service.settings import shipped

LINKS = Links(Definitions.load(shipped("profiles")))
Resource = dict[str, Any]


def places(resource: Resource) -> dict[str, tuple[Place, str]]:
    """Every place by its path, with what it says."""
    found: dict[str, tuple[Place, str]] = {}

    def keep(text: str, kind: Place, path: str) -> str:
        found[path] = kind, text
        return text

    assert LINKS.rewritten(resource, keep) == resource
    return found


def test_a_reference_is_found_at_any_depth() -> None:
    task = {
        "resourceType": "Task",
        "focus": {"reference": "CarePlan/1"},
        "input": [{"type": {"text": "x"}, "valueReference": {"reference": "Basic/1"}}],
    }
    assert places(task) == {
        "Task.focus": (Place.REFERENCE, "CarePlan/1"),
        "Task.input[0].valueReference": (Place.REFERENCE, "Basic/1"),
    }


def test_a_reference_in_an_extension_is_found_on_primitives_too() -> None:
    extension = [{"url": "urn:e", "valueReference": {"reference": "Basic/1"}}]
    found = places({"resourceType": "Patient", "birthDate": "1980", "_birthDate": {"extension": extension}})
    assert found["Patient._birthDate.extension[0].valueReference"] == (Place.REFERENCE, "Basic/1")


def test_a_reference_in_a_contained_resource_is_found_by_its_own_type() -> None:
    held = {"resourceType": "Observation", "subject": {"reference": "Patient/1"}}
    assert places({"resourceType": "Basic", "contained": [held]})["Basic.contained[0].subject"] == (Place.REFERENCE, "Patient/1")


def test_an_item_of_an_item_is_looked_into() -> None:
    answer = {"linkId": "b", "answer": [{"valueReference": {"reference": "Basic/1"}}]}
    found = places({"resourceType": "QuestionnaireResponse", "item": [{"linkId": "a", "item": [answer]}]})
    assert list(found.values()) == [(Place.REFERENCE, "Basic/1")]


@pytest.mark.parametrize(
    ("resource", "path", "kind"),
    [
        ({"resourceType": "CarePlan", "instantiatesCanonical": ["x"]}, "CarePlan.instantiatesCanonical[0]", Place.LOCATION),
        ({"resourceType": "CarePlan", "instantiatesUri": ["x"]}, "CarePlan.instantiatesUri[0]", Place.NAME),
        ({"resourceType": "Patient", "photo": [{"url": "x"}]}, "Patient.photo[0].url", Place.LOCATION),
        ({"resourceType": "Basic", "extension": [{"url": "e", "valueOid": "x"}]}, "Basic.extension[0].valueOid", Place.NAME),
        ({"resourceType": "Basic", "extension": [{"url": "e", "valueUuid": "x"}]}, "Basic.extension[0].valueUuid", Place.NAME),
    ],
)
def test_what_is_no_reference_may_lead_somewhere_too(resource: Resource, path: str, kind: Place) -> None:
    assert places(resource)[path] == (kind, "x")


@pytest.mark.parametrize("value", ["urn:uuid:1", "Patient/1"])
def test_a_text_is_no_place(value: str) -> None:
    """An identifier's value, above all: it stays what somebody else calls the thing."""
    basic = {"resourceType": "Basic", "identifier": [{"value": value}], "code": {"text": value}}
    assert places(basic) == {}


def test_a_link_of_narrative_is_changed_and_written_safely() -> None:
    text = {"status": "generated", "div": '<div><a href="x?a=1&amp;b=2">x</a><img src=\'y\'/><p title="x"/></div>'}
    made = LINKS.rewritten({"resourceType": "Basic", "text": text}, lambda said, _, __: f'{said}"<')
    assert made["text"]["div"] == ('<div><a href="x?a=1&amp;b=2&quot;&lt;">x</a><img src="y&quot;&lt;"/><p title="x"/></div>')


def test_a_bundle_that_is_a_record_is_not_looked_into() -> None:
    entry = {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Flag", "subject": {"reference": "urn:uuid:2"}}}
    assert places({"resourceType": "Bundle", "type": "document", "entry": [entry]}) == {}
