"""The disclosure record (consent rules, section 4; DIS): what left, when, to whom, why, by what authority. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from service.change import Resource
from service.fhir.canonical import ACT_REASON, AUTHORITY, DISCLOSURE, DISCLOSURE_CATEGORY
from service.fhir.date import instant
from service.fhir.models import build
from service.fhir.reference import reference_to, references_to, versioned


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
    reasons: list[Resource] = [{"coding": [{"system": ACT_REASON, "code": purpose}]} for purpose in disclosure.purposes]
    if disclosure.reason:
        reasons[0]["text"] = disclosure.reason
    return build(
        "Communication",
        id=identity,
        meta={"profile": [DISCLOSURE]},
        extension=[{"url": AUTHORITY, **disclosure.authority}],
        status="completed",
        category=[{"coding": [{"system": DISCLOSURE_CATEGORY, "code": category}]} for category in disclosure.categories],
        subject=reference_to(disclosure.patient),
        sent=instant(at),
        recipient=references_to(disclosure.recipients),
        sender=reference_to(disclosure.sender),
        reasonCode=reasons,
        payload=[{"contentReference": reference_to(reference)} for reference in disclosure.payload],
    )


def by_consent(version: str) -> Resource:
    """Authority of a Consent in its exact version, as the decision named it."""
    return {"valueReference": {"reference": version}}


def by_basis(concept: Resource) -> Resource:
    """Authority of a lawful basis; its text is the justification."""
    return {"valueCodeableConcept": concept}


def versions(rows: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Version-specific references."""
    return tuple(versioned(reference, version) for reference, version in rows)


def prepare() -> None:
    """Makes a record for nothing: the first one imports the classes of the typed model, for which a request would wait."""
    basis = by_basis({"coding": [{"code": "x"}]})
    made = Disclosure("Patient/x", "Organization/x", ("Organization/x",), ("x",), ("x",), ("Task/x/_history/1",), basis)
    record(made, "x", datetime(2026, 1, 1, tzinfo=UTC))
