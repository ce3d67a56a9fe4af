"""The non-interference fuzz (consent-rules 7): changing anything that a reader may not see changes no byte of any answer to it.

A pair is one request, asked before and after one change. `FUZZ_PAIRS` says how many pairs, `FUZZ_SEED` with which seed the
worlds, the changes and the requests are drawn.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

import httpx

from service import clock
from service.app import Built
from tests.attacks.records import ACT, CONFIDENTIALITY, PARTICIPATION, denial, observation
from tests.locality import BASE, Agency, Locality, code, patient, stored

Stored = dict[str, Any]
PAIRS = int(os.environ.get("FUZZ_PAIRS", "400"))
SEED = int(os.environ.get("FUZZ_SEED", "20261126"))
READERS = ("crisis", "voluntary", "housing")
KEEPERS = ("trust", "housing", "voluntary")
CHANGES, ASKED = 12, 40
"""How many changes are tried in one world, and how many requests are asked about each."""
CHANGED = frozenset({"Observation", "Condition", "Flag", "QuestionnaireResponse", "CarePlan"})


def labelled(chance: Random, resource: Stored, *codes: str) -> Stored:
    """The resource with one of these confidentialities, perhaps a sensitivity."""
    security = [{"system": CONFIDENTIALITY, "code": each} for each in (chance.choice(codes or ("", "N", "R", "V")),) if each]
    if chance.random() < 0.2:
        security.append({"system": ACT, "code": chance.choice(("PSY", "SUD", "HIV"))})
    return {**resource, "meta": {"security": security}} if security else resource


class World:
    """Two people, their records, and the agencies that ask about them."""

    def __init__(self, locality: Locality, chance: Random) -> None:
        self.locality, self.chance = locality, chance
        self.people = tuple(f"Patient/{clock.new_id()}" for _ in range(2))
        self.kept: list[tuple[str, Stored]] = []

    async def settle(self) -> None:
        """Stores the people, a team, what the first person says, and some records."""
        chance = self.chance
        await self.keep("trust", *(patient(id=each.partition("/")[2]) for each in self.people))
        members = [{"member": {"reference": f"Organization/{each}"}} for each in READERS if chance.random() < 0.7]
        team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": self.people[0]}, "participant": members}
        await self.keep("trust", {**team, "id": clock.new_id()})
        for reader in READERS:
            if chance.random() < 0.6:
                await self.keep("trust", self.consent(reader))
        for _ in range(chance.randint(2, 5)):
            await self.keep(chance.choice(KEEPERS), self.record())

    async def keep(self, agency: str, *resources: Stored) -> None:
        """Stores records of an agency."""
        await stored(self.locality.built, f"Organization/{agency}", *resources)
        self.kept += [(agency, each) for each in resources]

    def record(self) -> Stored:
        """A record about one of the people."""
        chance, person = self.chance, self.chance.choice(self.people)
        about = {"id": clock.new_id(), "subject": {"reference": person}}
        made: Stored = chance.choice(
            (
                {**observation(person), **about, "effectiveDateTime": f"2026-11-{chance.randint(1, 28):02}"},
                {"resourceType": "Condition", **about, "code": {"text": "x"}},
                {"resourceType": "Flag", **about, "status": "active", "code": {"text": "x"}},
                {"resourceType": "QuestionnaireResponse", **about, "status": "completed"},
                {"resourceType": "CarePlan", **about, "status": "draft", "intent": "plan"},
            )
        )
        return labelled(chance, made)

    def consent(self, recipient: str) -> Stored:
        """What the first person says of a recipient; itself restricted, so that no reader sees it."""
        chance = self.chance
        role = {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]}
        provision: Stored = {
            "type": chance.choice(("permit", "deny")),
            "actor": [{"role": role, "reference": {"reference": f"Organization/{recipient}"}}],
        }
        if chance.random() < 0.4:
            provision["securityLabel"] = [{"system": CONFIDENTIALITY, "code": chance.choice(("N", "R"))}]
        if chance.random() < 0.3:
            provision["class"] = [
                {"system": "http://hl7.org/fhir/resource-types", "code": chance.choice(("Observation", "Flag"))}
            ]
        made = {**denial(self.people[0]), "id": clock.new_id(), "provision": provision}
        return labelled(chance, made, "V")

    def task(self, reader: str) -> Stored:
        """A Task between agencies other than the reader."""
        others = [each for each in KEEPERS if each != reader]
        return {
            "resourceType": "Task",
            "id": clock.new_id(),
            "status": "requested",
            "intent": "order",
            "code": code("task-code", "stop-use"),
            "for": {"reference": self.people[0]},
            "requester": {"reference": f"Organization/{others[0]}"},
            "owner": {"reference": f"Organization/{others[-1]}"},
        }

    async def drawn(self, reader: str) -> tuple[str, str, Stored]:
        """A change that the reader may not see, if it is one: its kind, the agency that makes it, and the record."""
        kind, agency = self.chance.choice(("record", "consent", "unheard", "task", "update", "delete")), "trust"
        if kind in ("update", "delete"):
            agency, made = self.chance.choice([each for each in self.kept if each[1]["resourceType"] in CHANGED] or [("", {})])
        elif kind == "record":
            agency, made = self.chance.choice([each for each in KEEPERS if each != reader]), self.record()
        elif kind == "consent":
            made = self.consent(self.chance.choice([each for each in READERS if each != reader]))
        elif kind == "unheard":
            agency, made = await self.stranger(), self.consent(reader)
        else:
            agency, made = next(each for each in KEEPERS if each != reader), self.task(reader)
        return (kind, agency, made) if agency else ("none", "", {})

    async def make(self, kind: str, agency: str, resource: Stored) -> bool:
        """Makes the change; whether it came through."""
        if kind not in ("update", "delete"):
            await self.keep(agency, resource)
            return True
        return await self.rewritten(agency, resource, f"{resource['resourceType']}/{resource['id']}", kind)

    async def stranger(self) -> str:
        """An agency without standing with the first person that keeps no records, for of those its Consents do speak; empty when
        there is none."""
        person = await self.locality.built.services.evidence.person(self.people[0])
        having = person.custodians | person.related("Organization/trust", clock.now())
        having |= {f"Organization/{agency}" for agency, _ in self.kept}
        return next((each for each in READERS if f"Organization/{each}" not in having), "")

    async def rewritten(self, agency: str, was: Stored, place: str, kind: str) -> bool:
        """Whether the custodian's update or delete of a record came through."""
        keeper = await self.locality.agency(agency)
        now = await keeper.get(place)
        if now.status_code != 200:
            return False
        body = {**now.json(), "language": self.chance.choice(("en", "cy"))} if kind == "update" else None
        match = {"If_Match": f'W/"{now.json()["meta"]["versionId"]}"'}
        answer = await keeper.send("PUT" if body else "DELETE", place, body, **match)
        return answer.status_code in (200, 204)

    def asked(self, place: str) -> list[tuple[str, str, Stored | None]]:
        """Everything that a reader may ask, of this record, too."""
        person, other = self.people
        searches = [
            f"{kind}?{name}={who}{more}"
            for kind, name in (
                ("Observation", "patient"),
                ("Condition", "patient"),
                ("Flag", "patient"),
                ("QuestionnaireResponse", "subject"),
                ("CarePlan", "patient"),
                ("Consent", "patient"),
                ("Task", "patient"),
                ("CareTeam", "patient"),
            )
            for who in (person, other)
            for more in ("", "&_total=accurate", "&_summary=count", "&_count=1", "&_sort=-_lastUpdated&_count=2")
        ]
        wide = ["Observation?_count=3&_sort=-date&_total=accurate", "Condition?_summary=count", "Task?_total=accurate"]
        about = f"Patient?_id={person.partition('/')[2]}"
        wide += [f"{about}&_revinclude=Observation:subject&_revinclude=Flag:subject", f"{about}&_revinclude=Consent:patient"]
        reads = [
            f"{each['resourceType']}/{each['id']}{more}" for _, each in self.kept for more in ("", "/_history", "/_history/1")
        ]
        listed = [
            {"name": "patient", "valueReference": {"reference": person}},
            {"name": "resource", "valueReference": {"reference": place}},
        ]
        posts: list[tuple[str, str, Stored | None]] = [
            ("POST", "Consent/$evaluate", {"resourceType": "Parameters", "parameter": listed}),
            ("POST", "Consent/$evaluate", {"resourceType": "Parameters", "parameter": listed[:1]}),
            ("POST", f"{BASE}/cds-services/patient-consent-consult", hook(person)),
            ("PUT", place, {"resourceType": place.partition("/")[0], "id": place.partition("/")[2]}),
            ("DELETE", place, None),
            ("POST", "Consent/$validate", denial(person)),
        ]
        return [*(("GET", each, None) for each in (*searches, *wide, *reads)), *posts]


