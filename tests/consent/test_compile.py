"""Consents of any dialect compile; what cannot be decided is flagged and never widens access."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.consent.compile import MAX_DEPTH, compile_consent
from service.consent.decide import Evidence, Request, decide
from service.consent.facts import Facts
from service.consent.policy import UK, Agreement

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hl7-r4"
EXAMPLES = sorted(path.stem for path in DATA.glob("Consent-*.json"))
pytestmark = pytest.mark.skipif(not EXAMPLES, reason="the HL7 R4 examples are not beside this checkout")

ORG = "Organization/f001"


def example(name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return resource


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_official_example_is_flagged(name: str) -> None:
    """None of them has a root type with conditions and a performer, so each carries a finding."""
    assert compile_consent(example(name), "Consent/1/_history/1").findings


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("day", ["2015-01-15", "2016-06-23", "2024-06-01"])
@pytest.mark.parametrize("sector", ["health", "housing"])
def test_no_official_example_widens_access(name: str, day: str, sector: str) -> None:
    """What is permitted with it would be permitted without it."""
    resource = example(name)
    patient = resource["patient"]["reference"]
    principals = frozenset({ORG, "Practitioner/f204", "Practitioner/13", "Patient/example"})
    request = Request(
        principals, ORG, sector, ("TREAT",), "access", datetime.fromisoformat(f"{day}T07:15:00").replace(tzinfo=UTC)
    )
    for facts in (Facts("MedicationRequest", "1", (patient,), confidentiality=3), Facts("MedicationRequest", "2", (patient,))):
        without = Evidence((), frozenset({ORG}), Agreement(ORG, sector, frozenset({"TREAT"})), patients=frozenset({patient}))
        given = replace(without, consents=(compile_consent(resource, "Consent/1/_history/1"),))
        assert decide(request, facts, without, UK).permit or not decide(request, facts, given, UK).permit


def test_an_untyped_root_with_conditions_has_two_readings() -> None:
    """As limits of its base, and as exceptions to it."""
    assert len(compile_consent(example("Consent-consent-example-notThem"), "Consent/1/_history/1").roots) == 2


def test_nesting_beyond_the_limit_is_in_doubt() -> None:
    """Permits off, the levels above still deny."""
    tree: dict[str, Any] = {"type": "deny"}
    for _ in range(MAX_DEPTH + 1):
        tree = {"type": "deny", "provision": [tree]}
    assert compile_consent({"provision": tree}, "Consent/1/_history/1").doubt


def test_findings_name_their_place() -> None:
    """A nested rule without type, by FHIRPath."""
    found = compile_consent(
        {"provision": {"type": "permit", "provision": [{}, {"type": "deny"}]}}, "Consent/1/_history/1"
    ).findings
    assert "Consent.provision.provision[0].type" in [issue.expression for issue in found]
