"""Agendas: whom an agency may know of, who is told of an entry and for how long, and what waits for the next meeting."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from service import clock
from service.care.meeting import agenda, effects, meeting
from service.care.meeting.agenda import Entry
from service.care.ownership.plan import is_top_level
from service.care.task import reading
from service.change import Party, Resource
from service.fhir.canonical import COMMUNICATION_CATEGORY, MEETING_TYPE
from service.fhir.coding import codes_in
from service.fhir.date import begins, ends, written
from service.fhir.reference import link, links, name_of, references_to, unversioned
from service.store.records import Row
from service.usecases.care.sending import PURPOSE
from service.usecases.disclosure.recipient import Recipient, decided
from service.usecases.request.work import UnitOfWork

LONGEST = timedelta(days=1)
"""How long a meeting ties those who take part, where it does not say when it ends."""


async def of_meeting(work: UnitOfWork, kind: str, encounter: str) -> list[Resource]:
    """The records of a type that a meeting has, as the unit of work will leave them."""
    rows = await work.services.holdings.having(kind, f"encounter={encounter}")
    for row in rows:
        work.rows.setdefault(row.reference, row)
    staged = [
        ref for ref, each in work.staged.items() if ref.startswith(f"{kind}/") and link(each.resource, "encounter") == encounter
    ]
    refs = dict.fromkeys((*(row.reference for row in rows), *staged))
    found = [await work.get(ref) for ref in refs]
    return [each for each in found if each is not None and link(each, "encounter") == encounter]


async def lists(work: UnitOfWork, encounter: str) -> list[Resource]:
    """The agendas of a meeting. The commit fails when one of them changes before the commit, or another is made."""
    await work.premise(_made(encounter))
    found = [each for each in await of_meeting(work, "List", encounter) if agenda.is_agenda(each)]
    for each in found:
        await work.guarded(name_of(each))
    return sorted(found, key=name_of)


def _made(encounter: str) -> str:
    """The counter that each new agenda of a meeting raises."""
    return f"agendas:{encounter}"


def make(work: UnitOfWork, listed: Resource, keeper: str, keys: tuple[str, ...] = ()) -> None:
    """Stages a new agenda, or List of what waits."""
    ref = work.create(listed, keeper, keys=keys)
    encounter = link(listed, "encounter")
    work.touches[ref] = (*keys, _made(encounter)) if encounter else keys


async def may_know(work: UnitOfWork, agency: str, item: Row) -> str | None:
    """Why an agency may not know that an item stands on an agenda, or None: taking part in the meeting relates it to the person,
    and consent decides (HOV-3)."""
    if agency == item.custodian:
        return None
    ((_, decision),) = await decided(work.services, work.context, Recipient(agency, (PURPOSE,), related=True), [item], work)
    if decision.permit:
        return None
    return decision.reasons[0].text.rstrip(".") if decision.reasons else "nothing permits it"


async def knowing(work: UnitOfWork, agencies: Iterable[str], item: Row) -> tuple[str, ...]:
    """Those of these agencies that may know that an item stands on an agenda."""
    return tuple([each for each in agencies if await may_know(work, each, item) is None])


async def tell(work: UnitOfWork, encounter: Resource, entry: Entry, agency: str) -> None:
    """Stages the Communication of an agency that puts a person on an agenda. It ties those who take part for the meeting's
    time."""
    row = await work.standing(entry.item)
    if row is None:
        return
    takes_part = await involved(work, encounter, away=False)
    others = [each for each in await knowing(work, takes_part, row) if each != agency]
    person = agenda.person_of(row.resource)
    told = effects.told(encounter, entry, person, agency, others, work.context.at, clock.new_id)
    ref = work.create(told, agency)
    work.staged[ref].parties = await _parties(work, encounter, others)


async def retell(work: UnitOfWork, encounter: Resource, *, only: str = "") -> None:
    """Stages the Communications of a meeting's entries anew, for who takes part and for the time that it has now; with `only`
    those of one item, which nobody is tied by any more."""
    everyone = await involved(work, encounter, away=False)
    for told in await of_meeting(work, "Communication", name_of(encounter)):
        if effects.ENTRY not in codes_in(told.get("category"), COMMUNICATION_CATEGORY):
            continue
        item = next(map(unversioned, links(told, "about")), "")
        if only and item != only:
            continue
        await _again(work, encounter, told, item, () if only else everyone)


async def _again(work: UnitOfWork, encounter: Resource, told: Resource, item: str, agencies: tuple[str, ...]) -> None:
    ref, row = name_of(told), await work.standing(item)
    sender = link(told, "sender")
    others = [each for each in await knowing(work, agencies, row) if each != sender] if row is not None else []
    kept = {name: value for name, value in told.items() if name != "recipient"}
    fresh = {**kept, "recipient": references_to(others)} if others else kept
    told_before = [await work.organization(each) for each in links(told, "recipient")]
    parties = await _parties(work, encounter, others) if others else readers(work, told_before)
    stored = await work.row(ref)
    if ref not in work.staged:
        if stored is None or (fresh == told and stored.parties == parties):
            return
        work.update(fresh if others else told, stored.version, stored.custodian)
    work.staged[ref].parties = parties


async def _parties(work: UnitOfWork, encounter: Resource, agencies: Iterable[str]) -> tuple[Party, ...]:
    """Those who take part, each tied from the start of the meeting to its end, or for a day where it does not say. Who only keeps
    the meeting is told and no more; so is everybody before a meeting that does not say when it starts, and once it has ended."""
    at, period, status = work.context.at, encounter.get("period") or {}, encounter.get("status")
    if status in meeting.ENDED or (status in meeting.PLANNED and not period.get("start")):
        return readers(work, agencies)
    start = begins(period.get("start"), work.services.zone) or at
    end = max(start, ends(period.get("end"), work.services.zone) or start + LONGEST)
    named = [each for each in meeting.participants(encounter) if meeting.APOLOGIES not in each.parts]
    there = {await work.organization(each.individual) for each in named}
    return tuple(Party(each, start, end) if each in there else Party(each, at, at) for each in dict.fromkeys(agencies) if each)


# What waits for the next meeting.


async def wait(
    work: UnitOfWork,
    agency: str,
    kind: str,
    item: str,
    reason: str,
    forum: str = "",
    *,
    but: str = "",
    first: bool = False,
    writer: str = "",
) -> None:
    """Puts an item on the agenda of an agency's next meeting of a kind, last or `first`: on that of the one that is planned next,
    or else into the List of what waits, which the next one takes. `but` is a meeting that it is not put on, and `forum` the
    forum, where it is known; else it is the agency's only one of the kind. `writer` is the agency that the item is told by, where
    that is another."""
    forum = forum or await forum_of(work, agency, kind)
    planned = await _planned(work, agency, kind, forum, but)
    if planned is not None:
        await _put_on(work, planned, item, (reason,), writer or agency, first=first)
        return
    waiting = await _waiting(work, agency, kind, forum)
    fresh = agenda.with_entries(waiting, agenda.put(waiting.get("entry", ()), item, reason, writer or agency, first=first))
    if fresh != waiting:
        await _stage(work, fresh, agency, waiting_key(agency, kind, forum))


async def take(work: UnitOfWork, encounter: Resource, agency: str, agencies: Iterable[str]) -> None:
    """Puts on a meeting's agenda what waits for the next one of its forum or kind."""
    waiting = await _waiting(work, agency, meeting.kind(encounter), meeting.forum_of(encounter))
    entries = agenda.entries(waiting)
    if not entries:
        return
    for entry in entries:
        if await _stands(work, entry.item):
            reasons = sorted(entry.reasons, key=lambda each: (each != entry.reason, each))
            await _put_on(work, encounter, entry.item, reasons, entry.added_by or agency, agencies)
    await _stage(work, agenda.with_entries(waiting, ()), agency, ())


