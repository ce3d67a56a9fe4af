"""Loads the part of a situation that the rules of every Task need: the organisations that the Task's parties act for."""

from __future__ import annotations

from collections.abc import Iterable

from service.care.task.situation import Situation
from service.change import Resource
from service.fhir.reference import link
from service.usecases.request.work import UnitOfWork


async def situation(work: UnitOfWork, after: Resource, before: Resource | None, others: Iterable[Resource] = ()) -> Situation:
    """The situation of a submitted Task. The organisations of the parties of the records `others` are loaded, too."""
    named = {link(task, member) for task in (before, after) if task for member in ("requester", "owner")}
    for other in others:
        named |= {link(other, member) for member in ("author", "requester", "owner")}
        named |= {link(each, "member") for each in other.get("participant", ())}
    organizations = {ref: await work.organization(ref) for ref in sorted(named) if ref}
    return Situation(
        at=work.context.at,
        calendar=work.services.calendar,
        agency=work.context.caller.organization,
        after=after,
        before=before,
        user=work.context.caller.user,
        organizations=organizations,
    )
