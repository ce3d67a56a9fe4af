"""The record of a disclosure (consent rules, section 4): what left, when, to whom, why, and by what authority."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from service.consent import disclosure
from service.consent.disclosure import Disclosure, by_basis, by_consent, prepare, record, versions
from service.fhir.canonical import ACT_REASON, AUTHORITY, DISCLOSURE, DISCLOSURE_CATEGORY, LAWFUL_BASIS
from service.fhir.coding import concept
from service.fhir.models import build

AT = datetime(2026, 6, 1, 13, tzinfo=timezone(timedelta(hours=1)))


def told(**more: Any) -> Disclosure:
    given: dict[str, Any] = {
        "patient": "Patient/p",
        "sender": "Organization/trust",
        "recipients": ("Organization/a", "Organization/b"),
        "categories": ("care-plan", "referral"),
        "purposes": ("TREAT", "COC"),
        "payload": ("CarePlan/c/_history/2", "Goal/g/_history/1"),
        "authority": by_consent("Consent/1/_history/3"),
    }
    return Disclosure(**{**given, **more})


def test_a_disclosure_is_recorded_whole() -> None:
    assert record(told(reason="They asked for it."), "d", AT) == {
        "resourceType": "Communication",
        "id": "d",
        "meta": {"profile": [DISCLOSURE]},
        "extension": [{"url": AUTHORITY, "valueReference": {"reference": "Consent/1/_history/3"}}],
        "status": "completed",
        "category": [
            {"coding": [{"system": DISCLOSURE_CATEGORY, "code": "care-plan"}]},
            {"coding": [{"system": DISCLOSURE_CATEGORY, "code": "referral"}]},
        ],
        "subject": {"reference": "Patient/p"},
        "sent": "2026-06-01T12:00:00.000Z",
        "recipient": [{"reference": "Organization/a"}, {"reference": "Organization/b"}],
        "sender": {"reference": "Organization/trust"},
        "reasonCode": [
            {"coding": [{"system": ACT_REASON, "code": "TREAT"}], "text": "They asked for it."},
            {"coding": [{"system": ACT_REASON, "code": "COC"}]},
        ],
        "payload": [
            {"contentReference": {"reference": "CarePlan/c/_history/2"}},
            {"contentReference": {"reference": "Goal/g/_history/1"}},
        ],
    }


def test_without_words_a_reason_is_its_code() -> None:
    assert "text" not in str(record(told(), "d", AT)["reasonCode"])


def test_a_lawful_basis_is_told_with_its_justification() -> None:
    basis = concept(LAWFUL_BASIS, "safeguarding", "A child is at risk.")
    assert record(told(authority=by_basis(basis)), "d", AT)["extension"] == [{"url": AUTHORITY, "valueCodeableConcept": basis}]


def test_what_left_is_named_in_its_version() -> None:
    assert versions([("CarePlan/c", 2), ("Goal/g", 1)]) == ("CarePlan/c/_history/2", "Goal/g/_history/1")


def test_what_is_made_before_the_first_request_is_a_whole_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no request waits for the classes of the typed model."""
    made: list[dict[str, Any]] = []

    def building(kind: str, /, **members: Any) -> dict[str, Any]:
        made.append(build(kind, **members))
        return made[-1]

    monkeypatch.setattr(disclosure, "build", building)
    prepare()
    [whole] = made
    assert list(whole) == list(record(told(authority=by_basis(concept(LAWFUL_BASIS, "safeguarding"))), "d", AT))
    assert all(whole[name] for name in ("category", "recipient", "reasonCode", "payload", "extension"))
