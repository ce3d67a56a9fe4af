"""IHE Privacy Consent on FHIR: published consents and residual tokens, and the visibility derived from them, at 2024-06-01."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.consent.compile import compile_consent
from service.consent.decide import Evidence, Request, decide
from service.consent.facts import Facts, facts_of
from service.consent.policy import UK, Agreement
from service.consent.residual import residual_json
from tests.fakes.enforcement_point import apply, residual

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ihe-pcf"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the IHE PCF examples are not beside this checkout")

ORG = "Organization/ex-organization"
RESEARCHER = "Organization/ex-org-researcher"
BASE = "http://example.org/fhir"
FOO_BAR = "http://example.org/policies/purposeOfUse|FooBar"
PRACTITIONER = frozenset({ORG, RESEARCHER, "Practitioner/ex-practitioner", "Group/ex-privilegedUsers"})
CLERK = frozenset({ORG, "Practitioner/ex-clerk"})

CONTRADICTS_RULES = {
    ("ex-consent-intermediate-not-timeframe", "Encounter/ex-encounter"): "no period: undated counts as inside a denied period",
    ("ex-consent-intermediate-not-authoredby", "Encounter/ex-encounter"): "no author: unknown counts as the denied author",
}
"""Derived visibility says visible; consent-rules 2.4 says unknown is true for a denial, so we hide."""

PUBLISHED_SLIPS = {
    "ex-consent-intermediate-not-authoredby": "its token says type `deny` where every other one says `forbid`",
}


@cache
def consent(name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.loads((DATA / "consents" / f"{name}.json").read_text())
    return resource


@cache
def records() -> dict[str, Facts]:
    found = [facts_of(json.loads(path.read_text())) for path in (DATA / "data").glob("*.json")] if DATA.is_dir() else []
    return {facts.ref: facts for facts in found}


def evidence(name: str, purposes: tuple[str, ...], representatives: frozenset[str] = frozenset()) -> Evidence:
    compiled = compile_consent(consent(name), f"Consent/{name}/_history/1", zone=UTC)
    agreement = Agreement(ORG, "other", frozenset(purposes))
    person = frozenset({"Patient/ex-patient"})
    return Evidence((compiled,), frozenset({ORG}), agreement, (), person, representatives)


def request(purposes: tuple[str, ...], principals: frozenset[str] = PRACTITIONER) -> Request:
    return Request(principals, ORG, "other", purposes, "access", datetime(2024, 6, 1, tzinfo=UTC), "PractitionerRole/x")


def purposes_of(codes: list[str]) -> tuple[str, ...]:
    return tuple(FOO_BAR if code == "FooBar" else code for code in codes)


def permitted(name: str, ref: str, purposes: tuple[str, ...] = ("TREAT",), principals: frozenset[str] = PRACTITIONER) -> bool:
    return decide(request(purposes, principals), records()[ref], evidence(name, purposes), UK).permit


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text()) if DATA.is_dir() else []


VISIBILITY = [
    (case["consent"], purposes_of(case["purposes"]), ref, ref in case["visible"])
    for case in (load("pcf-derived-visibility.json") or {"cases": []})["cases"]
    for ref in (*case["visible"], *case["hidden"])
]
TOKENS = [
    (case["consent"], token["extensions"]) for case in load("pcf-residual-cases.json") for token in case["expected_tokens"] or ()
]


@pytest.mark.parametrize(("name", "purposes", "ref", "visible"), VISIBILITY)
def test_visibility_follows_the_published_tokens(name: str, purposes: tuple[str, ...], ref: str, visible: bool) -> None:
    """Each record is visible or hidden as derived, but for the listed contradictions with our rules."""
    expected = visible and (name, ref) not in CONTRADICTS_RULES
    assert permitted(name, ref, purposes) is expected


@pytest.mark.parametrize(("name", "extensions"), TOKENS, ids=[name for name, _ in TOKENS])
def test_residual_rules_are_those_published(name: str, extensions: dict[str, Any]) -> None:
    """The token's residual, with the one published slip read as it was meant."""
    purposes = purposes_of([item["code"] for item in extensions["ihe_iua"]["purpose_of_use"]])
    expected = json.loads(json.dumps(extensions["ihe_pcf"].get("residual", [])))
    if name in PUBLISHED_SLIPS:
        assert [rule.pop("type") for rule in expected] == ["deny"]
        expected = [{"type": "forbid", **rule} for rule in expected]
    assert residual_json(residual(request(purposes), evidence(name, purposes), UK), BASE) == expected


