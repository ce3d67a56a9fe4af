"""Canonical URLs and code systems are spelt in one module; Task codes are those of the published CodeSystem."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from service.auth.event import Kind
from service.fhir import canonical
from service.fhir.canonical import AUDIT_TYPE, BASE, TASK_CODE, TaskCode
from service.fhir.definitions import Definitions

SERVICE = Path(__file__).parents[2] / "service"
HOME = SERVICE / "fhir" / "canonical.py"
ADDRESSES = ("http://", "https://", "http://127.0.0.1", "http://localhost", "https://localhost", "http://www.w3.org/1999/xhtml")
"""What is no canonical: schemes and loopback, where things are served; a namespace of XML."""


def spelt(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each URL in code; docstrings tell, and are not read."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in told else None
        if isinstance(text, str) and (
            "baton.example" in text or text.startswith(("http://", "https://", "urn:ietf:bcp", "urn:ietf:rfc"))
        ):
            yield node.lineno, text


def test_no_canonical_is_spelt_outside_its_module() -> None:
    """One place to look, one place to change."""
    paths = [path for path in sorted(SERVICE.rglob("*.py")) if path != HOME]
    found = [(path.name, *each) for path in paths for each in spelt(path.read_text())]
    assert [each for each in found if not each[2].startswith(ADDRESSES[2:]) and each[2] not in ADDRESSES] == []


@pytest.mark.parametrize(
    "source", [f"X = '{BASE}/CodeSystem/x'", f"def f():\n    return g(f'{BASE}/{{x}}')", "Y = 'http://hl7.org/fhir/y'"]
)
def test_a_spelt_canonical_is_found(source: str) -> None:
    """The check can fail."""
    assert len(list(spelt(source))) == 1


def test_task_codes_are_those_of_the_published_code_system(definitions: Definitions) -> None:
    """A code without a rule, and a rule without a code, would be known to nobody."""
    assert set(TaskCode) == set(definitions.code_systems[TASK_CODE])


def test_every_kind_of_event_is_a_code_of_the_published_code_system(definitions: Definitions) -> None:
    """An AuditEvent's subtype says what happened in words that are published."""
    assert set(get_args(Kind)) <= set(definitions.code_systems[AUDIT_TYPE])


def test_every_code_system_and_extension_of_ours_is_published(definitions: Definitions) -> None:
    """A canonical that nobody can look up means nothing to a partner."""
    ours = {value for value in vars(canonical).values() if isinstance(value, str) and value.startswith(f"{BASE}/")}
    assert ours <= {*definitions.own("CodeSystem"), *definitions.own("StructureDefinition")}


def test_lawful_bases_are_those_of_the_published_code_system(definitions: Definitions) -> None:
    """Care rules, section 4."""
    assert set(definitions.code_systems[canonical.LAWFUL_BASIS]) == canonical.LAWFUL_BASES
