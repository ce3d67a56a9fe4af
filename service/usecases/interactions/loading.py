"""`baton load`: brings in records that exist already, with their own ids and under the same rules as every other write.

A load may be broken off and repeated: what is stored with the same content is not written again, and never overwritten when
it has changed since. All is surveyed before the first record is stored, so what refers to a record of another server that has the
id of somebody here is put aside with it, and a reference that nothing answers is found whatever the order of the files.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import Access, Scopes
from service.change import Resource
from service.fhir.bundle import Sent
from service.fhir.json import dump
from service.fhir.naming import RULE
from service.fhir.query import Query
from service.fhir.reference import id_of, key, link, own, relative, type_of
from service.fhir.resource import identified, references, rewrite, root
from service.problem import Category, Problem, Refused, problem
from service.store.generations import DIRECTORY_TYPES
from service.store.records import Row
from service.usecases import rules
from service.usecases.interactions import conditional
from service.usecases.interactions import records as stored
from service.usecases.request.proposal import Proposal
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

OPERATOR = "baton-load"
ALL = Scopes((Access("system", "*", "cruds"),))
AT_ONCE = 32
"""How many records are loaded at once. Entries of the directory are decided by what the directory is, one after the other."""

# A fullUrl of this form is one record's alone, whichever Bundle says it (R4 2.36.4): a record sent with it twice is one record.
IDENTITY = re.compile(r"https?://.+|urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# The order of loading: what other records refer to comes first, so that the rules find it; a type in neither list, between them.
FIRST = (
    "Organization", "Practitioner", "Location", "HealthcareService", "PractitionerRole", "Patient", "RelatedPerson", "Group",
    "EpisodeOfCare", "Encounter", "CareTeam", "QuestionnaireResponse", "Consent",
)  # fmt: skip
PEOPLE = FIRST.index("Patient") - len(FIRST)
TURNS = 3
LAST = ("CarePlan", "Task", "Communication", "Provenance")

# The member that names the custodian of a directory entry: the entry belongs to the agency that it describes (IDN-3), whatever
# custodian the operator gives for the other records.
DIRECTORY = {
    "Organization": "partOf",
    "PractitionerRole": "organization",
    "HealthcareService": "providedBy",
    "Location": "managingOrganization",
    "Endpoint": "managingOrganization",
}
NAMED = {
    "CarePlan": "author",
    "CareTeam": "managingOrganization",
    "Consent": "organization",
    "Encounter": "serviceProvider",
    "EpisodeOfCare": "managingOrganization",
    "Patient": "managingOrganization",
    "Task": "requester",
}


class Fate(StrEnum):
    """The outcome of loading one record: LOADED, THERE (stored before with this content) or REFUSED."""

    LOADED = "loaded"
    THERE = "there"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A record's Fate, with the reason when the record was refused."""

    fate: Fate
    reference: str
    reason: Problem | None = None


