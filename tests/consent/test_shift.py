"""A labelled behavioural-health record: what the shipped policies and a focused Consent make of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from service.consent.compile import compile_consent
from service.consent.decide import Evidence, Request, decide
from service.consent.facts import Facts, facts_of
from service.consent.policy import UK, US, Agreement, Policy
from service.consent.terms import RANK
from service.fhir.canonical import ACT_CODE, ACT_REASON

BUNDLE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "shift" / "examples" / "1Asample.json"
pytestmark = pytest.mark.skipif(not BUNDLE.is_file(), reason="the SHIFT examples are not beside this checkout")

GP = "Organization/gp"
PERSON = "Patient/CarlFrederickson"


@cache
def record() -> tuple[Facts, ...]:
    entries = (facts_of(entry["resource"]) for entry in json.loads(BUNDLE.read_text())["entry"])
    return tuple(facts for facts in entries if facts.patients == (PERSON,))


def visible(policy: Policy, sector: str = "health", *provisions: dict[str, object]) -> set[str]:
    person = {"reference": PERSON}
    consents = tuple(
        compile_consent(
            {"status": "active", "patient": person, "performer": [person], "provision": provision},
            f"Consent/{index}/_history/1",
        )
        for index, provision in enumerate(provisions)
    )
    known = Evidence(consents, frozenset({GP}), Agreement(GP, sector, frozenset({"TREAT"})), patients=frozenset({PERSON}))
    request = Request(frozenset({GP}), GP, sector, ("TREAT",), "access", datetime(2026, 6, 15, tzinfo=UTC))
    return {facts.id for facts in record() if decide(request, facts, known, policy).permit}


def labelled(*labels: str) -> set[str]:
    return {facts.id for facts in record() if set(labels) & set(facts.labels)}


ALL_BUT = {"type": "permit", "purpose": [{"system": ACT_REASON, "code": "TREAT"}]}


def test_the_record_is_read_with_its_labels() -> None:
    """Part 2 and behavioural-health records are among it."""
    assert labelled("42CFRPart2") < labelled("BH", "SUD") < {facts.id for facts in record()}


def test_the_uk_shares_what_is_not_restricted() -> None:
    """By implied care, with a health partner."""
    assert visible(UK) == {facts.id for facts in record() if facts.confidentiality < RANK["R"]}


def test_housing_sees_nothing_of_it() -> None:
    """Least of all what nobody labelled."""
    assert visible(UK, "housing") == set()


def test_the_us_holds_back_part_2_only() -> None:
    """Treatment goes on with everything else."""
    assert visible(US) == {facts.id for facts in record()} - labelled("42CFRPart2")


def test_a_denial_of_substance_use_takes_its_kinds_along() -> None:
    """OPIOIDUD is-a SUD; the unlabelled is unknown, so it goes too; labelled otherwise it stays."""
    denial = {"type": "deny", "securityLabel": [{"system": ACT_CODE, "code": "SUD"}]}
    unlabelled = {facts.id for facts in record() if not facts.confidentiality}
    assert (
        visible(US, "health", {**ALL_BUT, "provision": [denial]})
        == {facts.id for facts in record()} - labelled("SUD") - unlabelled
    )
