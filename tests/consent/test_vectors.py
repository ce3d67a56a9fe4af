"""The vectors of `tests/consent-vectors`: what is said of each is so. A vector is JSON, for other engines to be held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.consent.check import check, imported
from service.consent.compile import compile_consent
from service.consent.decide import decide
from service.consent.facts import facts_of
from service.consent.policy import SHIPPED
from service.consent.request import Evidence
from tests.consent.cases import HOUSING, agreement, ask

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
