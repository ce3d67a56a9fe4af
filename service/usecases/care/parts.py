"""The parts of a plan (OWN-11): `partOf` spares a plan from OWN-6 only while it names an active plan, so that the parts of a plan
that begins or ends to be active are counted anew."""

from __future__ import annotations

from service import clock
from service.care.ownership.keys import alone
from service.care.task.made import task_of
from service.care.task.situation import Staged
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import link, name_of
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.usecases.care import outcomes
from service.usecases.request import plan_keys
from service.usecases.request.work import UnitOfWork


async def reconsider(work: UnitOfWork, before: Resource | None, plan: Resource) -> None:
    """Stages the parts of a plan that begins or ends to be active, where that changes the unique keys that they hold."""
    if before is None or (before.get("status") == "active") == (plan.get("status") == "active"):
        return
    await work.premise(plan_keys.partly(name_of(plan)))
    taken: set[str] = set()
    for row in await work.services.holdings.having("CarePlan", f"part-of={name_of(plan)}"):
        part = await work.get(row.reference)
        if part is not None and alone(part):
            await _count(work, row, part, taken)


async def _count(work: UnitOfWork, row: Row, part: Resource, taken: set[str]) -> None:
    """Stages a part with the keys that it holds now. A second plan that OWN-6 would allow no place is refused to the agency whose
    both are; another agency is asked to merge the plans, because no agency may hold up the end of another's plan."""
    wanted = set(await plan_keys.keys(work, part, row, row.custodian))
    if wanted == set(row.keys):
        return
    held = [key for key in wanted - set(row.keys) if await _is_held(work, key)]
    if not held and wanted.isdisjoint(taken):
        taken |= wanted
        work.rows.setdefault(row.reference, row)
        await outcomes.put(work, Staged(part))
        return
    if row.custodian == work.context.caller.organization:
        text = f"`{row.reference}` would be a second top-level plan: end it, or make it part of another active plan, first."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="CarePlan.status", rule="OWN-6"))
    await outcomes.put(work, Staged(merge_asked(work, row), created=True, custodian=row.custodian))


async def _is_held(work: UnitOfWork, key: str) -> bool:
    """Whether a plan holds a unique key once the unit of work is done: not the plan that ends in it, whose place is free then."""
    holder = await work.services.records.holder(key)
    staged = work.staged.get(holder or "")
    if staged is None or staged.deleted:
        return holder is not None and staged is None
    return key in await plan_keys.keys(work, staged.resource, await work.row(str(holder)), staged.custodian)


def merge_asked(work: UnitOfWork, row: Row) -> Resource:
    """OWN-11: the alert that asks a plan's agency to merge it with another active plan of the same person."""
    return parallel(work, row.reference, row.custodian, link(row.resource, "subject"))


def parallel(work: UnitOfWork, plan: str, agency: str, person: str) -> Resource:
    """As `merge_asked`, about a plan that need not be stored yet."""
    return task_of(
        clock.new_id(),
        TaskCode.ALERT,
        requester=agency,
        owner=agency,
        patient=person,
        at=work.context.at,
        focus=plan,
        text="This person has another active top-level plan: merge the two by a Task `merge-plan`, or end one (OWN-11).",
    )
