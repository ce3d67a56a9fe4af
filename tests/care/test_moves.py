"""What a Task's table offers next, from each side, and with which needs (practices, Common)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.moves import NextMove, asking, open_rows, side, weighed

HANDOVER = MACHINES["handover"]


def offered(world: Any, before: Any, party: str, **members: Any) -> dict[tuple[str, str], NextMove]:
    situation = world.situation(before, before, party, **members)
    found = {}
    for row in open_rows(HANDOVER, situation):
        told = weighed(HANDOVER, world.situation(before, asking(before, row), party, **members), row)
        found[told.status, told.kind] = told
    return found


def test_the_owner_of_a_sent_handover_is_offered_its_answers(world: Any) -> None:
    found = offered(world, world.task("requested"), "owner")
    assert list(found) == [("received", ""), ("accepted", ""), ("rejected", ""), ("on-hold", ""), ("requested", "note")]
    assert {each.side for each in found.values()} == {"owner"}


def test_its_requester_is_offered_what_a_sender_may_do(world: Any) -> None:
    found = offered(world, world.task("requested"), "requester")
    assert list(found) == [("cancelled", ""), ("requested", "authority"), ("on-hold", ""), ("requested", "note")]


def test_a_move_says_every_need_that_is_open(world: Any) -> None:
    """A rejection needs its reason and what should happen instead."""
    found = offered(world, world.task("requested"), "owner")["rejected", ""]
    assert [each.expression for each in found.needs] == ["Task.statusReason", "Task.statusReason"]


def test_a_move_that_needs_nothing_is_free(world: Any) -> None:
    assert offered(world, world.task("requested"), "owner")["received", ""].needs == ()


def test_hov_4_accepting_needs_a_named_lead(world: Any) -> None:
    found = offered(world, world.task("requested"), "owner")["accepted", ""]
    assert [(each.rule, each.expression) for each in found.needs] == [("HOV-4", "Task.owner")]


def test_an_agency_on_both_sides_is_offered_each_move_once(world: Any) -> None:
    """A handover within one agency is on hold by the first of its sides."""
    before = world.task("requested", owner={"reference": "PractitionerRole/ann"})
    situation = world.situation(before, before, "requester")
    rows = open_rows(HANDOVER, situation)
    assert len({(row.end, row.kind) for row in rows}) == len(rows)
    assert next(side(row, situation) for row in rows if row.end == "on-hold") == "requester"


@pytest.mark.parametrize("status", sorted(reading.TERMINAL))
def test_a_handover_that_is_over_has_no_next_move(world: Any, status: str) -> None:
    assert offered(world, world.task(status), "owner") == offered(world, world.task(status), "requester") == {}


def test_a_draft_is_its_requesters_alone(world: Any) -> None:
    assert offered(world, world.task("draft"), "owner") == {}
    assert ("requested", "") in offered(world, world.task("draft"), "requester")
