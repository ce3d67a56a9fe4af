"""Fires timers (TIM): commits the decision of `service.care` about a passed deadline together with the end of the timer.

The transaction that writes the effects also settles the timer, so the effects happen exactly once per level, even when a worker
crashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.care.handover import deadlines, overdue
from service.care.handover.situation import HandoverSituation
from service.care.task.effects import passed
from service.care.task.situation import Outcome
from service.care.task.timers import BY_ID
from service.change import Resource, Timer
from service.fhir.reference import key, link
from service.problem import Category, Refused
from service.store.commit import Moved
from service.store.records import Row
from service.usecases.care import identity, leads, meeting_close, meetings, outcomes, situations, step_up_review
from service.usecases.request.audit import audited
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.work import UnitOfWork

WORKER = "baton-worker"
ATTEMPTS = 3

Breach = Callable[[HandoverSituation, Timer], Outcome | None]

BREACHES: Mapping[str, Breach] = {
    "TIM-1": lambda situation, timer: deadlines.unreceived(situation, timer.level),
    "TIM-2": lambda situation, timer: overdue.overdue(situation, timer.level, clock.new_id),
    "TIM-3": lambda situation, timer: deadlines.uncontacted(situation, timer.level, clock.new_id),
}


def _dated(situation: HandoverSituation, _: Timer) -> Outcome | None:
    return passed(situation)


def known(timer: Timer) -> bool:
    """Whether this version of the service has a rule for the timer. A timer of a newer version is left for the newer version's
    workers."""
    return timer.kind in (*BY_ID, leads.KIND, identity.KIND, *step_up_review.TIMERS, *meetings.TIMERS)


async def fire(services: Services, base: str, timer: Timer, now: datetime) -> bool:
    """Carries out one due timer. False when the timer's record changed during each of `ATTEMPTS` attempts; the timer is due again
    when its lease ends.

    Raises Refused UNAVAILABLE when the database does not answer.
    """
    for _ in range(ATTEMPTS):
        work = await _decided(services, base, timer, now)
        try:
            await work.commit()
        except Refused as refusal:
            if refusal.problem.category is not Category.CONFLICT:
                raise
            if isinstance(refusal, Moved):
                now = max(now, refusal.after or now)
        else:
            return True
    return False


async def _decided(services: Services, base: str, timer: Timer, now: datetime) -> UnitOfWork:
    """A unit of work with the effects of the timer on its record as the record stands now. The timer is settled even when the
    record no longer exists."""
    await services.directory.refresh()
    row = await services.records.read(*key(timer.focus))
    work = UnitOfWork(
        services, RequestContext(Caller(WORKER, row.custodian if row else "", NONE, purposes=("HOPERAT",)), now, base)
    )
    work.settled.append((timer.key, timer.level))
    if row is not None and not row.deleted:
        work.rows[timer.focus] = row
        work.guard(row)
        await _stage(work, row, timer)
    return work


async def _stage(work: UnitOfWork, row: Row, timer: Timer) -> None:
    if timer.kind == leads.KIND:
        await leads.lapsed(work, row.resource)
        return
    if timer.kind == identity.KIND:
        await identity.compare(work, row)
        return
    if timer.kind in step_up_review.TIMERS:
        await step_up_review.fire(work, row, timer)
        return
    if timer.kind in meetings.TIMERS:
        await meeting_close.passed(work, row.resource, timer)
        return
    if row.type != "Task":
        work.audits.append(audited(work.context, "E", timer.focus, why=f"{timer.kind}-passed", patients=row.patients))
        return
    rule = BREACHES.get(timer.kind, _dated)
    outcome = rule(await _situation(work, row.resource, str(timer.data.get("handover", ""))), timer)
    if outcome is not None:
        await outcomes.stage(work, outcome)


async def _contacts(work: UnitOfWork, actors: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The contacts of each agency's escalation levels, first level first, from the register of partners (HOV-7)."""
    agencies = {organization for actor in sorted(actors) if (organization := await work.organization(actor))}
    partners = {agency: await work.services.partners.get(agency) for agency in sorted(agencies)}
    return {agency: partner.contacts for agency, partner in partners.items() if partner}


async def _situation(work: UnitOfWork, task: Resource, about: str) -> HandoverSituation:
    handover = await work.get(about) if about else None
    spans, _ = await situations.pathway(work, handover or task, starting=False)
    named = dict.fromkeys(ref for ref in (link(task, "requester"), link(task, "owner")) if ref)
    return HandoverSituation(
        at=work.context.at,
        agency=work.context.caller.organization,
        after=task,
        before=task,
        organizations={ref: await work.organization(ref) for ref in named},
        about=handover,
        pathway=spans,
        contacts=await _contacts(work, {*named}),
        calendar=work.services.calendar,
    )
