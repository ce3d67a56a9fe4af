"""Pathways: their publication by the agency of the locality lead (GOV-3, GOV-4), and their adoption by every agency (GOV-7)."""

from __future__ import annotations

import asyncio
from functools import cache

from service import clock
from service.care.pathway import adoption as adopting
from service.care.pathway.adoption import Adoption, AdoptionSituation
from service.care.pathway.lint import Publication, faults
from service.care.pathway.pathway import read
from service.care.task import agreement, reading
from service.change import Resource
from service.fhir.canonical import TaskCode, pathway
from service.fhir.json import parse
from service.fhir.reference import link, name_of, unversioned, version_in
from service.problem import Category, Problem, Refused, problem
from service.settings import shipped
from service.usecases.care import outcomes, situations
from service.usecases.request import canonicals
from service.usecases.request.audit import audited
from service.usecases.request.pathways import TYPE
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of PlanDefinition: an agency keeps its own; a pathway is published by the agency of the locality lead."""
    if not (_is_pathway(proposal.resource) or _is_pathway(proposal.before or {})):
        return await canonicals.write(work, viewer, proposal)
    await _leads(work)
    row = proposal.row
    if row is None or proposal.before is None or proposal.resource.get("url") != proposal.before.get("url"):
        text = f"A pathway is published as the next version of its own record: PUT `{_place(proposal)}` with the same `url`."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="PlanDefinition.url", rule="GOV-3"))
    resource = adopting.published(proposal.resource)
    if issues := await _faults(work, resource):
        raise Refused(issues)
    work.update(resource, row.version, row.custodian)
    ref = name_of(resource)
    work.audits.append(audited(work.context, "U", ref, why="pathway-published"))
    await outcomes.stage(work, adopting.ask(await _adoption(work, ref, row.version + 1, resource), clock.new_id))
    return ref


async def load(work: UnitOfWork, proposal: Proposal) -> AdoptionSituation:
    """Loads the situation for the rules of an agreement to a pathway."""
    asked = agreement.focus(proposal.before or proposal.resource)
    row = await work.row(unversioned(asked))
    if row is not None:
        work.guard(row)  # a publication and an agreement to what it replaces may not both commit
    loaded = await situations.situation(work, proposal.resource, proposal.before)
    return loaded.widened(AdoptionSituation, newest=row is not None and row.version == version_in(asked))


async def agreed(work: UnitOfWork, task: Resource) -> None:
    """GOV-7: what follows from an agreement. With the last one the version comes into force, in the same transaction."""
    if reading.status(task) != "completed":
        return
    version = agreement.focus(task)
    ref = unversioned(version)
    resource = await work.guarded(ref)
    if resource is None:
        return
    decision = adopting.settle(await _adoption(work, ref, version_in(version), resource), clock.new_id)
    await outcomes.stage(work, decision)
    if any(name_of(each.resource) == ref for each in decision.writes):
        work.audits.append(audited(work.context, "U", ref, why=adopting.FORCED))


async def _adoption(work: UnitOfWork, ref: str, number: int, resource: Resource) -> Adoption:
    """The adoption of one version as the unit of work leaves it. The commit fails when another agency answers meanwhile: of the
    last two agreements one then sees the other."""
    rows = [row for row in await work.services.holdings.having("Task", f"focus={ref}") if _agrees(row.resource)]
    for row in rows:
        if row.reference not in work.staged:
            work.guard(row)
    asked = [await work.get(row.reference) or row.resource for row in rows]
    partners = await work.services.partners.list()
    return Adoption(
        resource,
        adopting.about(resource, number),
        work.context.at,
        _publisher(asked, adopting.about(resource, number)) or work.context.caller.organization,
        tuple(each.organization for each in partners if each.live(work.context.at)),
        tuple(asked),
        work.services.calendar,
    )


def _publisher(asked: list[Resource], version: str) -> str:
    """The agency that published a version: the one that asked for agreement to it; '' when nobody was asked yet."""
    return next((link(one, "requester") for one in asked if agreement.focus(one) == version), "")


def _agrees(task: Resource) -> bool:
    return reading.code(task) == TaskCode.AGREE_PLAN


def _is_pathway(resource: Resource) -> bool:
    return str(resource.get("url", "")).startswith(pathway(""))


def _place(proposal: Proposal) -> str:
    known = str((proposal.before or proposal.resource).get("url", ""))
    return f"{TYPE}/{known.rpartition('/')[2]}"


async def _leads(work: UnitOfWork) -> None:
    """GOV-4: refuses a caller that is not the agency of the locality lead, with a live agreement."""
    partner = await work.services.directory.partner(work.context.caller.organization)
    if partner is None or not partner.locality_lead or not partner.live(work.context.at):
        text = "A pathway is published by the agency of the locality lead, which your agency is not: ask the lead to publish it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression="PlanDefinition.url", rule="GOV-4"))


async def _faults(work: UnitOfWork, resource: Resource) -> Problem | None:
    """Every reason for which a pathway cannot be published, or None. They are looked for beside the event loop, because the
    examples are many."""
    read_ = read(resource)
    named = {route.to: await work.services.directory.get(route.to) for route in read_.routes if route.to}
    history = await work.services.pathways.history(read_.name)
    publication = Publication(
        resource,
        frozenset(str(each.get("version", "")) for each in history),
        await asyncio.to_thread(examples),
        {ref: entry for ref, entry in named.items() if entry is not None},
    )
    found = await asyncio.to_thread(faults, publication)
    return Problem(Category.RULE, found) if found else None


@cache
def examples() -> tuple[Resource, ...]:
    """The shipped examples of the minimum datasets, on which a threshold is tried."""
    paths = sorted((shipped("profiles") / "examples" / "valid").glob("mds-*.json"))
    read_ = (parse(path.read_bytes()) for path in paths)
    return tuple(each for each in read_ if not isinstance(each, Problem))
