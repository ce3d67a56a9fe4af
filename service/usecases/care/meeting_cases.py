"""The cases of a meeting: what stands on its agendas, with all that the decisions about it are decided on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from service.care.meeting import agenda, decision, meeting, roles
from service.care.meeting.agenda import Entry
from service.care.meeting.effects import TOPIC
from service.care.meeting.situation import Case, Meeting
from service.care.ownership.plan import is_top_level
from service.care.ownership.role import Lead
from service.care.pathway.suggestion import suggest
from service.care.referral import referral
from service.care.task import reading
from service.care.task.dataset import Completeness, completeness
from service.change import Notice, Resource
from service.fhir.canonical import AGENDA_REASON, DATASET_ANSWER, TaskCode, dataset
from service.fhir.coding import codes_in
from service.fhir.reference import link, name_of
from service.store.records import Row
from service.usecases.care import agendas, sending
from service.usecases.request.proposal import sees
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

ANSWERED = {meeting.CASE_REVIEW: dataset("case-review"), meeting.RISK_FORUM: dataset("forum")}
"""The dataset that a kind of meeting asks for."""
CRITERIA = frozenset({"repeated-non-engagement", "safeguarding", "early-relapse"})
"""The criteria by which a person is referred to a risk forum (E13)."""
NAMED = re.compile(r"non-engag|not engag|safeguard|relapse", re.IGNORECASE)
"""The words by which an answer names one of them, as the shipped pathway reads them."""
WITHOUT_ANSWER = frozenset({"none", "not-known"})


async def load(work: UnitOfWork, viewer: Viewer, found: Meeting, ref: str, taken: Sequence[Resource]) -> list[Case]:
    """What stands on the agendas of a meeting, with what was decided. Whom the chair may not know of any more is left out, and
    who put them there is told."""
    entries = agenda.together(entry for listed in await agendas.lists(work, ref) for entry in agenda.entries(listed))
    await work.foresee([each.item for each in entries])
    actions = actions_of(work, ref)
    decisions = [decision.read(each) for each in taken]
    cases = []
    for entry in entries:
        row = await work.standing(entry.item)
        writer = entry.added_by or found.keeper
        if row is None or row.deleted or await agendas.may_know(work, found.chair_agency, row) is not None:
            await _undiscussed(work, found, ref, entry, writer)
            continue
        person = agenda.person_of(row.resource)
        patients = await work.patients(person)
        case = Case(
            entry,
            row.resource,
            person,
            tuple(each for each in decisions if each.item == entry.item),
            tuple(each for each in actions if _of_entry(each, entry.item, patients)),
            told=await agendas.knowing(work, [each for each in found.present if each != found.chair_agency], row),
        )
        cases.append(await _loaded(work, viewer, found, case, ref))
    return cases


def actions_of(work: UnitOfWork, ref: str) -> list[Resource]:
    """The action Tasks that a meeting makes as it closes."""
    return [each.resource for each in work.staged.values() if _is_action(each.resource, ref) and not each.before]


def _is_action(resource: Resource, ref: str) -> bool:
    return resource["resourceType"] == "Task" and reading.code(resource) == TaskCode.ACTION and link(resource, "encounter") == ref


def _of_entry(action: Resource, item: str, patients: Collection[str]) -> bool:
    """Whether an action came with the decision about an item: it is for the item's person, and its focus is none, or the item."""
    return link(action, "for") in patients and link(action, "focus") in ("", item)


async def _undiscussed(work: UnitOfWork, found: Meeting, ref: str, entry: Entry, writer: str) -> None:
    """Puts whom the chair may not know of on the next agenda, and tells the agency that put them on this one: nobody was asked to
    decide about them."""
    work.notices.append(Notice(TOPIC, writer, entry.item))
    if await work.get(entry.item) is not None:
        forum = name_of(found.forum) if found.forum else ""
        await agendas.wait(work, found.keeper, found.kind, entry.item, agenda.DEFERRED, forum, but=ref, writer=writer)


async def _loaded(work: UnitOfWork, viewer: Viewer, found: Meeting, case: Case, ref: str) -> Case:
    """A case with what its decision, and the kind of the meeting, are decided on."""
    made = case.decision
    plan = await _plan(work, viewer, case)
    leader = await work.organization(link(plan, "author")) if plan else ""
    open_ = referral.is_referral(case.record or {}) and (case.record or {}).get("status") == "active"
    triage = await triage_of(work, case) if open_ else None
    case = replace(
        case,
        plan=plan,
        leader=leader,
        referral=open_,
        allocated=await _allocated(work, viewer, case) if open_ and triage is None else "",
        triaged=triage is not None and await work.organization(link(triage.resource, "owner")) == found.chair_agency,
        live=await sending.live(work, made.receiver) if made else False,
        lead=await work.lead(made.lead) if made and made.lead.startswith("PractitionerRole/") else Lead(),
    )
    wanted = ANSWERED.get(found.kind)
    return await _answered(work, found, case, ref, wanted) if wanted else case


