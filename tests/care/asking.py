"""Data requests of the trust to housing, and how they are decided."""

from __future__ import annotations

from typing import Any

from service.care.data_request.situation import RequestSituation
from service.care.data_request.table import MACHINE
from service.care.task.machine import decide
from service.care.task.situation import AuditFact
from service.change import Notice
from service.fhir.canonical import BUSINESS_STATUS, LAWFUL_BASIS, STATUS_REASON, TASK_CODE, TASK_INPUT, TASK_OUTPUT
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem
from tests.care.conftest import AT, role
from tests.care.told import ANN, HAL, HOUSING, TRUST

RULE = "consent-rules 4"
ORGANIZATIONS = {ANN: TRUST, HAL: HOUSING, "PractitionerRole/hel": HOUSING, "PractitionerRole/sue": "Organization/stranger"}
WHY = concept(STATUS_REASON, "other")


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def put(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": concept(TASK_INPUT, kind), **value}


TYPE, PURPOSE = put("record-type", valueCode="CarePlan"), put("purpose", valueCoding={"code": "TREAT"})
BASIS = put("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "safeguarding", "A meeting asked for it."))
WAITS = concept(BUSINESS_STATUS, "awaiting-approval")
OUTPUT = {"type": concept(TASK_OUTPUT, "disclosure"), "valueReference": ref("Communication/c")}


def request(status: str = "requested", /, **members: Any) -> dict[str, Any]:
    """A request of the trust to housing under a lawful basis; a member that is None is left out."""
    made = {
        "resourceType": "Task",
        "id": "d",
        "status": status,
        "intent": "order",
        "code": concept(TASK_CODE, "data-request"),
        "for": ref("Patient/p"),
        "requester": ref(ANN),
        "owner": ref(HOUSING),
        "reasonCode": {"text": "To plan the move."},
        "input": [TYPE, PURPOSE, BASIS],
        **members,
    }
    return {name: value for name, value in made.items() if value is not None}


NOBODY: Any = object()


def situation(before: Any, after: Any, agency: str = TRUST, user: str = ANN, asked: Any = NOBODY) -> RequestSituation:
    named = after.get("owner", {}).get("reference", "")
    entry = role(named.partition("/")[2], ORGANIZATIONS[named]) if named in ORGANIZATIONS else {"resourceType": "Organization"}
    return RequestSituation(AT, agency, after, before, user, ORGANIZATIONS, asked=entry if asked is NOBODY else asked)


def asked(after: Any, **more: Any) -> Any:
    return decide(MACHINE, situation(None, after, **more), lambda: "new")


def answered(
    start: str, end: str, *, agency: Any = HOUSING, user: Any = HAL, before: Any = None, entry: Any = NOBODY, **members: Any
) -> Any:
    stored = before or request(start, businessStatus=WAITS)
    given = {"owner": ref(HAL)} if end == "completed" else {"statusReason": WHY} if end in ("rejected", "cancelled") else {}
    after = {name: value for name, value in {**stored, "status": end, **given, **members}.items() if value is not None}
    return decide(MACHINE, situation(stored, after, agency, user, entry), lambda: "new")


def refusal(text: str, expression: str, rule: str = RULE) -> Problem:
    return Problem(Category.RULE, (Issue("business-rule", text, expression, rule),))


def fact(event: str, *, action: str = "U", agency: str = HOUSING, user: str = HAL) -> AuditFact:
    return AuditFact(action, f"data-request-{event}", agency, user, "Patient/p", ("Task/d",))


def told(agency: str) -> Notice:
    return Notice("handover-task", agency, "Task/d", "Patient/p")
