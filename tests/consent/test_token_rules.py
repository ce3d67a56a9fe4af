"""The rules of a token, written out: the policy's ground, then the Consents, then what no Consent can release (IHE PCF)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.consent.compile import compile_consent
from service.consent.enforcement import told
from service.consent.policy import UK, US, Agreement, Policy, PolicyRow
from service.consent.request import Evidence, Grant, Request
from service.consent.terms import NORMAL, RANK
from service.fhir.canonical import ACT_CODE, CONFIDENTIALITY, RECORD_MARK
from tests.consent.cases import DENY, PERMIT, coded, consent

AGENCY = "Organization/a"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
Written = list[dict[str, Any]]

FORBID = {"type": "forbid"}
BARRED = {"type": "forbid", "securityLabel": coded(RECORD_MARK, "legally-barred")}
PSY = coded(ACT_CODE, "PSY")
NO_PSY = {"type": "forbid", "securityLabel": PSY}
PART_2 = {"type": "forbid", "securityLabel": coded(ACT_CODE, "42CFRPart2")}


def upto(code: str) -> dict[str, Any]:
    return {"type": "permit", "securityLabel": coded(CONFIDENTIALITY, code)}


def above(code: str) -> dict[str, Any]:
    return {"type": "forbid", "securityLabel": coded(CONFIDENTIALITY, code)}


CARE = [FORBID, upto("N"), above("R")]
"""Normal records only, and none that is unlabelled."""


def rules(
    sector: str = "health",
    *provisions: dict[str, Any],
    policy: Policy = UK,
    purpose: str = "TREAT",
    base: str = "",
    recorder: str = "",
    **more: Any,
) -> tuple[Written, tuple[str, ...]]:
    """What the token tells of these Consents of the person."""
    compiled = tuple(
        compile_consent(consent(each), f"Consent/{number}/_history/1", recorder=recorder)
        for number, each in enumerate(provisions)
    )
    agreement = Agreement(AGENCY, sector, frozenset({"PurposeOfUse"}))
    request = Request(frozenset({AGENCY}), AGENCY, sector, (purpose,), "access", NOW)
    evidence = Evidence(compiled, frozenset({AGENCY}), agreement, patients=frozenset({"Patient/p"}))
    under = (base,) if base else ()
    return told(request, replace(evidence, **more), policy, "Patient/p", *under)


@pytest.mark.parametrize(
    ("policy", "sector", "purpose", "ground"),
    [
        (UK, "health", "TREAT", CARE),
        (UK, "social-care", "COC", CARE),
        (UK, "housing", "TREAT", [FORBID]),
        (UK, "health", "HRESCH", [FORBID]),
        (US, "health", "TREAT", [PART_2]),
        (US, "health", "HPAYMT", [PART_2]),
        (US, "health", "HRESCH", [FORBID]),
        (US, "social-care", "TREAT", [FORBID]),
    ],
)
def test_without_consent_the_token_tells_the_policy_s_default(policy: Policy, sector: str, purpose: str, ground: Written) -> None:
    """In the fewest rules, and names no Consent; what the law bars is forbidden last."""
    assert rules(sector, policy=policy, purpose=purpose) == ([*ground, BARRED], ())


def care(ceiling: int, unlabelled: frozenset[str] = frozenset({"health"})) -> PolicyRow:
    return PolicyRow("care", True, "Care.", ceiling=ceiling, unlabelled=unlabelled)


@pytest.mark.parametrize(
    ("rows", "ground"),
    [
        ((care(RANK["U"]),), [FORBID]),
        ((care(RANK["M"]),), [FORBID]),
        ((care(NORMAL),), CARE),
        ((care(RANK["R"]),), [above("V")]),
        ((care(RANK["R"], frozenset()),), [FORBID, upto("R"), above("V")]),
        ((care(RANK["V"]),), []),
        ((care(RANK["V"], frozenset()),), [FORBID, upto("V")]),
        ((care(0),), []),
        ((PolicyRow("no", False, "No.", labels=frozenset({"PSY"})), care(0)), [NO_PSY]),
        (
            (PolicyRow("no", False, "No.", labels=frozenset({"http://example.org|b", "HIV"})), care(NORMAL)),
            [
                *CARE,
                {
                    "type": "forbid",
                    "securityLabel": [*coded(ACT_CODE, "HIV"), *coded("http://example.org", "b")],
                },
            ],
        ),
        ((), [FORBID]),
    ],
    ids=[
        "below normal is nothing",
        "still below normal",
        "normal",
        "restricted covers a sensitivity label alone",
        "restricted, labelled records only",
        "everything",
        "everything that is labelled",
        "no ceiling",
        "all but one label",
        "normal but for two labels",
        "no row",
    ],
)
def test_any_policy_is_told_by_what_it_lets_through(rows: tuple[PolicyRow, ...], ground: Written) -> None:
    """Ceiling, unlabelled records, labels."""
    assert rules(policy=Policy("x", "1", "UTC", rows)) == (ground, ())


def test_a_policy_that_says_nothing_of_an_ordinary_record_tells_nothing() -> None:
    """Not even what a Consent permits: the token is narrower then than the decision, and never wider."""
    silent = Policy("x", "1", "UTC", (PolicyRow("psy", True, "PSY.", labels=frozenset({"PSY"})),))
    assert rules("health", {"provision": [{"type": "permit", "securityLabel": PSY}]}, policy=silent) == ([FORBID], ())


def test_an_ordinary_record_is_a_normal_one() -> None:
    """A policy with one row for normal records still tells that row, to a sector for which unlabelled is not normal."""
    assert rules("social-care", policy=Policy("x", "1", "UTC", UK.defaults[:1])) == (CARE, ())


@pytest.mark.parametrize(
    ("provisions", "written"),
    [
        ([PERMIT], []),
        ([DENY], [FORBID]),
        ([{"type": "deny", "securityLabel": PSY}], [*CARE, NO_PSY]),
        ([{"type": "permit", "securityLabel": coded(CONFIDENTIALITY, "R")}], [FORBID, upto("R")]),
        ([PERMIT, {"type": "deny", "securityLabel": PSY}], [NO_PSY]),
    ],
    ids=["a permit of everything", "a denial of everything", "a denial of something", "a permit of something", "both"],
)
def test_consents_are_told_on_the_policy_s_ground_unless_they_say_it_all(
    provisions: list[dict[str, Any]], written: Written
) -> None:
    """A Consent about every record leaves nothing to the policy, and nothing releases what the law bars."""
    assert rules("health", *provisions) == (
        [*written, BARRED],
        tuple(f"Consent/{number}/_history/1" for number in range(len(provisions))),
    )


@pytest.mark.parametrize(("sector", "ground"), [("health", CARE), ("housing", [FORBID])])
def test_a_recorder_s_own_consent_is_told_up_to_normal(sector: str, ground: Written) -> None:
    """Of what is above its ceiling it says nothing, so the policy does (consent rules, section 2.8)."""
    assert rules(sector, PERMIT, recorder=AGENCY) == ([*ground, upto("N"), BARRED], ("Consent/0/_history/1",))


@pytest.mark.parametrize(("sector", "barred"), [("police", True), ("health", False)])
def test_what_one_sector_is_barred_from_is_told_to_that_sector(sector: str, barred: bool) -> None:
    """By the sectors of the row; the labels in order."""
    row = PolicyRow("no", False, "No.", frozenset({"police"}), labels=frozenset({"Z", "http://example.org|a"}))
    last = {"type": "forbid", "securityLabel": [*coded(ACT_CODE, "Z"), *coded("http://example.org", "a")]}
    found, _ = rules(sector, PERMIT, policy=replace(UK, barred=(row,)))
    assert found == ([last] if barred else [])


def test_records_that_a_consent_names_are_told_under_the_base() -> None:
    """An enforcement point elsewhere knows them by their absolute reference; without a base they stay as written."""
    named = {"meaning": "instance", "reference": {"reference": "Observation/1"}}
    absolute = {"meaning": "instance", "reference": {"reference": "https://here.example/fhir/Observation/1"}}
    denial = {"type": "deny", "data": [named]}
    assert rules("health", denial)[0] == [*CARE, {"type": "forbid", "data": [named]}, BARRED]
    assert rules("health", denial, base="https://here.example/fhir")[0] == [*CARE, {"type": "forbid", "data": [absolute]}, BARRED]


@pytest.mark.parametrize(
    "more",
    [
        {"agreement": None},
        {"relationships": frozenset()},
        {"agreement": Agreement(AGENCY, "health", frozenset({"PurposeOfUse"}), frozenset({"Observation"}))},
    ],
    ids=["no agreement", "no relationship", "some categories only"],
)
def test_without_l0_nothing_is_told(more: dict[str, Any]) -> None:
    """Whatever the person permits, and no Consent is named."""
    assert rules("health", PERMIT, **more) == ([FORBID], ())


def test_an_override_is_not_told() -> None:
    """The service that keeps the records decides on it; the token tells what holds without it."""
    override = Grant("patient-safety", AGENCY, "Task/1")
    assert rules("health", DENY, grants=(override,)) == ([FORBID, BARRED], ("Consent/0/_history/1",))


def test_a_person_s_own_token_forbids_what_is_kept_from_them() -> None:
    """L0 and L1: third-party, untold and harmful content, the privacy labels that say the same, and what the law bars;
    no Consent."""
    request = Request(frozenset(), AGENCY, "", ("PATRQT",), "access", NOW, "Patient/p", frozenset({"Patient/p"}))
    marks = coded(RECORD_MARK, "third-party", "do-not-tell-patient", "serious-harm")
    kept = {"type": "forbid", "securityLabel": [*marks, *coded(ACT_CODE, "TBOO", "NOPAT"), *coded(RECORD_MARK, "legally-barred")]}
    assert told(request, Evidence(), UK, "Patient/p") == ([kept], ())
    assert told(request, Evidence(), UK, "Patient/q") == ([FORBID], ())
