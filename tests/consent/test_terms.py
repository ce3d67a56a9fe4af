"""The literal hierarchies are HL7's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.consent.terms import PURPOSES, SENSITIVITIES, STANDARD, Terminology, edges, high_water, label_key, purpose_key
from service.fhir.canonical import ACT_CODE, ACT_REASON

DEFINITIONS = Path(__file__).resolve().parents[2] / "profiles" / "r4" / "code-systems.ndjson"


def hierarchy(url: str) -> set[tuple[str, str]]:
    """(parent, child) of a code system in the compact R4 definitions: a concept is its display, then its parents."""
    systems = (json.loads(line) for line in DEFINITIONS.read_text().splitlines() if f'"{url}"' in line)
    concepts: dict[str, list[str]] = next(system["concepts"] for system in systems if system["url"] == url)
    return {(parent, code) for code, (_, *parents) in concepts.items() for parent in parents}


@pytest.mark.skipif(not DEFINITIONS.is_file(), reason="the R4 definitions are not built")
@pytest.mark.parametrize(
    ("url", "literal"), [(ACT_REASON, PURPOSES), (ACT_CODE, SENSITIVITIES)], ids=["purposes", "sensitivities"]
)
def test_the_literal_tree_is_the_code_system(url: str, literal: str) -> None:
    """Every edge, both ways, under the codes we name."""
    ours = {(parent, child) for parent, children in edges(literal).items() for child in children}
    named = {code for edge in ours for code in edge}
    assert ours == {(parent, child) for parent, child in hierarchy(url) if parent in named}


@pytest.mark.parametrize(("wide", "narrow"), [("TREAT", "BTG"), ("ETREAT", "BTG"), ("TREAT", "COC"), ("HOPERAT", "CAREMGT")])
def test_purposes_subsume(wide: str, narrow: str) -> None:
    """Is-a, transitively."""
    assert narrow in STANDARD.purpose(wide)


def test_ethnic_is_not_above_alcohol() -> None:
    """ETH is another thing than ETHUD."""
    assert STANDARD.label("ETH") == {"ETH"}


def test_a_tree_is_read_line_by_line() -> None:
    """A parent may have several lines."""
    assert edges("\na > b c\na > d\nb > e\n") == {"a": ("b", "c", "d"), "b": ("e",)}


def test_a_code_covers_itself_and_all_that_is_below_it() -> None:
    terms = Terminology.of({"a": ("b", "c"), "b": ("d",)}, {"x": ("y",)})
    assert {code: terms.purpose(code) for code in "abcde"} == {
        "a": {"a", "b", "c", "d"},
        "b": {"b", "d"},
        "c": {"c"},
        "d": {"d"},
        "e": {"e"},
    }
    assert [terms.label(code) for code in "xya"] == [{"x", "y"}, {"y"}, {"a"}]
    assert (set(terms.purposes), set(terms.labels)) == (set("abcd"), set("xy"))


def test_a_ring_of_codes_ends_where_it_began() -> None:
    assert Terminology.of({"a": ("b",), "b": ("a",)}, {}).purpose("a") == {"a", "b"}


@pytest.mark.parametrize(
    ("system", "code", "key"),
    [(ACT_REASON, "TREAT", "TREAT"), ("", "TREAT", "TREAT"), ("urn:s", "x", "urn:s|x"), (ACT_CODE, "x", f"{ACT_CODE}|x")],
)
def test_a_purpose_of_act_reason_is_its_code_alone(system: str, code: str, key: str) -> None:
    assert purpose_key(system, code) == key


@pytest.mark.parametrize(("system", "code", "key"), [(ACT_CODE, "HIV", "HIV"), ("", "x", "|x"), ("urn:s", "x", "urn:s|x")])
def test_a_label_of_act_code_is_its_code_alone(system: str, code: str, key: str) -> None:
    assert label_key(system, code) == key


@pytest.mark.parametrize(("ranks", "code"), [((), ""), ((0,), ""), ((0, 1), "U"), ((3, 5, 0), "R"), ((6,), "V")])
def test_the_high_water_mark_is_the_most_confidential(ranks: tuple[int, ...], code: str) -> None:
    assert high_water(ranks) == code
