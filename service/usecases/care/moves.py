"""`Task/{id}/$moves`: what the caller may do with a Task next, and what each move still needs. Nothing is written."""

from __future__ import annotations

from service.care.identity_review.review import is_review
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.machine import Machine, Move
from service.care.task.moves import NextMove, asking, open_rows, side, weighed
from service.care.task.situation import Situation
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import situations
from service.usecases.care.tasks import PLAIN, PRACTICES, Practice
from service.usecases.request.audit import note
from service.usecases.request.proposal import Proposal
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of
from service.usecases.request.work import UnitOfWork


async def moves(services: Services, context: RequestContext, identity: str) -> tuple[NextMove, ...]:
    """The next moves of a Task that the caller may see, in the order of its table; none when the caller's side makes no move.

    Refuses alike (ABSENT) an absent and a hidden Task, and (RULE) a Task whose code has no machine.
    """
    allowed(context, "Task", "r")
    work = UnitOfWork(services, context)
    viewer = await viewer_of(services, context, work.known)
    row = await work.row(f"Task/{identity}")
    shown = await viewer.reveal([row] if row is not None and not row.deleted else [], "r")
    await note(services, context, "R", f"Task/{identity}/$moves", shown)
    if not shown:
        raise absent("Task", identity)
    return await _moves(work, viewer, shown[0].row)


async def _moves(work: UnitOfWork, viewer: Viewer, row: Row) -> tuple[NextMove, ...]:
    task = row.resource
    code = reading.code(task)
    machine, practice = MACHINES.get(code), PRACTICES.get(code, PLAIN)
    if machine is None:
        text = "This Task has no code of `task-code`, so that no table says its moves: the agency that keeps it writes it."
        raise Refused(problem(Category.RULE, "not-supported", text, expression="Task.code", rule="HOV-1"))
    if work.context.caller.personal and not is_review(task):
        return ()  # a person reads a Task about themselves; its agencies move it (L1)
    parties = await situations.situation(work, task, task)
    return tuple([await _weighed(work, viewer, practice, machine, row, each, parties) for each in open_rows(machine, parties)])


async def _weighed(
    work: UnitOfWork, viewer: Viewer, practice: Practice, machine: Machine[Situation], row: Row, move: Move, parties: Situation
) -> NextMove:
    """A move in the situation that the Task's practice loads for it. What the practice refuses to load is what the move needs."""
    try:
        found = await practice.load(work, viewer, Proposal(asking(row.resource, move), row, "u"))
    except Refused as refusal:
        if refusal.problem.category is not Category.RULE:
            raise
        return NextMove(move.end, move.kind, side(move, parties), refusal.problem.issues)
    return weighed(machine, found, move)
