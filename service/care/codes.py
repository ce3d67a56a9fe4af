"""The codes that the care rules speak in. Systems and codes as in care-rules; SNOMED CT and HL7 codes where they exist."""

from __future__ import annotations

from service.change import Resource

BASE = "https://baton.example/fhir"
SNOMED = "http://snomed.info/sct"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"

TASK_CODE = f"{BASE}/CodeSystem/task-code"
TASK_INPUT = f"{BASE}/CodeSystem/task-input"
TASK_OUTPUT = f"{BASE}/CodeSystem/task-output"
BUSINESS_STATUS = f"{BASE}/CodeSystem/business-status"
STATUS_REASON = f"{BASE}/CodeSystem/status-reason"
SCOPE = f"{BASE}/CodeSystem/scope-of-responsibility"
TAG = f"{BASE}/CodeSystem/tag"
LAWFUL_BASIS = f"{BASE}/CodeSystem/lawful-basis"
DATASET_ANSWER = f"{BASE}/CodeSystem/dataset-answer"

CARE_COORDINATOR = "768820003"
CARE_PLAN_CATEGORY = "734163000"
CRISIS_PLAN = "736253002"

OVERALL_COORDINATION = "overall-coordination"
LAWFUL_BASES = frozenset(
    (
        "direct-care",
        "vital-interests",
        "safeguarding",
        "public-interest",
        "legal-duty",
        "best-interests",
        "explicit-consent-elsewhere",
    )
)

HELD_FROM = f"{BASE}/StructureDefinition/held-from"
"""Extension on a Task on hold (valueCode): the status it goes back to. Written by the service only."""
PARTICIPANT_AGENCY = f"{BASE}/StructureDefinition/participant-agency"
"""Extension on CareTeam.participant (valueReference Organization): for whom the member acted then. `onBehalfOf` may not say it:
invariant ctm-1 keeps that for members that are Practitioners, and OWN-2 needs the PractitionerRole."""
EPISODE_OF_CARE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
"""HL7's extension that ties a CarePlan to its EpisodeOfCare (R4 CarePlan has no such element)."""


def concept(system: str, code: str, text: str = "") -> Resource:
    """A CodeableConcept with one coding."""
    made: Resource = {"coding": [{"system": system, "code": code}]}
    return {**made, "text": text} if text else made


def code_in(element: object, system: str) -> str:
    """The first code of `system` in a CodeableConcept, or ''."""
    return next((code for found, code in codings(element) if found == system), "")


def codings(element: object) -> list[tuple[str, str]]:
    """(system, code) of a CodeableConcept, or of a list of them. Anything else holds none."""
    if isinstance(element, list):
        return [pair for item in element for pair in codings(item)]
    if not isinstance(element, dict):
        return []
    listed = element.get("coding")
    inner = listed if isinstance(listed, list) else []
    return [(str(item.get("system", "")), str(item.get("code", ""))) for item in inner if isinstance(item, dict)]
