"""The merge of two plans (OWN-6, OWN-11): loads the situation for its rules, and stages what acceptance makes of both plans."""

from __future__ import annotations

from dataclasses import replace

from service.care.merge_plan.content import goals_of
from service.care.merge_plan.effects import open_key
from service.care.merge_plan.situation import NO_PLAN, Aim, MergeSituation, Parallel, named_into
from service.care.ownership.plan import teams_of
from service.care.task import reading
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.situation import Outcome
from service.change import Party, Resource
from service.fhir.reference import link, name_of
from service.store.records import Row
from service.usecases.care import outcomes, parts, sending, situations
from service.usecases.request import plan_keys
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

WITHHELD = Authority(text="parts of the plan would be withheld from it, and the other plan would take them over")


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> MergeSituation:
    """Loads the situation for the rules of a merge; when the sender writes, with only those records that the sender may see: what
    is hidden counts as absent, so that a try tells nothing about it (HOV-11)."""
    after, before = proposal.resource, proposal.before
    sender = await work.organization(link(before or after, "requester"))
    sees_all = before is not None and reading.sent(before) and sender != work.context.caller.organization
    hidden = frozenset() if sees_all else await _hidden(work, viewer, after)
    merged, into = [await _parallel(work, ref, hidden) for ref in (link(after, "focus"), named_into(after))]
    others = [each for side in (merged, into) for each in (side.plan, *side.teams) if each]
    found = (await situations.situation(work, after, before, others)).widened(MergeSituation, merged=merged, into=into)
    if reading.status(after) not in ("requested", "accepted"):
        return found
    return replace(
        found,
        patients=await work.patients(link(merged.plan, "subject")) if merged.plan else frozenset(),
        goals=await _goals(work, viewer, found, everything=sees_all),
        opposed=await _opposed(work, found),
        authority=await _authority(work, found, hidden),
    )


async def _hidden(work: UnitOfWork, viewer: Viewer, task: Resource) -> frozenset[str]:
    """The plans and the Consent that a Task names and its sender does not see."""
    named = {reading.value_reference(each) for each in reading.inputs(task, "sharing-authority")}
    refs = {link(task, "focus"), named_into(task), *named} - {""}
    return frozenset([ref for ref in sorted(refs) if not await sees(work, viewer, ref)])


async def _parallel(work: UnitOfWork, ref: str, hidden: frozenset[str]) -> Parallel:
    """One of the two plans, with what its ownership rests on."""
    plan = await work.get(ref) if ref.startswith("CarePlan/") and ref not in hidden else None
    if plan is None:
        return NO_PLAN
    teams = [team for each in teams_of(plan) if (team := await work.get(each)) is not None]
    return Parallel(plan, await work.keeper(ref), tuple(teams), await plan_keys.spared(work, plan))


async def _goals(work: UnitOfWork, viewer: Viewer, found: MergeSituation, *, everything: bool) -> dict[str, Aim]:
    """The Goals of both plans that are here, those alone that the writer sees unless `everything`."""
    refs = dict.fromkeys((*goals_of(found.merged.plan), *goals_of(found.into.plan)))
    goals = {}
    for ref in refs:
        if not ref.startswith("Goal/") or not (everything or await sees(work, viewer, ref)):
            continue
        row = await work.standing(ref)
        if row is not None and not row.deleted:
            goals[ref] = Aim(row.resource, row.custodian, await _shared(work, found, row))
    return goals


async def _shared(work: UnitOfWork, found: MergeSituation, row: Row) -> bool:
    """Whether both agencies may see a record, once they are in one team."""
    others = [each for each in (found.sender, found.receiver) if each not in ("", row.custodian)]
    return all([await sending.will_see(work, row.custodian, each, row) for each in others])


async def _opposed(work: UnitOfWork, found: MergeSituation) -> str:
    """The open Task by which the other plan is to be merged into this one, or ''."""
    holder = await work.services.records.holder(open_key(found.into_ref, found.into.keeper))
    task = await work.get(holder) if holder else None
    return name_of(task) if task and named_into(task) == found.merged_ref else ""


async def _authority(work: UnitOfWork, found: MergeSituation, hidden: frozenset[str]) -> Authority:
    """HOV-3: the authority on which the receiving agency may have the whole plan. An agency that leads both tells nobody."""
    sender, receiver = found.sender, found.receiver
    row = await work.standing(found.merged_ref) if found.merged.plan else None
    if row is None or not receiver:
        return NONE_DECIDED
    if sender == receiver:
        return Authority(True)
    task = {**found.after, "status": "requested"}
    decided = await sending.permitted(work, task, sender, receiver, [row], hidden)
    return WITHHELD if decided.permitted and await sending.withheld(work, task, sender, receiver, [row]) else decided


async def settle(work: UnitOfWork, _: Viewer, __: Proposal, decision: Outcome) -> None:
    """Stages the decision. Sending is a disclosure (HOV-3), and acceptance counts the parts of the merged plan anew (OWN-11)."""
    task = decision.writes[0].resource
    await outcomes.stage(work, decision)
    if decision.disclosure:
        sender, receiver = [await work.organization(link(task, each)) for each in ("requester", "owner")]
        rows = [row for row in (await work.standing(link(task, "focus")),) if row is not None]
        await sending.disclose(work, task, sender, receiver, rows, ("care-plan",))
    if decision.moved:
        await _merged(work, link(task, "focus"), named_into(task))


async def _merged(work: UnitOfWork, merged: str, into: str) -> None:
    """IDN-6: who takes in the plan by which an agency led the person's care leads it from now on, as who receives that plan by a
    handover does."""
    row, other = await work.row(merged), await work.row(into)
    if row is not None and row.parties and other is not None and not other.parties:
        work.staged[into].parties = (Party(other.custodian),)
    await parts.reconsider(work, row.resource if row else None, work.staged[merged].resource)
