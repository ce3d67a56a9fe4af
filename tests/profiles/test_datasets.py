"""The minimum datasets (MDS): items, order and obligation are those of section 4 of the care rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.care.task.dataset import completeness

CHECKOUT = Path(__file__).parents[2]
RULES = CHECKOUT.parent / "shared" / "design" / "care-rules.md"
ANSWERS = "https://baton.example/fhir/CodeSystem/dataset-answer"

REFERRAL = (
    "presenting-need", "current-risks", "safeguarding-flags", "recent-crisis-contacts", "functional-impact",
    "preferred-engagement", "reasonable-adjustments",
)  # fmt: skip
DATASETS = {
    "referral": REFERRAL,
    "handover": (
        *REFERRAL, "current-medication", "early-warning-signs", "step-up-criteria", "follow-up-requirements", "open-actions",
        "legal-status", "information-sharing-decisions",
    ),
    "discharge": (
        "risks", "triggers", "follow-up-requirements", "early-warning-signs", "medication-arrangements",
        "safeguarding-indicators", "step-up-criteria", "housing-readiness", "benefit-status", "follow-up-timings",
        "community-lead", "family-support",
        "primary-care-follow-up",
    ),
    "case-review": ("agencies-involved", "named-leads", "current-actions", "identified-risks", "next-steps", "safeguarding"),
    "first-contact": (
        "housing-stability", "financial-stress", "family-support", "primary-care-access", "crisis-plan-reviewed", "sleep",
        "routine", "safe-contacts", "practical-support",
    ),
    "after-action": ("followed-per-role", "routes-followed", "conflicts", "learning"),
    "escalation": ("what-has-changed", "current-risks", "protective-factors", "what-has-been-tried"),
    "crisis": (
        "crisis-triggers", "lead-agency", "partner-roles", "escalation-routes", "communication-plan", "early-warning-signs",
        "coping-strategies", "who-to-contact", "agreed-with-person", "review-date", "review-responsibility", "advance-statement",
    ),
    "risk-formulation": (
        "safeguarding-indicators", "capacity-and-consent", "protective-factors", "information-sharing-decisions",
        "who-does-what-by-when", "follow-up-confirmation", "purpose", "review-date", "step-down-criteria",
    ),
    "forum": (
        "referral-criterion", "current-risks", "protective-factors", "engagement-approach", "system-contacts", "proportionality",
        "duration", "threshold-consistency",
    ),
    "redirect": ("rationale", "signposted-to", "urgent-routes-communicated"),
}  # fmt: skip
NOT_ALWAYS = {
    "crisis": {"advance-statement": None},
    "risk-formulation": dict.fromkeys(("purpose", "review-date", "step-down-criteria"), "intensive-support"),
    "forum": dict.fromkeys(("proportionality", "duration"), "restrictive-measure"),
}
MORE = {("forum", "threshold-consistency"): {"consistent"}}


def questionnaire(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CHECKOUT / "profiles" / "baton" / f"Questionnaire-mds-{name}.json").read_text())
    return loaded


def options(name: str, link: str, system: str) -> set[str]:
    """The codes of a system that an item offers as answers."""
    item = next(one for one in questionnaire(name)["item"] if one["linkId"] == link)
    return {one["valueCoding"]["code"] for one in item["answerOption"] if one["valueCoding"]["system"] == system}


def written() -> dict[str, tuple[str, ...]]:
    """The datasets as care-rules.md lists them."""
    section = RULES.read_text().split("## 4.")[1].split("\n## ")[0]
    found: dict[str, tuple[str, ...]] = {}
    for name, text in re.findall(r"^- `([a-z-]+)`: (.+)$", section, re.MULTILINE):
        text = re.sub(r"\(if [a-z]+\)|\(optional\)", "", text)
        first, _, rest = text.partition("the referral items + ")
        items = tuple(item.strip() for item in (rest or first).split("·"))
        found[name] = (*(found["referral"] if rest else ()), *items)
    return found


def test_literal_lists_are_the_care_rules() -> None:
    """The lists of this test are those of care-rules.md."""
    if not RULES.exists():
        pytest.skip("care-rules.md is not beside this checkout")
    assert written() == DATASETS


def test_every_questionnaire_is_a_dataset() -> None:
    """No other minimum dataset is published."""
    names = {path.stem.removeprefix("Questionnaire-mds-") for path in (CHECKOUT / "profiles" / "baton").glob("Questionnaire-*")}
    assert names == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_items_are_the_dataset_in_order(name: str) -> None:
    """linkIds are exactly those of the rules, in their order, without groups."""
    assert tuple(item["linkId"] for item in questionnaire(name)["item"]) == DATASETS[name]


@pytest.mark.parametrize("name", DATASETS)
def test_items_are_required_unless_optional_or_conditional(name: str) -> None:
    """Only what the rules mark as optional or conditional may be left out."""
    free = {item["linkId"] for item in questionnaire(name)["item"] if not item["required"]}
    assert free == set(NOT_ALWAYS.get(name, ()))


@pytest.mark.parametrize("name", DATASETS)
def test_conditional_items_say_their_condition(name: str) -> None:
    """Extension `required-when` holds the condition of the rules."""
    said = {
        item["linkId"]: next((one["valueCode"] for one in item.get("extension", ())), None)
        for item in questionnaire(name)["item"]
        if not item["required"]
    }
    assert said == NOT_ALWAYS.get(name, {})


@pytest.mark.parametrize("name", DATASETS)
def test_every_item_takes_text_or_codes(name: str) -> None:
    """Items are open-choice, so that a partner may send text."""
    assert {item["type"] for item in questionnaire(name)["item"]} == {"open-choice"}


@pytest.mark.parametrize("name", DATASETS)
def test_every_item_accepts_none_and_not_known(name: str) -> None:
    """Asked, none is distinct from not asked. One item has a third answer."""
    offered = {link: options(name, link, ANSWERS) for link in DATASETS[name]}
    assert offered == {link: {"none", "not-known"} | MORE.get((name, link), set()) for link in DATASETS[name]}


def test_forum_offers_its_three_criteria() -> None:
    """E13: what brings a person to the forum is on its agenda by the same code."""
    reasons = options("forum", "referral-criterion", "https://baton.example/fhir/CodeSystem/agenda-reason")
    assert reasons == {"repeated-non-engagement", "safeguarding", "early-relapse"}


@pytest.mark.parametrize("name", DATASETS)
def test_every_item_asks_a_question(name: str) -> None:
    """Texts are questions in plain English."""
    assert all(item["text"].endswith("?") for item in questionnaire(name)["item"])


@pytest.mark.parametrize(
    ("name", "link"),
    [("referral", "safeguarding-flags"), ("discharge", "safeguarding-indicators"), ("case-review", "safeguarding")],
)
def test_safeguarding_offers_none_identified(name: str, link: str) -> None:
    """SNOMED CT 861931000000100 says that safeguarding was asked and nothing found."""
    item = next(one for one in questionnaire(name)["item"] if one["linkId"] == link)
    assert "861931000000100" in {one["valueCoding"]["code"] for one in item["answerOption"]}


def example(name: str) -> dict[str, Any]:
    path = CHECKOUT / "profiles" / "examples" / "valid" / f"mds-{name}.complete.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


@pytest.mark.parametrize("name", DATASETS)
def test_example_is_complete(name: str) -> None:
    """HOV-2 finds nothing lacking in the example of a dataset."""
    assert completeness(example(name), questionnaire(name)).complete


@pytest.mark.parametrize("name", DATASETS)
def test_example_without_its_first_answer_is_not_complete(name: str) -> None:
    """HOV-2 names the linkId that lacks its answer."""
    lacking = example(name)
    first = lacking["item"].pop(0)
    assert completeness(lacking, questionnaire(name)).missing == (first["linkId"],)


@pytest.mark.parametrize("name", DATASETS)
def test_example_answers_this_version(name: str) -> None:
    """A response names the Questionnaire with its version."""
    asked = questionnaire(name)
    assert example(name)["questionnaire"] == f"{asked['url']}|{asked['version']}"
