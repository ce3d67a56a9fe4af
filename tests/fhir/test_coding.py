"""Codes are read in one place."""

from __future__ import annotations

import pytest

from service.fhir.canonical import TASK_CODE, TaskCode
from service.fhir.coding import code_in, codes_in, codings, concept, keys

A, B = "https://a.example", "https://b.example"


def test_a_concept_is_read_as_it_is_written() -> None:
    assert code_in(concept(A, "x", "in words"), A) == "x"
    assert concept(A, "x", "in words")["text"] == "in words"


def test_every_coding_of_a_list_of_concepts_counts() -> None:
    found = [concept(A, "x"), {"coding": [{"system": B, "code": "y"}, {"code": "z"}]}]
    assert list(codings(found)) == [(A, "x"), (B, "y"), ("", "z")]
    assert (codes_in(found, A), list(keys(found))) == ({"x"}, [f"{A}|x", f"{B}|y", "|z"])


def test_a_coding_is_read_like_a_concept() -> None:
    assert code_in({"system": A, "code": "x"}, A) == "x"


@pytest.mark.parametrize("element", [None, "x", 7, [], {}, {"text": "x"}, {"coding": "x"}, {"coding": [{"system": A}]}, [["x"]]])
def test_what_holds_no_code_holds_none(element: object) -> None:
    assert list(codings(element)) == []


def test_a_code_of_an_enum_is_a_plain_string_in_a_resource() -> None:
    """What is found by its code is found by exactly that type."""
    assert type(concept(TASK_CODE, TaskCode.HANDOVER)["coding"][0]["code"]) is str
