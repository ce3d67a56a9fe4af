"""What a reader may not know of is taken out of the records that they may see: how a person is met (EQU-2), an earlier referral
for the same need (E4), and who else stands on an agenda (E1). Whether a reader may know is decided anew for each reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from service.care.meeting import agenda
from service.care.task.adjustments import noted, source
from service.care.task.reading import code, with_member
from service.change import Resource
from service.consent.decide import decide_all
from service.consent.facts import Facts
from service.consent.request import Evidence, Request
from service.fhir.canonical import AGENDA_REASON, ENGAGEMENT, TaskCode
from service.fhir.json import dump, parse
from service.fhir.reference import links
from service.problem import Problem
from service.store.records import Row
from service.usecases.request.evidence import Person
from service.usecases.request.services import RequestContext, Services


class Reader(Protocol):
    """Who reads: `service.usecases.request.viewer.Viewer`."""

    services: Services
    context: RequestContext

    def permits(self, rows: Sequence[Row], persons: Mapping[str, Person]) -> bool:
        """Whether consent lets the caller see all of these rows."""
        ...

    def named(self, row: Row) -> bool:
        """Whether the caller's agency is among those that a record is addressed to."""
        ...

    async def persons(self, patients: Iterable[str]) -> dict[str, Person]:
        """The Persons whom these Patient references stand for."""
        ...

    def toward(self, person: Person | None, custodian: str) -> tuple[Person | None, Evidence, Request]:
        """The Evidence and the Request about a person, for the records of one custodian."""
        ...


_MET = ENGAGEMENT.encode()
_LISTED = AGENDA_REASON.encode()
EARLIER = "basedOn"
_BASED = f'"{EARLIER}"'.encode()


async def as_told(reader: Reader, rows: Sequence[Row], bodies: Sequence[bytes]) -> list[bytes]:
    """The bodies of the rows without what the viewer's caller may not know of now."""
    return await _as_listed(reader, rows, await _as_linked(reader, rows, await _as_met(reader, rows, bodies)))


def partly(row: Row) -> bool:
    """Whether some readers may be told a row in part alone, who may see it."""
    return row.type == "List" or (row.type == "Task" and (_linked(row, row.body) or source(row.resource) != ""))


async def hidden(reader: Reader, row: Row) -> frozenset[str]:
    """The items on an agenda whose people the caller's agency may not know of."""
    entries = agenda.entries(row.resource) if agenda.is_agenda(row.resource) else ()
    items = await reader.services.records.read_many(dict.fromkeys(each.item for each in entries if each.item))
    persons = await reader.persons({patient: None for item in items.values() for patient in item.patients})
    known = {each.item for each in entries if each.item in items and _may_know(reader, row, items[each.item], persons)}
    return frozenset(each.item for each in entries) - known


def _may_know(reader: Reader, row: Row, item: Row, persons: Mapping[str, Person]) -> bool:
    """Whether the caller may know that an item stands on an agenda: it may see the item, or takes part in the meeting, which
    relates it to the person, and consent permits."""
    if reader.permits([item], persons):
        return True
    caller = reader.context.caller
    takes_part = not caller.personal and (reader.named(row) or row.custodian == caller.organization)
    if item.deleted or not takes_part or not item.patients:
        return False
    evidence = {}
    for patient in item.patients:
        told = reader.toward(persons[patient], item.custodian)[1]
        evidence[patient] = replace(told, relationships=told.relationships | {caller.organization})
    request = reader.toward(persons[item.patients[0]], item.custodian)[2]
    return decide_all(request, Facts.from_row(item.facts, item.custodian), evidence, reader.services.policy).permit


async def _as_linked(reader: Reader, rows: Sequence[Row], bodies: Sequence[bytes]) -> list[bytes]:
    """E4: that a triage is linked to an earlier referral for the same need is shown to who may see that now. The bodies of the
    rows, without it for every other reader."""
    named = [links(row.resource, EARLIER) if _linked(row, body) else () for row, body in zip(rows, bodies, strict=True)]
    if not any(named):
        return list(bodies)
    earlier = await reader.services.records.read_many(dict.fromkeys(ref for refs in named for ref in refs))
    persons = await reader.persons({patient: None for row in earlier.values() for patient in row.patients})
    seen = {ref for ref, row in earlier.items() if reader.permits([row], persons)}
    return [
        body if seen.issuperset(refs) else dump(with_member(_parsed(reader, body), EARLIER, None))
        for body, refs in zip(bodies, named, strict=True)
    ]


def _linked(row: Row, body: bytes) -> bool:
    return row.type == "Task" and _BASED in body and code(row.resource) == TaskCode.TRIAGE


async def _as_listed(reader: Reader, rows: Sequence[Row], bodies: Sequence[bytes]) -> list[bytes]:
    """The bodies, each agenda without the entries that are hidden."""
    return [
        _told(reader, body, gone) if row.type == "List" and _LISTED in body and (gone := await hidden(reader, row)) else body
        for row, body in zip(rows, bodies, strict=True)
    ]


def _told(reader: Reader, body: bytes, gone: frozenset[str]) -> bytes:
    return dump(agenda.without(_parsed(reader, body), gone))


async def _as_met(reader: Reader, rows: Sequence[Row], bodies: Sequence[bytes]) -> list[bytes]:
    """EQU-2: what a Task says of how its person is met is shown to who may see, now, the dataset that says so. The bodies of the
    rows, without it for every other reader."""
    named = [source(row.resource) if _MET in body else "" for row, body in zip(rows, bodies, strict=True)]
    if not any(named):
        return list(bodies)
    sources = await reader.services.records.read_many(dict.fromkeys(filter(None, named)))
    persons = await reader.persons({patient: None for row in sources.values() for patient in row.patients})
    seen = {"", *(ref for ref, row in sources.items() if reader.permits([row], persons))}
    return [body if ref in seen else dump(noted(_parsed(reader, body), None)) for body, ref in zip(bodies, named, strict=True)]


def _parsed(reader: Reader, body: bytes) -> Resource:
    resource = parse(body, max_depth=reader.services.settings.max_depth)
    assert not isinstance(resource, Problem), "INVARIANT: what is shown was stored as sound JSON"
    return resource