def hook(person: str) -> Stored:
    """The hook's question about a person."""
    context = {"patientId": [{"value": person}], "purposeOfUse": "TREAT"}
    return {"hook": "patient-consent-consult", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context}


async def answer(agency: Agency, request: tuple[str, str, Stored | None]) -> tuple[int, bytes, list[str]]:
    """The status, the bytes and the telling headers of an answer, but for the card's own id."""
    told = await agency.send(*request)
    content = told.content
    if b'"cards"' in content:
        card = told.json()["cards"][0]
        content = repr({**card, "uuid": ""}).encode()
    return (
        told.status_code,
        content,
        [told.headers.get(name, "") for name in ("etag", "last-modified", "content-type", "location")],
    )


async def test_what_a_reader_may_not_see_changes_no_byte(service: tuple[Built, httpx.AsyncClient]) -> None:
    """So many pairs, drawn with one seed; the failing world is drawn again with the same."""
    built, http = service
    chance, pairs, kinds = Random(SEED), 0, Counter[str]()
    locality = Locality(built, http, "")
    while pairs < PAIRS:
        readers = {each: await locality.agency(each) for each in READERS}  # anew: a token lives five minutes
        world = World(locality, chance)
        await world.settle()
        for _ in range(CHANGES):
            reader = chance.choice(READERS)
            agency = readers[reader]
            kind, keeper, record = await world.drawn(reader)
            place = f"{record.get('resourceType')}/{record.get('id')}"
            if kind == "none" or (await agency.get(place)).status_code != 404:
                continue  # a change that the reader sees is no pair
            requests = chance.sample(world.asked("Observation/none"), ASKED)
            before = [await answer(agency, each) for each in requests]
            if not await world.make(kind, keeper, record) or (await agency.get(place)).status_code != 404:
                continue
            for request, was in zip(requests, before, strict=True):
                now = await answer(agency, request)
                assert now == was, (SEED, pairs, kind, place, reader, request)
            pairs += len(requests)
            kinds[kind] += len(requests)
    print(f"\nnon-interference: {pairs} pairs, seed {SEED}, {dict(kinds)}")
    assert set(kinds) >= {"record", "consent", "task"}
