"""The next moves of a stored Task: every row of its machine's table that is open to the caller's sides, with what the row still
needs. The needs are tested by the functions that a submission is decided by, so that what is told and what is refused agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from service.care.task import reading
from service.care.task.machine import Machine, Move, S, legal, unmet
from service.care.task.situation import Situation
from service.change import Resource
from service.problem import Issue


@dataclass(frozen=True, slots=True)
class NextMove:
    """A move that the caller's `side` may make: to `status`, or the amendment `kind` that leaves the status as it is. `needs` are
    the issues that a submission with nothing added would be refused with; a move without needs is free."""

    status: str
    kind: str
    side: str
    needs: tuple[Issue, ...] = ()


def open_rows(machine: Machine[S], situation: Situation) -> tuple[Move, ...]:
    """The rows from the stored Task's status that are open to the caller's sides, in the table's order, each move once."""
    start, sides = reading.status(situation.before), situation.sides
    ways = dict.fromkeys((row.end, row.kind) for row in machine.table if row.start == start)
    rows = [legal(machine.table, start, end, sides, kind) for end, kind in ways]
    return tuple(row for row in rows if row is not None)


def asking(task: Resource, row: Move) -> Resource:
    """The stored Task made to ask for a move: it has the status, and nothing is added."""
    return {**task, "status": row.end}


def side(row: Move, situation: Situation) -> str:
    """The caller's side that may make a move."""
    return next(each for each in situation.sides if each in row.sides)


def weighed(machine: Machine[S], situation: S, row: Move) -> NextMove:
    """A row of the table with what it still needs. The situation's submitted Task is the stored one as `asking` makes it."""
    asked = replace(situation, after=machine.completed(situation))
    return NextMove(row.end, row.kind, side(row, situation), unmet(machine, asked, row))
