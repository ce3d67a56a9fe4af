"""HOV-7 and HOV-8: neither time nor a withdrawal changes a handover's status, and ownership stays (HOV-10)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.handover import overdue
from service.care.task import reading
from service.care.task.authority import Authority
from service.care.task.situation import Outcome

OPEN = ("requested", "received")


def fire(world: Any, status: str, level: int = 0, **members: Any) -> Outcome | None:
    before = world.stored(status)
    return overdue.overdue(world.situation(before, before, **members), level, world.ids)


@pytest.mark.parametrize("status", OPEN)
def test_hov_7_overdue_escalates_on_both_sides(world: Any, status: str) -> None:
    made = fire(world, status)
    assert made is not None
    task, *escalations = (staged.resource for staged in made.writes)
    assert (task["status"], reading.business_status(task)) == (status, "overdue")
    assert [one["owner"]["reference"] for one in escalations] == [world.trust, world.housing]
    assert {reading.code(one) for one in escalations} == {"escalation"}


@pytest.mark.parametrize("status", [one for one in reading.STATUSES if one not in (*OPEN, "on-hold")])
def test_hov_7_an_answered_handover_is_not_overdue(world: Any, status: str) -> None:
    assert fire(world, status) is None


def test_hov_7_a_hold_does_not_stop_the_clock(world: Any) -> None:
    made = fire(world, "on-hold")
    assert made is not None
    assert made.writes[0].resource["status"] == "on-hold"


def test_hov_7_each_level_goes_to_its_named_contact(world: Any) -> None:
    contacts = {world.trust: ("PractitionerRole/t1", "PractitionerRole/t2"), world.housing: ("PractitionerRole/h1",)}
    made = fire(world, "received", 1, contacts=contacts)
    assert made is not None
    assert [one.resource["owner"]["reference"] for one in made.writes[1:]] == ["PractitionerRole/t2", "PractitionerRole/h1"]


def test_hov_7_the_levels_end(world: Any) -> None:
    timers = [made.timers for level in range(4) if (made := fire(world, "received", level))]
    assert [[timer.level for timer in one] for one in timers] == [[1], [2], [], []]


@pytest.mark.parametrize("status", ["requested", "received", "accepted", "in-progress"])
def test_hov_8_withdrawal_marks_the_task_and_leaves_its_status(world: Any, status: str) -> None:
    before = world.stored(status)
    made = overdue.withdrawn(world.situation(before, before, authority=Authority(False, "consent was withdrawn")))
    assert made is not None
    task = made.writes[0].resource
    assert (task["status"], reading.business_status(task), task["businessStatus"]["text"]) == (
        status, "authority-withdrawn", "consent was withdrawn",
    )  # fmt: skip


@pytest.mark.parametrize("status", ["draft", "completed", "rejected"])
def test_hov_8_what_is_closed_or_unsent_has_nothing_to_withdraw(world: Any, status: str) -> None:
    before = world.stored(status)
    assert overdue.withdrawn(world.situation(before, before)) is None
