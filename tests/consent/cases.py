"""A case to decide: who asks, for which record, and what is known of the person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from service.consent.compile import compile_consent
from service.consent.decide import Decision, Evidence, Request, decide
from service.consent.facts import Facts
from service.consent.policy import UK, Agreement, Policy
from service.fhir.canonical import PARTICIPATION

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TRUST, HOUSING = "Organization/trust", "Organization/housing"
PERSON = frozenset({"Patient/p"})
NOTE = Facts("Observation", "1", ("Patient/p",), confidentiality=3, custodian=TRUST)
RESTRICTED = replace(NOTE, confidentiality=5)
UNLABELLED = replace(NOTE, confidentiality=0)


def ask(organization: str = HOUSING, sector: str = "health", **more: Any) -> Request:
    given: dict[str, Any] = {"purposes": ("TREAT",), "action": "access", "now": NOW, "user": "PractitionerRole/r", **more}
    return Request(frozenset({organization, "PractitionerRole/r", "Practitioner/x"}), organization, sector, **given)


def agreement(organization: str = HOUSING, **more: Any) -> Agreement:
    return Agreement(organization, "health", frozenset({"TREAT"}), **more)


def known(*consents: dict[str, Any], **more: Any) -> Evidence:
    compiled = tuple(compile_consent(item, f"Consent/{index}/_history/1") for index, item in enumerate(consents))
    given: dict[str, Any] = {"relationships": frozenset({HOUSING}), "agreement": agreement(), "patients": PERSON, **more}
    return Evidence(compiled, **given)


def consent(provision: dict[str, Any], **more: Any) -> dict[str, Any]:
    person = {"reference": "Patient/p"}
    return {
        "resourceType": "Consent",
        "status": "active",
        "patient": person,
        "performer": [person],
        "provision": provision,
        **more,
    }


def actor(reference: str, role: str = "IRCP") -> dict[str, Any]:
    return {"reference": {"reference": reference}, "role": {"coding": [{"system": PARTICIPATION, "code": role}]}}


def coded(system: str, *codes: str) -> list[dict[str, str]]:
    return [{"system": system, "code": code} for code in codes]


def answer(
    facts: Facts = NOTE, *consents: dict[str, Any], request: Request | None = None, policy: Policy = UK, **more: Any
) -> Decision:
    return decide(request or ask(), facts, known(*consents, **more), policy)


PERMIT = {"type": "permit"}
DENY = {"type": "deny"}
