"""For every token T: what T gets is part of what the custodians get, and what T may not see changes no byte of T's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import clock
from service.app import Built
from tests.attacks.records import PARTICIPATION, denial
from tests.locality import Agency, Locality, patient, stored

Stored = dict[str, Any]
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CUSTODIANS = ("trust", "housing")
READERS = ("crisis", "voluntary")


@dataclass(frozen=True)
class Note:
    """A record: about which of the people, kept by whom, labelled how."""

    person: int
    custodian: str
    label: str
    day: int

    def resource(self, people: tuple[str, str]) -> Stored:
        """The Observation it is."""
        made: Stored = {
            "resourceType": "Observation",
            "id": clock.new_id(),
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": people[self.person]},
            "effectiveDateTime": f"2026-11-{self.day:02}",
        }
        return {**made, "meta": {"security": [{"system": CONFIDENTIALITY, "code": self.label}]}} if self.label else made


notes = st.builds(Note, st.integers(0, 1), st.sampled_from(CUSTODIANS), st.sampled_from(["", "N", "R"]), st.integers(1, 28))
# What the first person says of the two readers; the second person is nobody's but the trust's.
words = st.fixed_dictionaries({reader: st.sampled_from(["", "permit", "deny"]) for reader in READERS})
ties = st.sets(st.sampled_from(READERS))


def consent(person: str, reader: str, word: str) -> Stored:
    """The person's word about one agency."""
    role = {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]}
    actor = {"role": role, "reference": {"reference": f"Organization/{reader}"}}
    return {**denial(person), "id": clock.new_id(), "provision": {"type": word, "actor": [actor]}}


class World:
    """Two people, their records, and everybody who may ask about them."""

    def __init__(self, built: Built, http: httpx.AsyncClient) -> None:
        self.built = built
        self.locality = Locality(built, http, "")
        self.people = (f"Patient/{clock.new_id()}", f"Patient/{clock.new_id()}")
        self.kept: list[tuple[Note, Stored]] = []

    async def settled(self, tied: set[str], word: dict[str, str], held: list[Note]) -> None:
        """Stores the world."""
        keep = [patient(id=person.partition("/")[2]) for person in self.people]
        team = {
            "resourceType": "CareTeam",
            "id": clock.new_id(),
            "status": "active",
            "subject": {"reference": self.people[0]},
            "participant": [{"member": {"reference": f"Organization/{each}"}} for each in sorted(tied)],
        }
        said = [consent(self.people[0], reader, each) for reader, each in word.items() if each]
        await stored(self.built, "Organization/trust", *keep, *([team] if tied else []), *said)
        for note in held:
            await self.keep(note)

    async def keep(self, note: Note) -> Stored:
        """Stores one record."""
        resource = note.resource(self.people)
        await stored(self.built, f"Organization/{note.custodian}", resource)
        self.kept.append((note, resource))
        return resource

    def asked(self) -> list[str]:
        """Every request that could tell something."""
        searches = [
            f"Observation?patient={person}{more}"
            for person in self.people
            for more in (
                "",
                "&_total=accurate",
                "&_count=1&_sort=date",
                "&_summary=count",
                "&_sort=-date&_count=2&_total=accurate",
            )
        ]
        people = [f"Patient?_id={person.partition('/')[2]}&_revinclude=Observation:subject" for person in self.people]
        reads = [f"Observation/{resource['id']}{more}" for _, resource in self.kept for more in ("", "/_history", "/_history/1")]
        return [*searches, *people, *self.people, *reads]


async def answers(agency: Agency, asked: list[str]) -> dict[str, tuple[int, bytes]]:
    """Each answer's status and bytes, next pages included."""
    told = {}
    for path in asked:
        answer = await agency.get(path)
        told[path] = (answer.status_code, answer.content)
        following = answer.json().get("link", ()) if answer.status_code == 200 else ()
        for url in [link["url"] for link in following if link["relation"] == "next"]:
            told[f"{path} next"] = (0, (await agency.get(url)).content)
    return told


async def references(agency: Agency, person: str) -> set[str]:
    """What an agency finds about a person."""
    answer = await agency.get(f"Observation?patient={person}&_count=200")
    return {each["resource"]["id"] for each in answer.json().get("entry", ())}


quick = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@quick
@given(tied=ties, word=words, held=st.lists(notes, max_size=4))
async def test_what_anyone_finds_is_part_of_what_the_custodians_find(
    service: tuple[Built, httpx.AsyncClient], tied: set[str], word: dict[str, str], held: list[Note]
) -> None:
    """result(T, R) ⊆ result(custodians, R); and each custodian finds what it keeps."""
    world = World(*service)
    await world.settled(tied, word, held)
    for place, person in enumerate(world.people):
        everything = set().union(*[await references(await world.locality.agency(each), person) for each in CUSTODIANS])
        assert everything == {resource["id"] for note, resource in world.kept if note.person == place}
        for reader in READERS:
            assert await references(await world.locality.agency(reader), person) <= everything


@quick
@given(
    tied=ties,
    word=words,
    held=st.lists(notes, min_size=1, max_size=3),
    fresh=notes,
    reader=st.sampled_from(READERS),
    way=st.sampled_from(["create", "update", "delete"]),
)
async def test_what_cannot_be_seen_changes_no_byte(
    service: tuple[Built, httpx.AsyncClient],
    tied: set[str],
    word: dict[str, str],
    held: list[Note],
    fresh: Note,
    reader: str,
    way: str,
) -> None:
    """A record that T may not see comes, changes or goes: T's searches, totals, pages and reads stay as they were."""
    world = World(*service)
    await world.settled(tied, word, held)
    agency = await world.locality.agency(reader)
    asked = world.asked()
    before = await answers(agency, asked)
    made = await world.keep(fresh)
    if way == "create":
        if (await agency.get(f"Observation/{made['id']}")).status_code == 404:
            assert await answers(agency, asked) == before
        return
    hidden = [each for each in world.kept if (await agency.get(f"Observation/{each[1]['id']}")).status_code == 404]
    before = await answers(agency, world.asked())
    for note, resource in hidden[:2]:
        keeper = await world.locality.agency(note.custodian)
        body = {**resource, "effectiveDateTime": "2025-01-01", "note": [{"text": "changed"}]} if way == "update" else None
        answer = await keeper.send("PUT" if body else "DELETE", f"Observation/{resource['id']}", body)
        assert answer.status_code in (200, 204), answer.text
    assert await answers(agency, world.asked()) == before
