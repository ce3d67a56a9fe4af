"""How long a page of a worklist takes, on the store alone: `python tests/benchmarks/worklist.py 100000`.

One agency has all the Tasks of the store, one in twenty of them open, as the service would index them. What it asks for is what
waits for it, due first: the first page, a page half-way, and the same of one status.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from service.fhir.cursor import Cursor
from service.fhir.query import Query, place
from service.fhir.search import parse
from service.store import worklist
from service.store.embedded import Embedded
from service.store.mongo import Mongo, connect
from service.store.search import Searches, indexes
from service.store.visible import Visible
from tests.benchmarks.scale import BATCH, INDEXER, PROJECT, row, template

OPEN_OF, PAGE, ASKED = 20, 20, 200
AGENCY = "Organization/a0"
EVERYTHING = Visible(everything=True)
SEARCHES = {
    "what waits, due first": (("worklist", AGENCY), ("_sort", "due")),
    "of it, what is its own": (("worklist", AGENCY), ("owner-organization", AGENCY), ("_sort", "due")),
    "of it, what was requested": (("worklist", AGENCY), ("status", "requested"), ("_sort", "due")),
}


def task(model: dict[str, Any], number: int) -> dict[str, Any]:
    """The row of one number: the agency's own, due at an instant of its own, and open or completed."""
    made = row(model, number)
    due = made["so"]["authored-on"] + (number * 7919) % 1_000_000
    keys = [each for each in made["idx"] if not each.startswith((worklist.KEY, worklist.OWNER, "status="))]
    state = "status=requested" if number % OPEN_OF == 0 else "status=completed"
    found = {**made, "idx": sorted([*keys, f"{worklist.OWNER}{AGENCY}", state, f"{worklist.KEY}{AGENCY}"])}
    found["so"] = {**found["so"], "due": due, "-due": due}
    return {**{name: value for name, value in found.items() if name != worklist.AGENCIES}, **worklist.drawn(found)}


async def grown(mongo: Mongo, count: int) -> None:
    """Fills the store."""
    model, rows = template(), mongo.collection(worklist.COLLECTION)
    for start in range(0, count, BATCH):
        await rows.insert_many([task(model, number) for number in range(start, min(start + BATCH, count))], ordered=False)


async def timed(searches: Searches, query: Query, after: Cursor | None) -> list[float]:
    """The seconds that each of many equal pages takes."""
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        found = await searches.find(query, visible=EVERYTHING, after=after, limit=PAGE)
        took.append(time.perf_counter() - begun)
        assert len(found) == PAGE
    return sorted(took)


async def measure(mongo: Mongo, count: int) -> None:
    """Prints the median and the slowest twentieth of each kind of page."""
    searches = Searches(mongo, PROJECT)
    for name, params in SEARCHES.items():
        query = parse("Task", params, INDEXER.parameters)
        assert isinstance(query, Query), query
        half = (await searches.find(query, visible=EVERYTHING, limit=count // OPEN_OF // 2))[-1]
        for which, after in (("first", None), ("half-way", Cursor(place(query, half.index)))):
            took = await timed(searches, query, after)
            told = f"p50 {median(took) * 1000:6.2f} ms   p95 {took[-ASKED // 20] * 1000:6.2f} ms"
            print(f"{count:9} Tasks   {name:28} {which:9} {told}", flush=True)


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        embedded = Embedded(Path(folder) / "data", 1024)
        mongo = await connect(await embedded.start(), "worklist")
        await mongo.ensure_indexes({worklist.COLLECTION: indexes(worklist.TYPE)})
        await grown(mongo, count)
        await measure(mongo, count)
        await mongo.close()
        await embedded.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
