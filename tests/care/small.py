"""A small Task between two agencies, and the situation that it is decided in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.care.task.situation import Situation
from service.fhir.canonical import (
    TASK_CODE,
    TASK_INPUT,
    TASK_OUTPUT,
)
from service.fhir.coding import concept
from tests.care.told import ANN, HAL, HOUSING, TRUST

AT = datetime(2026, 10, 23, 14, 30, tzinfo=UTC)
AUCKLAND = ZoneInfo("Pacific/Auckland")


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def task(status: str = "requested", /, **members: Any) -> dict[str, Any]:
    whole = {
        "resourceType": "Task",
        "id": "t",
        "status": status,
        "code": concept(TASK_CODE, "action"),
        "for": ref("Patient/p"),
        "requester": ref(ANN),
        "owner": ref(HOUSING),
        **members,
    }
    return {name: value for name, value in whole.items() if value is not None}


def situation(before: Any = None, after: Any = None, *, agency: str = TRUST, user: str = ANN, **more: Any) -> Situation:
    return Situation(AT, agency, after or before or task(), before, user, {ANN: TRUST, HAL: HOUSING}, **more)


def output(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": concept(TASK_OUTPUT, kind), **value}


def put(kind: str, value: str) -> dict[str, Any]:
    return {"type": concept(TASK_INPUT, kind), "valueString": value}
