"""What a partner waits for as the store and its agency grow: `python tests/benchmarks/growth.py 10000 100000 1000000`.

A real `baton serve` answers one client, over HTTP, authorised, decided and audited. The store holds so many Observations, forty
of each person, all kept by the trust. Three agencies are tied to 10, 1,000 and 10,000 people, spread over all, and ask for the
same things: a record, a whole identifier, a person's, a code that every record has, what they own, what was changed last. Beside
that, plans of 20 and 2,000 versions and persons of whom 100, 1,000 and 10,000 disclosures are told. The Observations, people and
ties are copied from ones that the real indexer drew, past the ledger; everything else is written through the service.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from service.app import database_of
from service.change import Write
from service.cli.opening import opened
from service.fhir.resource import stamp
from service.settings import Settings
from service.store.mongo import Mongo, connected
from service.store.partners import Partner
from service.store.row import draft
from service.store.visible import VISIBLE, names
from service.usecases.register import partners
from tests.benchmarks.scale import AT, PROJECT
from tests.benchmarks.serving import Request, Serving
from tests.benchmarks.test_service import observation
from tests.locality import EVERYTHING, person, plan, settle, stored

RECORDS_A_PERSON, BATCH = 40, 2000
SIZES = {"small": 10, "medium": 1000, "large": 10_000}
VERSIONS, LINES = (20, 2000), (100, 1000, 10_000)
ASKED = 30
PERSON, NUMBER = "personpersonperson", 424242
COMMON = "http://loinc.org|44261-6"


@dataclass(frozen=True)
class World:
    """The tokens of the agencies, by name; plans by their number of versions; people by how many disclosures are told of them."""

    tokens: dict[str, str]
    plans: dict[int, str]
    told: dict[int, str]
    people: dict[int, str]


def drawn(resource: dict[str, Any]) -> dict[str, Any]:
    """The row of a record of the trust's."""
    stamped = stamp(resource, id="idididid", version=1, at=AT)
    return draft(Write(stamped, 0, "Organization/trust", "POST"), AT, PROJECT).current


def copied(model: dict[str, Any], number: int, who: str, identity: str) -> dict[str, Any]:
    """The row of one number about one person."""
    words = {"idididid": identity, PERSON: who, str(NUMBER): f"{number:09}"}

    def said(text: str) -> str:
        for word, instead in words.items():
            text = text.replace(word, instead)
        return text

    made = {
        **model,
        "_id": identity,
        "body": said(bytes(model["body"]).decode()).encode(),
        "pts": [said(each) for each in model["pts"]],
        "idx": sorted(said(each) for each in model["idx"]),
        "facts": json.loads(said(json.dumps(model["facts"]))),
        "lu": AT + timedelta(seconds=number),
    }
    return {**made, VISIBLE: names(made)}