class Loading:
    """Loads records. `custodian` is the Organization that keeps the records; empty: the Organization that each record names.

    `sent` are the references of all records that were surveyed, `aside` of those that are not stored as they were sent. `found`
    are the records found in the place of those that were to be stored only if none is. `stored` are the references of the
    records that are stored as they were sent, each with the fullUrl by which it was.
    """

    def __init__(self, services: Services, base: str, custodian: str = "") -> None:
        self._services, self._base, self._custodian = services, base, custodian
        self.sent: set[str] = set()
        self.aside: set[str] = set()
        self.found: dict[str, str] = {}
        self.stored: set[tuple[str, str]] = set()
        self._first: dict[tuple[Any, ...], str] = {}
        self._targets: dict[str, str] = {}
        self._looking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def survey(self, records: Sequence[Sent]) -> None:
        """Notes which records will be loaded, and which of them cannot be: those that are not valid, and those whose id another
        record has here. Nothing is stored."""
        await self._conditions(records)
        given = {_name(each.resource): each for each in records}
        rows = await self._services.records.read_many([ref for ref in given if relative(ref)])
        for ref, each in given.items():
            row = rows.get(ref)
            try:
                self._served(each.resource)
                ready = rules.imported(self._linked(each), self._base)
                if row is None:
                    stored.checked(self._services, ready)
                elif not each.none_exist and (row.deleted or not await self._same(row, ready)):
                    self.aside.add(ref)
            except Refused as refusal:
                self._refused(each, ref, refusal)

    async def load(self, records: Sequence[Sent]) -> list[Verdict]:
        """Loads these records and gives a Verdict for each, in the order given. Raises Refused UNAVAILABLE when the database does
        not answer."""
        await self._conditions(records)
        fates: list[Verdict | None] = [None] * len(records)
        order = sorted(range(len(records)), key=lambda at: rank(records[at].resource))
        gate, alone = asyncio.Semaphore(AT_ONCE), asyncio.Lock()

        async def each(places: Sequence[int]) -> None:
            async with alone if root(records[places[0]].resource) in DIRECTORY_TYPES else gate:
                for place in places:
                    fates[place] = await self._one(records[place])

        for _, places in groupby(order, key=lambda place: rank(records[place].resource)):
            same: dict[str, list[int]] = {}
            for place in places:  # of records with one id the first counts
                same.setdefault(_name(records[place].resource), []).append(place)
            await _together(map(each, same.values()))
            self._forget({type_of(ref) for ref in same})
        return [fate for fate in fates if fate is not None]

    async def _conditions(self, records: Sequence[Sent]) -> None:
        """Finds the records that are there in the place of those that are to be stored only if none is: among those stored, or
        before them among those sent. The references of their Bundles then lead to the ones found."""
        waiting: list[tuple[Query, str, Resource]] = []
        for each in records:
            name = _name(each.resource)
            if not each.none_exist or name in self.found:
                continue
            try:
                found = await self._existing(each) or self._before(each, waiting)
            except Refused as refusal:
                self._refused(each, name, refusal)
                continue
            if found not in ("", name):
                self.found[name] = found
        self.sent |= {_name(each.resource) for each in records} - self.found.keys()
        for naming in {id(each.naming): each.naming for each in records if each.naming is not None}.values():
            naming.records.update({url: self.found[ref] for url, ref in naming.records.items() if ref in self.found})

    async def _existing(self, sent: Sent) -> str:
        """The stored record that a conditional create finds, or ''."""
        work = UnitOfWork(self._services, self._context(self._custodian))
        viewer = await viewer_of(self._services, work.context)
        return await stored.existing(work, viewer, root(sent.resource), sent.none_exist) or ""

    def _before(self, sent: Sent, waiting: list[tuple[Query, str, Resource]]) -> str:
        """The record sent before this one that its condition finds, or ''; else this one waits for others to find it."""
        kind, name = root(sent.resource), _name(sent.resource)
        asked = (kind, *sorted(stored.criteria(kind, sent.none_exist, self._base)))
        if first := self._first.get(asked):
            return first
        work = UnitOfWork(self._services, self._context(self._custodian))
        query = stored.sought(work, kind, sent.none_exist)
        found = next((ref for other, ref, each in waiting if other.type == kind and stored.satisfies(work, query, each)), "")
        if not found and stored.satisfies(work, query, sent.resource):
            waiting.append((query, name, sent.resource))
            self._first[asked] = name
        return found

    def _context(self, custodian: str) -> RequestContext:
        return RequestContext(Caller(OPERATOR, custodian, ALL, purposes=("HOPERAT",)), clock.now(), self._base)

    async def _one(self, sent: Sent) -> Verdict:
        ref = _name(sent.resource)
        try:
            self._served(sent.resource)
            if sent.none_exist and (found := self.found.get(ref) or await self._existing(sent)):
                return self._there(ref, found)
            resource = await self._found(self._linked(sent))
            await self._answered(resource)
            verdict = await self._placed(identified(resource, id_of(ref)), ref, sent.none_exist)
        except Refused as refusal:
            return self._refused(sent, ref, refusal)
        self.aside.discard(ref)
        self.stored.add((ref, sent.full_url))
        return verdict

    def _refused(self, sent: Sent, ref: str, refusal: Refused) -> Verdict:
        """The Verdict on a refused record, which is put aside, and what refers to it with it; unless it is only another version
        of a record that is stored. A database that does not answer refuses no record, but ends the load."""
        if refusal.problem.category is Category.UNAVAILABLE:
            raise refusal
        if not (IDENTITY.fullmatch(sent.full_url) and (ref, sent.full_url) in self.stored):
            self.aside.add(ref)
        return Verdict(Fate.REFUSED, ref, refusal.problem)

    def _linked(self, sent: Sent) -> Resource:
        """The resource with the references of its Bundle resolved. Refuses a reference that nothing can answer."""
        if sent.naming is None:
            return sent.resource
        resource, lost = sent.naming.linked(sent.resource, sent.full_url, self._services.links)
        if lost:
            raise Refused(Problem(Category.INVALID, lost))
        return resource

    def _there(self, ref: str, found: str) -> Verdict:
        """The Verdict on a record that is there, or in whose place another was found."""
        if found != ref:
            self.found[ref] = found
            self.sent.discard(ref)
        if found in self.aside:
            text = f"`{found}`, which it would be, was put aside; load that first."
            raise Refused(problem(Category.RULE, "not-found", text, rule=RULE))
        return Verdict(Fate.THERE, found)

    async def _found(self, resource: Resource) -> Resource:
        """The resource with its conditional references resolved, as in a transaction. What a reference finds is looked for once,
        until other records of that type are loaded."""
        asked = conditional.asked(resource, self._base)
        for reference, path in asked.items():
            async with self._looking[reference]:
                if reference not in self._targets:
                    context = self._context(self._custodian)
                    self._targets[reference] = await conditional.target(self._services, context, path, reference)
        return rewrite(resource, self._targets) if asked else resource

    def _forget(self, kinds: set[str]) -> None:
        """Has the conditional references to these types looked for again."""
        for reference in [each for each in self._targets if own(each, self._base).partition("?")[0] in kinds]:
            del self._targets[reference]

    async def _answered(self, resource: Resource) -> None:
        """Refuses a record that refers to a record put aside, or to one that is neither here nor sent with it. A Bundle that is
        kept as a record has references of its own."""
        if root(resource) == "Bundle":
            return
        named = {local: path for path, target in references(resource) if (local := relative(target, self._base))}
        if wrong := sorted(named.keys() & self.aside):
            text = f"This refers to `{wrong[0]}`, which was put aside; load that first."
            raise Refused(problem(Category.RULE, "not-found", text, expression=named[wrong[0]], rule=RULE))
        others = sorted(named.keys() - self.sent)
        rows = await self._services.records.read_many(others) if others else {}
        if lost := [ref for ref in others if ref not in rows or rows[ref].deleted]:
            text = f"Nothing answers `{lost[0]}`: it is neither here nor among what is loaded. Load it, too, or take it out."
            raise Refused(problem(Category.RULE, "not-found", text, expression=named[lost[0]], rule=RULE))

    def _served(self, resource: Resource) -> None:
        if root(resource) not in self._services.definitions.served:
            text = "This is no R4 resource that is kept here; set `resourceType` to the type it has, or leave it out."
            raise Refused(problem(Category.INVALID, "structure", text, expression="resourceType", rule="R4 2.6.2"))

    async def _placed(self, resource: Resource, ref: str, none_exist: str) -> Verdict:
        kind, identity = key(ref)
        row = await self._services.records.read(kind, identity)
        if row is None:
            try:
                return await self._new(resource, ref, none_exist)
            except Refused:
                row = await self._services.records.read(kind, identity)
                if row is None:  # else another load has stored it meanwhile
                    raise
        if row.deleted or not await self._same(row, rules.imported(resource, self._base)):
            text = f"`{ref}` is here with other content, and a load overwrites nothing; update version {row.version} instead."
            raise Refused(problem(Category.DUPLICATE, "duplicate", text))
        return Verdict(Fate.THERE, ref)

    async def _same(self, row: Row, given: Resource) -> bool:
        """Whether the given record equals the stored record, or the version first loaded. A stored record that has changed since
        its first version keeps its changes."""
        if covers(row.resource, given):
            return True
        first = await self._services.records.version(row.type, row.id, 1) if row.version > 1 else None
        return first is not None and covers(first.resource, given)

    async def _new(self, resource: Resource, ref: str, none_exist: str) -> Verdict:
        custodian = await self._whose(resource)
        ready = rules.imported(resource, self._base)
        stored.checked(self._services, ready)
        kept = await decided_again(self._context(custodian), lambda at: self._kept(at, Proposal(ready, None, "c"), none_exist))
        return Verdict(Fate.LOADED, ref) if kept == ref else self._there(ref, kept)

    async def _kept(self, context: RequestContext, proposal: Proposal, none_exist: str) -> str:
        work, viewer = UnitOfWork(self._services, context), await viewer_of(self._services, context)
        written = partial(rules.write, work, viewer, proposal, rules.IMPORTED)
        ref = await stored.unless_found(work, viewer, proposal.type, none_exist, written)
        if ref in work.staged:
            await work.commit()
        return ref

    async def _whose(self, resource: Resource) -> str:
        await self._services.directory.refresh()
        kind = resource["resourceType"]
        if kind == "Organization" and "partOf" not in resource:
            return f"{kind}/{resource['id']}"
        said = await self._organization(resource, DIRECTORY[kind]) if kind in DIRECTORY else ""
        if self._custodian and said and await self._services.directory.get(said) is None:
            said = ""  # the named Organization is not known here, so the operator's custodian counts
        custodian = said or self._custodian or await self._said(resource)
        if not custodian:
            text = "It does not say whose record this is; name the agency with `--custodian Organization/ID`."
            raise Refused(problem(Category.RULE, "business-rule", text, expression=kind, rule="IDN-3"))
        if await self._services.directory.get(custodian) is None:
            text = f"`{custodian}` is not known here; load its Organization first, or correct `--custodian`."
            raise Refused(problem(Category.RULE, "business-rule", text, expression=kind, rule="IDN-3"))
        return custodian

    async def _said(self, resource: Resource) -> str:
        """The agency that the record names, or else the agency that keeps the Patient of the record; empty when neither is
        known."""
        kind = resource["resourceType"]
        found = await self._organization(resource, NAMED[kind]) if kind in NAMED else ""
        if found or kind == "Patient":
            return found
        for patient in self._services.indexer.index(resource).patients:
            row = await self._services.records.read(*key(patient))
            if row is not None:
                return row.custodian
        return ""

    async def _organization(self, resource: Resource, member: str) -> str:
        value = resource.get(member)
        element = value[0] if isinstance(value, list) and value else value
        local = relative(link({"x": element}, "x"), self._base)
        return await self._services.directory.organization(local) if local else ""