def waiting_key(agency: str, kind: str, forum: str) -> tuple[str, ...]:
    """The unique key of the List of what waits for an agency's meetings of a forum or kind."""
    return (f"rule:MTG-1:waiting:{forum or f'{agency}:{kind}'}",)


async def forum_of(work: UnitOfWork, agency: str, kind: str) -> str:
    """The only forum of a kind that an agency provides, or ''."""
    rows = await work.services.holdings.having("HealthcareService", f"organization={agency}")
    found = [row for row in rows if meeting.is_forum(row.resource) and meeting.forum_kind(row.resource) == kind]
    active = [row.reference for row in found if row.resource.get("active") is not False]
    return active[0] if len(active) == 1 else ""


async def _waiting(work: UnitOfWork, agency: str, kind: str, forum: str) -> Resource:
    """The List of what waits, as the unit of work leaves it; a new one where there is none."""
    (key,) = waiting_key(agency, kind, forum)
    staged = next((each.resource for each in work.staged.values() if key in each.keys), None)
    if staged is not None:
        return staged
    await work.premise(key)  # of two that would make it, the second is decided again
    holder = await work.services.records.holder(key)
    kept = await work.guarded(holder) if holder else None
    return kept or agenda.empty(clock.new_id(), forum=forum, kind=kind)


async def _planned(work: UnitOfWork, agency: str, kind: str, forum: str, but: str) -> Resource | None:
    """The next meeting of an agency that is planned, of a forum or kind; None when there is none."""
    rows = await held_by(work, agency, kind)
    found = [await work.get(row.reference) for row in rows if row.reference != but]
    planned = [
        each
        for each in found
        if each is not None
        and each.get("status") in meeting.PLANNED
        and meeting.kind(each) == kind
        and (not forum or meeting.forum_of(each) == forum)
    ]
    first = min(planned, key=lambda each: (_starts(work, each), each["id"]), default=None)
    return await work.guarded(name_of(first)) if first is not None else None


