"""What makes two Patients one person, or not (IDN-1, IDN-2, IDN-5): verified numbers, family names and birth dates."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.ownership import identity
from service.fhir.canonical import NHS_NUMBER, NHS_NUMBER_VERIFICATION
from service.problem import Category, Issue, Problem

NUMBER, OTHER = "9434765919", "9434765870"
KEY = f"{NHS_NUMBER}|{NUMBER}"
HOSPITAL = "https://hospital.example/mrn"


def number(value: str = NUMBER, *codes: str, **more: Any) -> dict[str, Any]:
    """An NHS number, with a verification status if codes are given."""
    said = [{"url": NHS_NUMBER_VERIFICATION, "valueCodeableConcept": {"coding": [{"code": code} for code in codes]}}]
    return {"system": NHS_NUMBER, "value": value, **({"extension": [{"url": "urn:x"}, *said]} if codes else {}), **more}


def patient(*identifiers: Any, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": list(identifiers), **members}


def named(*families: Any, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": each} for each in families], **members}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (NUMBER, ""),
        ("943-476\u00a05919", ""),
        ("943 476\u20075919", ""),
        ("943\u2009476\u202f5919", ""),
        ("943476591X", "an NHS number has digits only"),
        ("９４３４７６５９１９", "an NHS number has digits only"),
        ("", "an NHS number has digits only"),
        ("943476591", "an NHS number has 10 digits, this has 9"),
        ("94347659190", "an NHS number has 10 digits, this has 11"),
        ("1111111111", "an NHS number is not one digit ten times"),
        ("9434765918", "the check digit (Modulus 11) does not fit: a digit is wrong or two are swapped"),
    ],
)
def test_idn_2_a_number_that_does_not_hold_says_why(value: str, fault: str) -> None:
    assert identity.nhs_number_fault(value) == fault


@pytest.mark.parametrize(
    ("nine", "digit"), [("943476591", 9), ("943476587", 0), ("000000000", 0), ("123456789", 10), ("100000000", 1)]
)
def test_idn_2_the_check_digit_is_modulus_11(nine: str, digit: int) -> None:
    """11 counts as 0, and 10 is never issued."""
    assert identity.check_digit(nine) == digit


def test_idn_2_ten_digits_whose_check_digit_is_ten_are_never_a_number() -> None:
    assert all(identity.nhs_number_fault(f"123456789{digit}") for digit in range(10))


def test_idn_2_each_number_that_does_not_hold_is_named_by_its_place() -> None:
    text = "The NHS number is not valid: an NHS number has digits only."
    wrong = patient({"system": HOSPITAL, "value": "x"}, number("x"), number(), number(""), "x")
    assert identity.check(wrong) == Problem(
        Category.RULE,
        (
            Issue("value", text, "Patient.identifier[1].value", "IDN-2"),
            Issue("value", text, "Patient.identifier[3].value", "IDN-2"),
        ),
    )
    assert identity.check(patient({"system": NHS_NUMBER})) is not None


@pytest.mark.parametrize(
    "whole", [patient(number()), patient(), {}, {"identifier": "x"}, patient({"system": HOSPITAL, "value": "x"})]
)
def test_idn_2_a_patient_whose_numbers_hold_has_no_problem(whole: dict[str, Any]) -> None:
    assert identity.check(whole) is None


@pytest.mark.parametrize(
    ("identifier", "links"),
    [
        (number(), True),
        (number("943 476 5919"), True),
        (number(NUMBER, "number-present-and-verified"), True),
        (number(NUMBER, "01"), True),
        (number(NUMBER, "other", "01"), True),
        (number(NUMBER, "number-present-but-not-traced"), False),
        (number(NUMBER, "02"), False),
        (number(use="official"), True),
        (number(use="old"), False),
        (number(use="temp"), False),
        (number("9434765918"), False),
        ({"system": HOSPITAL, "value": NUMBER}, False),
        ({"system": NHS_NUMBER}, False),
    ],
)
def test_idn_1_a_verified_number_in_use_links(identifier: Any, links: bool) -> None:
    assert identity.person_keys(patient(identifier)) == ((KEY,) if links else ())


def test_idn_1_each_number_counts_once_and_so_do_identifiers_of_trusted_systems() -> None:
    of = patient(
        {"system": HOSPITAL, "value": "7"},
        number(),
        number("943 476 5919"),
        {"system": HOSPITAL},
        {"system": "urn:s", "value": "7"},
    )
    assert identity.person_keys(of, frozenset({HOSPITAL})) == (KEY, f"{HOSPITAL}|7")
    assert identity.person_keys(of) == (KEY,)


@pytest.mark.parametrize(
    ("identifiers", "doubtful"),
    [
        ((), False),
        ((number(),), False),
        ((number(NUMBER, "01"),), False),
        ((number(NUMBER, "number-present-but-not-traced"),), True),
        ((number(), number(OTHER, "03")), True),
        (({**number(NUMBER, "03"), "system": HOSPITAL},), False),
        ((number(NUMBER, "03", extension=[{"url": NHS_NUMBER_VERIFICATION}]),), False),
    ],
)
def test_idn_2_a_number_said_to_be_unverified_is_for_somebody_to_verify(identifiers: tuple[Any, ...], doubtful: bool) -> None:
    assert identity.doubtful(patient(*identifiers)) is doubtful


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([{"family": " De  Morgan "}, {"family": "Łovelace"}], {"de morgan", "łovelace"}),
        ([{"family": "STRASSE"}, {"family": "Straße"}], {"strasse"}),
        ([{"family": "Ａda"}], {"ada"}),
        ([{"family": "Old", "use": "old"}, {"family": "New", "use": "usual"}], {"new"}),
        ([{"family": " "}, {"family": 7}, {"given": ["Ada"]}, "x"], set()),
        ("x", set()),
        (None, set()),
    ],
)
def test_idn_1_family_names_are_compared_without_case_and_spaces(names: Any, found: set[str]) -> None:
    assert identity.families({"name": names}) == found


@pytest.mark.parametrize(
    ("said", "date"), [("1990-01-02", "1990-01-02"), ("1990-01", ""), ("1990", ""), (None, ""), (19900102, "")]
)
def test_idn_1_a_birth_date_is_a_day(said: Any, date: str) -> None:
    assert identity.birth_date({"birthDate": said}) == date


BORN = {"birthDate": "1990-01-02"}
PAIRS = [
    (named("A", **BORN), named("a", **BORN), True, False),
    (named("A", "B", **BORN), named("B", "C", **BORN), True, False),
    (named("A", **BORN), named("B", **BORN), False, True),
    (named("A", **BORN), named("A", birthDate="1990-01-03"), False, True),
    (named("A", **BORN), named("A", birthDate="1990"), False, False),
    (named("A"), named("A"), False, False),
    (named(**BORN), named("A", **BORN), False, False),
    (named("A", **BORN), named(**BORN), False, False),
    (named("A"), named("B", **BORN), False, True),
    (named(birthDate="1990-01-02"), named(birthDate="1990-01-03"), False, True),
    (named(**BORN), named(), False, False),
]


@pytest.mark.parametrize(("one", "other", "agree", "differ"), PAIRS)
def test_idn_1_two_agree_or_differ_by_what_is_known_of_both(one: Any, other: Any, agree: bool, differ: bool) -> None:
    """What is not known of one neither agrees nor differs."""
    assert (identity.agree(one, other), identity.differ(one, other)) == (agree, differ)
    assert (identity.agree(other, one), identity.differ(other, one)) == (agree, differ)


def test_idn_5_a_link_rests_on_numbers_names_and_birth_date() -> None:
    whole = {**patient(number(), number(OTHER)), **named("A"), **BORN}
    assert identity.grounds(whole) == ({KEY, f"{NHS_NUMBER}|{OTHER}"}, {"a"}, "1990-01-02")
    changes: tuple[dict[str, Any], ...] = ({"identifier": []}, {"name": []}, {"birthDate": "1990"})
    for change in changes:
        assert identity.grounds({**whole, **change}) != identity.grounds(whole)
    for same in ({"identifier": [number(OTHER), number()]}, {"gender": "female"}, {"name": [{"family": "a"}]}):
        assert identity.grounds({**whole, **same}) == identity.grounds(whole)
