"""Meetings: the write rules of an Encounter that is a meeting, of an agenda, of a decision, and of a forum.

Load: who takes part, as the directory knows them, and the forum. Decide: `service.care.meeting`. What a write leads to (who is
told of the agenda, what waits, and the close) is staged once the whole transaction is, so that the order of its entries does not
matter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial

from service.care.meeting import agenda, crisis, effects, meeting, needs, writing
from service.care.meeting.agenda import Entry
from service.care.meeting.decision import of_meeting
from service.care.meeting.situation import Attendee, Meeting
from service.care.ownership.role import Lead
from service.care.task.requirements import issue
from service.change import Resource
from service.fhir.canonical import COMMUNICATION_CATEGORY
from service.fhir.coding import codes_in, codings
from service.fhir.date import begins, written
from service.fhir.reference import link, name_of
from service.problem import Category, Issue, Problem, Refused, problem
from service.store.records import Row
from service.usecases.care import agencies, agendas, meeting_close
from service.usecases.disclosure.service_records import write_communication as write_communication_of_others
from service.usecases.request.proposal import Proposal, custodian_only, sees, store
from service.usecases.request.telling import hidden
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork

UNHELD = "MTG-1"
"""The kind of the timer that watches a forum's cadence."""


async def write(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Encounter. One that is no meeting is its custodian's."""
    if not (meeting.is_meeting(proposal.resource) or meeting.is_meeting(proposal.before)):
        return await _told(work, viewer, proposal, await store(work, viewer, proposal))
    found = await load(work, proposal.resource, proposal.before)
    stands = await work.organization(meeting.chair(proposal.before or proposal.resource))
    if found.agency != stands or found.status != meeting.FINISHED:
        custodian_only(work, proposal)
    if (refusal := writing.check(found)) is not None:
        raise Refused(refusal)
    resource = writing.kept(found)
    if found.status == meeting.FINISHED:
        resource = _ended(resource, work.context.at, work.services.zone)
    row = proposal.row
    if row is None:
        work.create(resource, found.keeper, keys=proposal.keys)
    else:
        work.update(resource, row.version, row.custodian, keys=proposal.keys)
    ref = name_of(resource)
    work.staged[ref].parties = agendas.readers(work, found.involved)
    work.check(ref, partial(_settled, work, viewer, found))
    return ref


async def _told(work: UnitOfWork, viewer: Viewer, proposal: Proposal, ref: str) -> str:
    """GOV-10: what a record tells of a contact in a crisis is talked about in the next MDT. Of somebody whom its writer may not
    see it tells nothing: an agenda ties those present, and nobody gives themselves access by what they record (IDN-6)."""
    new = crisis.is_contact(proposal.resource) and not crisis.is_contact(proposal.before)
    if new and await sees(work, viewer, link(proposal.resource, "subject")):
        await agendas.crisis_contact(work, proposal.resource)
    return ref


def _ended(encounter: Resource, at: datetime, zone: tzinfo) -> Resource:
    """A meeting that has finished, with the instant at which it ended where it does not say when."""
    period = encounter.get("period") or {}
    if period.get("end"):
        return encounter
    start = begins(period.get("start"), zone)
    began = {"start": period["start"] if start <= at else written(at)} if start is not None else {}
    return {**encounter, "period": {**period, **began, "end": written(at)}}


async def load(work: UnitOfWork, after: Resource, before: Resource | None) -> Meeting:
    """Loads the situation of a meeting: who takes part, and its forum."""
    agency = work.context.caller.organization
    keeper = await work.keeper(name_of(after)) if before is not None else agency
    chair = meeting.chair(after)
    kept, said = meeting.forum_of(before or {}), meeting.forum_of(after)
    named = kept or said or await agendas.forum_of(work, keeper, meeting.kind(after))
    forum = await work.services.directory.get(named) if named else None
    fault = "A meeting keeps its forum: cancel it, and plan another." if said not in ("", kept) else ""
    return Meeting(
        at=work.context.at,
        zone=work.services.zone,
        agency=agency,
        user=work.context.caller.user,
        after=after,
        before=before,
        keeper=keeper,
        provider=link(after, "serviceProvider"),
        chair=await work.lead(chair) if chair.startswith("PractitionerRole/") else Lead(),
        chair_agency=await work.organization(chair) if chair else "",
        attendees=tuple([await _attendee(work, each) for each in meeting.participants(after)]),
        forum=forum,
        forum_fault=fault if kept else _forum_fault(named, forum, keeper, meeting.kind(after)),
    )


def _forum_fault(named: str, forum: Resource | None, keeper: str, kind: str) -> str:
    """Why the forum that a meeting names is none of its own; '' when it is, or there is none."""
    if not named:
        return ""
    if not meeting.is_forum(forum) or link(forum, "providedBy") != keeper:
        return f"`{named}` is no forum of your agency: name a HealthcareService of category `forum` that it provides, or none."
    if meeting.forum_kind(forum or {}) != kind:
        return f"`{named}` is a forum of another kind than this meeting: name one of its kind, or none."
    return ""


async def _attendee(work: UnitOfWork, named: meeting.Participant) -> Attendee:
    """A participant as the directory knows them: of which agency and sector, and in which roles. A delegate has those, too, for
    which the meeting says that they stand."""
    agency = await work.organization(named.individual) if named.individual else ""
    role = await work.get(named.individual) if named.individual.startswith("PractitionerRole/") else None
    partner = await work.services.directory.partner(agency) if agency else None
    codes = {key for system, code in codings((role or {}).get("code")) for key in (f"{system}|{code}", code)}
    stands = named.roles if meeting.DELEGATE in named.parts else ()
    said = {key for each in stands for key in (each, each.partition("|")[2])}
    skills = frozenset({*codes, *said, *([partner.sector] if partner else ())})
    since = begins(named.since, work.services.zone)
    return Attendee(named.individual, agency, named.parts, skills, named.came and since is not None and since <= work.context.at)


async def _settled(work: UnitOfWork, viewer: Viewer, found: Meeting) -> None:
    """Stages what follows from a meeting as it was written, once everything is staged."""
    ref = name_of(found.after)
    encounter = await work.get(ref)
    assert encounter is not None, "INVARIANT: a check is of what is staged"
    if found.before is None and found.status != meeting.FINISHED:
        await agendas.take(work, encounter, found.keeper, found.involved)
    if found.status == meeting.FINISHED:
        await meeting_close.close(work, viewer, found, encounter)
        await _held(work, found)
    elif found.status in meeting.ENDED:
        await agendas.put_off(work, encounter, found.keeper)
    if found.before is not None:
        for listed in await agendas.lists(work, ref):
            await _open_to(work, listed, found)
        await agendas.retell(work, await work.get(ref) or encounter)


async def _open_to(work: UnitOfWork, listed: Resource, found: Meeting) -> None:
    """Lets those read an agenda who take part now."""
    ref, parties = name_of(listed), agendas.readers(work, found.involved)
    row = await work.row(ref)
    if ref in work.staged:
        work.staged[ref].parties = parties
    elif row is not None and {each.organization for each in row.parties} != {each.organization for each in parties}:
        work.update(listed, row.version, row.custodian, keys=row.keys)
        work.staged[ref].parties = parties


async def _held(work: UnitOfWork, found: Meeting) -> None:
    """MTG-1: the clock of a forum starts again once it was held."""
    if found.forum is not None and (span := meeting.cadence(found.forum)) is not None:
        ref = name_of(found.forum)
        at = work.context.at
        work.cancelled.append(effects.recurring(UNHELD, ref))
        work.timers.append(effects.again(UNHELD, ref, at + span, at, chair=found.chair_agency))


async def write_list(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of List. One that is no agenda is its custodian's."""
    after, before = proposal.resource, proposal.before
    encounter = await _meeting_of(work, viewer, before or after)
    if encounter is None and not (agenda.is_agenda(after) or agenda.is_agenda(before)):
        return await store(work, viewer, proposal)
    ref = name_of(encounter or {})
    if encounter is None:
        text = "An agenda is of a meeting that you take part in: set `encounter` to it; what waits for the next is the service's."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="List.encounter", rule="E1"))
    await work.guarded(ref)
    involved, agency = await agendas.involved(work, encounter), work.context.caller.organization
    keeper = await work.keeper(ref)
    chairs = agency in (keeper, await work.organization(meeting.chair(encounter)))
    if agency not in involved or (not agenda.is_agenda(before) and not chairs):
        custodian_only(work, Proposal(after, proposal.row, "u"))
        text = "An agenda is made by the agency that keeps its meeting, or that chairs it; others add entries to it."
        raise Refused(problem(Category.FORBIDDEN, "forbidden", text, expression="List.encounter", rule="E1"))
    unseen = await hidden(viewer, proposal.row) if proposal.row is not None else frozenset[str]()
    fresh = writing.listed(after, before, agency, unseen, keeper=agency == keeper)
    added, gone = writing.added(fresh, before), writing.gone(fresh, before)
    issues: list[Issue] = [*writing.formed(after), *writing.named_unseen(after, unseen)]
    if before is not None:
        issues += writing.same_meeting(after, before)
    stored = await work.row(ref)
    if stored is not None and (stored.resource.get("status") in meeting.ENDED or added or gone):
        issues += writing.started(stored.resource)
    places = {entry.item: entry.place for entry in agenda.entries(after)}
    for entry in added:
        issues += await _entry_faults(work, viewer, encounter, replace(entry, place=places[entry.item]))
    if issues:
        raise Refused(Problem(Category.RULE, tuple(issues)))
    row = proposal.row
    if row is None:
        agendas.make(work, fresh, keeper, proposal.keys)
    else:
        work.update(fresh, row.version, row.custodian, keys=proposal.keys)
    work.staged[name_of(fresh)].parties = agendas.readers(work, involved)
    for entry in added:
        await agendas.tell(work, encounter, entry, agency)
    for entry in gone:
        await agendas.retell(work, encounter, only=entry.item)
    return name_of(fresh)


