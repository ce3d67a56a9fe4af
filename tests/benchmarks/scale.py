"""How long a search takes as the store grows, on the store alone: `python tests/benchmarks/scale.py 10000 100000 1000000`.

Each row is a Task as the service would index it: one of a thousand agencies' own, about one of many people. What is asked for is
the same at every size: one record by its identifier, one person's records, an agency's open ones in order of date, and what was
changed last. The rows are copied from one that the real indexer drew: a million of them take minutes to make and not hours.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import uvloop

from service.app import projector
from service.change import Write
from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.query import Query
from service.fhir.resource import stamp
from service.fhir.search import parse
from service.settings import shipped
from service.store.embedded import Embedded
from service.store.mongo import Mongo, connect
from service.store.row import draft
from service.store.search import Searches, indexes
from service.store.visible import VISIBLE, Visible, names
from tests.locality import handover

BASE = "http://127.0.0.1:8000/fhir"
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
AGENCIES, RECORDS_A_PERSON = 1000, 20
BATCH, ASKED = 2000, 200
NUMBER, PERSON, AGENCY = "4242424242", "personpersonperson", "agencyagency"
INDEXER = Indexer(Definitions.load(shipped("profiles")), BASE, ZoneInfo("Europe/London"))
PROJECT = projector(INDEXER, BASE, "Europe/London")


def template() -> dict[str, Any]:
    """One Task's row, with words in it that stand for what differs."""
    task = {
        **handover(f"Patient/{PERSON}", "CarePlan/plan", "QuestionnaireResponse/dataset", to=f"Organization/{AGENCY}"),
        "identifier": [{"system": "https://trust.example/tasks", "value": NUMBER}],
        "authoredOn": "2026-11-20T09:30:00Z",
    }
    stamped = stamp(task, id=NUMBER, version=1, at=AT)
    return draft(Write(stamped, 0, f"Organization/{AGENCY}", "POST"), AT, PROJECT).current


def row(model: dict[str, Any], number: int) -> dict[str, Any]:
    """The row of one number: its own identifier, person, agency and instant."""
    words = {NUMBER: f"{number:010}", PERSON: f"p{number // RECORDS_A_PERSON}", AGENCY: f"a{number % AGENCIES}"}

    def said(text: str) -> str:
        for word, instead in words.items():
            text = text.replace(word, instead)
        return text

    at = AT + timedelta(seconds=number)
    moment = int(at.timestamp() * 1000)
    made = {
        **model,
        "_id": words[NUMBER],
        "body": said(bytes(model["body"]).decode()).encode(),
        "cust": said(model["cust"]),
        "pts": [said(each) for each in model["pts"]],
        "idx": sorted(said(each) for each in model["idx"]),
        "so": {**model["so"], "authored-on": moment},
        "parties": [{**each, "o": said(each["o"])} for each in model["parties"]],
        "lu": at,
    }
    return {**made, VISIBLE: names(made)}


async def grown(mongo: Mongo, model: dict[str, Any], there: int, count: int) -> None:
    """Adds rows up to `count`."""
    rows = mongo.collection("r.Task")
    for start in range(there, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        await rows.insert_many([row(model, number) for number in numbers], ordered=False)


def asked(count: int) -> dict[str, list[tuple[Query, Visible]]]:
    """The searches, spread over the whole store."""

    def query(*params: tuple[str, str]) -> Query:
        parsed = parse("Task", params, INDEXER.parameters)
        assert isinstance(parsed, Query), parsed
        return parsed

    numbers = [number * (count // ASKED) for number in range(ASKED)]
    own = {number: Visible(f"Organization/a{number % AGENCIES}", public=True) for number in numbers}
    anyone = Visible(everything=True)
    return {
        "by identifier": [(query(("identifier", f"https://trust.example/tasks|{each:010}")), anyone) for each in numbers],
        "by person": [(query(("patient", f"Patient/p{each // RECORDS_A_PERSON}")), anyone) for each in numbers],
        "an agency's, by status and date": [
            (query(("owner", f"Organization/a{each % AGENCIES}"), ("status", "requested"), ("_sort", "-_lastUpdated")), own[each])
            for each in numbers
        ],
        "changed last": [(query(("_sort", "-_lastUpdated")), own[each]) for each in numbers],
    }


async def measure(searches: Searches, count: int) -> None:
    """Prints the median of each kind of search."""
    for name, queries in asked(count).items():
        took = []
        for query, visible in queries:
            begun = time.perf_counter()
            found = await searches.find(query, visible=visible, limit=20)
            took.append(time.perf_counter() - begun)
            assert found
        took.sort()
        print(
            f"{count:9} rows   {name:32} p50 {median(took) * 1000:6.2f} ms   p95 {took[-ASKED // 20] * 1000:6.2f} ms", flush=True
        )


async def main(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        embedded = Embedded(Path(folder) / "data", 2048)
        mongo = await connect(await embedded.start(), "scale")
        await mongo.ensure_indexes({"r.Task": indexes("Task")})
        model, there = template(), 0
        for count in sizes:
            await grown(mongo, model, there, count)
            there = count
            await measure(Searches(mongo, PROJECT), count)
        await mongo.close()
        await embedded.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sorted(map(int, sys.argv[1:])) or [10_000, 100_000]))
