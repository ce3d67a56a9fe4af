"""Transition tables: rows that are legal, and everything else that is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from service.care import task as tasks
from service.care.situation import Situation
from service.problem import Category, Problem, problem


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move of a Task from status `start` (`none`: not there yet) to `end`, by `sides`.

    `kind` tells apart the amendments that leave the status as it is. `needs` name requirement functions, `effect` what it does.
    """

    start: str
    end: str
    sides: tuple[str, ...]
    needs: tuple[str, ...] = ()
    kind: str = ""
    effect: str = "move"


def legal(table: Iterable[Move], start: str, end: str, sides: Collection[str], kind: str = "") -> Move | None:
    """The row for this move by one of these sides, or None."""
    fits = (row for row in table if (row.start, row.end, row.kind) == (start, end, kind))
    return next((row for row in fits if set(row.sides) & set(sides)), None)


def illegal(table: Iterable[Move], situation: Situation, noun: str, hint: str = "") -> Problem:
    """HOV-1: the refusal of a move that is not in the table, naming state, move and side, and what would be right."""
    start, end, sides = tasks.status(situation.before), tasks.status(situation.after), situation.sides
    ends = dict.fromkeys(row.end for row in table if row.start == start and row.end != start and set(row.sides) & set(sides))
    allowed = "from here it makes it " + ", ".join(f"`{one}`" for one in ends) if ends else "from here this side makes no move"
    this = " with this change" if start == end else ""
    text = f"A {noun} Task that is `{start}` cannot be made `{end}`{this} by the {' and '.join(sides)}: {hint or allowed}."
    return problem(Category.RULE, "business-rule", text, expression="Task.status", rule="HOV-1")


def diagram(table: Iterable[Move]) -> str:
    """A transition table as a Mermaid state diagram, for README."""
    rows = tuple(table)
    lines = ["stateDiagram-v2"]
    for row in rows:
        start = "[*]" if row.start == "none" else _state(row.start)
        lines.append(f"    {start} --> {_state(row.end)}: {' or '.join(row.sides)}{f', {row.kind}' if row.kind else ''}")
    ends = dict.fromkeys(row.end for row in rows if row.end in tasks.TERMINAL)
    return "\n".join((*lines, *(f"    {_state(end)} --> [*]" for end in ends)))


def _state(status: str) -> str:
    return status.replace("-", "_")
