"""What an `identity-review` Task says: which Patient would join which, and whether it does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from service.care.ownership.identity import birth_date
from service.care.task import reading
from service.care.task.made import task_of
from service.change import Resource
from service.fhir.canonical import BUSINESS_STATUS, IDENTITY_DECISION, TASK_INPUT, TaskCode
from service.fhir.coding import code_in, concept
from service.fhir.reference import current, link, name_of, reference_to, target, version_in, versioned

SAME = "same-person"
DECISIONS = (SAME, "another-person", "number-verified", "number-removed")
SUSPENDED = "suspended"
_EPOCH = "rule:IDN-5:"
OPEN = ("requested", "received", "accepted", "in-progress")


def proposal(id_: str, known: Resource, keeper: str, newcomer: Resource, registrant: str, at: datetime) -> Resource:
    """The Task that asks the agency `keeper` of the Patient `known` whether the Patient `newcomer` of another agency, in the
    version that stands, is the same person."""
    names = [one for one in newcomer.get("name", ()) if isinstance(one, dict)]
    stated = [
        _input("registered-by", valueReference=reference_to(registrant)),
        *(_input("registered-as", valueHumanName=_stated(one)) for one in names),
        *([_input("born", valueDate=newcomer["birthDate"])] if birth_date(newcomer) else []),
    ]
    return task_of(
        id_,
        TaskCode.IDENTITY_REVIEW,
        requester=keeper,
        owner=keeper,
        patient=name_of(known),
        at=at,
        focus=current(newcomer),
        text="Another agency registered a person with this national identifier. Is it the person you know?",
        inputs=stated,
    )


def question(id_: str, agency: str, patient: str, at: datetime) -> Resource:
    """The Task that asks an agency to verify a number that its own Patient is marked as not verified for (IDN-2)."""
    return task_of(
        id_,
        TaskCode.IDENTITY_REVIEW,
        requester=agency,
        owner=agency,
        patient=patient,
        at=at,
        focus=patient,
        text="The NHS number is not verified: verify it, or take it out. Until then it links no other record.",
    )


def answered(task: Resource, decision: str, why: str) -> Resource:
    """A review as the service completes it."""
    said = reading.with_output(task, "decision", valueCodeableConcept=concept(IDENTITY_DECISION, decision, why))
    return {**said, "status": "completed"}


def suspended(task: Resource) -> Resource:
    """A review that links no longer, because what was judged has changed (IDN-5)."""
    return {**task, "businessStatus": concept(BUSINESS_STATUS, SUSPENDED)}


def superseded(task: Resource) -> Resource:
    """An open review about what is no longer proposed."""
    return {**task, "status": "cancelled", "statusReason": reading.status_reason("superseded")}


def is_review(task: Resource) -> bool:
    """Whether a Task asks whether two Patients are one person."""
    return reading.code(task) == TaskCode.IDENTITY_REVIEW and link(task, "for") != link(task, "focus")


def is_open(task: Resource) -> bool:
    """Whether a review waits for its decision."""
    return task.get("status") in OPEN


def decision(task: Resource) -> str:
    """The code of the last decision in a Task, or ''."""
    said = [code_in(one.get("valueCodeableConcept"), IDENTITY_DECISION) for one in reading.outputs(task, "decision")]
    return said[-1] if said else ""


def links(task: Resource) -> bool:
    """Whether a review lets its `focus` join its `for`: it was completed so, and not suspended since."""
    return task.get("status") == "completed" and decision(task) == SAME and reading.business_status(task) != SUSPENDED


def judged(task: Resource, newcomer: Collection[str]) -> bool:
    """Whether what a review was about is so still (IDN-5). `newcomer` are the unique keys of the joining Patient."""
    return version_in(target(task.get("focus"))) >= since(newcomer)


def epoch(patient: str, version: int) -> str:
    """The key of a Patient, by reference, whose identifiers, family names or birth date are what they are since a version."""
    return f"{_EPOCH}{versioned(patient, version)}"


def since(keys: Collection[str]) -> int:
    """The version since which a Patient with these keys has the identifiers, family names and birth date that it has."""
    return next((version_in(key) for key in keys if key.startswith(_EPOCH)), 1)


def _stated(name: Resource) -> Resource:
    return {member: name[member] for member in ("use", "text", "family", "given") if member in name}


def _input(kind: str, **value: object) -> Resource:
    return {"type": concept(TASK_INPUT, kind), **value}
