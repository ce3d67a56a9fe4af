"""The disclosure record (consent rules, section 4; DIS): which records left, when, to whom, why and by what authority. Pure."""

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
    """The content of a disclosure record. `payload` are version-specific references; `authority` is the value of the authority
    extension: `valueReference` of a version-specific Consent, or `valueCodeableConcept` of a lawful basis with its justification
    as text.
    """

    patient: str
    sender: str
    recipients: tuple[str, ...]
    categories: tuple[str, ...]
    purposes: tuple[str, ...]
    payload: tuple[str, ...]
    authority: Resource
    reason: str = ""


def record(disclosure: Disclosure, identity: str, at: datetime) -> Resource:
    """The Communication of profile baton-disclosure that records a disclosure. `identity` is its id, `at` the instant it left."""
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
    """The authority of a Consent. `version` is the version-specific reference that the decision names."""
    return {"valueReference": {"reference": version}}


def by_basis(concept: Resource) -> Resource:
    """The authority of a lawful basis; the text of the concept is the justification."""
    return {"valueCodeableConcept": concept}


def versions(rows: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Version-specific references, made of pairs of a reference and a version number."""
    return tuple(versioned(reference, version) for reference, version in rows)


def prepare() -> None:
    """Makes one record and drops it: the first imports the classes of the typed model, for which no request should wait."""
    basis = by_basis({"coding": [{"code": "x"}]})
    made = Disclosure("Patient/x", "Organization/x", ("Organization/x",), ("x",), ("x",), ("Task/x/_history/1",), basis)
    record(made, "x", datetime(2026, 1, 1, tzinfo=UTC))
