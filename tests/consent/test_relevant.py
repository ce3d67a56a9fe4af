"""The time that a record is about (consent rules, section 2): clinical by its type, else authored, else last updated."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.consent.dates import AUTHORED, relevant
from service.fhir.date import Interval, parse, period

ZONE = ZoneInfo("Pacific/Auckland")
DAY, LATER, PERIOD = "2026-02-03", "2026-05-06", {"start": "2026-02-03", "end": "2026-02-04"}


def day(text: str) -> Interval:
    found = parse(text, ZONE)
    assert found is not None
    return found


CLINICAL = {
    "AllergyIntolerance": ("onsetDateTime", "lastOccurrence"),
    "CarePlan": ("period",),
    "CareTeam": ("period",),
    "ClinicalImpression": ("effectiveDateTime", "effectivePeriod"),
    "Communication": ("sent", "received"),
    "CommunicationRequest": ("occurrenceDateTime", "occurrencePeriod"),
    "Condition": ("onsetDateTime", "onsetPeriod"),
    "Coverage": ("period",),
    "DetectedIssue": ("identifiedDateTime", "identifiedPeriod"),
    "DeviceRequest": ("occurrenceDateTime", "occurrencePeriod"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"),
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "Flag": ("period",),
    "Goal": ("startDate",),
    "ImagingStudy": ("started",),
    "Immunization": ("occurrenceDateTime",),
    "MeasureReport": ("period",),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "Provenance": ("occurredDateTime", "occurredPeriod"),
    "RiskAssessment": ("occurrenceDateTime", "occurrencePeriod"),
    "ServiceRequest": ("occurrenceDateTime", "occurrencePeriod"),
    "Task": ("executionPeriod",),
}
ELEMENTS = [(kind, name) for kind, names in CLINICAL.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), ELEMENTS)
def test_the_clinical_time_of_each_type_comes_before_its_authoring(kind: str, name: str) -> None:
    value: Any = PERIOD if name.endswith(("period", "Period")) else DAY
    expected = period(PERIOD, ZONE) if value is PERIOD else day(DAY)
    assert relevant(kind, {name: value, "authoredOn": LATER}, ZONE) == expected


@pytest.mark.parametrize("name", AUTHORED)
def test_the_time_of_authoring_comes_before_the_last_update(name: str) -> None:
    assert relevant("Basic", {name: DAY, "meta": {"lastUpdated": LATER}}, ZONE) == day(DAY)


def test_authored_elements_come_in_their_order() -> None:
    names = (
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
    assert names == AUTHORED


@pytest.mark.parametrize("first", ["soon", 7, None])
def test_what_cannot_be_read_gives_way_to_the_next(first: object) -> None:
    resource = {"effectiveDateTime": first, "effectivePeriod": {}, "issued": first, "created": DAY}
    assert relevant("Observation", resource, ZONE) == day(DAY)


def test_the_last_update_is_read_in_the_locality_s_zone() -> None:
    assert relevant("Basic", {"meta": {"lastUpdated": DAY}}, ZONE) == day(DAY)


@pytest.mark.parametrize(
    "resource", [{}, {"meta": "x"}, {"meta": {}}, {"meta": {"lastUpdated": 7}}, {"meta": {"lastUpdated": "soon"}}]
)
def test_a_record_without_a_time_has_none(resource: dict[str, Any]) -> None:
    assert relevant("Basic", resource, ZONE) is None


@pytest.mark.parametrize("given", [PERIOD, {"start": "2026-02-03"}, {"end": "2026-02-04"}])
def test_an_appointment_is_from_its_start_to_its_end(given: dict[str, str]) -> None:
    assert relevant("Appointment", {**given, "created": LATER, "description": "x"}, ZONE) == period(given, ZONE)


def test_an_appointment_without_a_time_is_of_the_day_it_was_made() -> None:
    assert relevant("Appointment", {"created": LATER}, ZONE) == day(LATER)


def test_start_and_end_are_of_appointments_alone() -> None:
    assert relevant("Basic", {**PERIOD, "created": LATER}, ZONE) == day(LATER)


def test_a_document_is_about_the_service_it_documents() -> None:
    document = {"context": {"period": PERIOD}, "date": LATER}
    assert relevant("DocumentReference", document, ZONE) == period(PERIOD, ZONE)
    assert relevant("Basic", document, ZONE) == day(LATER)


@pytest.mark.parametrize("context", [None, "x", {}, {"period": {}}])
def test_a_document_without_the_service_s_time_is_of_its_date(context: object) -> None:
    assert relevant("DocumentReference", {"context": context, "date": LATER}, ZONE) == day(LATER)
