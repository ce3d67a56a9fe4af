"""Bundles taken apart into the records they carry."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.bundle import Sent, resources
from service.fhir.definitions import Definitions
from service.fhir.links import Links
from service.problem import Problem
from service.settings import shipped

BASE = "https://here.example/fhir"
LINKS = Links(Definitions.load(shipped("profiles")))
URN = "urn:uuid:0c5fb4a8-6c0f-4d6a-9f0c-0d3f9b0c0001"
Resource = dict[str, Any]


def opened(*entries: Any) -> list[Resource | Problem]:
    """The resources of a Bundle, with their references resolved."""
    found = resources({"resourceType": "Bundle", "type": "collection", "entry": list(entries)}, BASE)
    return [each if isinstance(each, Problem) else linked(each) for each in found]


def linked(sent: Sent) -> Resource:
    assert sent.naming is not None
    resource, lost = sent.naming.linked(sent.resource, sent.full_url, LINKS)
    assert lost == ()
    return resource


def test_resources_come_in_their_order() -> None:
    found = opened({"resource": {"resourceType": "Patient", "id": "a"}}, {"resource": {"resourceType": "Flag", "id": "b"}})
    assert found == [{"resourceType": "Patient", "id": "a"}, {"resourceType": "Flag", "id": "b"}]


def test_an_entry_known_by_a_urn_gets_it_as_its_id() -> None:
    assert opened({"fullUrl": URN, "resource": {"resourceType": "Patient"}}) == [{"resourceType": "Patient", "id": URN[9:]}]


def test_its_own_id_goes_before_its_urn() -> None:
    """References by the urn lead to the id that it has."""
    patient = {"resourceType": "Patient", "id": "ann"}
    flag = {"resourceType": "Flag", "id": "f", "subject": {"reference": URN}}
    found = opened({"fullUrl": URN, "resource": patient}, {"resource": flag})
    assert found[1] == {**flag, "subject": {"reference": "Patient/ann"}}


def test_a_reference_by_full_url_becomes_relative() -> None:
    url = "https://elsewhere.example/fhir/Patient/ann"
    flag = {"resourceType": "Flag", "id": "f", "subject": {"reference": url}}
    found = opened({"fullUrl": url, "resource": {"resourceType": "Patient", "id": "ann"}}, {"resource": flag})
    assert found[1] == {**flag, "subject": {"reference": "Patient/ann"}}


def test_an_outcome_among_matches_is_no_record() -> None:
    assert opened({"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome"}}) == []


@pytest.mark.parametrize("entry", [{}, {"request": {"method": "DELETE", "url": "Patient/a"}}, {"resource": []}, "x", None])
def test_an_entry_without_a_record_is_told_with_its_place(entry: Any) -> None:
    (found,) = opened(entry)
    assert isinstance(found, Problem)
    assert "`entry[0]`" in str(found)


def test_entries_that_are_no_list_are_refused() -> None:
    (found,) = resources({"resourceType": "Bundle", "type": "collection", "entry": {}})
    assert isinstance(found, Problem)
