"""The time a resource is about: its clinically relevant time by type, else the time of authoring, else `meta.lastUpdated`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from service.fhir.date import Interval, of, parse, period

_CHOICE = {
    "effective": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    "occurrence": ("occurrenceDateTime", "occurrencePeriod"),
    "onset": ("onsetDateTime", "onsetPeriod"),
    "performed": ("performedDateTime", "performedPeriod"),
}
CLINICAL: Mapping[str, tuple[str, ...]] = {
    "AllergyIntolerance": (*_CHOICE["onset"], "lastOccurrence"),
    "CarePlan": ("period",),
    "CareTeam": ("period",),
    "ClinicalImpression": _CHOICE["effective"],
    "Communication": ("sent", "received"),
    "CommunicationRequest": _CHOICE["occurrence"],
    "Condition": _CHOICE["onset"],
    "Coverage": ("period",),
    "DetectedIssue": ("identifiedDateTime", "identifiedPeriod"),
    "DeviceRequest": _CHOICE["occurrence"],
    "DiagnosticReport": _CHOICE["effective"],
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "Flag": ("period",),
    "Goal": ("startDate",),
    "ImagingStudy": ("started",),
    "Immunization": ("occurrenceDateTime",),
    "MeasureReport": ("period",),
    "MedicationAdministration": _CHOICE["effective"],
    "MedicationStatement": _CHOICE["effective"],
    "Observation": _CHOICE["effective"],
    "Procedure": _CHOICE["performed"],
    "Provenance": ("occurredDateTime", "occurredPeriod"),
    "RiskAssessment": _CHOICE["occurrence"],
    "ServiceRequest": _CHOICE["occurrence"],
    "Task": ("executionPeriod",),
}
AUTHORED = (
    "authoredOn",
    "authored",
    "recordedDate",
    "recorded",
    "dateTime",
    "date",
    "assertedDate",
    "dateAsserted",
    "issued",
    "created",
    "sent",
)


def relevant(kind: str, resource: Mapping[str, Any], zone: tzinfo) -> Interval | None:
    """The interval a resource is about; None when the resource has no readable time at all."""
    if kind == "Appointment":
        return period({name: resource[name] for name in ("start", "end") if name in resource}, zone) or _recorded(resource, zone)
    for name in CLINICAL.get(kind, ()):
        value = resource.get(name)
        if value is not None and (found := of(value, zone)) is not None:
            return found
    if kind == "DocumentReference" and (found := _context(resource, zone)) is not None:
        return found
    return _recorded(resource, zone)


def _context(document: Mapping[str, Any], zone: tzinfo) -> Interval | None:
    """The time of the service that a DocumentReference documents (`context.period`)."""
    context = document.get("context")
    return period(context.get("period"), zone) if type(context) is dict else None


def _recorded(resource: Mapping[str, Any], zone: tzinfo) -> Interval | None:
    for name in AUTHORED:
        value = resource.get(name)
        if type(value) is str and (found := parse(value, zone)) is not None:
            return found
    meta = resource.get("meta")
    updated = meta.get("lastUpdated") if type(meta) is dict else None
    return parse(updated, zone) if type(updated) is str else None
