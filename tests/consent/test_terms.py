"""The literal hierarchies are HL7's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.consent.terms import ACT_CODE, ACT_REASON, PURPOSES, SENSITIVITIES, STANDARD, edges, high_water

DEFINITIONS = Path(__file__).resolve().parents[2] / "profiles" / "r4"


def code_system(url: str) -> dict[str, Any] | None:
    """The code system of this url in the compact R4 definitions, whatever file holds it."""
    for path in DEFINITIONS.rglob("*.json"):
        text = path.read_text()
        if f'"{url}"' in text:
            for resource in _resources(json.loads(text)):
                if resource.get("url") == url and "concept" in resource:
                    return resource
    return None


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _resources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _resources(item)


def parents(concepts: Any, above: str | None = None) -> Iterator[tuple[str, str]]:
    """(parent, child) by nesting and by the property subsumedBy."""
    for concept in concepts or ():
        named = [item.get("valueCode") for item in concept.get("property", ()) if item.get("code") == "subsumedBy"]
        yield from ((parent, concept["code"]) for parent in (*named, above) if parent)
        yield from parents(concept.get("concept"), concept["code"])


@pytest.mark.parametrize(
    ("url", "literal"), [(ACT_REASON, PURPOSES), (ACT_CODE, SENSITIVITIES)], ids=["purposes", "sensitivities"]
)
def test_the_literal_tree_is_the_code_system(url: str, literal: str) -> None:
    """Every edge, both ways, under the codes we name."""
    system = code_system(url)
    if system is None or not any(True for _ in parents(system["concept"])):
        pytest.skip("the R4 definitions hold no hierarchy of this code system")
    ours = {(parent, child) for parent, children in edges(literal).items() for child in children}
    named = {code for edge in ours for code in edge}
    assert ours == {(parent, child) for parent, child in parents(system["concept"]) if parent in named}


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
