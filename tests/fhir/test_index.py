"""What a resource is found by."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.definitions import Definitions
from service.fhir.index import Index, Indexer

BASE = "https://baton.example/fhir"


@pytest.fixture(scope="module")
def indexer(definitions: Definitions) -> Indexer:
    return Indexer(definitions, BASE)


def resource(type_: str, **members: Any) -> dict[str, Any]:
    return {"resourceType": type_, "id": "a", "meta": {"lastUpdated": "2026-11-23T04:34:00.123Z"}, **members}


def keys(index: Index, name: str) -> set[str]:
    return {key for key in index.keys if key.partition("=")[0].partition(":")[0] == name}


def test_a_coding_is_found_by_code_and_by_system_and_code(indexer: Indexer) -> None:
    task = resource("Task", code={"coding": [{"system": "http://s", "code": "c", "display": "Crisis  Plan"}], "text": "Plän!"})
    assert keys(indexer.index(task), "code") == {"code=c", "code=http://s|c", "code:text=crisis plan", "code:text=plan"}


def test_a_coding_without_a_system_is_found_by_no_system(indexer: Indexer) -> None:
    assert keys(indexer.index(resource("Task", code={"coding": [{"code": "c"}]})), "code") == {"code=c", "code=|c"}


def test_marks_inside_a_code_are_escaped(indexer: Indexer) -> None:
    """Otherwise a code `b|c` and a code `c` of system `b` would be found alike."""
    assert keys(indexer.index(resource("Task", code={"coding": [{"code": "b|c\\"}]})), "code") == {
        "code=b\\|c\\\\",
        "code=|b\\|c\\\\",
    }


def test_an_identifier_is_found_by_its_type_too(indexer: Indexer) -> None:
    type_ = {"coding": [{"system": "http://t", "code": "MR"}], "text": "Record number"}
    patient = resource("Patient", identifier=[{"system": "http://s", "value": "1", "type": type_}])
    assert keys(indexer.index(patient), "identifier") == {
        "identifier=1",
        "identifier=http://s|1",
        "identifier:of-type=http://t|MR|1",
        "identifier:text=record number",
    }


def test_primitives_are_tokens(indexer: Indexer) -> None:
    found = indexer.index(resource("Patient", active=True, gender="male"))
    assert {"active=true", "gender=male"} <= found.keys


@pytest.mark.parametrize(
    ("deceased", "expected"),
    [
        ({}, "false"),
        ({"deceasedBoolean": False}, "false"),
        ({"deceasedBoolean": True}, "true"),
        ({"deceasedDateTime": "2026"}, "true"),
    ],
)
def test_a_patient_is_dead_or_not_even_when_it_is_not_said(indexer: Indexer, deceased: dict[str, Any], expected: str) -> None:
    assert keys(indexer.index(resource("Patient", **deceased)), "deceased") == {f"deceased={expected}"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("Organization/o", {"owner=Organization/o"}),
        (f"{BASE}/Organization/o", {"owner=Organization/o"}),
        ("Organization/o/_history/2", {"owner=Organization/o", "owner=Organization/o/_history/2"}),
        ("https://other.example/fhir/Organization/o", {"owner=https://other.example/fhir/Organization/o"}),
        ("https://baton.example/fhirless/Organization/o", {"owner=https://baton.example/fhirless/Organization/o"}),
        ("urn:uuid:1", {"owner=urn:uuid:1"}),
        ("#inside", set()),
    ],
)
def test_references_are_found_by_what_they_point_to(indexer: Indexer, target: str, expected: set[str]) -> None:
    assert keys(indexer.index(resource("Task", owner={"reference": target})), "owner") == expected


def test_a_logical_reference_is_found_by_its_identifier(indexer: Indexer) -> None:
    task = resource("Task", owner={"identifier": {"system": "http://s", "value": "1"}})
    assert keys(indexer.index(task), "owner") == {"owner:identifier=1", "owner:identifier=http://s|1"}


def test_patient_parameters_hold_patients_only(indexer: Indexer) -> None:
    found = indexer.index(resource("CarePlan", subject={"reference": "Group/g"}))
    assert (keys(found, "subject"), keys(found, "patient")) == ({"subject=Group/g"}, set())


def test_a_canonical_is_found_with_and_without_its_version(indexer: Indexer) -> None:
    plan = resource("CarePlan", instantiatesCanonical=["http://p|1"])
    assert keys(indexer.index(plan), "instantiates-canonical") == {
        "instantiates-canonical=http://p",
        "instantiates-canonical=http://p|1",
    }


def test_strings_are_folded_and_kept(indexer: Indexer) -> None:
    patient = resource("Patient", name=[{"family": "Muñoz-O'Neil"}])
    assert keys(indexer.index(patient), "family") == {"family=munozoneil\tMuñoz-O'Neil"}


def test_choice_elements_are_read_in_the_types_a_parameter_means(indexer: Indexer) -> None:
    """A code text is not a date, and a Quantity is not a code."""
    found = indexer.index(resource("Procedure", performedString="2026"))
    assert found.dates == ()


@pytest.mark.parametrize("member", ["occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"])
def test_a_date_parameter_reads_every_date_type(indexer: Indexer, member: str) -> None:
    value = {"occurrenceDateTime": "2026", "occurrencePeriod": {"start": "2026"}, "occurrenceTiming": {"event": ["2026"]}}[member]
    assert [date[0] for date in indexer.index(resource("ServiceRequest", **{member: value})).dates] == ["occurrence"]


def test_contact_points_are_told_apart_by_system(indexer: Indexer) -> None:
    found = indexer.index(resource("Patient", telecom=[{"system": "phone", "value": "1"}, {"system": "email", "value": "A@b"}]))
    assert (keys(found, "phone"), keys(found, "email")) == ({"phone=1", "phone=phone|1"}, {"email=a@b", "email=email|a@b"})


def test_our_own_parameters_are_drawn(indexer: Indexer) -> None:
    task = resource("Task", restriction={"period": {"end": "2026-11-24"}}, statusReason={"text": "Moved away"})
    found = indexer.index(task, ("owner-organization=Organization/o",))
    assert [date[0] for date in found.dates] == ["due"]
    assert {"status-reason:text=moved away", "owner-organization=Organization/o"} <= found.keys


def test_an_extension_is_read(indexer: Indexer) -> None:
    url = "https://baton.example/fhir/StructureDefinition/authority"
    reference = {"url": url, "valueReference": {"reference": "Consent/c/_history/1"}}
    other = {"url": "http://other", "valueReference": {"reference": "Consent/d"}}
    found = indexer.index(resource("Communication", extension=[reference, other]))
    assert keys(found, "authority") == {"authority=Consent/c", "authority=Consent/c/_history/1"}


def test_profiles_tags_and_labels_are_found(indexer: Indexer) -> None:
    meta = {"profile": ["http://p|1"], "tag": [{"system": "http://t", "code": "unowned"}], "security": [{"code": "R"}]}
    assert {"_profile=http://p", "_profile=http://p|1", "_tag=http://t|unowned", "_security=|R"} <= indexer.index(
        resource("Task", meta=meta)
    ).keys


def test_a_record_is_in_the_compartment_of_its_patients(indexer: Indexer) -> None:
    subject = {"subject": {"reference": "Patient/p"}, "author": {"reference": "PractitionerRole/r"}}
    assert indexer.index(resource("CarePlan", **subject)).patients == ("Patient/p",)


def test_a_patient_is_in_its_own_compartment_and_no_linked_one(indexer: Indexer) -> None:
    linked = resource("Patient", link=[{"type": "seealso", "other": {"reference": "Patient/b"}}])
    assert indexer.index(linked).patients == ("Patient/a",)


def test_a_directory_record_is_in_no_compartment(indexer: Indexer) -> None:
    assert indexer.index(resource("Organization", name="x")).patients == ()


@pytest.mark.parametrize(
    ("member", "value", "name"),
    [
        ("code", {"text": "x"}, "code"),
        ("code", {"coding": [{"display": "x"}]}, "code"),
        ("owner", {"display": "x"}, "owner"),
        ("owner", {"reference": "#x"}, "owner"),
        ("owner", {"identifier": {"value": "x"}}, "owner"),
        ("authoredOn", "2026", "authored-on"),
    ],
)
def test_an_element_that_is_there_is_not_missing(indexer: Indexer, member: str, value: Any, name: str) -> None:
    assert name in indexer.index(resource("Task", **{member: value})).ranks


def test_sort_values_are_the_smallest_and_the_largest(indexer: Indexer) -> None:
    found = indexer.index(resource("Patient", name=[{"family": "Bee"}, {"family": "Ant"}, {"family": "Cow"}]))
    assert (found.ranks["family"], found.ranks["-family"]) == ("ant", "cow")


def test_the_instant_of_the_last_update_is_kept(indexer: Indexer) -> None:
    assert indexer.index(resource("Task")).updated == 1795408440123


def test_an_index_survives_its_row(indexer: Indexer) -> None:
    found = indexer.index(resource("Task", status="requested", authoredOn="2026-11-23", **{"for": {"reference": "Patient/p"}}))
    assert Index.from_row("Task", {**found.to_row(), "_id": "a", "lu": found.updated, "pts": list(found.patients)}) == found


@pytest.mark.parametrize("wrong", [7, "x", [None], [[]], {"coding": 3}, {"reference": 4}, [{"coding": [None, 3, {"code": {}}]}]])
def test_content_of_the_wrong_shape_is_not_found_by_and_raises_nothing(indexer: Indexer, wrong: Any) -> None:
    members = dict.fromkeys(("code", "owner", "for", "identifier", "authoredOn", "restriction", "extension"), wrong)
    assert indexer.index(resource("Task", **members)).type == "Task"


def test_every_indexed_expression_is_understood(indexer: Indexer, definitions: Definitions) -> None:
    """Only what has no expression, or another kind of matching, is left out."""
    kinds = {"token", "reference", "date", "string", "uri"}
    left = {
        name
        for type_ in definitions.types
        for name in indexer.parameters.unsupported(type_)
        if definitions.search_parameters(type_)[name].type in kinds
    }
    assert left == {"_content", "_query", "_text", "composition", "message", "phonetic"}


def test_a_record_belongs_to_whom_a_personal_parameter_names(official: dict[str, Any], indexer: Indexer) -> None:
    """On every official example: a search for these people may look at their own records alone."""
    seen = 0
    for example in official.values():
        if not isinstance(example, dict) or example.get("resourceType") in ("Patient", None):
            continue
        index = indexer.index(example)
        for name in indexer.parameters.personal(index.type):
            named = {each for each in index.references(name) if each.startswith("Patient/")}
            seen += len(named)
            assert named <= set(index.patients), (index.type, index.id, name)
    assert seen > 100


def test_whom_a_record_is_about_is_said_by_patient_and_by_subject(indexer: Indexer) -> None:
    """Where R4 has both, and a record belongs to people at all."""
    parameters = indexer.parameters
    types = [type_ for type_ in parameters.types if parameters.compartment(type_) and "patient" in parameters.of(type_)]
    assert len(types) > 50
    assert [type_ for type_ in types if "patient" not in parameters.personal(type_)] == []
    assert "subject" in parameters.personal("CarePlan")
    assert "owner" not in parameters.personal("Task")