async def held_by(work: UnitOfWork, agency: str, kind: str) -> list[Row]:
    """The meetings of a kind that an agency provides, among all its Encounters."""
    keys = (f"type={MEETING_TYPE}|{kind}", f"service-provider={agency}")
    return await work.services.holdings.having_all("Encounter", keys)


def _starts(work: UnitOfWork, encounter: Resource) -> str:
    start = begins((encounter.get("period") or {}).get("start"), work.services.zone)
    return written(start) if start else "9999"


async def _stands(work: UnitOfWork, item: str) -> bool:
    """Whether an item is still to be talked about: it is there, and is no Task that has ended meanwhile."""
    record = await work.get(item)
    return record is not None and not (record["resourceType"] == "Task" and reading.status(record) in reading.TERMINAL)


async def _put_on(
    work: UnitOfWork,
    encounter: Resource,
    item: str,
    reasons: Iterable[str],
    writer: str,
    agencies: Iterable[str] | None = None,
    *,
    first: bool = False,
) -> None:
    """Puts an item on an agenda of a meeting, and tells who takes part. An agenda is made where the meeting has none."""
    known = await lists(work, name_of(encounter))
    there = next((each for each in known if any(entry.item == item for entry in agenda.entries(each))), None)
    listed = there or (known[0] if known else agenda.empty(clock.new_id(), encounter=name_of(encounter)))
    elements = [*listed.get("entry", ())]
    for reason in reasons:
        elements = agenda.put(elements, item, reason, writer, first=first)
    fresh = agenda.with_entries(listed, elements)
    if fresh == listed:
        return
    everyone = tuple(agencies) if agencies is not None else await involved(work, encounter)
    await _stage(work, fresh, await work.keeper(name_of(encounter)), (), everyone)
    if there is None:
        entry = next(each for each in agenda.entries(fresh) if each.item == item)
        await tell(work, encounter, entry, writer)


async def involved(work: UnitOfWork, encounter: Resource, *, away: bool = True) -> tuple[str, ...]:
    """The agencies that a meeting names, and the one that keeps it; without `away` those that sent apologies are left out."""
    named = [each for each in meeting.participants(encounter) if away or meeting.APOLOGIES not in each.parts]
    agencies = [await work.organization(each.individual) for each in named]
    return tuple(dict.fromkeys(each for each in (await work.keeper(name_of(encounter)), *agencies) if each))


async def put_off(work: UnitOfWork, encounter: Resource, agency: str) -> None:
    """Puts what stands on the agenda of a meeting that is not held on that of the next one, so that nobody is forgotten."""
    ref, forum = name_of(encounter), meeting.forum_of(encounter)
    for listed in await lists(work, ref):
        for entry in agenda.entries(listed):
            if await _stands(work, entry.item):
                writer = entry.added_by
                await wait(work, agency, meeting.kind(encounter), entry.item, entry.reason, forum, but=ref, writer=writer)


async def _stage(
    work: UnitOfWork, listed: Resource, keeper: str, keys: tuple[str, ...], agencies: Iterable[str] | None = None
) -> None:
    """Stages a List that the service changes. Who takes part may read it."""
    ref = name_of(listed)
    row = await work.row(ref)
    if ref in work.staged:
        work.staged[ref].resource = listed
    elif row is None:
        make(work, listed, keeper, keys)
    else:
        work.update(listed, row.version, row.custodian, keys=keys or row.keys)
        work.staged[ref].parties = row.parties
    if agencies is not None:
        work.staged[ref].parties = readers(work, agencies)


def readers(work: UnitOfWork, agencies: Iterable[str]) -> tuple[Party, ...]:
    """Those who may read a record of a meeting, which is of nobody and ties nobody."""
    return tuple(Party(each, work.context.at, work.context.at) for each in dict.fromkeys(agencies) if each)


# What rules put on an agenda.


async def crisis_contact(work: UnitOfWork, record: Resource) -> None:
    """GOV-10: puts the plan of a person who was met in a crisis on the agenda of the next MDT of the agency that leads it, where
    that agency may know of the contact. Who recorded the contact is told nothing of it."""
    row = await work.standing(name_of(record))
    if row is None or not row.patients:
        return
    patients = {each for person in (await work.seen(row.patients)).values() for each in person.patients}
    for plan in await work.services.holdings.of("CarePlan", sorted(patients)):
        current = await work.get(plan.reference)
        if (
            current
            and current.get("status") == "active"
            and is_top_level(current)
            and await may_know(work, plan.custodian, row) is None
        ):
            await wait(work, plan.custodian, meeting.MDT, plan.reference, "crisis-contact")
