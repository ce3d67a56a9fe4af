"""Whether the agencies of a plan have confirmed their roles (E7), on every route by which a plan becomes active."""

from __future__ import annotations

from service.care.meeting import roles
from service.care.ownership.plan import is_crisis_plan
from service.care.task.requirements import Issues
from service.change import Resource
from service.fhir.reference import name_of
from service.usecases.request.work import UnitOfWork


async def unconfirmed(work: UnitOfWork, before: Resource | None, plan: Resource, lead: str) -> Issues:
    """What is in the way of a plan with roles that their agencies have not confirmed, led by a PractitionerRole. Who
    keeps the plan has said its own; agencies agree to a crisis plan as a whole (E9)."""
    if plan.get("status") != "active" or not roles.has_roles(plan) or is_crisis_plan(plan):
        return ()
    rows = await work.services.holdings.having("Task", f"focus={name_of(plan)}")
    asked = [await work.get(row.reference) or row.resource for row in rows]
    themselves = {await work.organization(lead), await work.keeper(name_of(plan))}
    return roles.unconfirmed(before, plan, themselves, asked)
