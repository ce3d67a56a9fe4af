"""The one machine of every Task: a literal table of legal moves, with the requirements and the effect of each row.

A kind of Task is a value of `Machine`: its table, the functions that the table names, and the parts that differ from the
defaults. A decision takes the same steps for every Task: the caller's agency must be a party of the Task (HOV-11); the service
adds the members that a client need not repeat; a submission that repeats the stored Task changes nothing (HOV-5); the table must
hold the move for the caller's side (HOV-1); members sent earlier must be unchanged (HOV-1); the row's needs must be met;
non-engagement alone ends nothing (DNA-1). A refusal names every unmet need at once. A move that the table does not hold is
refused, so the table is total.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from service.care.task import effects as shared
from service.care.task import reading
from service.care.task.engagement import not_by_itself
from service.care.task.requirements import Issues, creator, fixed
from service.care.task.situation import STRANGER, Ids, Outcome, Repeat, Situation
from service.change import Resource
from service.problem import Category, Issue, Problem, problem

S = TypeVar("S", bound=Situation)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move of a Task from status `start` (`none`: the Task is new) to `end`, by `sides`.

    `kind` tells apart the amendments that do not change the status. `needs` name the move's requirement functions, `effect` its
    effect function. `frees` are members that the move may change although the Task was sent (HOV-1), `input.x` the inputs of type
    `x`.
    """

    start: str
    end: str
    sides: tuple[str, ...]
    needs: tuple[str, ...] = ()
    kind: str = ""
    effect: str = "move"
    frees: tuple[str, ...] = ()


def same(situation: Situation) -> bool:
    """HOV-5: whether the submitted Task says what the stored Task says."""
    return situation.before is not None and reading.said(situation.before) == reading.said(situation.after)


@dataclass(frozen=True, slots=True)
class Machine(Generic[S]):
    """The machine of one kind of Task.

    `code` is from `task-code`. `sent`: clients send this kind of Task; every other kind is made by the service, and clients only
    answer it. `needs` and `effects` are the functions that the table's rows name. `noun` is the word for the Task in refusals,
    `rule` the rule that a refusal cites for an illegal move or a changed member. The other functions have defaults: `kind` names
    the amendment that a write without a change of status makes, `completed` adds the members that a client need not repeat,
    `stands` tells whether a submission repeats the stored Task, `raced` gives the conflict of a submission that comes too late,
    `hint` says what to do instead of an illegal move.
    """

    code: str
    table: tuple[Move, ...]
    needs: Mapping[str, Callable[[S], Issues]] = field(default_factory=dict)
    effects: Mapping[str, Callable[[S, Ids], Outcome]] = field(default_factory=lambda: named(shared.move))
    sent: bool = False
    noun: str = ""
    rule: str = "HOV-1"
    kind: Callable[[S], str] = lambda _: ""
    completed: Callable[[S], Resource] = shared.completed
    stands: Callable[[S], bool] = same
    raced: Callable[[S], Problem | None] = lambda _: None
    hint: Callable[[S], str] = lambda _: ""


def named(*functions: F) -> Mapping[str, F]:
    """The functions by their own names, which a table uses."""
    return {function.__name__: function for function in functions}


def decide(machine: Machine[S], situation: S, ids: Ids) -> Outcome | Repeat | Problem:
    """Decides whether a submitted Task may be stored: the Outcome to commit, a Repeat of the stored Task, or the refusal."""
    if situation.before is not None and situation.sides == (STRANGER,):
        return absent()
    situation = replace(situation, after=machine.completed(situation))
    if (late := machine.raced(situation)) is not None:
        return late
    if situation.before is not None and machine.stands(situation):
        return Repeat(situation.before)
    row = find(machine, situation)
    if row is None:
        return illegal(machine, situation)
    issues = unmet(machine, situation, row)
    return Problem(Category.RULE, issues) if issues else machine.effects[row.effect](situation, ids)


def find(machine: Machine[S], situation: S) -> Move | None:
    """The row of the table for the submitted move and the caller's sides, or None."""
    start, end = reading.status(situation.before), reading.status(situation.after)
    return legal(machine.table, start, end, situation.sides, machine.kind(situation))


def unmet(machine: Machine[S], situation: S, row: Move) -> tuple[Issue, ...]:
    """Every issue of a move: the members that it may not change, and the needs of its row that are not met. Of a Task that was
    not sent only the requester's agency stays. No Task is rejected or failed for non-engagement alone (DNA-1)."""
    frozen = fixed(situation, row.frees, machine.rule) if situation.sent else creator(situation)
    needs = (issue for need in row.needs for issue in machine.needs[need](situation))
    return (*frozen, *needs, *not_by_itself(situation.before, situation.after))


def legal(table: Iterable[Move], start: str, end: str, sides: Collection[str], kind: str = "") -> Move | None:
    """The row for the move from `start` to `end` by one of `sides`, or None."""
    fits = (row for row in table if (row.start, row.end, row.kind) == (start, end, kind))
    return next((row for row in fits if set(row.sides) & set(sides)), None)


def illegal(machine: Machine[S], situation: S) -> Problem:
    """HOV-1: the refusal of a move that is not in the table, which names the status, the move, the side and the legal moves."""
    start, end, sides = reading.status(situation.before), reading.status(situation.after), situation.sides
    rows = (row for row in machine.table if row.start == start and row.end != start and set(row.sides) & set(sides))
    ends = dict.fromkeys(row.end for row in rows)
    allowed = "from here it makes it " + ", ".join(f"`{one}`" for one in ends) if ends else "from here this side makes no move"
    noun, this = machine.noun or f"`{machine.code}`", " with this change" if start == end else ""
    right = machine.hint(situation)
    if not right and situation.before is None and (issues := creator(situation)):
        return Problem(Category.RULE, issues)
    said = f"{_article(noun)} {noun} Task that is `{start}`"
    text = f"{said} cannot be made `{end}`{this} by the {' and '.join(sides)}: {right or allowed}."
    return problem(Category.RULE, "business-rule", text, expression="Task.status", rule=machine.rule)


def _article(noun: str) -> str:
    return "An" if noun.lstrip("`")[0] in "aeiou" else "A"


def absent() -> Problem:
    """HOV-11: the refusal for a third agency, for which the Task does not exist."""
    return problem(Category.ABSENT, "not-found", "There is no such Task.")


def diagram(table: Iterable[Move]) -> str:
    """A transition table as a Mermaid state diagram, for README."""
    rows = tuple(table)
    lines = ["stateDiagram-v2"]
    for row in rows:
        start = "[*]" if row.start == "none" else _state(row.start)
        lines.append(f"    {start} --> {_state(row.end)}: {' or '.join(row.sides)}{f', {row.kind}' if row.kind else ''}")
    ends = dict.fromkeys(row.end for row in rows if row.end in reading.TERMINAL)
    return "\n".join((*lines, *(f"    {_state(end)} --> [*]" for end in ends)))


def _state(status: str) -> str:
    return status.replace("-", "_")
