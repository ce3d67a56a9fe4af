"""An escalation by housing's Hal to the crisis team's Cat about a person, its review, and who else there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from service.care.ownership.role import Lead
from service.care.step_up import request
from service.care.step_up.situation import EscalationSituation, ReviewSituation, Routes
from service.care.step_up.table import REVIEW
from service.care.task.authority import Authority
from service.care.task.machine import decide
from service.care.task.situation import Outcome
from service.change import Resource
from service.fhir.canonical import (
    COMMUNICATION_CATEGORY,
    ESCALATION_THRESHOLD,
    LAWFUL_BASIS,
    REQUEST_CATEGORY,
    SHARING_AUTHORITY,
    STATUS_REASON,
    TASK_CODE,
    TASK_OUTPUT,
)
from service.fhir.coding import concept
from service.problem import Problem
from tests.care.conftest import AT, role

CRISIS, HOUSING = "Organization/crisis", "Organization/housing"
HAL, CAT, COL = "PractitionerRole/hal", "PractitionerRole/cat", "PractitionerRole/col"
STAFF = {HAL: HOUSING, CAT: CRISIS, COL: CRISIS}
ASKED = "2026-10-23T14:30:00.000Z"


def ref(text: str) -> Resource:
    return {"reference": text}


def lead(reference: str) -> Lead:
    """A member of staff who can act."""
    name, organization = reference.partition("/")[2], STAFF.get(reference, "")
    practitioner = {"resourceType": "Practitioner", "id": name}
    return Lead(role(name, organization), practitioner, {"resourceType": "Organization", "id": organization.partition("/")[2]})


def basis(code: str = "direct-care", text: str = "Her safety is at risk.") -> Resource:
    return {"url": SHARING_AUTHORITY, "valueCodeableConcept": concept(LAWFUL_BASIS, code, text)}


def escalation(**members: Any) -> Resource:
    """An escalation as it is sent."""
    return {
        "resourceType": "ServiceRequest",
        "id": "e",
        "extension": [basis()],
        "status": "active",
        "intent": "order",
        "category": [concept(REQUEST_CATEGORY, "escalation")],
        "priority": "urgent",
        "subject": ref("Patient/p"),
        "requester": ref(HAL),
        "performer": [ref(CAT)],
        "supportingInfo": [ref("QuestionnaireResponse/q")],
        **members,
    }


def sending(after: Resource | None = None, **more: Any) -> EscalationSituation:
    """The situation in which nothing stands in the way of sending."""
    found = EscalationSituation(
        at=AT,
        agency=HOUSING,
        after=after or escalation(),
        user=HAL,
        organizations={**STAFF, CRISIS: CRISIS},
        known=True,
        responses=("QuestionnaireResponse/q",),
        authority=Authority(True, ""),
        clinician=lead(CAT),
        routes=Routes(CRISIS),
    )
    return replace(found, **more)


def ids() -> Callable[[], str]:
    """Ids in order: new-0, new-1 …"""
    numbers = count()
    return lambda: f"new-{next(numbers)}"


def sent(**more: Any) -> Outcome:
    """What sending makes."""
    made = request.decide(sending(**more), ids())
    assert isinstance(made, Outcome), made
    return made


def output(kind: str, **value: Any) -> Resource:
    return {"type": concept(TASK_OUTPUT, kind), **value}


def review(status: str = "requested", **members: Any) -> Resource:
    """The review of the escalation, as it is stored."""
    return {
        "resourceType": "Task",
        "id": "r",
        "meta": {"versionId": "1"},
        "status": status,
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, "escalation-review"),
        "focus": ref("ServiceRequest/e"),
        "for": ref("Patient/p"),
        "authoredOn": ASKED,
        "requester": ref(HAL),
        "owner": ref(CAT),
        "restriction": {"period": {"end": "2026-10-24T14:30:00.000Z"}},
        **members,
    }


def decision(threshold: str = "met") -> list[Resource]:
    """What every decision says."""
    return [
        output("threshold", valueCodeableConcept=concept(ESCALATION_THRESHOLD, threshold)),
        output("rationale", valueString="Risk has risen."),
        output("decided-by", valueReference=ref(CAT)),
    ]


CADENCE: Resource = {"repeat": {"frequency": 1, "boundsPeriod": {"end": "2026-11-06T17:00:00Z"}}}
ACCEPTING = [
    output("contact-cadence", valueTiming=CADENCE),
    output("out-of-hours", valueString="The crisis line."),
    output("mdt-review", valueDate="2026-10-27"),
]


def accepted(before: Resource, **members: Any) -> Resource:
    """The review as it is accepted."""
    return {**before, "status": "accepted", "output": [*before.get("output", []), *decision(), *ACCEPTING], **members}


def rejected(before: Resource, **members: Any) -> Resource:
    """The review as it is rejected."""
    said = [*before.get("output", []), *decision("not-met"), output("guidance", valueString="Visit daily; come back on Friday.")]
    return {**before, "status": "rejected", "statusReason": concept(STATUS_REASON, "no-capacity"), "output": said, **members}


def completed(before: Resource, **members: Any) -> Resource:
    """The review as it is completed."""
    plan = output("crisis-plan", valueCodeableConcept={"coding": [{"code": "no-change"}], "text": "It fits."})
    return {**before, "status": "completed", "output": [*before.get("output", []), plan], **members}


def action(**members: Any) -> Resource:
    due = {"period": {"end": "2026-10-25T12:00:00Z"}}
    return {"resourceType": "Task", "id": "a", "owner": ref(COL), "partOf": [ref("Task/r")], "restriction": due, **members}


def attempt(**members: Any) -> Resource:
    """A contact that was attempted because of the escalation."""
    return {
        "resourceType": "Communication",
        "status": "completed",
        "category": [concept(COMMUNICATION_CATEGORY, "contact-attempt")],
        "about": [ref("Task/r")],
        "sent": "2026-10-23T16:00:00Z",
        **members,
    }


def deciding(before: Resource, after: Resource, agency: str = CRISIS, **more: Any) -> ReviewSituation:
    """The situation of a review in which nothing stands in the way of any decision."""
    found = ReviewSituation(
        at=AT,
        agency=agency,
        after=after,
        before=before,
        organizations=STAFF,
        request=escalation(),
        decider=lead(CAT),
        actions=(action(),),
        attempts=(attempt(),),
        patients=frozenset(("Patient/p",)),
        routes=Routes(CRISIS, contacts=(COL,)),
    )
    return replace(found, **more)


def decided(before: Resource, after: Resource, agency: str = CRISIS, **more: Any) -> Any:
    """What becomes of a submitted review."""
    return decide(REVIEW, deciding(before, after, agency, **more), ids())


def refused(found: Any) -> list[tuple[str, str]]:
    """The rules and elements of a refusal."""
    assert isinstance(found, Problem), found
    return [(issue.rule, issue.expression) for issue in found.issues]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
