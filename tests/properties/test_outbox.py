"""Whatever workers do and wherever they die: every timer level takes effect once, every notice arrives in order and without gap.

A crash is a lease that nobody honours: the worker that held it simply does nothing more, or comes back when its lease has long
passed to another.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.change import Change, Notice, Timer, Write
from service.fhir.index import Index
from service.fhir.resource import stamp
from service.problem import Refused
from service.store.mongo import connect
from service.store.outbox import Outbox
from service.store.records import Projection, Records
from service.store.timers import Timers

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LEASE = 30.0
LEVELS = 3
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Step = tuple[Any, ...]

timer_steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 2)),
        st.tuples(st.just("work"), st.integers(0, 2)),
        st.tuples(st.just("die"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 31])),
        st.tuples(st.just("set"), st.integers(0, 2)),
    ),
    max_size=20,
)

outbox_steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from(["a", "b"])),
        st.tuples(st.just("take"), st.integers(0, 2)),
        st.tuples(st.just("send"), st.integers(0, 2)),
        st.tuples(st.just("send and die"), st.integers(0, 2)),
        st.tuples(st.just("fail"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 31])),
    ),
    max_size=24,
)


def project(resource: dict[str, Any], tokens: Any) -> Projection:
    return Projection(Index(resource["resourceType"], resource["id"], 0, frozenset(tokens)), (), {})


class World:
    """One database, a moving clock, and three workers with what each believes to hold."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.timers = Timers(records.mongo)
        self.outbox = Outbox(records.mongo)
        self.now = AT
        self.held: dict[int, list[Any]] = defaultdict(list)
        self.received: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.posted: Counter[str] = Counter()
        self.effects = 0

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    async def set_timer(self, number: int) -> None:
        timer = Timer(f"k{number}", "TIM-2", self.now, "Task/t", 0)
        await self.records.commit(Change(at=self.now, timers=(timer,)))

    async def take_timers(self, worker: int) -> None:
        self.held[worker] += await self.timers.due(self.now, LEASE, 2)

    async def work_timers(self, worker: int) -> None:
        """Commit the effect of each held timer, which names its level, and set the level after it."""
        for timer in self.held.pop(worker, []):
            self.effects += 1
            event = {"resourceType": "Basic", "code": f"{timer.key}/{timer.level}"}
            effect = Write(stamp(event, id=f"e{self.effects}", version=1, at=self.now), 0, "Organization/x")
            following = (
                (Timer(timer.key, timer.kind, self.now, timer.focus, timer.level + 1),) if timer.level + 1 < LEVELS else ()
            )
            change = Change(at=self.now, writes=(effect,), timers=following, settled=((timer.key, timer.level),))
            await asyncio.gather(self.records.commit(change), return_exceptions=True)

    async def taken_effects(self) -> Counter[str]:
        rows = await self.records.read_many([f"Basic/e{n}" for n in range(1, self.effects + 1)])
        return Counter(row.resource["code"] for row in rows.values())

    async def post(self, recipient: str) -> None:
        self.posted[recipient] += 1
        notice = Notice("handover-task", recipient, f"Task/{self.posted[recipient]}")
        await self.records.commit(Change(at=self.now, notices=(notice,)))

    async def take_parcels(self, worker: int) -> None:
        self.held[worker] += await self.outbox.due(self.now, LEASE, limit=2)

    async def send(self, worker: int, *, record: bool) -> None:
        """Send all that is held, as long as the lease is still ours; the one that dies does so before recording the first."""
        for parcel in self.held.pop(worker, []):
            for delivery in parcel.deliveries:
                if self.now >= parcel.lease:
                    break  # a worker knows how long its own lease runs
                self.received[parcel.recipient].append((delivery.number, delivery.focus))
                if not record or not await self.outbox.done(parcel, delivery, self.now):
                    break
            else:
                await self.outbox.release(parcel, self.now)

    async def fail(self, worker: int) -> None:
        for parcel in self.held.pop(worker, []):
            if parcel.deliveries:
                await self.outbox.failed(parcel, parcel.deliveries[0], self.now + timedelta(seconds=10), "503")


async def world_of(mongod: str) -> World:
    mongo = await connect(mongod, f"test_{secrets.token_hex(6)}")
    records = Records(mongo, project)
    await records.prepare(["Basic"])
    return World(records)


async def end(world: World) -> None:
    await world.records.mongo.client.drop_database(world.records.mongo.database.name)
    await world.records.mongo.close()


async def play_timers(world: World, steps: list[Step]) -> None:
    for name, value in steps:
        match name:
            case "take":
                await world.take_timers(value)
            case "work":
                await world.work_timers(value)
            case "die":
                world.held.pop(value, None)
            case "wait":
                world.wait(value)
            case "set":
                await world.set_timer(value)


async def play_outbox(world: World, steps: list[Step]) -> None:
    for name, value in steps:
        match name:
            case "post":
                await world.post(value)
            case "take":
                await world.take_parcels(value)
            case "send":
                await world.send(value, record=True)
            case "send and die":
                await world.send(value, record=False)
            case "fail":
                await world.fail(value)
            case "wait":
                world.wait(value)


@QUICK
@given(steps=timer_steps)
async def test_every_level_of_a_timer_takes_effect_exactly_once(mongod, steps):
    world = await world_of(mongod)
    for number in range(3):
        await world.set_timer(number)
    await play_timers(world, steps)
    for _ in range(LEVELS * 3):
        world.wait(31)
        await world.take_timers(9)
        await world.work_timers(9)
    for worker in range(3):
        await world.work_timers(worker)  # those who were slow rather than dead
    taken = await world.taken_effects()
    await end(world)
    assert taken == Counter({f"k{number}/{level}": 1 for number in range(3) for level in range(LEVELS)})


@QUICK
@given(steps=outbox_steps)
async def test_every_notice_arrives_in_order_and_numbered_without_gap(mongod, steps):
    world = await world_of(mongod)
    await play_outbox(world, steps)
    for _ in range(sum(world.posted.values()) + 2):
        world.wait(31)
        await world.take_parcels(9)
        await world.send(9, record=True)
    await end(world)
    for recipient, count in world.posted.items():
        first_arrivals = list(dict.fromkeys(world.received[recipient]))
        assert first_arrivals == [(number, f"Task/{number}") for number in range(1, count + 1)]


@QUICK
@given(workers=st.integers(2, 6), timers=st.integers(1, 8))
async def test_workers_that_race_settle_each_timer_once(mongod, workers, timers):
    """All hold every timer, as after leases that ran out, and settle at the same moment."""
    world = await world_of(mongod)
    for number in range(timers):
        await world.set_timer(number)
    settling = [Change(at=AT, settled=((f"k{number}", 0),)) for number in range(timers) for _ in range(workers)]
    outcomes = await asyncio.gather(*(world.records.commit(each) for each in settling), return_exceptions=True)
    await end(world)
    assert sum(isinstance(each, Refused) for each in outcomes) == timers * (workers - 1)
