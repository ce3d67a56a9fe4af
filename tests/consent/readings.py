"""Consents to compile, and what they compile to, in short."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from service.consent.compile import compile_consent
from service.consent.provision import Compiled
from service.consent.reasons import Reason
from service.fhir.canonical import (
    ACT_REASON,
    CONFIDENTIALITY,
    CONSENT_ACTION,
    MEDIA_TYPES,
    PARTICIPATION,
    RESOURCE_TYPES,
)
from service.fhir.date import Interval, period
from service.problem import Issue

REF = "Consent/1/_history/3"
BASE = "https://us.example/fhir"
ZONE = ZoneInfo("Pacific/Auckland")
PERMITS, DENIES = "The person's consent permits this.", "The person's consent denies this."
AGREED, REFUSED = "The policy the person agreed to permits this.", "The policy the person agreed to denies this."
CLOSED = "The person's consent permits only the data it names, and this is not among them."
EMERGENCY = frozenset({"ETREAT", "BTG", "ERTREAT"})
Json = dict[str, Any]


def compiled(provision: object = None, *, base: str = BASE, **members: Any) -> Compiled:
    """A Consent of somebody, given by them, with this provision."""
    person = {"reference": f"{BASE}/Patient/p/_history/4"}
    given = {"status": "active", "patient": person, "performer": [person], **members}
    return compile_consent({**given, **({} if provision is None else {"provision": provision})}, REF, base, ZONE)


def reason(permit: bool, text: str, path: str = "provision") -> Reason:
    return Reason("L4" if permit else "L3", permit, f"{REF}#{path}", text)


def warned(text: str, expression: str, code: str = "value") -> Issue:
    return Issue(code, text, f"Consent.{expression}", "consent-rules 2", "warning")


def recipient(ref: str, role: str = "PRCP") -> Json:
    return {"role": {"coding": [{"system": PARTICIPATION, "code": role}]}, "reference": {"reference": ref}}


def local(start: str, end: str) -> Interval:
    """A period in the locality's zone."""
    found = period({"start": start, "end": end}, ZONE)
    assert found is not None
    return found


WHOLE = {
    "type": "permit",
    "period": {"start": "2026-01-01"},
    "actor": [recipient(f"{BASE}/Organization/a"), recipient("Organization/keeper", "CST"), recipient("Practitioner/b", "IRCP")],
    "purpose": [{"system": ACT_REASON, "code": "ETREAT"}, {"system": "https://p.example", "code": "x"}],
    "action": [{"coding": [{"system": CONSENT_ACTION, "code": "access"}]}, {"coding": [{"code": "use"}]}],
    "securityLabel": [{"system": CONFIDENTIALITY, "code": "N"}, {"system": CONFIDENTIALITY, "code": "R"}],
    "class": [{"system": RESOURCE_TYPES, "code": "Observation"}, {"system": MEDIA_TYPES, "code": "text/plain"}],
    "code": [{"coding": [{"system": "http://loinc.org", "code": "55284-4"}]}],
    "dataPeriod": {"start": "2026-02-01", "end": "2026-03-01"},
    "data": [
        {"meaning": "instance", "reference": {"reference": f"{BASE}/Observation/1/_history/2"}},
        {"meaning": "related", "reference": {"reference": "Encounter/2"}},
        {"meaning": "dependents", "reference": {"reference": "urn:uuid:3"}},
        {"meaning": "authoredby", "reference": {"reference": "https://them.example/Practitioner/4"}},
    ],
}