async def _meeting_of(work: UnitOfWork, viewer: Viewer, listed: Resource) -> Resource | None:
    """The meeting that a List is the agenda of; None when it is of none, and of one that the caller does not see."""
    encounter = await work.get(link(listed, "encounter"))
    if encounter is None or not meeting.is_meeting(encounter):
        return None
    ref, agency = name_of(encounter), work.context.caller.organization
    seen = ref in work.staged or await sees(work, viewer, ref) or agency in await agendas.involved(work, encounter)
    return encounter if seen else None


async def _entry_faults(work: UnitOfWork, viewer: Viewer, encounter: Resource, entry: Entry) -> tuple[Issue, ...]:
    """Why an item cannot be put on an agenda: who puts it there does not see it, or the chair may not know of it."""
    if entry.item.partition("/")[0] not in agenda.TYPES:
        return ()  # `formed` says so
    seen = await sees(work, viewer, entry.item)
    row = await work.standing(entry.item) if seen else None
    if row is None or not agenda.person_of(row.resource).startswith("Patient/"):
        return writing.unseen(entry)
    chair = await work.organization(meeting.chair(encounter))
    why = await agendas.may_know(work, chair, row)
    return writing.not_for_chair(entry, why) if why is not None else ()


async def write_communication(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of Communication. A decision of a meeting is taken as its meeting closes, in one transaction, and it stands;
    who stands on an agenda is told by the service alone."""
    if any(effects.ENTRY in _categories(each) for each in (proposal.before, proposal.resource)):
        text = "Who stands on an agenda is told by the service: put a record on the agenda instead."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="Communication.category", rule="E1"))
    ref = of_meeting(proposal.before) or of_meeting(proposal.resource)
    if not ref:
        return await _told(work, viewer, proposal, await write_communication_of_others(work, viewer, proposal))
    if proposal.before is not None:
        text = "What a meeting decided stands: decide anew in the next one."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="Communication.status", rule="E1"))
    if not (ref in work.coming or ref in work.staged):
        text = f"A decision is taken as its meeting closes, in one transaction: send it with the write that finishes `{ref}`."
        raise Refused(problem(Category.RULE, "business-rule", text, expression="Communication.encounter", rule="E1"))
    work.create(proposal.resource, work.context.caller.organization, keys=proposal.keys)
    name = name_of(proposal.resource)
    work.check(name, partial(_in_its_close, work, ref))
    return name


def _categories(communication: Resource | None) -> frozenset[str]:
    return codes_in((communication or {}).get("category"), COMMUNICATION_CATEGORY)


async def _in_its_close(work: UnitOfWork, ref: str) -> None:
    """Refuses a decision whose meeting the transaction does not close after all."""
    staged, stored = work.staged.get(ref), await work.row(ref)
    closes = staged is not None and meeting.is_meeting(staged.resource) and staged.resource.get("status") == meeting.FINISHED
    if not closes or (stored is not None and stored.resource.get("status") == meeting.FINISHED):
        text = f"`{ref}` is no meeting that this transaction closes: make it `finished`, with a decision for each of its entries."
        raise Refused(Problem(Category.RULE, (issue(text, "Communication.encounter", "E1"),)))


async def write_service(work: UnitOfWork, viewer: Viewer, proposal: Proposal) -> str:
    """The write rule of HealthcareService. A forum's clock is set as it is registered or changed (MTG-1); one that has no
    cadence, or is not active, has none."""
    ref = await agencies.write(work, viewer, proposal)
    if meeting.is_forum(proposal.resource) or meeting.is_forum(proposal.before):
        if issues := needs.registered(proposal.resource):
            raise Refused(Problem(Category.RULE, issues))
        if _watched(proposal.resource) != _watched(proposal.before):
            await _watch(work, work.staged[ref].resource)
    return ref


def _watched(service: Resource | None) -> timedelta | None:
    """How often a forum is held whose clock runs; None for one that has none."""
    active = meeting.is_forum(service) and service is not None and service.get("active") is not False
    return meeting.cadence(service) if active and service else None


async def _watch(work: UnitOfWork, service: Resource) -> None:
    ref = name_of(service)
    work.cancelled.append(effects.recurring(UNHELD, ref))
    if (span := _watched(service)) is not None:
        last, at = await _last(work, ref), work.context.at
        chair = await work.organization(meeting.chair(last.resource)) if last else ""
        said = {"chair": chair} if chair else {}
        work.timers.append(effects.again(UNHELD, ref, (last.at if last else at) + span, at, **said))


async def _last(work: UnitOfWork, forum: str) -> Row | None:
    """The meeting in which a forum was held last; None when it never was."""
    service = await work.get(forum) or {}
    rows = await agendas.held_by(work, link(service, "providedBy"), meeting.forum_kind(service))
    held = [row for row in rows if meeting.forum_of(row.resource) == forum and row.resource.get("status") == meeting.FINISHED]
    return max(held, key=lambda row: row.at, default=None)


TIMERS = frozenset({UNHELD, "TIM-16", effects.SUPPORT_ENDS})
"""The kinds of timers of meetings."""
