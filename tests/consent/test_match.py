"""Whether a provision's conditions hold of a request and of a record: no, unknown, or yes (consent rules, section 2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.consent.facts import Facts
from service.consent.match import NO, UNKNOWN, YES, Links, gate, holds
from service.consent.provision import Node, What
from service.consent.reasons import Reason
from service.fhir.date import LATEST, Interval, milliseconds
from tests.consent.cases import HOUSING, NOW, ask

AT = milliseconds(NOW)
NODE = Node(True, Reason("L4", True, "Consent/1#provision", "It permits."))
RECORD = Facts("Observation", "1", ("Patient/p",), confidentiality=3)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, YES),
        ({"actors": frozenset({HOUSING})}, YES),
        ({"actors": frozenset({"Organization/other"})}, NO),
        ({"actors": frozenset(), "vague": frozenset({"actor"})}, UNKNOWN),
        ({"actors": frozenset(), "vague": frozenset({"action"})}, NO),
        ({"purposes": frozenset({"TREAT"})}, YES),
        ({"purposes": frozenset({"HRESCH"})}, NO),
        ({"purposes": frozenset(), "vague": frozenset({"purpose"})}, UNKNOWN),
        ({"purposes": frozenset(), "vague": frozenset({"actor"})}, NO),
        ({"actions": frozenset({"access"})}, YES),
        ({"actions": frozenset({"use"})}, NO),
        ({"actions": frozenset({"use"}), "vague": frozenset({"action"})}, UNKNOWN),
        ({"actions": frozenset({"use"}), "vague": frozenset({"purpose"})}, NO),
        ({"during": Interval(AT, AT + 1)}, YES),
        ({"during": Interval(AT + 1, LATEST)}, NO),
        ({"during": Interval(AT - 1, AT)}, NO),
        ({"vague": frozenset({"period"})}, UNKNOWN),
        ({"actors": frozenset(), "vague": frozenset({"actor"}), "during": Interval(AT, LATEST)}, UNKNOWN),
        ({"actors": frozenset(), "vague": frozenset({"actor"}), "actions": frozenset({"use"})}, NO),
    ],
)
def test_who_when_and_why(conditions: dict[str, Any], expected: int) -> None:
    """Conditions are joined by AND; one that cannot be read is unknown, and only that one."""
    assert gate(replace(NODE, **conditions), ask(), AT) == expected


@pytest.mark.parametrize(
    ("covered", "asked", "expected"),
    [
        ({"TREAT", "HRESCH"}, ("TREAT", "HRESCH"), YES),
        ({"TREAT"}, ("TREAT", "HRESCH"), UNKNOWN),
        ({"TREAT"}, ("HPAYMT", "HRESCH"), NO),
        ({"TREAT"}, (), UNKNOWN),
    ],
)
def test_a_purpose_is_covered_when_all_that_is_asked_for_is(covered: set[str], asked: tuple[str, ...], expected: int) -> None:
    assert gate(replace(NODE, purposes=frozenset(covered)), ask(purposes=asked), AT) == expected


def matched(what: What, facts: Facts, *, permit: bool = True, links: Links | None = None) -> int:
    return holds(what, permit, facts, links or {})


def labelled(**conditions: Any) -> What:
    return replace(What(source={"securityLabel": []}), **conditions)


@pytest.mark.parametrize(
    ("permit", "confidentiality", "expected"),
    [
        (True, 2, YES),
        (True, 3, YES),
        (True, 4, NO),
        (True, 0, UNKNOWN),
        (False, 2, NO),
        (False, 3, YES),
        (False, 4, YES),
        (False, 0, UNKNOWN),
    ],
)
def test_a_confidentiality_is_a_ceiling_of_a_permit_and_a_floor_of_a_denial(
    permit: bool, confidentiality: int, expected: int
) -> None:
    assert matched(labelled(rank=3), replace(RECORD, confidentiality=confidentiality), permit=permit) == expected


@pytest.mark.parametrize(
    ("confidentiality", "labels", "expected"),
    [
        (0, ("HIV",), YES),
        (5, ("x", "HIV"), YES),
        (5, (), NO),
        (0, (), UNKNOWN),
        (0, ("https://p.example|HTEST",), UNKNOWN),
        (0, ("ETH",), NO),
        (0, ("ETH", "https://p.example|HTEST"), NO),
    ],
)
def test_a_record_that_was_labelled_without_the_label_does_not_have_it(
    confidentiality: int, labels: tuple[str, ...], expected: int
) -> None:
    """A tag says nothing of whether somebody looked for sensitivities."""
    record = replace(RECORD, confidentiality=confidentiality, labels=labels)
    assert matched(labelled(labels=frozenset({"HIV"})), record) == expected


def test_any_label_named_is_enough() -> None:
    both = labelled(rank=3, labels=frozenset({"HIV"}))
    assert [matched(both, replace(RECORD, confidentiality=rank, labels=("HIV",))) for rank in (3, 5)] == [YES, YES]


PROFILE, MEDIA = "https://p.example/StructureDefinition/x", "urn:ietf:bcp:13|text/plain"


@pytest.mark.parametrize(
    ("kinds", "record", "expected"),
    [
        ({"Observation"}, RECORD, YES),
        ({"Condition"}, RECORD, NO),
        ({"Resource"}, RECORD, YES),
        ({"DomainResource"}, RECORD, YES),
        ({PROFILE}, replace(RECORD, profiles=(PROFILE,)), YES),
        ({MEDIA}, replace(RECORD, classes=(MEDIA,)), YES),
        ({PROFILE}, RECORD, NO),
        ({"Condition"}, replace(RECORD, id=""), NO),
        ({PROFILE}, replace(RECORD, id=""), UNKNOWN),
        ({"Observation"}, Facts("", ""), UNKNOWN),
        ({"Resource"}, Facts("", ""), YES),
        ({"Observation"}, replace(RECORD, id=""), YES),
    ],
)
def test_a_class_is_a_type_a_profile_or_a_content_type(kinds: set[str], record: Facts, expected: int) -> None:
    """Of any record of a type it is unknown whether it has a profile."""
    assert matched(What(kinds=frozenset(kinds), source={"class": []}), record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (replace(RECORD, codes=("s|c", "s|d")), YES),
        (replace(RECORD, codes=("s|d",)), NO),
        (replace(RECORD, codes=("s|d",), uncoded=True), UNKNOWN),
        (replace(RECORD, codes=("s|c",), uncoded=True), YES),
        (replace(RECORD, id=""), UNKNOWN),
    ],
)
def test_a_code(record: Facts, expected: int) -> None:
    """A record that is said in words only may be about anything."""
    assert matched(What(codes=frozenset({"s|c"}), source={"code": []}), record) == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (Interval(10, 20), YES),
        (Interval(12, 15), YES),
        (Interval(9, 20), UNKNOWN),
        (Interval(10, 21), UNKNOWN),
        (Interval(5, 10), NO),
        (Interval(5, 11), UNKNOWN),
        (Interval(20, 25), NO),
        (Interval(19, 25), UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_data_period_holds_of_what_lies_wholly_inside(when: Interval | None, expected: int) -> None:
    assert matched(What(during=Interval(10, 20), source={"dataPeriod": []}), replace(RECORD, when=when)) == expected


def test_a_data_period_that_cannot_be_read_is_unknown() -> None:
    assert matched(What(source={"dataPeriod": []}), replace(RECORD, when=Interval(10, 20))) == UNKNOWN


def among(**conditions: Any) -> What:
    return replace(What(source={"data": []}), **conditions)


ONE, TWO = frozenset({"Observation/1"}), frozenset({"Observation/2"})


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (among(instances=ONE), YES),
        (among(related=ONE), YES),
        (among(dependents=ONE), YES),
        (among(instances=TWO), NO),
        (among(related=TWO), NO),
        (among(dependents=TWO), NO),
        (among(authors=TWO), UNKNOWN),
        (among(instances=ONE, related=TWO), YES),
        (among(instances=TWO, dependents=ONE), YES),
    ],
)
def test_a_record_is_named_by_itself(what: What, expected: int) -> None:
    assert matched(what, RECORD) == expected


def test_related_is_one_reference_away_in_either_direction() -> None:
    related = among(related=frozenset({"Encounter/e"}))
    assert matched(related, replace(RECORD, references=("Encounter/e",))) == YES
    assert matched(related, RECORD, links={"Encounter/e": ("Observation/1",)}) == YES
    assert matched(related, RECORD, links={"Encounter/e": ("Observation/2",)}) == NO
    assert matched(related, replace(RECORD, references=("CarePlan/c",)), links={"CarePlan/c": ("Encounter/e",)}) == NO


def test_dependents_are_any_number_of_references_away() -> None:
    dependents = among(dependents=frozenset({"Encounter/e"}))
    record = replace(RECORD, references=("CarePlan/c",))
    assert matched(dependents, record, links={"CarePlan/c": ("Goal/g",), "Goal/g": ("Encounter/e",)}) == YES
    assert matched(dependents, record, links={"CarePlan/c": ("Goal/g",), "Goal/g": ("CarePlan/c", "Observation/1")}) == NO
    assert matched(dependents, record, links={"CarePlan/c": ("Goal/g",)}) == UNKNOWN


def test_a_contained_record_and_one_everything_refers_to_lead_nowhere() -> None:
    """What comes after them on the way is looked at all the same."""
    dependents = among(dependents=frozenset({"Encounter/e"}))
    hubs = (
        "Patient/p",
        "Practitioner/p",
        "PractitionerRole/r",
        "Organization/o",
        "Location/l",
        "HealthcareService/h",
        "Group/g",
        "#c",
    )
    assert matched(dependents, replace(RECORD, references=hubs)) == NO
    assert matched(dependents, replace(RECORD, references=("CarePlan/c", *hubs))) == UNKNOWN


AUTHOR = frozenset({"Practitioner/a"})


@pytest.mark.parametrize(
    ("wanted", "authors", "links", "expected"),
    [
        (AUTHOR, ("Practitioner/a",), {}, YES),
        (AUTHOR, ("Practitioner/b",), {}, NO),
        (AUTHOR, (), {}, UNKNOWN),
        (AUTHOR, ("PractitionerRole/r",), {}, UNKNOWN),
        (AUTHOR, ("PractitionerRole/r",), {"PractitionerRole/r": ("Practitioner/a",)}, YES),
        (AUTHOR, ("PractitionerRole/r",), {"PractitionerRole/r": ("Practitioner/b",)}, NO),
        (AUTHOR, ("Organization/o", "PractitionerRole/r"), {}, UNKNOWN),
        (AUTHOR, ("PractitionerRole/q", "PractitionerRole/r"), {"PractitionerRole/r": ("Practitioner/a",)}, YES),
        (frozenset({"PractitionerRole/s"}), ("PractitionerRole/r",), {}, NO),
        (frozenset({"PractitionerRole/s", "Practitioner/a"}), ("PractitionerRole/r",), {}, UNKNOWN),
    ],
)
def test_a_role_that_wrote_stands_for_its_practitioner(
    wanted: frozenset[str], authors: tuple[str, ...], links: Links, expected: int
) -> None:
    """Whom only the directory names: without it, it is unknown who wrote."""
    assert matched(among(authors=wanted), replace(RECORD, authors=authors), links=links) == expected


def test_what_one_part_of_data_says_is_not_lost_to_another() -> None:
    """The values within one element are joined by OR."""
    wrote, chained = replace(RECORD, authors=("Practitioner/a",), references=("CarePlan/c",)), frozenset({"Encounter/e"})
    assert matched(among(authors=AUTHOR, dependents=chained), wrote) == YES
    assert matched(among(authors=AUTHOR, dependents=chained), replace(wrote, authors=("Practitioner/b",))) == UNKNOWN
    assert matched(among(authors=AUTHOR, dependents=chained), replace(RECORD, references=("Patient/p",))) == UNKNOWN


@pytest.mark.parametrize(
    ("what", "kind", "expected"),
    [
        (among(instances=ONE), "Observation", UNKNOWN),
        (among(instances=ONE), "Condition", NO),
        (among(instances=ONE), "", UNKNOWN),
        (among(related=TWO), "Condition", UNKNOWN),
        (among(dependents=TWO), "Condition", UNKNOWN),
        (among(authors=AUTHOR), "Condition", UNKNOWN),
    ],
)
def test_some_record_of_a_type_may_be_among_the_data(what: What, kind: str, expected: int) -> None:
    """Facts without an id stand for all records of a type."""
    assert matched(what, Facts(kind, "")) == expected


@pytest.mark.parametrize(
    ("first", "second", "vague", "expected"),
    [
        ("s|c", "Observation", frozenset(), YES),
        ("s|d", "Observation", frozenset(), NO),
        ("s|d", "Observation", frozenset({"code"}), UNKNOWN),
        ("s|d", "Condition", frozenset({"code"}), NO),
        ("s|d", "Condition", frozenset({"code", "class"}), UNKNOWN),
    ],
)
def test_elements_are_joined_by_and(first: str, second: str, vague: frozenset[str], expected: int) -> None:
    """What cannot be read is unknown, and what is wrong beside it is wrong."""
    what = What(codes=frozenset({first}), kinds=frozenset({second}), vague=vague, source={"code": [], "class": []})
    assert matched(what, replace(RECORD, codes=("s|c",))) == expected


def test_an_instant_is_in_a_period_to_the_millisecond() -> None:
    node = replace(NODE, during=Interval(AT, AT + 1))
    late = NOW + timedelta(milliseconds=1)
    assert [gate(node, ask(), milliseconds(at)) for at in (NOW, late)] == [YES, NO]
