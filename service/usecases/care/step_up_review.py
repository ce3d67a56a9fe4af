"""The review of an escalation (E5, E10, E12): loads what its decision rests on, as far as the deciding agency may see it, and
fires the timers of step-up (TIM-5, TIM-6, the end of a contact plan)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from service import clock
from service.care.meeting import meeting
from service.care.ownership.role import Lead
from service.care.step_up import overdue, safeguarding
from service.care.step_up.effects import ENDS
from service.care.step_up.situation import Formulation, Pathway, ReviewSituation, decider_of
from service.care.task import reading
from service.care.task.dataset import completeness
from service.care.task.situation import Outcome, Situation
from service.change import Resource, Timer
from service.fhir import date
from service.fhir.canonical import TaskCode, dataset
from service.fhir.reference import link, links, name_of, unversioned
from service.store.records import Row
from service.usecases.care import agendas, outcomes, situations, step_up
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

FORMULATION = dataset("risk-formulation")
TIMERS = frozenset(("TIM-5", "TIM-6", ENDS))
"""The kinds of timers that `fire` carries out."""
Seen = tuple[Resource, datetime]
"""A record that the caller may see, and the instant of its newest version."""


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> ReviewSituation:
    """Loads the situation of an escalation review; what only one decision looks at is loaded for that decision alone."""
    after, before = proposal.resource, proposal.before
    task = before or after
    person, status, owner = link(task, "for"), reading.status(after), link(after, "owner")
    patients = await work.patients(person)
    found = await situations.situation(work, after, before)
    decides = status in ("accepted", "rejected")
    ends = status in ("rejected", "completed")
    responses = [reading.value_reference(one) for one in reading.inputs(task, "minimum-dataset")]
    plan, changed = await _plan(work, viewer, after)
    return found.widened(
        ReviewSituation,
        request=await work.get(link(task, "focus")),
        decider=await work.lead(decider_of(after, found.user)) if decides else Lead(),
        reviewer=await work.lead(owner) if owner != link(task, "owner") else Lead(),
        actions=tuple(_actions(work, name_of(task))),
        attempts=tuple(each for each, _ in await _seen(work, viewer, "Communication", patients)) if status == "completed" else (),
        plan=plan,
        changed=changed,
        concern=await _concern(work, viewer, patients) if ends else None,
        flagged=any([safeguarding.answered_so(await work.get(ref) or {}) for ref in responses]) if ends else False,
        formulations=await _formulations(work, viewer, patients) if ends else (),
        patients=patients,
        pathway=await _pathway(work, task),
    )


async def _pathway(work: UnitOfWork, task: Resource) -> Pathway:
    """The version of the step-up pathway that a review runs under (MTG-4), else the one in force."""
    pathways = work.services.pathways
    ran = await pathways.version(str(task.get("instantiatesCanonical", "")))
    return ran or await pathways.in_force(step_up.PATHWAY)


def _actions(work: UnitOfWork, task: str) -> list[Resource]:
    """The action Tasks that this unit of work makes as parts of a Task."""
    made = [each.resource for ref, each in work.staged.items() if ref.startswith("Task/") and not each.before]
    return [one for one in made if reading.code(one) == TaskCode.ACTION and task in links(one, "partOf")]


async def _seen(work: UnitOfWork, viewer: Viewer, type_: str, patients: Collection[str]) -> list[Seen]:
    """The records of a type about these Patients that the caller may see, those of this unit of work among them."""
    rows = await work.services.holdings.of(type_, patients)
    persons = await work.seen(patient for row in rows for patient in row.patients)
    stored = [(row.resource, row.at) for row in rows if row.reference not in work.staged and viewer.permits([row], persons)]
    made = [each.resource for ref, each in work.staged.items() if ref.startswith(f"{type_}/") and not each.deleted]
    return [*stored, *((one, work.context.at) for one in made if link(one, "subject") in patients)]


async def _plan(work: UnitOfWork, viewer: Viewer, task: Resource) -> tuple[Resource | None, datetime | None]:
    """The CarePlan that output `crisis-plan` names, if the caller may see it, and the instant of its newest version."""
    named = next((ref for one in reading.outputs(task, "crisis-plan") if (ref := reading.value_reference(one))), "")
    if not named.startswith("CarePlan/") or not await sees(work, viewer, named):
        return None, None
    row = await work.row(named)
    return await work.get(named), work.context.at if named in work.staged or row is None else row.at


async def _concern(work: UnitOfWork, viewer: Viewer, patients: Collection[str]) -> datetime | None:
    """Since when a safeguarding Flag about the person is open; None where the caller sees none."""
    flags = await _seen(work, viewer, "Flag", patients)
    zone = work.services.zone
    since = [date.begins((one.get("period") or {}).get("start"), zone) or at for one, at in flags if safeguarding.is_concern(one)]
    return min(since, default=None)


async def _formulations(work: UnitOfWork, viewer: Viewer, patients: Collection[str]) -> tuple[Formulation, ...]:
    """The RiskAssessments about the person that have a response to the dataset `risk-formulation` as their basis."""
    questionnaire, found = work.services.definitions.questionnaire(FORMULATION), []
    for assessment, at in await _seen(work, viewer, "RiskAssessment", patients):
        refs = [unversioned(ref) for ref in links(assessment, "basis")] if safeguarding.stands(assessment) else []
        for ref in refs:
            response = await work.get(ref) if await sees(work, viewer, ref) else None
            if response and str(response.get("questionnaire", "")).partition("|")[0] == FORMULATION:
                found.append(Formulation(at, completeness(response, questionnaire)))
    return tuple(found)


async def settle(work: UnitOfWork, _: Viewer, proposal: Proposal, decision: Outcome) -> None:
    """Stages a decision. What was decided is talked about in the next MDT of the deciding agency: the escalation that was
    accepted (E5), and every decision, rejections first (ESC-3)."""
    await outcomes.stage(work, decision)
    task, before = decision.writes[0].resource, proposal.before
    status = reading.status(task)
    if status not in ("accepted", "rejected") or reading.status(before) == status:
        return
    agency = await work.organization(link(task, "owner"))
    if status == "accepted":
        await agendas.wait(work, agency, meeting.MDT, link(task, "focus"), "review")
    for made in (each.resource for each in decision.writes[1:]):
        if reading.code(made) == TaskCode.DECISION_REVIEW:
            await agendas.wait(work, agency, meeting.MDT, name_of(made), "decision-review", first=status == "rejected")


async def fire(work: UnitOfWork, row: Row, timer: Timer) -> None:
    """Stages what a passed deadline of step-up does to the record that its timer watches. A brief review that was not held stands
    on the agenda of the next MDT (TIM-6)."""
    outcome = await _passed(work, row, timer)
    if outcome is None:
        return
    await outcomes.stage(work, outcome)
    if timer.kind == "TIM-6":
        agency = await work.organization(link(row.resource, "owner"))
        await agendas.wait(work, agency, meeting.MDT, row.reference, "brief-review-due")


async def _passed(work: UnitOfWork, row: Row, timer: Timer) -> Outcome | None:
    record = row.resource
    if timer.kind == ENDS:
        origin = await work.get(overdue.based_on(record))
        agencies = tuple(dict.fromkeys((row.custodian, *overdue.requesters(origin))))
        situation = Situation(work.context.at, row.custodian, record, record)
        return overdue.over(situation, agencies, clock.new_id)
    found = await situations.situation(work, record, record)
    if timer.kind == "TIM-6":
        return overdue.unheld(found)
    routes = await step_up.routes(work, found.receiver)
    late = found.widened(ReviewSituation, routes=routes, pathway=await _pathway(work, record))
    return overdue.undecided(late, timer.level, clock.new_id)
