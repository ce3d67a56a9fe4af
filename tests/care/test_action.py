"""What an action needs before it is asked for, and what follows from its moves (practices, Common; TIM-11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from service.care.action.situation import ActionSituation, came_from
from service.care.action.table import MACHINE
from service.care.task.authority import Authority
from service.care.task.machine import decide
from service.care.task.situation import Outcome
from service.change import Timer
from service.fhir.canonical import TASK_CODE
from service.fhir.coding import concept
from service.problem import Problem
from tests.care.small import ref, situation, task
from tests.care.told import HOUSING, TRUST

DECISION = task("accepted", id="d", code=concept(TASK_CODE, "escalation-review"))
DUE = "2026-10-30T12:00:00Z"


def action(status: str = "requested", /, **members: Any) -> Any:
    return task(status, partOf=[ref("Task/d")], restriction={"period": {"end": DUE}}, **members)


def asked(after: Any = None, **members: Any) -> ActionSituation:
    """A new action with all it needs, but for `members`."""
    whole = {"decision": DECISION, "moving": True, "known": True, "authority": Authority(True), **members}
    return situation(None, after or action()).widened(ActionSituation, **whole)


def refused(found: Any) -> list[tuple[str, str]]:
    assert isinstance(found, Problem), found
    return [(each.expression, each.rule) for each in found.issues]


def decided(found: Any, world: Any) -> Any:
    return decide(MACHINE, found, world.ids)


def test_tim_11_an_action_starts_its_clock(world: Any) -> None:
    made = decided(asked(), world)
    assert isinstance(made, Outcome)
    assert made.timers == (Timer("TIM-11:Task/t", "TIM-11", datetime(2026, 10, 30, 12, tzinfo=UTC), "Task/t"),)
    assert [each.recipient for each in made.notices] == [HOUSING]


def test_a_refusal_names_everything_that_an_action_lacks(world: Any) -> None:
    """Owner, date and decision at once."""
    bare = task(owner=None)
    found = decided(asked(bare, decision=None, moving=False, known=False), world)
    places = [("Task.owner", "TIM-11"), ("Task.restriction", "TIM-11"), ("Task.partOf", "TIM-11")]
    assert refused(found) == places


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"known": False}, ("Task.owner", "TIM-11")),
        ({"moving": False}, ("Task.partOf", "TIM-11")),
        ({"decision": action(id="d"), "moving": True}, ("Task.partOf", "TIM-11")),
        ({"decision": {**DECISION, "for": ref("Patient/other")}}, ("Task.for", "TIM-11")),
        ({"authority": Authority(text="the person denies it")}, ("Task.owner", "HOV-3")),
    ],
)
def test_an_action_is_refused_for_what_it_comes_with(world: Any, change: Any, place: tuple[str, str]) -> None:
    """An unknown owner, a decision that is not taken, an action of an action, another person, and a denial."""
    assert refused(decided(asked(**change), world)) == [place]


@pytest.mark.parametrize("end", ["2026-10-20T12:00:00Z", "soon", None])
def test_tim_11_the_date_of_an_action_is_ahead(world: Any, end: Any) -> None:
    after = {**action(), "restriction": {"period": {"end": end} if end else {"start": DUE}}}
    assert refused(decided(asked(after), world)) == [("Task.restriction.period.end", "TIM-11")]


def test_an_action_for_another_record_of_the_person_is_of_the_same_person(world: Any) -> None:
    """IDN-1: each agency keeps its own Patient."""
    two = frozenset({"Patient/p", "Patient/q"})
    found = decided(asked(action(**{"for": ref("Patient/q")}), patients=two), world)
    assert isinstance(found, Outcome)


def test_an_action_within_the_agency_needs_no_authority(world: Any) -> None:
    found = asked(action(owner=ref(TRUST)), authority=Authority())
    assert isinstance(decided(found, world), Outcome)


def test_only_the_requesters_agency_asks_for_an_action(world: Any) -> None:
    found = decided(replace(asked(), agency="Organization/stranger"), world)
    assert refused(found) == [("Task.requester", "HOV-1")]


def test_an_action_of_a_meeting_names_it_as_its_encounter() -> None:
    assert came_from(task(encounter=ref("Encounter/m"))) == "Encounter/m"
    assert came_from(action(encounter=ref("Encounter/m"))) == "Task/d"
    assert came_from(task()) == ""


def test_a_meeting_that_is_not_written_takes_no_decision(world: Any) -> None:
    after = {**action(encounter=ref("Encounter/m")), "partOf": []}
    assert refused(decided(asked(after, decision=None, moving=False), world)) == [("Task.encounter", "TIM-11")]


@pytest.mark.parametrize(("end", "side"), [("completed", HOUSING), ("rejected", HOUSING), ("cancelled", TRUST)])
def test_tim_11_an_action_that_ends_stops_its_clock(world: Any, end: str, side: str) -> None:
    before = action("received")
    found = situation(before, {**before, "status": end, "statusReason": world.why()}, agency=side).widened(ActionSituation)
    made = decided(found, world)
    assert isinstance(made, Outcome)
    assert made.cancelled == ("TIM-11:Task/t",)
