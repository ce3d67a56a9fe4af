"""The Tasks around a handover: abort, clarification, follow-up; their tables are total too (HOV-1)."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from service.care.companion.table import ABORT, CLARIFICATION, FOLLOW_UP
from service.care.registry import MACHINES
from service.care.task import machine, reading
from service.care.task.situation import Outcome, Repeat
from service.fhir.canonical import STATUS_REASON, TASK_CODE
from service.fhir.coding import concept
from service.problem import Category, Problem

KINDS = {"abort": ABORT, "clarification": CLARIFICATION, "follow-up": FOLLOW_UP}
# what was sent: an abort by the requester's agency, and answered by the owner's
ALL = [(kind, *pair) for kind in KINDS for pair in product(("none", *reading.STATUSES), reading.STATUSES, ("requester", "owner"))]


def submitted(world: Any, kind: str, status: str) -> Any:
    task = world.task(status, id="e", code=concept(TASK_CODE, kind), focus={"reference": "Task/h"})
    given = {"reasonCode": concept(STATUS_REASON, "other"), "statusReason": world.why()}
    contact = [
        world.output("first-contact", valueDateTime="2026-10-24T10:00:00Z"),
        world.output("answer", valueString="Sertraline 50 mg"),
    ]
    return {**task, **given, "output": contact}


def decide(world: Any, kind: str, start: str, end: str, side: str, **members: Any) -> Any:
    before = None if start == "none" else submitted(world, kind, start)
    situation = world.situation(before, submitted(world, kind, end), side, about=world.task("in-progress"))
    return machine.decide(MACHINES[kind], replace(situation, **members), world.ids)


@pytest.mark.parametrize(("kind", "start", "end", "side"), ALL)
def test_hov_1_the_tables_are_total(world: Any, kind: str, start: str, end: str, side: str) -> None:
    found = decide(world, kind, start, end, side)
    legal = any((row.start, row.end) == (start, end) and side in row.sides for row in KINDS[kind])
    unsent = start == "draft" and side == "owner"
    if start == end and not unsent:
        assert isinstance(found, Repeat)
        return
    assert isinstance(found, Outcome) is legal
    assert legal or found.category is (Category.ABSENT if unsent else Category.RULE)


@pytest.mark.parametrize("kind", KINDS)
def test_hov_11_a_stranger_finds_no_such_task(world: Any, kind: str) -> None:
    assert decide(world, kind, "requested", "accepted", "stranger").category is Category.ABSENT


@pytest.mark.parametrize("status", [one for one in reading.STATUSES if one != "in-progress"])
def test_an_abort_is_for_a_handover_in_progress(world: Any, status: str) -> None:
    assert isinstance(decide(world, "abort", "none", "requested", "requester", about=world.task(status)), Problem)


def test_only_the_sender_asks_for_an_abort(world: Any) -> None:
    handover = world.task("in-progress", requester={"reference": "PractitionerRole/sue"})
    assert isinstance(decide(world, "abort", "none", "requested", "requester", about=handover), Problem)


def test_an_accepted_abort_cancels_the_handover_in_the_same_outcome(world: Any) -> None:
    made = decide(world, "abort", "requested", "accepted", "owner")
    assert [(one.resource["id"], one.resource["status"]) for one in made.writes] == [("e", "accepted"), ("h", "cancelled")]
    assert reading.reason(made.writes[1].resource) == "aborted"
    assert not made.moved


def test_a_rejected_abort_leaves_the_handover(world: Any) -> None:
    assert len(decide(world, "abort", "requested", "rejected", "owner").writes) == 1


def test_an_answered_clarification_ends_the_waiting(world: Any) -> None:
    handover = {**world.task("received"), "businessStatus": world.business("awaiting-information")}
    made = decide(world, "clarification", "requested", "completed", "owner", about=handover)
    assert "businessStatus" not in made.writes[1].resource
    assert made.writes[1].resource["status"] == "received"


@pytest.mark.parametrize(("kind", "rule"), [("clarification", "HOV-1"), ("follow-up", "TIM-3")])
def test_an_errand_without_its_result_is_not_done(world: Any, kind: str, rule: str) -> None:
    before = {**submitted(world, kind, "requested"), "output": []}
    situation = world.situation(before, {**before, "status": "completed"}, "owner", about=world.task("accepted"))
    found = machine.decide(MACHINES[kind], situation, world.ids)
    assert isinstance(found, Problem)
    assert found.issues[0].rule == rule


def test_tim_3_a_completed_follow_up_stops_the_contact_clock(world: Any) -> None:
    made = decide(world, "follow-up", "requested", "completed", "owner")
    assert "TIM-3:Task/h" in made.cancelled
