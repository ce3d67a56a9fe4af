"""The code systems hold what the rules name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DESIGN = CHECKOUT.parent / "shared" / "design"
SERIES = (
    ("OWN-", 1, 11), ("IDN-", 1, 8), ("HOV-", 1, 11), ("E", 1, 15), ("MTG-", 1, 6), ("TRI-", 1, 1), ("FCT-", 1, 2),
    ("ESC-", 1, 3), ("ISP-", 1, 1), ("ASM-", 1, 1), ("TAP-", 1, 2), ("SFG-", 1, 3), ("OUT-", 1, 1), ("CRP-", 1, 3),
    ("EWS-", 1, 1), ("DNA-", 1, 1), ("EQU-", 1, 2), ("TIM-", 1, 16), ("K", 0, 38), ("GOV-", 1, 11), ("VAR-", 1, 1),
    ("AGR-", 1, 1), ("EXP-", 1, 1), ("PLC-", 1, 3),
)  # fmt: skip
IDS = re.compile(r"\b([A-Z]{3}-|E|K)(\d+)(?:[…–]\1?(\d+))?([ab]\b|\+)?|\b(MDS|DIS-PL|DIS)\b")
VARIANTS = {"K0b": "K0", "K4+": "K4", "K5a": "K5", "K5b": "K5"}


def codes(system: str) -> list[str]:
    loaded = json.loads((CHECKOUT / "profiles" / "baton" / f"CodeSystem-{system}.json").read_text())
    return [concept["code"] for concept in loaded["concept"]]


def parts() -> dict[str, str]:
    """The rule of every part and variant in the code system `rule`."""
    loaded = json.loads((CHECKOUT / "profiles" / "baton" / "CodeSystem-rule.json").read_text())
    return {part["code"]: rule["code"] for rule in loaded["concept"] for part in rule.get("concept", ())}


def named(text: str) -> set[str]:
    """The rule ids in a text, the ids within a range among them."""
    found: set[str] = set()
    for series, first, last, variant, word in IDS.findall(text):
        numbers = range(int(first), int(last or first) + 1) if first else ()
        found |= {f"{series}{number}{variant}" for number in numbers} | ({word} if word else set())
    return found


@pytest.mark.parametrize("document", ["care-rules.md", "consent-rules.md", "practices.md", "oversight.md"])
def test_every_rule_that_a_document_names_is_coded(document: str) -> None:
    """A refusal can cite any rule of the design."""
    if not (DESIGN / document).exists():
        pytest.skip("the design documents are not beside this checkout")
    assert named((DESIGN / document).read_text()) - set(codes("rule")) - set(parts()) == set()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("- HOV-10 A person open elsewhere (HOV-1)", {"HOV-10", "HOV-1"}),
        ("TIM-9…13 and TIM-14", {"TIM-9", "TIM-10", "TIM-11", "TIM-12", "TIM-13", "TIM-14"}),
        ("E13–E15, E2 + E5, K22", {"E13", "E14", "E15", "E2", "E5", "K22"}),
        ("K0b, K4+ and K5a", {"K0b", "K4+", "K5a"}),
        ("DIS-PL before E14, a record (DIS)", {"DIS-PL", "E14", "DIS"}),
        ("HL7 v2, R4, L1 and M-1", set()),
    ],
)
def test_rule_ids_are_found_in_a_text(text: str, wanted: set[str]) -> None:
    """A range names every id in it; what only looks like an id is none."""
    assert named(text) == wanted


def test_rule_ids_are_complete() -> None:
    """Every series runs without a gap."""
    wanted = [f"{prefix}{number}" for prefix, first, last in SERIES for number in range(first, last + 1)]
    assert sorted(codes("rule")) == sorted([*wanted, "MDS", "DIS", "DIS-PL", "CONSENT"])


def test_variants_of_a_measure_are_its_parts() -> None:
    """Oversight gives some measures a second row under their number."""
    assert {code: rule for code, rule in parts().items() if "." not in code} == VARIANTS


def test_every_rule_says_what_it_asks() -> None:
    """A partner that meets an id can look up what it stands for."""
    loaded = json.loads((CHECKOUT / "profiles" / "baton" / "CodeSystem-rule.json").read_text())
    assert [one["code"] for one in loaded["concept"] if not re.fullmatch(r"[A-Z].*\.", one.get("definition", ""))] == []


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
