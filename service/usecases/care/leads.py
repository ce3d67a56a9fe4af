"""OWN-5: when a lead can no longer lead, the lead's plans are tagged as unowned at once and the agency is asked to name another
lead. The service reassigns no plan."""

from __future__ import annotations

from datetime import datetime

from service import clock
from service.care.ownership import lead as ownership
from service.care.ownership.identity import organization_of, role_fault
from service.care.task.made import task_of
from service.care.task.situation import Staged
from service.change import Notice, Resource, Timer
from service.fhir.canonical import TAG
from service.fhir.date import ended_at, period
from service.fhir.reference import link, name_of
from service.store.records import Row
from service.usecases.care import outcomes
from service.usecases.request.audit import audited
from service.usecases.request.proposal import Proposal
from service.usecases.request.work import UnitOfWork

KIND = "OWN-5"
UNOWNED = {"system": TAG, "code": "unowned"}


async def changed(work: UnitOfWork, proposal: Proposal) -> None:
    """Stages the effects of a write of a PractitionerRole on the plans that the role leads: a plan loses its owner, or has an
    owner again. Sets the timer for the end of the role's period."""
    role, at, zone = proposal.resource, work.context.at, work.services.zone
    ref = name_of(role)
    work.cancelled.append(f"{KIND}:{ref}")
    if ends := _ends(work, role):
        work.timers.append(Timer(f"{KIND}:{ref}", KIND, ends, ref))
    if proposal.before is None:
        return
    could, can = not role_fault(proposal.before, at, zone), not role_fault(role, at, zone)
    if could and not can:
        await ended(work, role)
    if can and not could:
        await resumed(work, ref)


async def ended(work: UnitOfWork, role: Resource) -> None:
    """Tags the plans that a role leads as unowned, and asks the agency to name another lead, once for each plan."""
    for row in await _led(work, name_of(role)):
        plan = row.resource
        if ownership.tagged_unowned(plan):
            continue
        meta = plan.get("meta", {})
        tagged = {**plan, "meta": {**meta, "tag": [*meta.get("tag", ()), UNOWNED]}}
        await outcomes.put(work, Staged(tagged, keys=await _keys(work, row)))
        alert = task_of(
            clock.new_id(),
            "alert",
            requester=row.custodian,
            owner=organization_of(role) or row.custodian,
            patient=link(plan, "subject"),
            at=work.context.at,
            focus=row.reference,
            text="The lead of this plan can no longer lead: name another, or hand the plan over.",
        )
        await outcomes.put(work, Staged(alert, created=True, custodian=row.custodian))
        work.notices.append(Notice("ownership-changed", row.custodian, row.reference, link(plan, "subject")))
        work.audits.append(audited(work.context, "U", row.reference, why="plan-unowned", patients=row.patients))


async def resumed(work: UnitOfWork, ref: str) -> None:
    """Removes the tag `unowned` from the plans that a role leads, when the role can lead again."""
    for row in await _led(work, ref):
        if ownership.tagged_unowned(row.resource):
            await outcomes.put(work, Staged(ownership.adopted(row.resource), keys=await _keys(work, row)))


async def _led(work: UnitOfWork, ref: str) -> list[Row]:
    """The active plans that a role leads."""
    rows = await work.services.holdings.having("CarePlan", f"author={ref}")
    return [row for row in rows if row.resource.get("status") == "active"]


async def _keys(work: UnitOfWork, row: Row) -> tuple[str, ...]:
    """The unique keys of a plan, which the plan holds in every version (OWN-6)."""
    patient = link(row.resource, "subject")
    person = (await work.services.evidence.person(patient)).name if patient.startswith("Patient/") else ""
    return ownership.keys(row.resource, person, row.custodian)


def _ends(work: UnitOfWork, role: Resource) -> datetime | None:
    """The instant at which a role's recorded period ends; None when the period has no end in the future."""
    end = ended_at(period(role.get("period"), work.services.zone))
    return end if end and end > work.context.at else None
