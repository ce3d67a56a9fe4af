"""The disclosure record (consent rules, section 4; DIS): what left, when, to whom, why, by what authority. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from service.change import Resource
from service.fhir.models import build
from service.fhir.resource import instant

BASE = "https://baton.example/fhir"
PROFILE = f"{BASE}/StructureDefinition/baton-disclosure"
AUTHORITY = f"{BASE}/StructureDefinition/authority"
CATEGORY = f"{BASE}/CodeSystem/disclosure-category"
PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a record says. `payload` are version-specific references; `authority` is the extension's value: `valueReference` of a
    version-specific Consent, or `valueCodeableConcept` of a lawful basis with its justification as text."""

    patient: str
    sender: str
    recipients: tuple[str, ...]
    categories: tuple[str, ...]
    purposes: tuple[str, ...]
    payload: tuple[str, ...]
    authority: Resource
    reason: str = ""


def record(disclosure: Disclosure, identity: str, at: datetime) -> Resource:
    """The Communication of profile baton-disclosure."""
    reasons: list[Resource] = [{"coding": [{"system": PURPOSE, "code": purpose}]} for purpose in disclosure.purposes]
    if disclosure.reason:
        reasons[0]["text"] = disclosure.reason
    return build(
        "Communication",
        id=identity,
        meta={"profile": [PROFILE]},
        extension=[{"url": AUTHORITY, **disclosure.authority}],
        status="completed",
        category=[{"coding": [{"system": CATEGORY, "code": category}]} for category in disclosure.categories],
        subject={"reference": disclosure.patient},
        sent=instant(at),
        recipient=[{"reference": recipient} for recipient in disclosure.recipients],
        sender={"reference": disclosure.sender},
        reasonCode=reasons,
        payload=[{"contentReference": {"reference": reference}} for reference in disclosure.payload],
    )


def by_consent(version: str) -> Resource:
    """Authority of a Consent in its exact version, as the decision named it."""
    return {"valueReference": {"reference": version}}


def by_basis(concept: Resource) -> Resource:
    """Authority of a lawful basis; its text is the justification."""
    return {"valueCodeableConcept": concept}


def versions(rows: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Version-specific references."""
    return tuple(f"{reference}/_history/{version}" for reference, version in rows)