@pytest.mark.parametrize(("name", "purposes", "ref", "visible"), VISIBILITY)
def test_residual_rules_decide_as_the_consent_does(name: str, purposes: tuple[str, ...], ref: str, visible: bool) -> None:
    """Enforcing the residual on a record and deciding on it are the same."""
    known = evidence(name, purposes)
    said = apply(residual(request(purposes), known, UK), records()[ref], {})
    assert bool(said) is decide(request(purposes), records()[ref], known, UK).permit


def test_a_dissent_denies_treatment() -> None:
    """ex-consent-basic-reject: no token at all."""
    assert not permitted("ex-consent-basic-reject", "Observation/ex-weight")


def test_an_expired_consent_permits_nothing() -> None:
    """ex-consent-expired-treat ended with 2022."""
    assert not permitted("ex-consent-expired-treat", "Observation/ex-weight")


def test_ink_signature_changes_nothing() -> None:
    """ex-consent-basic-ink is processed as ex-consent-basic-treat."""
    assert permitted("ex-consent-basic-ink", "Observation/ex-weight")


def test_research_does_not_cover_treatment() -> None:
    """ex-consent-basic-research permits research only."""
    assert not permitted("ex-consent-basic-research", "Observation/ex-weight")


def test_research_covers_clinical_trial_research() -> None:
    """CLINTRCH is-a HRESCH."""
    assert permitted("ex-consent-basic-research", "Observation/ex-weight", ("CLINTRCH",))


def test_a_mother_needs_a_verified_link_to_consent() -> None:
    """ex-consent-basic-treat-infant is performed by another Patient."""
    assert not permitted("ex-consent-basic-treat-infant", "Observation/ex-weight")


def test_a_mother_with_a_verified_link_consents() -> None:
    """The same Consent, the link verified."""
    known = evidence("ex-consent-basic-treat-infant", ("TREAT",), frozenset({"Patient/ex-mother"}))
    assert decide(request(("TREAT",)), records()["Observation/ex-weight"], known, UK).permit


def test_restricted_data_is_for_the_practitioner_named() -> None:
    """ex-consent-advanced-normal-focused-restricted: the practitioner sees R."""
    assert permitted("ex-consent-advanced-normal-focused-restricted", "Observation/ex-alcoholUse")


def test_restricted_data_is_not_for_a_clerk() -> None:
    """The same Consent, anybody else: as normal only."""
    assert not permitted("ex-consent-advanced-normal-focused-restricted", "Observation/ex-alcoholUse", principals=CLERK)


def test_break_glass_opens_restricted_data_to_the_group() -> None:
    """ex-consent-advanced-normal-break-glass-restricted under BTG."""
    assert permitted("ex-consent-advanced-normal-break-glass-restricted", "Observation/ex-alcoholUse", ("BTG",))


def test_restricted_data_stays_shut_without_break_glass() -> None:
    """The same Consent under TREAT."""
    assert not permitted("ex-consent-advanced-normal-break-glass-restricted", "Observation/ex-alcoholUse")


def test_break_glass_dissent_hides_from_treatment() -> None:
    """ex-dissent-intermediate-break-glass: TREAT is not BTG."""
    assert not permitted("ex-dissent-intermediate-break-glass", "Observation/ex-weight")


def test_break_glass_is_for_the_group_only() -> None:
    """ex-dissent-intermediate-break-glass: BTG claimed by a clerk."""
    assert not permitted("ex-dissent-intermediate-break-glass", "Observation/ex-weight", ("BTG",), CLERK)


def test_idn_3_a_group_is_no_directory_entry() -> None:
    """Group/ex-privilegedUsers names no patient, and whom it names is its custodian's to know."""
    assert decide(request(("TREAT",)), records()["Group/ex-privilegedUsers"], Evidence(), UK).reasons[0].row == "L6"
