"""`baton load`: brings in records that exist already, with their own ids and under the same rules as every other write.

A load may be broken off and repeated at any time. A record stored with the same content is counted and not written again, and a
stored record that has changed since it was loaded is never overwritten.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import Access, Scopes
from service.change import Resource
from service.fhir.json import dump
from service.fhir.reference import id_of, key, link, relative
from service.fhir.resource import identified
from service.problem import Category, Problem, Refused, problem
from service.store.records import Row
from service.usecases import rules
from service.usecases.interactions import records
from service.usecases.request.proposal import Proposal
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import viewer_of
from service.usecases.request.work import UnitOfWork, decided_again

OPERATOR = "baton-load"
ALL = Scopes((Access("system", "*", "cruds"),))
AT_ONCE = 32

# The order of loading: types that other records refer to come first, so that the rules find them; a type in neither list is
# loaded between FIRST and LAST.
FIRST = (
    "Organization", "Practitioner", "Location", "HealthcareService", "PractitionerRole", "Patient", "RelatedPerson", "Group",
    "EpisodeOfCare", "Encounter", "CareTeam", "QuestionnaireResponse", "Consent",
)  # fmt: skip
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
    """Loads records. `custodian` is the Organization that keeps the records; empty: the Organization that each record names."""

    def __init__(self, services: Services, base: str, custodian: str = "") -> None:
        self._services, self._base, self._custodian = services, base, custodian

    async def load(self, resources: Sequence[Resource]) -> list[Verdict]:
        """Loads these records and gives a Verdict for each, in the order given. Raises Refused UNAVAILABLE when the database does
        not answer."""
        fates: list[Verdict | None] = [None] * len(resources)
        order = sorted(range(len(resources)), key=lambda place: rank(resources[place]))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(place: int) -> None:
            async with gate:
                fates[place] = await self._one(resources[place])

        for _, places in groupby(order, key=lambda place: rank(resources[place])):
            await asyncio.gather(*(one(place) for place in places))
        return [fate for fate in fates if fate is not None]

    async def _one(self, resource: Resource) -> Verdict:
        ref = f"{resource.get('resourceType', '')}/{resource.get('id', '')}"
        try:
            self._served(resource)
            ref = f"{resource['resourceType']}/{identity_of(resource)}"
            return await self._placed(identified(resource, id_of(ref)), ref)
        except Refused as refusal:
            if refusal.problem.category is Category.UNAVAILABLE:
                raise
            return Verdict(Fate.REFUSED, ref, refusal.problem)

    def _served(self, resource: Resource) -> None:
        if resource.get("resourceType") not in self._services.definitions.types:
            text = "This is no R4 resource; set `resourceType` to the type it has."
            raise Refused(problem(Category.INVALID, "structure", text, expression="resourceType", rule="R4 2.6.2"))

    async def _placed(self, resource: Resource, ref: str) -> Verdict:
        kind, identity = key(ref)
        row = await self._services.records.read(kind, identity)
        if row is None:
            return await self._new(resource, ref)
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

    async def _new(self, resource: Resource, ref: str) -> Verdict:
        custodian = await self._whose(resource)
        caller = Caller(OPERATOR, custodian, ALL, purposes=("HOPERAT",))
        proposal = Proposal(records.checked(self._services, rules.imported(resource, self._base)), None, "c")
        await decided_again(RequestContext(caller, clock.now(), self._base), lambda at: self._kept(at, proposal))
        return Verdict(Fate.LOADED, ref)

    async def _kept(self, context: RequestContext, proposal: Proposal) -> None:
        work, viewer = UnitOfWork(self._services, context), await viewer_of(self._services, context)
        await rules.write(work, viewer, proposal, rules.IMPORTED)
        await work.commit()

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


def rank(resource: Resource) -> int:
    """The place of a record's type in the order of loading."""
    kind = resource.get("resourceType")
    if kind in FIRST:
        return FIRST.index(kind) - len(FIRST)
    return LAST.index(kind) + 1 if kind in LAST else 0


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