async def _together(each: Iterable[Coroutine[None, None, None]]) -> None:
    """Returns when all are done. When one fails, the others end, too, before its exception is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in each:
                group.create_task(one)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


def rank(resource: Resource) -> int:
    """The place of a record's type in the order of loading."""
    kind = resource.get("resourceType")
    if kind in FIRST:
        return FIRST.index(kind) - len(FIRST)
    return LAST.index(kind) + 1 if kind in LAST else 0


def turn(resource: Resource) -> int:
    """The one of the TURNS of a load that loads a record: the directory, by which conditional references find whom they mean,
    then the other types of FIRST, then the rest."""
    place = rank(resource)
    return 2 if place >= 0 else 1 if place >= PEOPLE else 0


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType', '')}/{identity_of(resource)}"


def identity_of(resource: Resource) -> str:
    """The record's own id. A record without an id gets an id computed from its content, so that a repeated load finds the record
    again."""
    given = resource.get("id")
    return given if isinstance(given, str) and given else hashlib.sha256(dump(resource)).hexdigest()[:40]


def covers(stored: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether a stored record has all the content given. The stored record may have more: a plan, for example, was given a care
    team together with its lead."""
    others = (name for name in given if name != "meta")
    return all(stored.get(name) == given[name] for name in others) and _meta(stored.get("meta", {}), given.get("meta", {}))


def _meta(stored: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    kept = {name: value for name, value in given.items() if name not in ("versionId", "lastUpdated")}
    return all(_within(stored.get(name), value) for name, value in kept.items())


def _within(stored: Any, given: Any) -> bool:
    if isinstance(given, list) and isinstance(stored, list):
        return all(each in stored for each in given)
    return bool(stored == given)
