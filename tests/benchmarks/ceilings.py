"""What the same machine, server and driver reach with nothing of ours: figures are told as a part of these, since machines differ
by four times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient, WriteConcern

from service import clock
from service.store.coalesce import Coalescer
from tests.benchmarks.serving import Request, Serving

SECONDS = 2.0
DURABLE = WriteConcern(w="majority", j=True)
BODY = "x" * 1500


@dataclass(frozen=True)
class Ceilings:
    """Requests a second: a trivial endpoint of the same server at 64 clients; a find of one document by its id among 64 that ask
    at once and share it; a durable insert of 64 at once; a durable transaction of four writes of 8 at once."""

    trivial: float
    find: float
    insert: float
    transaction: float

    def lines(self) -> str:
        """For print."""
        return "\n".join(
            f"{'ceiling: ' + name:34} {rate:7.0f}/s"
            for name, rate in (
                ("trivial endpoint, 64 clients", self.trivial),
                ("shared find, 64 at once", self.find),
                ("durable insert, 64 at once", self.insert),
                ("four-write transaction, 8 at once", self.transaction),
            )
        )


async def rate(step: Callable[[], Awaitable[Any]], at_once: int) -> float:
    """How often a step is done in a second, by so many at once."""
    done, until = 0, time.perf_counter() + SECONDS

    async def again() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await step()
            done += 1

    begun = time.perf_counter()
    await asyncio.gather(*(again() for _ in range(at_once)))
    return done / (time.perf_counter() - begun)


async def measured(serving: Serving) -> Ceilings:
    """The ceilings of this run."""
    trivial = serving.load([Request("GET", "../health/live", "x")], clients=64, seconds=SECONDS)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(serving.database)
    rows = client["ceilings"].get_collection("rows", write_concern=DURABLE)
    others = [client["ceilings"][f"rows{number}"] for number in range(4)]
    await rows.insert_many([{"_id": str(number), "body": BODY} for number in range(1000)])
    for each in others:
        await each.insert_one({"_id": "first"})
    names = iter(range(10**9))

    async def fetch(ids: Collection[str]) -> Mapping[str, Any]:
        return {each["_id"]: each async for each in rows.find({"_id": {"$in": list(ids)}})}

    shared: Coalescer[str, Any] = Coalescer(fetch)

    async def four() -> None:
        async with client.start_session() as session, await session.start_transaction(write_concern=DURABLE):
            for each in others:
                await each.insert_one({"_id": clock.new_id(), "body": BODY}, session=session)

    found = Ceilings(
        trivial.rate,
        await rate(lambda: shared.get(str(next(names) % 1000)), 64),
        await rate(lambda: rows.insert_one({"_id": clock.new_id(), "body": BODY}), 64),
        await rate(four, 8),
    )
    await client.drop_database("ceilings")
    await client.close()
    return found
