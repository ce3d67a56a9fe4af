"""TIM-3: the first contact that a new lead owes the person, and the authority on which records are sent (HOV-3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.first_contact import clocks, owed
from service.care.task.timers import Calendar
from service.change import Timer
from service.fhir.canonical import TASK_CODE
from service.fhir.coding import concept
from tests.care.conftest import AT
from tests.care.front_door import CAL, allocation, ref
from tests.care.small import AUCKLAND
from tests.care.told import ANN, NOW

TARGET, LIMIT = datetime.fromisoformat("2026-10-24T15:30:00+01:00"), datetime.fromisoformat("2026-10-25T14:30:00+00:00")
"""24 and 48 hours; the clocks of London change in between."""


def follow(**members: Any) -> dict[str, Any]:
    """The follow-up of an allocation that was accepted on a Friday."""
    made = {
        "resourceType": "Task",
        "id": "new",
        "groupIdentifier": {"value": "g"},
        "partOf": [ref("Task/allocation")],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, "follow-up"),
        "description": "First contact after the referral",
        "focus": ref("CarePlan/plan"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(ANN),
        "owner": ref(CAL),
        "restriction": {"period": {"start": NOW, "end": "2026-10-25T14:30:00.000+00:00"}},
        **members,
    }
    return {name: value for name, value in made.items() if value is not None}


def made(**members: Any) -> Any:
    accepted = {**allocation("accepted", owner=ref(CAL)), "groupIdentifier": {"value": "g"}, "priority": "urgent", **members}
    given = {name: value for name, value in accepted.items() if value is not None}
    return owed(given, "CarePlan/plan", "First contact after the referral", at=AT, calendar=Calendar(), ids=lambda: "new")


def test_tim_3_the_new_lead_owes_the_person_a_contact_within_48_hours() -> None:
    assert made() == follow()


def test_tim_3_what_the_accepted_task_does_not_say_is_left_out() -> None:
    assert made(groupIdentifier=None, priority=None) == follow(groupIdentifier=None, priority=None)


def test_tim_3_two_clocks_wait_for_the_contact_the_target_and_the_limit() -> None:
    """Under the key of the accepted Task, so that its contact stops both."""
    found = clocks(allocation("accepted"), follow(), at=AT, calendar=Calendar())
    key, data = "TIM-3:Task/allocation", {"handover": "Task/allocation"}
    assert found == (
        Timer(key, "TIM-3", TARGET, "Task/new", 0, data),
        Timer(key, "TIM-3", LIMIT, "Task/new", 1, data),
    )
    assert [each.due.isoformat() for each in found] == [TARGET.isoformat(), LIMIT.isoformat()]


@pytest.mark.parametrize("level", [0, 1])
def test_tim_3_the_clocks_are_those_of_the_locality(level: int) -> None:
    found = clocks(allocation("accepted"), follow(), at=AT, calendar=Calendar(zone=AUCKLAND))
    assert found[level].due == (TARGET, LIMIT)[level]
    assert found[level].due.tzinfo is AUCKLAND


def test_hov_3_without_a_decision_nothing_may_be_sent() -> None:
    assert Authority(False, "no authority to share was decided", "") == NONE_DECIDED
