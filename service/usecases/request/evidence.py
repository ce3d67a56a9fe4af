"""The evidence of consent decisions about a person, loaded once and kept in memory until one of its generations is raised.

A person is the Patients of one agency that carry one verified national identifier, and those of other agencies that this agency
has confirmed to be the same person (IDN-1): whose words count depends on whose record is asked for. The kept evidence does not
depend on the current time: relationships, grants and Consents carry their periods, and each decision evaluates the periods at its
own instant.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from service.care.identity_review.review import is_open, is_review, judged, links
from service.care.ownership.identity import differ, person_keys
from service.change import Resource
from service.consent.compile import compile_consent
from service.consent.facts import Facts
from service.consent.grants import granted
from service.consent.provision import Compiled
from service.consent.relationship import Relationship, opened
from service.consent.representative import entitled
from service.consent.request import Grant
from service.fhir.date import LOCAL
from service.fhir.reference import link, versioned
from service.store.generations import Generations
from service.store.holdings import Holdings
from service.store.persons import Persons
from service.store.records import Records, Row
from service.usecases.request import testimony

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Person:
    """The evidence about one person, as the records of one Patient are decided by it.

    `own` are the Patients of the agency that keeps it, `confirmed` those of other agencies that it has confirmed to be the same
    person, and `joined` those of agencies that have confirmed it of this one; `reviews` are the reviews of the identity that are
    open. `custodians` are the agencies that keep `own` and `confirmed`, `leading` those that lead the person's plan; `consents`
    are all Consents about `own` and `confirmed`; `acting` are RelatedPersons who may act for the person. `stamp` holds the
    generations under which the evidence was loaded, except `links`. `links` are the references of the records that Consents name
    (`named`): records of any type, whose writes may raise no generation, so `links` are loaded for every decision.
    """

    own: frozenset[str]
    confirmed: frozenset[str]
    joined: frozenset[str]
    reviews: tuple[Resource, ...]
    custodians: frozenset[str]
    leading: frozenset[str]
    consents: tuple[Compiled, ...]
    relationships: tuple[Relationship, ...]
    grants: tuple[Grant, ...]
    teams: tuple[Resource, ...]
    acting: tuple[Resource, ...]
    named: frozenset[str]
    stamp: dict[str, int]
    zone: tzinfo = LOCAL
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def related(self, custodian: str, at: datetime) -> frozenset[str]:
        """Organisations with a legitimate relationship at an instant (L0) towards the records that an agency keeps: those that
        this agency, or an agency that leads the person's plan, has named (IDN-6)."""
        return opened(self.leading | {custodian}, self.relationships, at)

    def heard(self, custodian: str) -> tuple[Compiled, ...]:
        """The person's Consents that say something about the records that an agency keeps: its own, and those whose recorder had
        standing (consent rules, section 2.8)."""
        return tuple(each for each in self.consents if each.standing or each.recorder == custodian)

    def representatives(self, at: datetime) -> frozenset[str]:
        """RelatedPersons who may act for the person at an instant."""
        return frozenset(f"RelatedPerson/{each['id']}" for each in self.acting if entitled(each, at, self.zone))

    @property
    def patients(self) -> frozenset[str]:
        """The Patients that are the person, for a decision about the records of this one."""
        return self.own | self.confirmed

    @property
    def records(self) -> frozenset[str]:
        """The Patients whose records are decided with this one as the person: what is said about it counts for them."""
        return self.own | self.joined


