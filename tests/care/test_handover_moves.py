"""What each move of a handover asks for (care rules, section 2): each is tried with the one need broken and all else right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.care.handover import needs
from service.care.handover.table import MACHINE, TABLE
from service.care.task.authority import Authority
from service.care.task.machine import find, unmet
from service.care.task.situation import Outcome
from service.fhir.coding import concept
from service.problem import Problem
from tests.care.changes import (
    CARE,
    CONSENT,
    DATASET,
    Change,
    refused,
    scope,
    with_,
    with_after,
)

# Which move asks for what (care rules, section 2). Each is tried with the one need broken and all else right.

SEND = ("creator", "parties", "leads_plan", "carriers", "dataset", "authority_input", "accept_by", "authority")
ACCEPT = ("named_lead", "scope", "still_led_by_sender", "carriers", "authority_still")
OPEN = ("requested", "received", "accepted", "in-progress")
ASKED: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("none", "draft", ""): ("creator", "parties"),
    ("draft", "draft", "edit"): ("creator", "parties"),
    ("none", "requested", ""): SEND,
    ("draft", "requested", ""): SEND,
    ("draft", "on-hold", ""): ("creator", "reason"),
    ("requested", "accepted", ""): ACCEPT,
    ("received", "accepted", ""): ACCEPT,
    ("requested", "rejected", ""): ("reason", "instead"),
    ("received", "rejected", ""): ("reason", "instead"),
    ("requested", "cancelled", ""): ("reason",),
    ("received", "cancelled", ""): ("reason",),
    ("accepted", "cancelled", ""): ("reason",),
    ("received", "received", "awaiting-information"): ("clarification",),
    ("requested", "requested", "authority"): ("authority_input", "authority"),
    ("received", "received", "authority"): ("authority_input", "authority"),
    **{(each, each, "note"): ("answer_kept",) for each in (*OPEN, "on-hold")},
    ("in-progress", "completed", ""): ("contact",),
    ("in-progress", "failed", ""): ("reason",),
    **{(each, "on-hold", ""): ("reason",) for each in OPEN},
    ("on-hold", "draft", ""): ("creator", "reason", "came_from"),
    **{("on-hold", each, ""): ("reason", "came_from") for each in OPEN},
}
BREAKS: dict[str, tuple[Change, str]] = {
    "creator": (with_after(requester={"reference": "PractitionerRole/sue"}), "Task.requester"),
    "parties": (with_(plan=None), "Task.focus"),
    "leads_plan": (with_(keeper="Organization/stranger"), "Task.focus"),
    "carriers": (with_(unfit="a team is over"), "Task.focus"),
    "dataset": (with_after(input=[CARE]), "Task.input"),
    "authority_input": (with_after(input=[DATASET]), "Task.input"),
    "authority": (with_(authority=Authority()), "Task.input"),
    "authority_still": (with_(authority=Authority()), "Task.input"),
    "accept_by": (with_after(restriction=None), "Task.restriction.period.end"),
    "named_lead": (with_after(owner={"reference": "Organization/housing"}), "Task.owner"),
    "scope": (with_after(output=[scope("declined-scope", "medication")]), "Task.output"),
    "still_led_by_sender": (with_(keeper="Organization/stranger"), "Task.focus"),
    "reason": (with_after(statusReason=None), "Task.statusReason"),
    "instead": (with_after(statusReason=concept("urn:s", "x")), "Task.statusReason"),
    "clarification": (with_after(note=None, statusReason=None), "Task.note"),
    "came_from": (with_(), "Task.status"),
    "answer_kept": (with_after(output=[scope("accepted-scope", "medication")]), "Task.output"),
    "contact": (with_after(output=[]), "Task.output"),
}


def moving(world: Any, start: str, end: str, kind: str) -> Any:
    """A situation in which this move meets everything."""
    side = next(row.sides[0] for row in TABLE if (row.start, row.end, row.kind) == (start, end, kind))
    before = world.stored(start, held=end if end != start else "received") if start == "on-hold" else world.stored(start)
    after = world.submitted(before, end)
    if kind == "awaiting-information":
        after = {**after, "businessStatus": world.business("awaiting-information"), "note": [{"text": "Which medication?"}]}
    if kind == "note":
        after = {**after, "note": [{"text": "x"}]}
    if kind == "authority":
        after = {**after, "input": [DATASET, CONSENT]}
    return world.situation(before, after, side)


def test_every_other_move_asks_for_nothing() -> None:
    silent = {("requested", "received", ""), ("accepted", "in-progress", "")}
    assert {(row.start, row.end, row.kind) for row in TABLE} == {*ASKED, *silent}
    assert all(row.needs == () for row in TABLE if (row.start, row.end, row.kind) in silent)


@pytest.mark.parametrize(("start", "end", "kind"), ASKED)
def test_a_move_that_meets_everything_is_made(world: Any, start: str, end: str, kind: str) -> None:
    assert isinstance(world.decide(moving(world, start, end, kind)), Outcome)


@pytest.mark.parametrize(("move", "need"), [(move, need) for move, asked in ASKED.items() for need in asked])
def test_a_move_that_misses_one_need_is_refused_for_it(world: Any, move: tuple[str, str, str], need: str) -> None:
    change, place = BREAKS[need]
    situation = moving(world, *move)
    if need == "came_from":
        origin = next(each for each in OPEN if each != move[1])
        situation = replace(situation, before=world.stored("on-hold", origin))
    if need == "creator" and move[0] == "none":
        place = "Task.status"  # whoever is no party of a new Task makes no move at all
    broken = change(world, situation)
    row = find(MACHINE, broken)
    assert row is not None or need == "creator"
    found = unmet(MACHINE, broken, row) if row is not None else world.decide(broken).issues
    assert place in [issue.expression for issue in found]
    assert isinstance(world.decide(broken), Problem)


@pytest.mark.parametrize("kind", ["lead", "accepted-scope", "declined-scope"])
def test_hov_6_an_answer_is_given_by_accepting(world: Any, kind: str) -> None:
    """And stays as it was given: not even its giver adds to it in a note."""
    before = world.task("accepted", output=[scope("accepted-scope", "housing")])
    said = world.situation(before, {**before, "output": [*before["output"], scope(kind, "medication")]})
    text = f"The output `{kind}` is the receiver's answer, which it gives by accepting: leave it as it is."
    assert needs.answer_kept(said) == refused(text, "Task.output", "HOV-6")
    other = world.situation(before, {**before, "output": [*before["output"], scope("first-contact", "x")]})
    assert needs.answer_kept(other) == ()
