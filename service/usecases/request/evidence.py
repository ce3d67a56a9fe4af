"""The evidence of consent decisions about a person, loaded once and kept in memory until one of its generations is raised.

A person is every Patient that carries one verified national identifier (IDN-1). The kept evidence does not depend on the current
time: relationships, grants and Consents carry their periods, and each decision evaluates the periods at its own instant.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from service.care.ownership.identity import person_keys
from service.change import Resource
from service.consent.compile import compile_consent
from service.consent.facts import Facts
from service.consent.grants import granted
from service.consent.provision import Compiled
from service.consent.relationship import Relationship, standing
from service.consent.representative import entitled
from service.consent.request import Grant
from service.fhir.date import LOCAL
from service.fhir.reference import key, versioned
from service.store.generations import Generations
from service.store.holdings import Holdings
from service.store.persons import Persons
from service.store.records import Records, Row
from service.usecases.request import testimony

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Person:
    """The evidence about one person. `custodians` are the agencies that keep a Patient record of the person; `consents` are those
    whose recorder had standing, because no other Consent says anything; `acting` are RelatedPersons who may act for the person.
    `stamp` holds the generations under which the evidence was loaded, except `links`. `links` are the references of the records
    that Consents name (`named`): records of any type, whose writes may raise no generation, so `links` are loaded for every
    decision."""

    patients: frozenset[str]
    custodians: frozenset[str]
    consents: tuple[Compiled, ...]
    relationships: tuple[Relationship, ...]
    grants: tuple[Grant, ...]
    teams: tuple[Resource, ...]
    acting: tuple[Resource, ...]
    named: frozenset[str]
    stamp: dict[str, int]
    zone: tzinfo = LOCAL
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def related(self, at: datetime) -> frozenset[str]:
        """Organisations that have a legitimate relationship with the person at an instant (L0)."""
        return standing(self.custodians, self.relationships, at)

    def representatives(self, at: datetime) -> frozenset[str]:
        """RelatedPersons who may act for the person at an instant."""
        return frozenset(f"RelatedPerson/{each['id']}" for each in self.acting if entitled(each, at, self.zone))

    @property
    def name(self) -> str:
        """One Patient reference that stands for the person: the same, whichever of the person's Patients is asked about."""
        return min(self.patients)


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
        loaded = await asyncio.gather(*(self._load(patient) for patient in missing))
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

    async def _load(self, patient: str) -> Person:
        """Loads the evidence about one person. The generations are read before the records, so that a change in between makes
        the next reader load the evidence again."""
        own = await self._generations.current((patient,))
        row = await self._records.read(*key(patient))
        identities = person_keys(row.resource) if row and not row.deleted else ()
        shared = [f"person:{identity}" for identity in identities]
        stamp = {**own, **await self._generations.current(shared)}
        linked = await self._linked(identities)
        patients = frozenset((patient, *(f"Patient/{each.id}" for each in linked)))
        stamp |= await self._generations.current(patients - {patient})
        kept = await self._persons.about(patients)
        # `patients` are this person's for everybody: a Consent across a link that is not confirmed is not among these (IDN-4).
        compiled = tuple(self._compiled(each) for each in kept.of("Consent") if testimony.stands(each))
        custodians = frozenset(each.custodian for each in (*linked, *((row,) if row and not row.deleted else ())))
        return Person(
            patients=patients,
            custodians=custodians,
            consents=compiled,
            relationships=tuple(Relationship(each.organization, each.custodian, each.start, each.end) for each in kept.relations),
            grants=granted((each.resource, each.custodian, _others(each)) for each in kept.of("Task")),
            teams=tuple(each.resource for each in kept.of("CareTeam")),
            acting=tuple(each.resource for each in kept.of("RelatedPerson") if each.custodian in custodians),
            named=frozenset(ref for consent in compiled for ref in consent.named),
            stamp=stamp,
            zone=self._zone,
        )

    def _compiled(self, consent: Row) -> Compiled:
        return compiled(consent, self._base, self._zone)

    async def _with_links(self, persons: Mapping[str, Person], named: Collection[str]) -> dict[str, Person]:
        """The Persons with the current references of the records that Consents name as `related` or `dependents`. For a deleted
        record, the references are those of its last version."""
        rows = await self._records.read_many(named)
        links = {ref: Facts.from_row(row.facts).references for ref, row in rows.items()}
        return {patient: replace(person, links=links) if person.named else person for patient, person in persons.items()}

    async def _linked(self, identities: Collection[str]) -> list[Row]:
        """The live Patients that carry one of these verified identifiers (`system|value`)."""
        found = [row for identity in identities for row in await self._holdings.having("Patient", f"person={identity}")]
        return list({row.id: row for row in found if not row.deleted}.values())


def compiled(consent: Row, base: str, zone: tzinfo) -> Compiled:
    """One version of a Consent as its row has it, with who recorded it and whether anybody confirmed it."""
    ref, sure = versioned(consent.reference, consent.version), testimony.confirmed(consent.index.keys)
    return compile_consent(consent.resource, ref, base, zone, recorder=consent.custodian, confirmed=sure)


def _others(task: Row) -> tuple[str, ...]:
    """The organisations a Task names besides its custodian."""
    return tuple(dict.fromkeys(party.organization for party in task.parties if party.organization != task.custodian))
