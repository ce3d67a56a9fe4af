"""`Patient/{id}/$access-history` (consent rules, section 4), the disclosure account: who saw which records of a person, when, why
and by which authority.

The person sees the account of their whole record; the agency that keeps the Patient sees the account of the records that the
agency may see. An entry about hidden records, or an entry that rests on an override of which the person has not been told yet, is
left out without a trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.change import Resource
from service.fhir.cursor import Cursor, seal, unseal
from service.fhir.json import dump
from service.fhir.operation import Input
from service.fhir.query import Query, Sort, place
from service.fhir.reference import relative, target
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.store.visible import Visible
from service.usecases.request.audit import SITE, event, note
from service.usecases.request.results import Answer, Entry, Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of

Params = Sequence[tuple[str, str]]
CURSOR = "_cursor"
INPUTS = (Input("_count", ("valueInteger",)), Input(CURSOR, ("valueString",)))
"""What `$access-history` takes in a Parameters body; in a URL the same names."""
BATCH = 500
LONGEST_PAGE = 100
NEWEST_FIRST = (Sort("_lastUpdated", descending=True), Sort("_id", descending=True))


@dataclass(frozen=True, slots=True)
class Asker:
    """The reader of a disclosure account. `patients` are the Patients that the account is about: all Patients of a person who
    asks (`themselves`), or the one Patient that the asking agency keeps."""

    viewer: Viewer
    patients: frozenset[str]
    themselves: bool


async def history(services: Services, context: RequestContext, identity: str, params: Params) -> Page:
    """One page of the account: AuditEvents, newest first. Only the person and the agency that keeps the Patient get the account;
    every other caller is told that the Patient is absent (ABSENT)."""
    allowed(context, "AuditEvent", "s")
    count = _count(services, params)
    asker = await _asker(services, context, identity)
    binding = f"{context.caller.client} {context.caller.user} Patient/{identity}/$access-history"
    after = _after(services, params, binding)
    found = await _page(asker, after, count + 1)
    query = Query("AuditEvent", sort=NEWEST_FIRST)
    more = seal(Cursor(place(query, found[count - 1][0].index)), services.secret, binding) if len(found) > count else ""
    told = event(context, "E", f"Patient/{identity}/$access-history", patients=[f"Patient/{identity}"])
    await services.trail.note(told, at=context.at, custodian=context.caller.organization)
    return Page(tuple(Entry(Answer(row.reference, row.version, row.at, body)) for row, body in found[:count]), more)


def _count(services: Services, params: Params) -> int:
    named = dict(params)
    unknown = next((name for name in named if name not in ("_count", CURSOR)), None)
    count = named.get("_count", str(services.settings.page_size))
    if unknown or not (count.isascii() and count.isdigit() and len(count) < 9 and int(count)):
        text = f"`$access-history` takes `_count` (1 or more) and its own `_cursor`; correct `{unknown or '_count'}`."
        raise Refused(problem(Category.MALFORMED, "invalid", text))
    return min(int(count), services.settings.max_page_size, LONGEST_PAGE)


def _after(services: Services, params: Params, binding: str) -> Cursor | None:
    text = dict(params).get(CURSOR)
    cursor = unseal(text, services.secret, binding) if text is not None else None
    if isinstance(cursor, Problem):
        raise Refused(cursor)
    return cursor


async def _asker(services: Services, context: RequestContext, identity: str) -> Asker:
    viewer, reference = await viewer_of(services, context), f"Patient/{identity}"
    row = await services.records.read("Patient", identity)
    if row is not None and not row.deleted:
        if reference in viewer.own:
            return Asker(viewer, viewer.own, themselves=True)
        staff = not context.caller.personal
        if staff and row.custodian == context.caller.organization and _in_scope(viewer, reference):
            return Asker(viewer, frozenset((reference,)), themselves=False)
    await note(services, context, "R", f"{reference}/$access-history", [])
    raise absent("Patient", identity)


def _in_scope(viewer: Viewer, patient: str) -> bool:
    """Whether the token's scopes reach the account of this Patient: a token for one patient opens only that patient's account."""
    rules = viewer.context.caller.scopes.grants("AuditEvent", "s")
    return any(rule.context != "patient" or patient in viewer.in_context for rule in rules)


async def _page(asker: Asker, after: Cursor | None, wanted: int) -> list[tuple[Row, bytes]]:
    """The next entries that the reader may see. AuditEvents are read a batch at a time, so that hidden entries leave no gap."""
    services, found, size = asker.viewer.services, list[tuple[Row, bytes]](), wanted
    query = Query("AuditEvent", sort=NEWEST_FIRST)
    visible = Visible(patients=tuple(sorted(asker.patients)))
    while len(found) < wanted:
        rows = await services.searches.find(query, visible=visible, after=after, limit=size)
        found += await _told(asker, rows)
        if len(rows) < size:
            break
        after = Cursor(place(query, rows[-1].index))
        size = max(size, min(2 * size, BATCH))  # how many entries are hidden turns no page into a refusal
    return found[:wanted]


async def _told(asker: Asker, rows: Sequence[Row]) -> list[tuple[Row, bytes]]:
    events = [(row, row.resource) for row in rows]
    named = {ref for _, event in events for ref in (*_records(event), *_reasons(event))}
    known = await asker.viewer.services.records.read_many(named) if named else {}
    persons = await asker.viewer.services.evidence.persons(patient for row in known.values() for patient in row.patients)
    # One search may have shown records of several people: an entry's records of other people are not shown to this reader.
    about = {ref: row for ref, row in known.items() if not asker.patients.isdisjoint(row.patients)}
    seen = frozenset(ref for ref, row in about.items() if asker.viewer.decide(row, persons).permit)
    told = ((row, _as_told(asker, event, seen)) for row, event in events)
    return [(row, dump(event)) for row, event in told if event is not None]


def _as_told(asker: Asker, event: Resource, seen: frozenset[str]) -> Resource | None:
    """The AuditEvent with only the records that the reader may see; None when the reader may not see the entry at all."""
    if event.get("source", {}).get("site") != SITE:  # another system's events are no part of this account
        return None
    records, reasons = set(_records(event)), set(_reasons(event))
    untold = {ref for ref in reasons - seen if ref.startswith("Task/")}
    if (records and not records & seen) or (asker.themselves and untold):
        return None
    known = seen | asker.patients
    entities = [each for each in event.get("entity", ()) if _entity(each) in known]
    if all(_entity(each) in known for each in event.get("entity", ()) if _entity(each)):
        entities += [each for each in event.get("entity", ()) if not _entity(each)]  # the entity that names the interaction
    why = " ".join(word for word in str(event.get("outcomeDesc", "")).split() if _record(word) in (seen | {""}))
    kept = {name: value for name, value in event.items() if name not in ("entity", "outcomeDesc")}
    return kept | ({"outcomeDesc": why} if why else {}) | {"entity": entities}


def _records(event: Resource) -> Iterator[str]:
    """The references of the records that an AuditEvent is about, without Patients."""
    for each in event.get("entity", ()):
        target = _entity(each)
        if target and not target.startswith("Patient/"):
            yield target


def _entity(entity: Resource) -> str:
    return relative(target(entity.get("what")))


def _reasons(event: Resource) -> Iterator[str]:
    """The references of the records that an AuditEvent's decision rests on."""
    for word in str(event.get("outcomeDesc", "")).split():
        if found := _record(word):
            yield found


def _record(word: str) -> str:
    return (relative(word.partition("#")[0]) or "") if word.startswith(("Consent/", "Task/", "Communication/")) else ""
