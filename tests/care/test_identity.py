"""IDN-1 and IDN-2: NHS numbers by Modulus 11, and the keys that link one person's records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.ownership import identity
from service.fhir.canonical import NHS_NUMBER, NHS_NUMBER_VERIFICATION


def patient(value: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": NHS_NUMBER, "value": value, **more}]}


def unverified() -> list[Any]:
    return [{"url": NHS_NUMBER_VERIFICATION, "valueCodeableConcept": {"coding": [{"code": "number-present-but-not-traced"}]}}]


@pytest.mark.parametrize("value", ["9434765919", "943 476 5919", "9434765870", "9000000009"])
def test_idn_2_a_valid_nhs_number_has_no_fault(value: str) -> None:
    assert identity.nhs_number_fault(value) == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [("943476591", "9"), ("94347659190", "11"), ("943476591X", "digits"), ("", "digits"), ("9434765918", "Modulus 11"),
     ("9999999999", "one digit"), ("４５６７８９０１２３", "digits")],
)  # fmt: skip
def test_idn_2_an_invalid_nhs_number_says_why(value: str, why: str) -> None:
    assert why in identity.nhs_number_fault(value)


@given(st.integers(10**8, 10**9 - 1), st.integers(0, 8))
def test_idn_2_two_swapped_digits_never_fit(nine: int, place: int) -> None:
    """Modulus 11 finds every transposition of neighbours."""
    digit = identity.check_digit(str(nine))
    number = f"{nine}{digit}"
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert digit == 10 or swapped == number or identity.nhs_number_fault(swapped)


@given(st.text(max_size=12))
def test_idn_2_any_text_is_answered(value: str) -> None:
    assert isinstance(identity.nhs_number_fault(value), str)


def test_idn_2_the_refusal_names_the_path_and_not_the_number() -> None:
    found = identity.check(patient("9434765918"))
    assert found is not None
    assert found.issues[0].expression == "Patient.identifier[0].value"
    assert "9434765918" not in str(found)


def test_idn_1_spaces_do_not_part_one_person() -> None:
    assert identity.person_keys(patient("943 476 5919")) == identity.person_keys(patient("9434765919"))


def test_idn_1_an_unverified_number_links_nobody() -> None:
    assert identity.person_keys(patient("9434765919", extension=unverified())) == ()
    assert identity.doubtful(patient("9434765919", extension=unverified()))


def test_idn_1_an_old_number_links_nobody() -> None:
    assert identity.person_keys(patient("9434765919", use="old")) == ()