class EvidenceCache:
    """Loads and keeps Persons by Patient reference. `base` is our own FHIR base URL, under which a Consent may name records;
    `zone` is the time zone for dates without an offset."""

    def __init__(
        self,
        records: Records,
        holdings: Holdings,
        persons: Persons,
        generations: Generations,
        base: str = "",
        zone: tzinfo = LOCAL,
    ) -> None:
        self._records = records
        self._holdings = holdings
        self._persons = persons
        self._generations = generations
        self._base = base
        self._zone = zone
        self._kept: OrderedDict[str, Person] = OrderedDict()

    async def person(self, patient: str) -> Person:
        """The Person whom one Patient reference stands for."""
        return (await self.persons((patient,)))[patient]

    async def persons(self, patients: Iterable[str]) -> dict[str, Person]:
        """The Persons whom these Patient references stand for, by reference. A kept Person is used only while its generations are
        current."""
        asked = list(dict.fromkeys(patients))
        kept = {patient: self._kept[patient] for patient in asked if patient in self._kept}
        keys = {key for person in kept.values() for key in person.stamp}
        current = await self._generations.current(keys) if keys else {}
        fresh = {patient: person for patient, person in kept.items() if all(current[k] == v for k, v in person.stamp.items())}
        missing = [patient for patient in asked if patient not in fresh]
        stamps = await self._generations.current([patient for patient in missing if patient not in current])
        loaded = await asyncio.gather(*(self._load(patient, {patient: (current | stamps)[patient]}) for patient in missing))
        for patient, person in zip(missing, loaded, strict=True):
            self._keep(patient, person)
            fresh[patient] = person
        named = {ref for person in fresh.values() for ref in person.named}
        return await self._with_links(fresh, named) if named else fresh

    def _keep(self, patient: str, person: Person) -> None:
        self._kept[patient] = person
        self._kept.move_to_end(patient)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _load(self, patient: str, stamp: dict[str, int]) -> Person:
        """Loads the evidence about one person. The generations are read before the records, that of the Patient (`stamp`) before
        all, so that a change in between makes the next reader load the evidence again."""
        kept = await self._persons.about((patient,))
        row = next((each for each in kept.of("Patient") if each.reference == patient), None)
        keys = person_keys(row.resource) if row else ()
        stamp |= await self._generations.current([f"person:{each}" for each in keys])
        bearers = {each.reference: each for each in await self._bearers(keys)}
        others = frozenset(ref for ref, each in bearers.items() if row and _one_agency_s(each, row)) - {patient}
        own = others | {patient}
        stamp |= await self._generations.current(others)
        if others:
            kept.add(await self._persons.about(others))
        reviews = [each.resource for each in kept.of("Task") if is_review(each.resource)]
        asked = [each for each in reviews if link(each, "for") in own]
        asking = [each for each in reviews if link(each, "for") not in own]
        confirmed = frozenset(link(each, "focus") for each in asked if _joins(each, link(each, "focus"), bearers))
        joined = frozenset(link(each, "for") for each in asking if _joins(each, link(each, "focus"), bearers)) & bearers.keys()
        leading = frozenset(each.custodian for each in kept.relations if each.source.startswith("CarePlan/"))
        stamp |= await self._generations.current(confirmed)
        if confirmed:
            kept.add(await self._persons.about(confirmed))
        consents = tuple(compiled(each, self._base, self._zone) for each in kept.of("Consent"))
        keepers = frozenset(bearers[ref].custodian for ref in confirmed) | _keeper(row)
        return Person(
            own=own,
            confirmed=confirmed,
            joined=joined,
            reviews=tuple(each for each in reviews if is_open(each)),
            custodians=keepers,
            leading=leading,
            consents=consents,
            relationships=tuple(Relationship(each.organization, each.custodian, each.start, each.end) for each in kept.relations),
            grants=granted((each.resource, each.custodian, _others(each)) for each in kept.of("Task")),
            teams=tuple(each.resource for each in kept.of("CareTeam")),
            acting=tuple(each.resource for each in kept.of("RelatedPerson") if each.custodian in keepers),
            named=frozenset(ref for consent in consents for ref in consent.named),
            stamp=stamp,
            zone=self._zone,
        )

    async def _with_links(self, persons: Mapping[str, Person], named: Collection[str]) -> dict[str, Person]:
        """The Persons with the current references of the records that Consents name as `related` or `dependents`. For a deleted
        record, the references are those of its last version."""
        rows = await self._records.read_many(named)
        links = {ref: Facts.from_row(row.facts).references for ref, row in rows.items()}
        return {patient: replace(person, links=links) if person.named else person for patient, person in persons.items()}

    async def _bearers(self, keys: Collection[str]) -> list[Row]:
        """The live Patients that carry one of these verified identifiers (`system|value`)."""
        return await self._holdings.having_any("Patient", [f"person={each}" for each in keys]) if keys else []


def _keeper(row: Row | None) -> frozenset[str]:
    return frozenset() if row is None else frozenset((row.custodian,))


def _one_agency_s(bearer: Row, row: Row) -> bool:
    """Whether an agency says of two of its own Patients that they are one person: by one identifier, and nothing that differs."""
    return bearer.custodian == row.custodian and not differ(bearer.resource, row.resource)


def _joins(review: Resource, newcomer: str, bearers: Mapping[str, Row]) -> bool:
    """Whether a review links a Patient that is still as it was judged (IDN-5)."""
    return newcomer in bearers and links(review) and judged(review, bearers[newcomer].keys)


def compiled(consent: Row, base: str, zone: tzinfo) -> Compiled:
    """One version of a Consent as its row has it, with who recorded it and whether anybody confirmed it."""
    ref, sure = versioned(consent.reference, consent.version), testimony.confirmed(consent.index.keys)
    return compile_consent(
        consent.resource, ref, base, zone, recorder=consent.custodian, confirmed=sure, standing=testimony.stands(consent)
    )


def _others(task: Row) -> tuple[str, ...]:
    """The organisations a Task names besides its custodian."""
    return tuple(dict.fromkeys(party.organization for party in task.parties if party.organization != task.custodian))