async def grow(mongo: Mongo, there: int, count: int) -> None:
    """Adds Observations up to `count`, their people, and the agencies' ties to people, which are spread anew."""
    model = drawn(observation(f"Patient/{PERSON}", NUMBER))
    for start in range(there, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        rows = [copied(model, each, f"p{each // RECORDS_A_PERSON}", f"o{each:09}") for each in numbers]
        await mongo.collection("r.Observation").insert_many(rows, ordered=False)
    known = await mongo.collection("r.Patient").count_documents({"_id": {"$regex": "^p[0-9]"}})
    body = drawn({"resourceType": "Patient", "name": [{"family": "Example"}]})
    people = [
        copied({**body, "pts": [f"Patient/p{each}"]}, each, "", f"p{each}") for each in range(known, max(count // 40, 10_000))
    ]
    if people:
        await mongo.collection("r.Patient").insert_many(people, ordered=False)
    ties = mongo.collection("relations")
    await ties.delete_many({"source": {"$regex": "^CareTeam/grown"}})
    await ties.insert_many([tie for name, size in SIZES.items() for tie in ties_of(name, size, count // RECORDS_A_PERSON)])


def ties_of(agency: str, size: int, people: int) -> Iterator[dict[str, Any]]:
    """The ties of an agency to so many people, spread over those who have records."""
    whole = max(people, size)
    for number in range(size):
        source = f"CareTeam/grown-{agency}-{number}"
        who = f"Patient/p{number * whole // size}"
        yield {
            "_id": f"{source}#0",
            "source": source,
            "pts": [who],
            "org": f"Organization/{agency}",
            "cust": "Organization/trust",
            "s": None,
            "e": None,
        }


async def begun(data: Path, port: int) -> World:
    """The locality with its agencies, clients, and those whose past grows."""
    async with opened(Settings(data=data), f"http://127.0.0.1:{port}") as built:
        await settle(built)
        tokens: dict[str, str] = {}
        for name in SIZES:
            organization = {"resourceType": "Organization", "id": name, "active": True, "name": name}
            await stored(built, f"Organization/{name}", organization)
            await partners.register(built.services, built.base, Partner(f"Organization/{name}", "health"))
        for name in ("trust", *SIZES):
            await built.registration.add_client(name, f"Organization/{name}", EVERYTHING, secret=True)
            tokens[name] = (await built.registration.mint(name, EVERYTHING, "", ""))["access_token"]
        people = {size: await person(built) for size in (*VERSIONS, *LINES)}
    return World(tokens, {size: f"trust.plan{size}" for size in VERSIONS}, {size: people[size] for size in LINES}, people)


def lived(serving: Serving, world: World) -> None:
    """Gives the plans their versions, and has people's records disclosed to the crisis team that often."""
    trust = world.tokens["trust"]
    for size, name in world.plans.items():
        first = {**plan(world.people[size]), "id": name}
        serving.load([Request("PUT", f"CarePlan/{name}", trust, first)], clients=1)
        changes = [Request("PUT", f"CarePlan/{name}", trust, {**first, "title": str(each)}, each) for each in range(1, size)]
        assert set(serving.load(changes, clients=1).statuses) == {"200"}
    for size, who in world.told.items():
        body = {**observation(who, size), "id": f"trust.told{size}"}
        serving.load([Request("PUT", f"Observation/{body['id']}", trust, body)], clients=1)
        reads = [Request("GET", f"Observation/{body['id']}", trust)] * size
        assert set(serving.load(reads, clients=16).statuses) == {"200"}


def asked(world: World, count: int) -> Iterator[tuple[str, list[Request]]]:
    """What is asked for, spread over the whole store."""
    numbers = [each * (count // ASKED) for each in range(ASKED)]
    for agency, token in world.tokens.items():
        size = SIZES.get(agency, 0)
        whole = max(count // RECORDS_A_PERSON, size)
        theirs = [each * whole // size if size else each // RECORDS_A_PERSON for each in range(min(size, ASKED) or ASKED)]
        first = [each * RECORDS_A_PERSON for each in theirs if each * RECORDS_A_PERSON < count] if size else numbers
        paths = {
            "read by id": [f"Observation/o{each:09}" for each in first],
            "a whole identifier": [f"Observation?identifier=https://trust.example/scores|{each:09}" for each in first],
            "a person's, by subject": [f"Observation?subject=Patient/p{each}&_count=20" for each in theirs],
            "a person's, by patient": [f"Observation?patient=Patient/p{each}&_count=20" for each in theirs],
            "a common code": [f"Observation?code={COMMON}&_count=20"],
            "a common code, newest first": [f"Observation?code={COMMON}&_count=20&_sort=-_lastUpdated"],
            "what they own": [f"CarePlan?owner-organization=Organization/{agency}&status=active&_count=20"],
            "changed last": ["Observation?_sort=-_lastUpdated&_count=20"],
        }
        for name, each in paths.items():
            yield f"{agency}: {name}", [Request("GET", path, token) for path in each]
    trust = world.tokens["trust"]
    for size, name in world.plans.items():
        yield f"$ownership of {size} versions", [Request("GET", f"CarePlan/{name}/$ownership", trust)]
        yield f"history of {size} versions", [Request("GET", f"CarePlan/{name}/_history?_count=20", trust)]
    for size, who in world.told.items():
        yield f"$access-history of {size} lines", [Request("GET", f"{who}/$access-history?_count=20", trust)]


def measure(serving: Serving, world: World, count: int) -> None:
    """Prints the figures of each request, from one client."""
    for name, requests in asked(world, count):
        figures = serving.load((requests * ASKED)[:ASKED], clients=1, seconds=0)
        print(f"{count:9} {figures.line(name)}", flush=True)


def main(sizes: list[int]) -> None:
    """Grows one store through the sizes, and measures at each."""
    os.environ.update(
        BATON_LOG_LEVEL="warning",
        BATON_ACCESS_TOKEN_SECONDS="3600",
        BATON_REQUESTS_PER_MINUTE="10000000",
        BATON_MONGODB_CACHE_MB="2048",
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        serving = Serving(data)
        serving.start()
        serving.stop()
        serving.start()
        world = asyncio.run(begun(data, serving.port))
        lived(serving, world)
        there = 0
        for count in sizes:
            asyncio.run(_grown(data, there, count))
            there = count
            measure(serving, world, count)
        serving.stop()


async def _grown(data: Path, there: int, count: int) -> None:
    uri, _ = await database_of(Settings(data=data))
    async with connected(uri, "baton") as mongo:
        await grow(mongo, there, count)


if __name__ == "__main__":
    main(sorted(map(int, sys.argv[1:])) or [10_000, 100_000])
