"""The joint crisis plan (E9): which agencies must agree and which have agreed, the records that its activation makes, and the
loading for an `agree-plan` Task."""

from __future__ import annotations

from dataclasses import replace

from service import clock
from service.care.crisis_plan import effects
from service.care.crisis_plan.agreements import Agreements, check
from service.care.crisis_plan.content import grounds, responses, rests_on
from service.care.crisis_plan.needs import AgreementSituation
from service.care.ownership.plan import teams_of
from service.care.task import reading
from service.care.task.agreement import focus
from service.care.task.dataset import Completeness, completeness
from service.change import Resource
from service.fhir.canonical import TaskCode, dataset
from service.fhir.reference import link, links, name_of, target, unversioned, versioned
from service.problem import Refused
from service.store.records import Row
from service.usecases.care import outcomes, situations
from service.usecases.disclosure.service_records import is_disclosure
from service.usecases.request.proposal import Proposal, sees
from service.usecases.request.viewer import Viewer, as_now
from service.usecases.request.work import UnitOfWork

PATHWAY = "crisis-plan"
"""The pathway whose TIM-10 says how long an agency has to agree to a version of a crisis plan."""
DATASET = dataset("crisis")


async def load(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> AgreementSituation:
    """Loads the situation for the rules of an agreement: the plan, and the version of the plan that is agreed to."""
    asked = focus(proposal.before or proposal.resource)
    plan, version = unversioned(asked), await _version(work, asked)
    current = await work.row(plan)
    if current is not None:
        work.guard(current)  # a change of the plan and an agreement to it may not both commit
    loaded = await situations.situation(work, proposal.resource, proposal.before)
    stored, shown = await work.get(plan), await _shown(work, viewer, asked, current)
    grounded = await _grounds(work, stored or {})
    return loaded.widened(AgreementSituation, plan=stored, version=version, grounds=grounded, shown=shown)


async def _shown(work: UnitOfWork, viewer: Viewer, asked: str, current: Row | None) -> bool:
    """Whether consent lets the caller's agency read this version of a plan, or the version was disclosed to the agency."""
    row = await work.version(asked)
    if row is None or current is None:
        return True  # the rules refuse it for another reason
    persons = await work.persons(row.patients)
    work.rests_on(persons.values())
    if viewer.permits([as_now(row, current)], persons):
        return True
    patients = {patient for person in persons.values() for patient in person.patients}
    told = await work.services.holdings.of("Communication", patients)
    return any(_tells(each.resource, asked, work.context.caller.organization) for each in told)


def _tells(communication: Resource, asked: str, agency: str) -> bool:
    """Whether a Communication is the record of a disclosure of this version to an agency."""
    named = (target(each.get("contentReference")) for each in communication.get("payload", ()))
    return is_disclosure(communication) and agency in links(communication, "recipient") and asked in named


async def agree(work: UnitOfWork, viewer: Viewer, before: Resource | None, plan: Resource) -> None:
    """E9: refuses an active plan that differs from the agreed content; stages the effects of an activation, or asks the
    agencies that were not asked about a draft as it is."""
    found = replace(await agreements(work, plan), dataset=await _dataset(work, viewer, before, plan))
    refusal = check(before, plan, found, work.context.at)
    if refusal is not None:
        raise Refused(refusal)
    agency, at = work.context.caller.organization, work.context.at
    if plan.get("status") == "active":
        if before is None or before.get("status") != "active":
            await outcomes.stage(work, effects.activated(plan, found, agency=agency, at=at, ids=clock.new_id))
        return
    limit = (await work.services.pathways.in_force(PATHWAY)).due("TIM-10", at, work.services.calendar)
    version = work.staged[name_of(plan)].before + 1
    await outcomes.stage(work, effects.ask(plan, found, version=version, agency=agency, at=at, due=limit, ids=clock.new_id))


async def agreements(work: UnitOfWork, plan: Resource) -> Agreements:
    """The Agreements of a crisis plan: the `agree-plan` Tasks, the versions of the plan that the Tasks are about, the team, and
    what the plan's dataset lacks."""
    ref = name_of(plan)
    asked = [
        row
        for row in await work.services.holdings.having("Task", f"focus={ref}")
        if reading.code(row.resource) == TaskCode.AGREE_PLAN
    ]
    for row in asked:
        work.guard(row)
    versions = {focus(row.resource): await _version(work, focus(row.resource)) for row in asked}
    teams = tuple([team for ref in teams_of(plan) if (team := await work.get(ref)) is not None])
    members = [link(each, "member") for team in teams for each in team.get("participant", ())]
    actors = (link(plan, "author"), *members, *(link(row.resource, "owner") for row in asked))
    return Agreements(
        asked=tuple(row.resource for row in asked),
        versions={ref: version for ref, version in versions.items() if version is not None},
        grounds=await _grounds(work, plan),
        teams=teams,
        organizations={actor: await work.organization(actor) for actor in actors if actor},
        zone=work.services.zone,
    )


async def resting_on(work: UnitOfWork, viewer: Viewer, answers: Row) -> str:
    """The reference of a crisis plan whose content refers to these answers, empty when there is none. A plan that another agency
    keeps and that the caller does not see is left out, because a refusal on its account would tell that the plan exists."""
    for plan in await work.services.holdings.of("CarePlan", answers.patients):
        if not rests_on(plan.resource, answers.reference):
            continue
        ours = plan.custodian == answers.custodian
        if ours or viewer.permits([plan], await work.seen(plan.patients)):
            return plan.reference
    return ""


async def _grounds(work: UnitOfWork, plan: Resource) -> frozenset[str]:
    """The records that a plan rests on, each in its version as the unit of work will leave it; the commit fails when one changes
    before the commit."""
    found = [(ref, await _standing(work, ref)) for ref in grounds(plan)]
    return frozenset(versioned(ref, version) for ref, version in found if version)


async def _standing(work: UnitOfWork, ref: str) -> int:
    """The number of a record's version; 0 when there is no such record."""
    if (staged := work.staged.get(ref)) is not None:
        return staged.before + 1
    row = await work.row(ref)
    if row is None:
        return 0
    work.guard(row)
    return row.version


async def _version(work: UnitOfWork, focus: str) -> Resource | None:
    row = await work.version(focus)
    return row.resource if row else None


async def _dataset(work: UnitOfWork, viewer: Viewer, before: Resource | None, plan: Resource) -> Completeness:
    """What the plan's `crisis` dataset lacks: every answer when the plan refers to no such dataset. Answers that the writer may
    not see are none, so that a try tells nothing of them; those of an active plan were agreed to, and stand."""
    stood = {*responses(before)} if before is not None and before.get("status") == "active" else set[str]()
    answers = [await work.get(ref) for ref in responses(plan) if ref in stood or await sees(work, viewer, unversioned(ref))]
    mine = (each for each in answers if each and str(each.get("questionnaire", "")).partition("|")[0] == DATASET)
    return completeness(next(mine, None), work.services.definitions.questionnaire(DATASET))
