"""How long one consent decision takes for ten consents, each with its own exception, when nothing of it is remembered."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.consent.compile import compile_consent
from service.consent.decide import decide
from service.consent.facts import facts_of
from service.consent.policy import SHIPPED, Agreement
from service.consent.request import Evidence, Request
from tests.locality import plan

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
RUNS = 5000

pytestmark = pytest.mark.slow


def consent(number: int) -> dict[str, object]:
    """Permits sharing with some agency for treatment, except one kind of record of one year."""
    agency = {"role": {"text": "recipient"}, "reference": {"reference": f"Organization/agency{number}"}}
    return {
        "resourceType": "Consent",
        "id": f"c{number}",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/p"},
        "dateTime": f"2026-0{number % 9 + 1}-01",
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
        "provision": {
            "type": "permit",
            "actor": [agency],
            "purpose": [{"system": ACT_REASON, "code": "TREAT"}],
            "provision": [
                {
                    "type": "deny",
                    "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}],
                    "dataPeriod": {"start": "2020", "end": "2021"},
                }
            ],
        },
    }


def test_one_decision() -> None:
    """Prints the median."""
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    agency = "Organization/agency9"
    agreement = Agreement(agency, "health", frozenset({"TREAT"}), frozenset(), None, None)
    consents = tuple(compile_consent(consent(number), f"Consent/c{number}/_history/1") for number in range(10))
    evidence = Evidence(consents, frozenset({agency}), agreement, patients=frozenset({"Patient/p"}))
    request = Request(frozenset({agency}), agency, "health", ("TREAT",), "access", now)
    facts = facts_of({**plan("Patient/p"), "id": "plan"}, "Organization/trust")
    took = []
    for number in range(RUNS):
        asked = replace(request, user=f"PractitionerRole/{number}")
        begun = time.perf_counter()
        decision = decide(asked, facts, evidence, SHIPPED["uk"])
        took.append(time.perf_counter() - begun)
    took.sort()
    median, high = statistics.median(took) * 1e6, took[-RUNS // 100] * 1e6
    print(f"\n{'consent decision, 10 consents':34} p50 {median:.1f} µs   p99 {high:.1f} µs   {RUNS} decisions")
    assert decision.permit
