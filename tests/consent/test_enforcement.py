"""Residual rules on the ground of the policy: an enforcement point elsewhere permits what `decide` permits, and never more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.consent.compile import compile_consent
from service.consent.decide import decide
from service.consent.enforcement import NOTHING, told
from service.consent.facts import Facts
from service.consent.policy import LEGALLY_BARRED, UK, US, Agreement, Policy
from service.consent.request import Evidence, Request
from service.consent.terms import RANK, STANDARD, label_key
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY

PERSON = "Patient/p"
AGENCY = "Organization/a"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SENSITIVE = ("PSY", "SUD", "ETHUD", "HIV", "42CFRPart2", LEGALLY_BARRED)
Written = list[dict[str, Any]]


def asked(sector: str, purpose: str = "TREAT", user: str = "", own: frozenset[str] = frozenset()) -> Request:
    """A request of the agency."""
    return Request(frozenset({AGENCY}), AGENCY, sector, (purpose,), "access", NOW, user, own)


def known(sector: str, *consents: dict[str, Any], related: bool = True) -> Evidence:
    """A live agreement for everything, a relationship, and these Consents."""
    compiled = tuple(compile_consent(each, f"Consent/{each['id']}/_history/1") for each in consents)
    agreement = Agreement(AGENCY, sector, frozenset({"PurposeOfUse"}))
    return Evidence(compiled, frozenset({AGENCY} if related else ()), agreement, (), frozenset({PERSON}))


def consent(effect: str, *labels: tuple[str, str], identity: str = "c") -> dict[str, Any]:
    """A Consent that permits or denies the agency, perhaps records with these labels only."""
    named = {"securityLabel": [{"system": system, "code": code} for system, code in labels]} if labels else {}
    return {
        "resourceType": "Consent",
        "id": identity,
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "patient": {"reference": PERSON},
        "dateTime": "2026-01-01",
        "performer": [{"reference": PERSON}],
        "provision": {"type": effect, **named},
    }


def lets(rules: Written, facts: Facts) -> bool:
    """What an enforcement point does that matches only what carries a label: the last rule that matches, else permit."""
    return next((rule["type"] == "permit" for rule in reversed(rules) if matches(rule, facts)), True)


def matches(rule: dict[str, Any], facts: Facts) -> bool:
    """Confidentiality is a ceiling under a permit and a floor under a forbid; other labels match by subsumption."""
    if "allOf" in rule:
        return all(matches({"type": rule["type"], **part}, facts) for part in rule["allOf"])
    for label in rule.get("securityLabel", ()):
        if label["system"] == CONFIDENTIALITY:
            floor, rank = RANK[label["code"]], facts.confidentiality
            if rank and (rank <= floor if rule["type"] == "permit" else rank >= floor):
                return True
        elif STANDARD.label(label_key(label["system"], label["code"])) & set(facts.labels):
            return True
    return "securityLabel" not in rule


RECORDS = st.builds(
    lambda rank, labels: Facts("Condition", "x", (PERSON,), confidentiality=rank, labels=tuple(labels)),
    st.integers(0, 6),
    st.lists(st.sampled_from(SENSITIVE), max_size=2, unique=True),
)
SECTORS = st.sampled_from(("health", "social-care", "housing", "police"))
POLICIES = st.sampled_from((UK, US))
LABELS = st.sampled_from([(ACT_CODE, "PSY"), (ACT_CODE, "SUD"), (CONFIDENTIALITY, "N"), (CONFIDENTIALITY, "R")])


@given(POLICIES, SECTORS, st.sampled_from(("TREAT", "HMARKT")), RECORDS)
def test_without_consent_it_is_the_policy(policy: Policy, sector: str, purpose: str, facts: Facts) -> None:
    """Every sector, purpose and label, both policies; an unlabelled record may be withheld, and is never let through."""
    request, evidence = asked(sector, purpose), known(sector)
    rules, consents = told(request, evidence, policy, PERSON)
    let, permitted = lets(rules, facts), decide(request, facts, evidence, policy).permit
    assert let is permitted or (permitted and not facts.confidentiality)
    assert consents == ()


@given(
    POLICIES, SECTORS, RECORDS, st.lists(st.tuples(st.sampled_from(("permit", "deny")), st.lists(LABELS, max_size=2)), max_size=2)
)
@example(
    UK, "health", Facts("Condition", "x", (PERSON,)), [("permit", [(CONFIDENTIALITY, "R")]), ("permit", [(ACT_CODE, "PSY")])]
)
def test_it_is_never_wider_than_the_decision(
    policy: Policy, sector: str, facts: Facts, spoken: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    """Labelled records, with Consents on the ground of the policy."""
    labelled = replace(facts, confidentiality=facts.confidentiality or RANK["N"])
    consents = [consent(effect, *labels, identity=f"c{place}") for place, (effect, labels) in enumerate(spoken)]
    request, evidence = asked(sector), known(sector, *consents)
    rules, _ = told(request, evidence, policy, PERSON)
    assert not lets(rules, labelled) or decide(request, labelled, evidence, policy).permit


def test_without_relationship_nothing_is_left() -> None:
    """L0, whatever the person consented to; and no Consent is named."""
    told_, consents = told(asked("health"), known("health", consent("permit"), related=False), UK, PERSON)
    assert (told_, consents) == (NOTHING, ())


@pytest.mark.parametrize(("own", "permitted"), [(frozenset({PERSON}), True), (frozenset[str](), False)])
def test_a_person_s_own_token_is_not_bound_by_consent(own: frozenset[str], permitted: bool) -> None:
    """L1: their own record less what is kept from them; nobody else's."""
    rules, _ = told(asked("health", user=PERSON, own=own), known("health", consent("deny")), UK, PERSON)
    assert lets(rules, Facts("Condition", "x", (PERSON,))) is permitted
    assert not lets(rules, Facts("Condition", "x", (PERSON,), labels=("NOPAT",)))


def test_a_consent_that_says_nothing_here_is_not_named() -> None:
    """A Consent about somebody else's agency leaves the policy alone."""
    other = consent("deny", identity="other")
    actor = {
        "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
        "reference": {"reference": "Organization/other"},
    }
    other["provision"]["actor"] = [actor]
    _, consents = told(asked("health"), known("health", other, consent("permit", identity="mine")), UK, PERSON)
    assert consents == ("Consent/mine/_history/1",)
