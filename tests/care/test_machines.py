"""What holds of every Task machine: its table is total, all that it names is there, its diagram is the published one."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from service.care.companion.table import COMPANIONS
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.machine import Machine, decide, diagram
from service.care.task.situation import OWNER, REQUESTER, Outcome, Repeat, Situation
from service.fhir.canonical import TASK_CODE, TaskCode
from service.fhir.coding import concept
from service.problem import Category, Problem

README = Path(__file__).parents[2] / "README.md"
STARTS = ("none", *reading.STATUSES)
SIDES = ("requester", "owner", "stranger")
EVERY = pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))
SHARED = {
    TaskCode.CLARIFICATION,
    TaskCode.FOLLOW_UP,
    TaskCode.BRIEF_REVIEW,
    TaskCode.DECISION_REVIEW,
    TaskCode.STRUCTURED_REVIEW,
    *(code for code in MACHINES if MACHINES[code].table == MACHINES["alert"].table),
}


def situation(world: Any, machine: Machine[Any], start: str, end: str, side: str) -> Any:
    """A submitted Task of this code that says nothing but its move; what its practice looks at besides is not there."""
    before = None if start == "none" else world.task(start, code=concept(TASK_CODE, machine.code))
    after = {**(before or world.task(end, code=concept(TASK_CODE, machine.code))), "status": end}
    made = world.situation(before, after, side)
    plain = Situation(made.at, made.agency, made.after, made.before, made.user, made.organizations)
    return plain.widened(widest(machine.code))


@cache
def widest(code: str) -> Any:
    """The kind of situation that a machine's needs and effects look at, the widest of them."""
    functions = (*MACHINES[code].needs.values(), *MACHINES[code].effects.values())
    kinds = [get_type_hints(each)["situation"] for each in functions]
    return max(kinds, key=lambda kind: len(kind.__mro__))


def test_every_code_has_its_machine_and_every_machine_its_code() -> None:
    """The registry is the CodeSystem `task-code`, which is the enum."""
    assert set(MACHINES) == set(TaskCode)
    assert all(code == machine.code for code, machine in MACHINES.items())


@EVERY
def test_every_need_and_effect_that_a_table_names_is_there_and_no_other(machine: Machine[Any]) -> None:
    assert {need for row in machine.table for need in row.needs} == set(machine.needs)
    assert {row.effect for row in machine.table} == set(machine.effects)


@EVERY
def test_a_table_says_each_move_once_between_statuses_that_exist(machine: Machine[Any]) -> None:
    rows = [(row.start, row.end, row.kind, side) for row in machine.table for side in row.sides]
    assert len(rows) == len(set(rows))
    assert {row.start for row in machine.table} <= set(STARTS)
    assert {row.end for row in machine.table} <= set(reading.STATUSES)
    assert {side for row in machine.table for side in row.sides} <= {REQUESTER, OWNER}


@EVERY
def test_what_is_over_stays_over(machine: Machine[Any]) -> None:
    """No move leaves a terminal status."""
    assert [row for row in machine.table if row.start in reading.TERMINAL and row.end != row.start] == []


@EVERY
def test_only_what_clients_send_has_a_first_move(machine: Machine[Any]) -> None:
    """A Task that the service makes is answered, never sent."""
    assert any(row.start == "none" for row in machine.table) is machine.sent


@EVERY
@pytest.mark.parametrize("side", SIDES)
def test_hov_1_a_table_is_total(world: Any, machine: Machine[Any], side: str) -> None:
    """Every pair of statuses is decided, without an exception: a move of the table may lack its needs, and no other is made."""
    for start, end in product(STARTS, reading.STATUSES):
        found = decide(machine, situation(world, machine, start, end, side), world.ids)
        legal = any((row.start, row.end) == (start, end) and side in row.sides for row in machine.table)
        assert legal or not isinstance(found, Outcome), (start, end)
        if isinstance(found, Repeat):
            assert start == end
        if isinstance(found, Problem):
            assert found.category in (Category.RULE, Category.ABSENT, Category.CONFLICT)
            assert all(issue.rule and issue.text.endswith(".") for issue in found.cited)
        if side == "stranger" and start != "none":
            assert isinstance(found, Problem)
            assert found.category is Category.ABSENT  # HOV-11


@EVERY
def test_hov_1_a_refused_move_names_state_move_and_side(world: Any, machine: Machine[Any]) -> None:
    found = decide(machine, situation(world, machine, "requested", "entered-in-error", "owner"), world.ids)
    assert isinstance(found, Problem)
    (issue,) = found.issues
    assert all(said in issue.text for said in ("`requested`", "`entered-in-error`", "owner"))
    assert (issue.expression, issue.rule) == ("Task.status", machine.rule)


def drawn(name: str) -> str:
    """The diagram that README has under a name."""
    return README.read_text().partition(f"<!-- {name} -->")[2].partition("```mermaid\n")[2].partition("```")[0].strip()


@EVERY
def test_readme_draws_a_machine_as_its_table_says(machine: Machine[Any]) -> None:
    """Printed from the table, line by line; those that are answered alike have one diagram."""
    assert drawn("companion" if machine.code in SHARED else machine.code) == diagram(machine.table).strip()


def test_the_companions_are_answered_alike() -> None:
    """What completing one needs and does is its own; its moves are not."""
    assert {diagram(MACHINES[code].table) for code in SHARED} == {diagram(MACHINES["alert"].table)}
    assert set(COMPANIONS) < SHARED
