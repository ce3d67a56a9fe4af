"""The categories of information that a disclosure names (E8), taken from a record's type, codes and labels. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from service.consent.facts import Facts
from service.fhir.canonical import CRISIS_PLAN, SNOMED

OTHER = "other"

BY_TYPE: Mapping[str, str] = {
    "CarePlan": "care-plan",
    "Goal": "care-plan",
    "CareTeam": "care-plan",
    "RiskAssessment": "risk",
    "Flag": "risk",
    "ServiceRequest": "referral",
    "MedicationRequest": "medication",
    "MedicationStatement": "medication",
    "MedicationAdministration": "medication",
    "MedicationDispense": "medication",
    "Appointment": "contact-and-attendance",
    "Encounter": "contact-and-attendance",
    "EpisodeOfCare": "contact-and-attendance",
    "Patient": "identity",
    "RelatedPerson": "social-circumstances",
    "Coverage": "social-circumstances",
    "AllergyIntolerance": "physical-health",
    "Immunization": "physical-health",
}
BY_CODE: Mapping[str, str] = {f"{SNOMED}|{CRISIS_PLAN}": "crisis-plan"}
BY_LABEL: Mapping[str, str] = {
    **dict.fromkeys(("PSY", "MH", "BH", "PSYTHPN"), "mental-health"),
    **dict.fromkeys(("SUD", "ETH", "ETHUD", "OPIOIDUD", "42CFRPart2"), "substance-use"),
    **dict.fromkeys(("SDV", "VIO"), "safeguarding"),
}
"""The category of a sensitivity label; a label is spelled as `service.consent.terms.label_key` spells it."""


def categories(records: Iterable[Facts]) -> tuple[str, ...]:
    """The `disclosure-category` codes of these records, each once, sorted so that the order of the records never matters."""
    return tuple(sorted({category for facts in records for category in _of(facts)}))


def _of(facts: Facts) -> Iterator[str]:
    special = [BY_CODE[code] for code in facts.codes if code in BY_CODE]
    yield from special or [BY_TYPE.get(facts.type, OTHER)]
    yield from (BY_LABEL[label] for label in facts.labels if label in BY_LABEL)
