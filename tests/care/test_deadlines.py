"""TIM-1, TIM-3 and dated Tasks: a passed deadline tells people or makes a Task, and never moves a status or an owner."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.handover import deadlines
from service.care.handover.situation import HandoverSituation
from service.care.task import reading
from service.care.task.effects import passed
from service.care.task.situation import Outcome


def told(made: Outcome | None) -> list[tuple[str, str]]:
    assert made is not None
    return [(one.topic, one.recipient) for one in made.notices]


def of_handover(world: Any, status: str) -> HandoverSituation:
    before = world.stored(status)
    found: HandoverSituation = world.situation(before, before)
    return found


def of_follow_up(world: Any, status: str = "requested", handover: str = "in-progress") -> HandoverSituation:
    """The follow-up Task of an accepted handover, owned by the new lead."""
    task = {**world.task(status), "id": "f", "owner": {"reference": "PractitionerRole/hal"}}
    found: HandoverSituation = world.situation(task, task, about=world.task(handover))
    return found


def test_tim_1_what_nobody_received_is_sent_again(world: Any) -> None:
    made = deadlines.unreceived(of_handover(world, "requested"), 0)
    assert told(made) == [("handover-task", world.housing)]


def test_tim_1_starts_the_clock_of_its_next_level(world: Any) -> None:
    made = deadlines.unreceived(of_handover(world, "requested"), 0)
    assert made is not None
    assert [(timer.key, timer.level) for timer in made.timers] == [("TIM-1:Task/h", 1)]


def test_tim_1_then_the_sender_is_told_and_it_ends(world: Any) -> None:
    made = deadlines.unreceived(of_handover(world, "requested"), 1)
    assert told(made) == [("deadline-breached", world.trust)]
    assert made is not None
    assert made.timers == ()


@pytest.mark.parametrize("status", [one for one in reading.STATUSES if one not in ("requested", "on-hold")])
def test_tim_1_what_was_received_or_ended_is_left_alone(world: Any, status: str) -> None:
    assert deadlines.unreceived(of_handover(world, status), 0) is None


def test_tim_3_the_target_only_reminds(world: Any) -> None:
    made = deadlines.uncontacted(of_follow_up(world), 0, world.ids)
    assert told(made) == [("deadline-breached", world.housing)]
    assert made is not None
    assert made.writes == ()


def test_tim_3_the_limit_makes_both_tasks(world: Any) -> None:
    """E11: a welfare check and a safeguarding consideration, for the lead who owes the contact."""
    made = deadlines.uncontacted(of_follow_up(world), 1, world.ids)
    assert made is not None
    found = [(reading.code(one.resource), one.resource["owner"]["reference"], one.custodian) for one in made.writes]
    lead = "PractitionerRole/hal"
    assert found == [("welfare-check", lead, world.housing), ("safeguarding-consideration", lead, world.housing)]


@pytest.mark.parametrize("status", ["failed", "cancelled", "on-hold", "rejected"])
def test_tim_3_a_status_that_is_no_contact_stops_nothing(world: Any, status: str) -> None:
    assert deadlines.uncontacted(of_follow_up(world, status), 1, world.ids) is not None


@pytest.mark.parametrize("which", [("completed", "in-progress"), ("in-progress", "completed")])
def test_tim_3_a_completed_contact_stops_it(world: Any, which: tuple[str, str]) -> None:
    assert deadlines.uncontacted(of_follow_up(world, *which), 1, world.ids) is None


def test_a_dated_task_tells_both_agencies(world: Any) -> None:
    made = passed(of_handover(world, "in-progress"))
    assert told(made) == [("deadline-breached", world.trust), ("deadline-breached", world.housing)]


@pytest.mark.parametrize("status", sorted(reading.TERMINAL))
def test_a_dated_task_that_ended_tells_nobody(world: Any, status: str) -> None:
    assert passed(of_handover(world, status)) is None
