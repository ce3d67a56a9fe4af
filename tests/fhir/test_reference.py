"""References are read in one place."""

from __future__ import annotations

import pytest

from service.fhir.reference import (
    current,
    id_of,
    key,
    link,
    links,
    name_of,
    relative,
    resolved,
    type_of,
    unversioned,
    version_in,
    version_of,
    versioned,
)  # fmt: skip


def test_a_reference_names_type_and_id() -> None:
    assert name_of({"resourceType": "Task", "id": "a"}) == "Task/a"


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/3", "Patient/1"),
        ("https://here/fhir/Patient/1", "Patient/1"),
        ("https://there/fhir/Patient/1", ""),
        ("#a", ""),
        ("urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0", ""),
        ("Patient?identifier=1", ""),
        ("/Patient/1", ""),
        ("//Patient/1", ""),
        ("../Patient/1", ""),
        ("https://here/fhir//Patient/1", ""),
        ("Patient/1/../2", ""),
        ("Patient/1\n", ""),
    ],
)
def test_only_records_of_this_service_have_a_relative_reference(sent: str, found: str) -> None:
    assert relative(sent, "https://here/fhir") == found


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("Patient/1/_history/3", "Patient/1"),
        ("https://here/fhir/Patient/1/_history/3", "Patient/1"),
        ("https://there/fhir/Patient/1", "https://there/fhir/Patient/1"),
        ("https://here/fhirs/Patient/1", "https://here/fhirs/Patient/1"),
        ("#a", "#a"),
    ],
)
def test_a_foreign_reference_is_not_ours_by_accident(sent: str, found: str) -> None:
    assert resolved(sent, "https://here/fhir/") == found


@pytest.mark.parametrize(
    ("text", "version"), [("Task/1/_history/7", 7), ("Task/1", 0), ("Task/1/_history/x", 0), ("Task/1/_history/²", 0)]
)
def test_the_version_that_a_reference_names(text: str, version: int) -> None:
    assert version_in(text) == version


def test_a_versioned_reference_is_taken_apart_as_it_was_put_together() -> None:
    made = versioned("Task/a", 3)
    assert (unversioned(made), version_in(made), key(made), type_of(made), id_of(made)) == (
        "Task/a",
        3,
        ("Task", "a"),
        "Task",
        "a",
    )


def test_the_current_version_of_a_resource() -> None:
    assert current({"resourceType": "Task", "id": "a", "meta": {"versionId": "4"}}) == "Task/a/_history/4"
    assert version_of({"resourceType": "Task", "id": "a"}) == 0


@pytest.mark.parametrize("element", [None, "Task/a", {}, {"reference": 7}, {"display": "a task"}, []])
def test_what_is_no_reference_links_to_nothing(element: object) -> None:
    assert link({"focus": element}, "focus") == ""
    assert links({"focus": element}, "focus") == ()


def test_links_are_read_as_they_are_written() -> None:
    assert links({"partOf": [{"reference": "Task/a/_history/1"}, {"display": "x"}]}, "partOf") == ("Task/a/_history/1",)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://Records.Example/fhir/Task/1", "https://records.example/fhir"),
        ("HTTPS://records.example/fhir/Task/1", "https://records.example/fhir/"),
        ("https://records.example:443/fhir/Task/1", "https://records.example/fhir"),
        ("http://records.example/fhir/Task/1", "http://records.example:80/fhir"),
        ("https://records.example:/fhir/Task/1", "https://records.example/fhir"),
    ],
)
def test_one_site_has_many_spellings(text: str, base: str) -> None:
    """Scheme and host without case, the scheme's port left out or not (RFC 3986 6.2.2)."""
    assert relative(text, base) == "Task/1"


@pytest.mark.parametrize(
    "text",
    [
        "http://records.example/fhir/Task/1",
        "https://records.example:8443/fhir/Task/1",
        "https://records.example.evil/fhir/Task/1",
        "https://evil@records.example/fhir/Task/1",
        "https://records.example/FHIR/Task/1",
        "https://records.example/fhirs/Task/1",
        "urn:uuid:0c1f6a9e-7b1d-4c8e-9e9b-1f0a7b2d3c4e",
    ],
)
def test_another_site_is_another_site(text: str) -> None:
    """A path has case, and another scheme, port or host is another server."""
    assert relative(text, "https://records.example/fhir") == ""
