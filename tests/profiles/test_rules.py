"""The code systems hold what the rules name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DESIGN = CHECKOUT.parent / "shared" / "design"
IDS = re.compile(r"\b(?:OWN|IDN|HOV|TIM|GOV)-\d+\b|\bE(?:[1-9]|1[0-5])\b|\bK(?:2[0-7]|1?\d)\b|\b(?:MDS|DIS)\b")


def codes(system: str) -> list[str]:
    loaded = json.loads((CHECKOUT / "profiles" / "baton" / f"CodeSystem-{system}.json").read_text())
    return [concept["code"] for concept in loaded["concept"]]


@pytest.mark.parametrize("document", ["care-rules.md", "consent-rules.md"])
def test_every_rule_that_a_document_names_is_coded(document: str) -> None:
    """A refusal can cite any rule of the design."""
    if not (DESIGN / document).exists():
        pytest.skip("the design documents are not beside this checkout")
    assert set(IDS.findall((DESIGN / document).read_text())) - set(codes("rule")) == set()


def test_rule_ids_are_complete() -> None:
    """Every series runs without a gap."""
    series = (("OWN-", 1, 7), ("IDN-", 1, 3), ("HOV-", 1, 11), ("E", 1, 15), ("TIM-", 1, 13), ("K", 0, 27), ("GOV-", 1, 6))
    wanted = [f"{prefix}{number}" for prefix, first, last in series for number in range(first, last + 1)]
    assert sorted(codes("rule")) == sorted([*wanted, "MDS", "DIS", "CONSENT"])


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        ("task-input", {"minimum-dataset", "sharing-authority", "package"}),
        ("task-output", {"lead", "accepted-scope", "declined-scope", "first-contact", "no-contact-required"}),
        ("business-status", {"overdue", "awaiting-information"}),
        ("dataset-answer", {"none", "not-known"}),
        ("tag", {"unowned"}),
        ("override-kind", {"patient-safety", "vital-interests", "safeguarding", "public-interest", "legal", "best-interests"}),
        ("scope-of-responsibility", {"overall-coordination"}),
        (
            "task-code",
            {
                "handover", "agree-plan", "clarification", "abort", "escalation", "follow-up", "welfare-check",
                "safeguarding-consideration", "override-review", "data-request", "acted-upon", "confirm-role",
            },
        ),
    ],
)  # fmt: skip
def test_code_system_holds_the_codes_of_the_rules(system: str, wanted: set[str]) -> None:
    """Codes that the rules write out are there as written."""
    assert wanted <= set(codes(system))


def test_lawful_bases_are_those_of_the_rules() -> None:
    """Section 4 of the care rules lists seven, and no other is a basis."""
    assert codes("lawful-basis") == [
        "direct-care", "vital-interests", "safeguarding", "public-interest", "legal-duty", "best-interests",
        "explicit-consent-elsewhere",
    ]  # fmt: skip


def test_codes_are_unique_within_their_system() -> None:
    """No code is defined twice."""
    systems = [path.stem.removeprefix("CodeSystem-") for path in (CHECKOUT / "profiles" / "baton").glob("CodeSystem-*.json")]
    assert [name for name in systems if len(codes(name)) != len(set(codes(name)))] == []
