"""The practice of a Task `action`: loads what it comes with. An action is decided together with the write by which its decision
is taken, whichever of the two stands first in the transaction."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from service.care.action.needs import decision
from service.care.action.situation import ActionSituation, came_from
from service.care.meeting import meeting
from service.care.task.authority import NONE_DECIDED, Authority
from service.change import Resource
from service.fhir.reference import link, name_of
from service.problem import Category, Problem, Refused
from service.usecases.care import sending, situations
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> ActionSituation:
    """Loads the situation for the rules of an action. Of a new one the decision is looked at again once everything is staged."""
    task = proposal.resource
    found = (await situations.situation(work, task, proposal.before)).widened(ActionSituation)
    if proposal.before is not None:
        return found
    named = came_from(task)
    there = named in work.coming or await sees(work, viewer, named)
    loaded = replace(
        found,
        decision=await work.get(named) if there else None,
        moving=there and (named in work.coming or named in work.staged),
        patients=await work.patients(link(task, "for")),
        known=await work.get(link(task, "owner")) is not None,
        authority=await _authority(work, viewer, found),
    )
    work.check(name_of(task), partial(_taken, work, loaded))
    return loaded


async def _authority(work: UnitOfWork, viewer: Viewer, found: ActionSituation) -> Authority:
    """Whether the owner's agency may know of the action's person, whom the sender has to see."""
    person = link(found.after, "for")
    if not found.receiver or found.receiver == found.agency or not await sees(work, viewer, person):
        return replace(NONE_DECIDED, text="the person is not known here")
    row = await work.standing(person)
    return await sending.permitted(work, found.after, found.sender, found.receiver, [row] if row else [])


async def _taken(work: UnitOfWork, found: ActionSituation) -> None:
    """Refuses an action whose decision the transaction does not take after all."""
    named = came_from(found.after)
    stored, staged = await work.row(named), work.staged.get(named)
    left = staged.resource if staged is not None and not staged.deleted else None
    before = stored.resource if stored is not None and not stored.deleted else None
    moved = left is not None and _decides(before, left)
    if issues := decision(replace(found, decision=left, moving=moved)):
        raise Refused(Problem(Category.RULE, issues))


def _decides(before: Resource | None, after: Resource) -> bool:
    """Whether the write of a Task, or of a meeting, decides: a Task whose status changes, a meeting that ends."""
    ends = after["resourceType"] == "Task" or (meeting.is_meeting(after) and after.get("status") == meeting.FINISHED)
    return ends and (before is None or before.get("status") != after.get("status"))
