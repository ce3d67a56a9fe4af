"""OWN-5 and OWN-10: when a lead can no longer lead, because the role, its Practitioner or its Organization ended or was deleted,
the lead's plans are tagged as unowned at once and their agency is asked to name another lead. The service reassigns no plan."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from service import clock
from service.care.ownership.keys import led
from service.care.ownership.plan import tagged, tagged_unowned
from service.care.ownership.role import ENTRIES, Lead, changing, lead_fault, leading
from service.care.task.made import task_of
from service.care.task.situation import Staged
from service.change import Notice, Resource, Timer
from service.fhir.canonical import TaskCode
from service.fhir.date import ended_at, period
from service.fhir.reference import link, name_of
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import outcomes
from service.usecases.request.audit import audited
from service.usecases.request.directory import DIRECTORY
from service.usecases.request.work import UnitOfWork

KIND = "OWN-5"
MEMBER = {"Practitioner": "practitioner", "Organization": "organization"}
LATER = timedelta(minutes=1)
"""How long after the end of a role's period its plans are looked at again: longer than a commit takes that was decided before."""


async def changed(work: UnitOfWork, before: Resource | None, after: Resource | None) -> None:
    """Stages the effects of a write of a PractitionerRole, Practitioner or Organization on the plans that it leads: a plan loses
    its owner, or has an owner again. `after` is None for a delete."""
    entry = after or before or {}
    if entry.get("resourceType") not in ENTRIES:
        return
    if entry["resourceType"] == "PractitionerRole":
        _watch(work, entry, name_of(entry))
    lost: list[str] = []
    found: list[str] = []
    for role in await _roles(work, entry):
        could, can = [_can(work, await _with(work, role, entry, content)) for content in (before, after)]
        if could != can:
            (found if can else lost).append(name_of(role))
    work.touches[name_of(entry)] = tuple(map(changing, (*lost, *found)))
    await _ended(work, lost)
    await _resumed(work, found)


async def lapsed(work: UnitOfWork, role: Resource) -> None:
    """Stages the effects of the passing of time on the plans of a role, when the role can lead no longer."""
    if not _can(work, await work.lead_of(role)):
        await _ended(work, [name_of(role)])


async def refuse_move(work: UnitOfWork, before: Resource, after: Resource) -> None:
    """OWN-10: refuses another practitioner or organization for a PractitionerRole that leads a plan."""
    moved = next((name for name in MEMBER.values() if link(before, name) != link(after, name)), "")
    if moved and await _plans(work, [name_of(after)]):
        text = "A PractitionerRole that leads a plan keeps its practitioner and organization: write a new role, and name that."
        expression = f"PractitionerRole.{moved}"
        raise Refused(problem(Category.RULE, "business-rule", text, expression=expression, rule="OWN-10"))


def _can(work: UnitOfWork, lead: Lead) -> bool:
    return not lead_fault(lead, work.context.at, work.services.zone)


async def _roles(work: UnitOfWork, entry: Resource) -> list[Resource]:
    """The roles that an entry is part of, as the unit of work has left them so far; of a PractitionerRole, the role itself. The
    commit fails when the directory changes before the commit."""
    member = MEMBER.get(entry["resourceType"])
    if member is None:
        return [entry]
    await work.premise(DIRECTORY)
    rows = await work.services.holdings.having("PractitionerRole", f"{member}={name_of(entry)}")
    return [role for row in rows if (role := await work.get(row.reference)) is not None]


async def _with(work: UnitOfWork, role: Resource, entry: Resource, content: Resource | None) -> Lead:
    """The Lead of a role, with `content` in the place of the entry that is written."""
    if entry["resourceType"] == "PractitionerRole":
        return await work.lead_of(content)
    lead = await work.lead_of(role)
    replaced = {"practitioner": lead.practitioner, "organization": lead.organization, MEMBER[entry["resourceType"]]: content}
    return Lead(role, **replaced)


async def _ended(work: UnitOfWork, roles: Iterable[str]) -> None:
    """Tags the plans of these roles as unowned, and asks their agencies to name another lead, once for each plan."""
    for row in await _plans(work, roles):
        plan = row.resource
        if tagged_unowned(plan):
            continue
        await _put(work, row, unowned=True)
        alert = task_of(
            clock.new_id(),
            TaskCode.ALERT,
            requester=row.custodian,
            owner=row.custodian,
            patient=link(plan, "subject"),
            at=work.context.at,
            focus=row.reference,
            text="The lead of this plan can no longer lead: name another, or hand the plan over.",
        )
        await outcomes.put(work, Staged(alert, created=True, custodian=row.custodian))
        work.notices.append(Notice("ownership-changed", row.custodian, row.reference, link(plan, "subject")))
        work.audits.append(audited(work.context, "U", row.reference, why="plan-unowned", patients=row.patients))


async def _resumed(work: UnitOfWork, roles: Iterable[str]) -> None:
    """Removes the tag `unowned` from the plans of roles that can lead again."""
    for row in await _plans(work, roles):
        await _put(work, row, unowned=False)


async def _put(work: UnitOfWork, row: Row, *, unowned: bool) -> None:
    if unowned != tagged_unowned(row.resource):
        work.rows.setdefault(row.reference, row)
        await outcomes.put(work, Staged(tagged(row.resource, unowned)))


async def _plans(work: UnitOfWork, roles: Iterable[str]) -> list[Row]:
    """The plans that these roles lead. The commit fails when one of the roles takes another plan before the commit."""
    found: dict[str, Row] = {}
    for role in roles:
        await work.premise(leading(role))
        rows = await work.services.holdings.having("CarePlan", f"author={role}")
        found |= {row.reference: row for row in rows if led(row.resource, row.keys)}
    return list(found.values())


def _watch(work: UnitOfWork, role: Resource, ref: str) -> None:
    """Sets the timers for the end of a role's period: at the end, and once more for what was decided just before the end."""
    work.cancelled.append(f"{KIND}:{ref}")
    if (ends := _ends(work, role)) is not None:
        work.timers.extend(Timer(f"{KIND}:{ref}", KIND, due, ref, level) for level, due in enumerate((ends, ends + LATER)))


def _ends(work: UnitOfWork, role: Resource) -> datetime | None:
    """The instant at which a role's recorded period ends; None when the period has no end in the future."""
    end = ended_at(period(role.get("period"), work.services.zone))
    return end if end and end > work.context.at else None
