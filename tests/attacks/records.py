"""What the attacks are on: records about a person, and the person's denial of them."""

from __future__ import annotations

from typing import Any

from service import clock
from tests.locality import Locality, stored

Stored = dict[str, Any]
SAMPLE = "https://example.org/sample"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def observation(person: str, **more: Any) -> Stored:
    """A note about a person, with an identifier to be found by."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": SAMPLE, "value": person.partition("/")[2]}],
        "code": {"coding": [{"system": SAMPLE, "code": "sleep"}]},
        "subject": {"reference": person},
        "effectiveDateTime": "2026-11-01",
        **more,
    }


def denial(person: str) -> Stored:
    """The person's consent denies the crisis team everything."""
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": person},
        "dateTime": "2026-01-01",
        "performer": [{"reference": person}],
        "organization": [{"reference": "Organization/trust"}],
        "policyRule": {"coding": [{"system": ACT, "code": "OPTIN"}]},
        "provision": {
            "type": "deny",
            "actor": [
                {
                    "role": {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]},
                    "reference": {"reference": "Organization/crisis"},
                }
            ],
        },
    }


async def severe(locality: Locality, code: str, **more: Any) -> str:
    """The id of a Condition of the trust whose severity is withheld from the crisis team, which reads the rest."""
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    secret = {"extension": [{"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}]}
    condition = {
        "resourceType": "Condition",
        "id": clock.new_id(),
        "meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]},
        "subject": {"reference": locality.person},
        "severity": {**secret, "coding": [{"system": SAMPLE, "code": code}]},
        **more,
    }
    await stored(locality.built, "Organization/trust", condition)
    return str(condition["id"])
