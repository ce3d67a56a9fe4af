"""Whose word counts (consent rules, section 2.8), as the engine decides it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.consent.compile import compile_consent
from service.consent.decide import Decision, Evidence, decide
from service.consent.facts import Facts
from service.consent.policy import UK
from tests.consent.cases import DENY, HOUSING, NOTE, PERMIT, RESTRICTED, TRUST, UNLABELLED, agreement, ask, consent, known

ABOVE = "Organization/council"
NORMAL = replace(NOTE, confidentiality=4)


def said(facts: Facts, provision: dict[str, Any], recorder: str = HOUSING, confirmed: bool = False, **more: Any) -> Decision:
    """The decision for housing on a Consent that `recorder` recorded."""
    compiled = compile_consent(consent(provision), "Consent/1/_history/1", recorder=recorder, confirmed=confirmed)
    evidence = Evidence((compiled,), frozenset({HOUSING}), agreement(), patients=frozenset({"Patient/p"}))
    return decide(ask(sector="housing", **more), facts, evidence, UK)


def test_a_recorder_that_gains_permits_itself_normal_records() -> None:
    """Up to N, the Consent is what permits."""
    decision = said(NORMAL, PERMIT)
    assert (decision.permit, decision.consents) == (True, ("Consent/1/_history/1",))


@pytest.mark.parametrize(
    "facts", [RESTRICTED, replace(NOTE, confidentiality=6), UNLABELLED, replace(UNLABELLED, labels=("PSY",))]
)
def test_a_recorder_that_gains_permits_itself_no_more(facts: Facts) -> None:
    """Above N, and where nobody labelled the record, its Consent says nothing and the policy decides."""
    decision = said(facts, PERMIT)
    assert (decision.permit, decision.reasons[0].row, decision.consents) == (False, "L5", ())


@pytest.mark.parametrize("recorder", [TRUST, ""])
def test_a_recorder_that_gains_nothing_permits_all(recorder: str) -> None:
    """The custodian's Consent for another agency reaches R."""
    assert said(RESTRICTED, PERMIT, recorder).permit


def test_what_somebody_else_confirmed_permits_all() -> None:
    """Verified with the person by another agency, or said by the person signed in."""
    assert said(RESTRICTED, PERMIT, confirmed=True).permit


def test_an_agency_above_the_recipient_gains_too() -> None:
    """The recipient is under the recorder: its principals hold every organisation above it."""
    compiled = compile_consent(consent(PERMIT), "Consent/1/_history/1", recorder=ABOVE)
    evidence = replace(known(), consents=(compiled,))
    request = ask(sector="housing")
    under = replace(request, principals=request.principals | {ABOVE})
    assert decide(request, RESTRICTED, evidence, UK).permit
    assert not decide(under, RESTRICTED, evidence, UK).permit


def test_a_denial_counts_though_its_recorder_gains() -> None:
    """The ceiling is of permits alone."""
    assert said(NORMAL, DENY).reasons[0].row == "L3"
    assert said(RESTRICTED, DENY).reasons[0].row == "L3"


def test_a_curbed_permit_lifts_no_default() -> None:
    """Where the policy permits, the silence of the Consent leaves the policy's permit."""
    compiled = compile_consent(consent(PERMIT), "Consent/1/_history/1", recorder=HOUSING)
    decision = decide(ask(), UNLABELLED, replace(known(), consents=(compiled,)), UK)
    assert (decision.permit, decision.reasons[0].row) == (True, "L5")
