"""Stages the Outcome of a care rule in the unit of work that will commit it."""

from __future__ import annotations

from service.care.task import reading
from service.care.task.situation import Outcome, Staged
from service.change import Party, Resource
from service.fhir.reference import links, name_of
from service.problem import Category, Refused, problem
from service.usecases.disclosure import adjustments
from service.usecases.request.audit import audited
from service.usecases.request.work import UnitOfWork


async def stage(work: UnitOfWork, outcome: Outcome) -> None:
    """Stages every write, timer, notice and AuditEvent of an Outcome, and guards the versions that its decision rests on."""
    for staged in outcome.writes:
        await put(work, staged)
    work.timers.extend(outcome.timers)
    work.cancelled.extend(outcome.cancelled)
    work.notices.extend(outcome.notices)
    work.guards.update(dict(outcome.guards))
    for fact in outcome.audits:
        for ref in fact.focus[:1]:
            work.audits.append(audited(work.context, fact.action, ref, why=fact.event, patients=filter(None, (fact.patient,))))


async def put(work: UnitOfWork, staged: Staged) -> str:
    """Stages one write and returns the record's reference. A changed record keeps its custodian unless the write names
    another."""
    resource = staged.resource
    agency = work.context.caller.organization
    if resource["resourceType"] == "Task" and (staged.created or await _unsent(work, resource)):
        resource = await adjustments.noted(work, resource)
    if staged.created:
        return work.create(resource, staged.custodian or agency, keys=staged.keys, parties=await _addressed(work, resource))
    ref = name_of(resource)
    if ref in work.staged:
        earlier = work.staged[ref]
        return work.update(resource, earlier.before, staged.custodian or earlier.custodian, keys=staged.keys or earlier.keys)
    row = await work.row(ref)
    if row is None or row.deleted:
        raise Refused(problem(Category.CONFLICT, "conflict", f"`{ref}` is not there any more; read again what refers to it."))
    return work.update(resource, row.version, staged.custodian or row.custodian, keys=staged.keys)


async def _unsent(work: UnitOfWork, task: Resource) -> bool:
    """Whether a Task is its requester's own draft as yet."""
    return not reading.sent(await work.get(name_of(task)))


async def _addressed(work: UnitOfWork, resource: Resource) -> tuple[Party, ...]:
    """The agencies that a Communication is addressed to, each as a party for an instant only: the agency may read the
    Communication, but gains no relationship with the person."""
    if resource["resourceType"] != "Communication":
        return ()
    recipients = [await work.organization(each) for each in links(resource, "recipient")]
    return tuple(Party(each, work.context.at, work.context.at) for each in dict.fromkeys(recipients) if each)
