"""The literal hierarchies are HL7's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.consent.terms import PURPOSES, SENSITIVITIES, STANDARD, edges, high_water
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


def test_the_high_water_mark_is_the_most_confidential() -> None:
    """Of what is actually returned."""
    assert high_water((0, 3, 5, 2)) == "R"