async def _plan(work: UnitOfWork, viewer: Viewer, case: Case) -> Resource | None:
    """The plan that a case is about: the one on the agenda, or the person's active top-level plan that the chair may see."""
    if case.entry.item.startswith("CarePlan/"):
        return case.record
    rows = await work.services.holdings.of("CarePlan", sorted(await work.patients(case.person)))
    for row in sorted(rows, key=lambda each: each.reference):
        plan = await work.get(row.reference)
        if plan and plan.get("status") == "active" and is_top_level(plan) and await sees(work, viewer, row.reference):
            return plan
    return None


async def triage_of(work: UnitOfWork, case: Case) -> Row | None:
    """The open triage of the referral on an agenda."""
    rows = await work.services.holdings.having("Task", f"focus={case.entry.item}")
    triages = [row for row in rows if reading.code(row.resource) == TaskCode.TRIAGE]
    return next((row for row in triages if reading.status(row.resource) not in reading.TERMINAL), None)


async def _allocated(work: UnitOfWork, viewer: Viewer, case: Case) -> str:
    """The open allocation of the referral on an agenda, that the chair's agency may see."""
    for row in await work.services.holdings.having("Task", f"focus={case.entry.item}"):
        open_ = reading.code(row.resource) == TaskCode.ALLOCATION and reading.status(row.resource) in ("requested", "received")
        if open_ and await sees(work, viewer, row.reference):
            return row.reference
    return ""


async def _answered(work: UnitOfWork, found: Meeting, case: Case, ref: str, wanted: str) -> Case:
    """A case with the answers to the dataset of this meeting, by agency: the newest of each."""
    patients = await work.patients(case.person)
    rows = {row.reference: row for row in await work.services.holdings.of("QuestionnaireResponse", sorted(patients))}
    for name in [name for name in work.staged if name.startswith("QuestionnaireResponse/")]:
        row = await work.standing(name)
        if row is not None and not patients.isdisjoint(row.patients):
            rows[name] = row
    given: dict[str, Resource] = {}
    for row in sorted(rows.values(), key=lambda each: each.at):
        answers = row.resource
        ours = str(answers.get("questionnaire", "")).partition("|")[0] == wanted and link(answers, "encounter") == ref
        if ours and not row.deleted and row.custodian in found.present:  # it was answered for this meeting
            given[row.custodian] = answers
    questionnaire = work.services.definitions.questionnaire(wanted)
    lacks: Mapping[str, Completeness] = {each: completeness(answers, questionnaire) for each, answers in given.items()}
    agencies = tuple(each for each in found.present if each in (found.chair_agency, *case.told))
    partners = roles.partners(case.plan)
    return replace(
        case,
        untold=await _untold(work, case, partners) if found.kind == meeting.CASE_REVIEW else (),
        answered=lacks,
        agencies=agencies,
        criterion=any(_criterion(each) for each in given.values()),
        consistent=any(_says(each, "threshold-consistency") for each in given.values()),
        partners=partners,
        review_by=await _review_by(work, given.values()) if found.kind == meeting.CASE_REVIEW else None,
    )


async def _untold(work: UnitOfWork, case: Case, partners: Sequence[roles.Partner]) -> tuple[tuple[str, str], ...]:
    """The agencies with a role in a plan that may not know of it, and why (HOV-3)."""
    row = await work.standing(name_of(case.plan)) if case.plan else None
    if row is None:
        return ()
    asked = [agency for agency, _ in partners if agency != case.leader]
    return tuple([(agency, why) for agency in dict.fromkeys(asked) if (why := await agendas.may_know(work, agency, row))])


def _criterion(answers: Resource) -> bool:
    """Whether a forum's dataset names one of the three criteria, by its code or in its words."""
    for item in answers.get("item", ()):
        for answer in item.get("answer", ()) if item.get("linkId") == "referral-criterion" else ():
            in_words = NAMED.search(str(answer.get("valueString", "")))
            if in_words or codes_in(answer.get("valueCoding"), AGENDA_REASON) & CRITERIA:
                return True
    return False


def _says(answers: Resource, link_id: str) -> bool:
    """Whether a dataset says something to an item, other than that there is nothing to say."""
    given = [each for item in answers.get("item", ()) if item.get("linkId") == link_id for each in item.get("answer", ())]
    return any(not codes_in(each.get("valueCoding"), DATASET_ANSWER) & WITHOUT_ANSWER for each in given)


async def _review_by(work: UnitOfWork, answers: Iterable[Resource]) -> datetime:
    """TIM-16: by when the next case review is held, at the latest: sooner where the pathway calls the answers urgent."""
    pathway = await work.services.pathways.in_force(meeting.PATHWAYS[meeting.CASE_REVIEW])
    urgent = any(suggest(pathway, each, {}).code == "urgent" for each in answers)
    return pathway.due("TIM-16", work.context.at, work.services.calendar, priority="urgent" if urgent else "routine")
