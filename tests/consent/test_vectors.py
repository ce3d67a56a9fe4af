"""The vectors of `tests/consent-vectors`: what is said of each is so. A vector is JSON, for other engines to be held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.consent.check import check, imported
from service.consent.compile import compile_consent
from service.consent.decide import decide
from service.consent.facts import Facts, facts_of
from service.consent.policy import SHIPPED, Agreement
from service.consent.request import Evidence, Request
from tests.consent.cases import HOUSING, NOW, agreement, ask
from tests.fakes.enforcement_point import apply, residual

VECTORS = Path(__file__).parents[1] / "consent-vectors"
Case = dict[str, Any]


def cases(name: str) -> list[Any]:
    """The cases of one file, each named."""
    read = json.loads((VECTORS / f"{name}.json").read_text())["cases"]
    return [pytest.param(each, id=each["name"]) for each in read]


def consent(provision: Case, **more: Any) -> Case:
    """A sound Consent of the person with this provision."""
    person = {"reference": "Patient/p"}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": person,
        "performer": [person],
        "dateTime": "2026-01-01",
        "organization": [{"reference": "Organization/trust"}],
        "provision": provision,
        **more,
    }


@pytest.mark.parametrize("case", cases("cannot-match"))
def test_what_cannot_match_is_refused_with_the_mend(case: Case) -> None:
    """At its place, and nothing else is wrong."""
    (issue,) = check(consent(case["provision"]))
    assert (issue.severity, issue.expression) == ("error", case["at"])
    assert case["mend"] in issue.text


@pytest.mark.parametrize("case", cases("cannot-match"))
def test_what_cannot_match_is_flagged_when_it_is_imported(case: Case) -> None:
    """Kept, with the same finding."""
    assert [issue.expression for issue in imported(consent(case["provision"]))] == [case["at"]]


@pytest.mark.parametrize("case", cases("cannot-match"))
def test_an_imported_permit_that_cannot_match_permits_nothing(case: Case) -> None:
    """It is never wider for what cannot be read."""
    permit = json.loads(json.dumps(case["provision"]).replace('"deny"', '"permit"'))
    compiled = compile_consent(consent(permit), "Consent/1/_history/1")
    evidence = Evidence((compiled,), frozenset({HOUSING}), agreement(), patients=frozenset({"Patient/p"}))
    facts = facts_of({"resourceType": "Condition", "id": "1", "subject": {"reference": "Patient/p"}})
    if "nested" not in case["name"]:
        assert not [ref for ref in decide(ask(sector="housing"), facts, evidence, SHIPPED["uk"]).reasons if ref.row == "L4"]


def situation(case: Case) -> tuple[Request, Facts, Evidence]:
    """The request, the record and the evidence of a case."""
    given = case["request"]
    recipient = given["organization"]
    request = Request(
        frozenset({recipient, *given.get("principals", ())}), recipient, given["sector"], tuple(given["purposes"]), "access", NOW
    )
    compiled = tuple(
        compile_consent(
            consent(each["provision"], status=each.get("status", "active")),
            f"Consent/{number}/_history/1",
            recorder=each.get("recorder", ""),
            confirmed=each.get("confirmed", False),
        )
        for number, each in enumerate(case["consents"])
    )
    agreed = Agreement(recipient, given["sector"], frozenset({"PurposeOfUse"}))
    facts = facts_of(case["record"], "Organization/trust")
    return request, facts, Evidence(compiled, frozenset({recipient}), agreed, patients=frozenset({"Patient/p"}))


DECIDED = [*cases("leap"), *cases("whose-word"), *cases("code-rules")]


@pytest.mark.parametrize("case", DECIDED)
def test_a_record_is_decided_as_the_vector_says(case: Case) -> None:
    """The effect, and the row of the decision that decided."""
    request, facts, evidence = situation(case)
    decision = decide(request, facts, evidence, SHIPPED["uk"])
    assert (decision.permit, decision.reasons[0].row) == (case["expect"]["permit"], case["expect"]["row"])


@pytest.mark.parametrize("case", DECIDED)
def test_residual_rules_let_through_no_more(case: Case) -> None:
    """An enforcer elsewhere, by the token's rules."""
    request, facts, evidence = situation(case)
    said = apply(residual(request, evidence, SHIPPED["uk"]), facts, {})
    assert said is (case["expect"]["permit"] if case["expect"]["row"] in ("L3", "L4") else None)


@pytest.mark.parametrize("case", DECIDED)
def test_every_consent_of_the_vectors_may_be_written(case: Case) -> None:
    """Nothing in one is refused."""
    assert [issue for each in case["consents"] for issue in check(consent(each["provision"]))] == []


LEAP_LABELS = {"system": "http://terminology.hl7.org/ValueSet/v3-InformationSensitivityPolicy", "code": "HIV"}


@pytest.mark.parametrize(
    ("element", "value", "mend"),
    [
        ("securityLabel", [LEAP_LABELS], "v3-ActCode|HIV"),
        ("code", [{"coding": [{"system": "http://loinc.org/", "code": "42828-4"}]}], "`http://loinc.org`"),
    ],
)
def test_what_leap_s_fixtures_spell_otherwise_is_refused_with_our_spelling(element: str, value: Any, mend: str) -> None:
    """A value set for a code system, and a slash after LOINC: in LEAP's own engine they match, in no record of ours."""
    (issue,) = check(consent({"type": "permit", "provision": [{"type": "deny", element: value}]}))
    assert mend in issue.text
