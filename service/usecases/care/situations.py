"""Loads the part of a situation that the rules of every Task need: the organisations that the Task's parties act for."""

from __future__ import annotations

from collections.abc import Iterable

from service.care.pathway.pathway import SERVICES_OWN, Pathway
from service.care.task import reading
from service.care.task.situation import Situation
from service.change import Resource
from service.fhir.reference import link
from service.problem import Refused
from service.usecases.request.work import UnitOfWork


async def pathway(work: UnitOfWork, task: Resource, *, starting: bool) -> tuple[Pathway, str]:
    """The pathway that a Task names in its input `pathway`, whose spans then apply, and why the named one does not. What is
    starting needs one in force; what runs keeps the version that it started under."""
    canonical = next((str(each.get("valueCanonical", "")) for each in reading.inputs(task, "pathway")), "")
    if not canonical:
        return SERVICES_OWN, ""
    if not starting:
        return await work.services.pathways.version(canonical) or SERVICES_OWN, ""
    try:
        return await work.services.pathways.named(canonical), ""
    except Refused as refused:
        return SERVICES_OWN, str(refused.problem)


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
