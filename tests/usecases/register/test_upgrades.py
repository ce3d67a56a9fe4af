"""A database of an older layout is brought to ours step by step, each once, whoever starts beside whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from service import clock
from service.app import Built, served
from service.settings import Settings
from service.store.layout import FIRST, LAYOUT, Layout
from service.store.mongo import Mongo
from service.usecases.register import integrity, upgrades
from service.usecases.register.upgrades import STEPS, Step
from service.usecases.request.services import Services
from tests.attacks.newcomers import patient
from tests.locality import BASE, person, settle
from tests.pending import pending

Start = Callable[[], AbstractAsyncContextManager[Built]]


@pytest_asyncio.fixture
async def old(fresh_mongo: Mongo, mongod: str, tmp_path: Path) -> Start:
    """Opens the service over a database that has records and no number."""
    settings = Settings(data=tmp_path, mongodb_database=fresh_mongo.database.name)
    await fresh_mongo.collection("history").insert_one({"_id": "x"})
    return lambda: served(settings, mongod, BASE)


def test_there_is_one_step_to_each_layout() -> None:
    assert [step.to for step in STEPS] == list(range(FIRST + 1, LAYOUT + 1))


async def test_of_several_processes_that_start_one_takes_the_step(
    old, fresh_mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait until it is done."""
    taken: list[str] = []

    async def step(services: Services, base: str) -> None:
        taken.append(base)
        await asyncio.sleep(0.3)
        assert await Layout(services.mongo).current() == FIRST

    async def start() -> int:
        async with old() as built:
            return await Layout(built.services.mongo).current()

    monkeypatch.setattr(upgrades, "STEPS", (Step(LAYOUT, "a-step", step),))
    assert await asyncio.gather(*(start() for _ in range(3))) == [LAYOUT] * 3
    assert taken == [f"{BASE}/fhir"]


async def test_a_step_that_did_not_end_is_taken_again(old: Start, fresh_mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [OSError("cut")]

    async def step(services: Services, base: str) -> None:
        if failures:
            raise failures.pop()

    monkeypatch.setattr(upgrades, "STEPS", (Step(LAYOUT, "a-step", step),))
    with pytest.raises(OSError, match="cut"):
        async with old():
            pass
    assert await Layout(fresh_mongo).current() == FIRST
    async with old():
        assert await Layout(fresh_mongo).current() == LAYOUT


async def test_an_upgrade_is_told_and_a_database_of_our_layout_needs_none(old: Start) -> None:
    with capture_logs() as first:
        async with old():
            pass
    with capture_logs() as again:
        async with old():
            pass
    told = [(each["event"], each["step"]) for each in first if "step" in each]
    assert told == [(event, step.name) for step in STEPS for event in ("upgrading", "upgraded")]
    assert [each for each in again if "step" in each] == []


async def test_idn_1_links_of_the_first_layout_are_proposed_at_the_upgrade(old: Start, fresh_mongo: Mongo) -> None:
    """And not at every start, as long as a review has not been made."""
    async with old() as built:
        await settle(built)
        one = await person(built, "Organization/trust", **patient("9434765919"))
        await person(built, "Organization/crisis", **patient("9434765919"))
        await fresh_mongo.collection("timers").delete_many({"kind": "IDN-1"})
    async with old():
        assert await pending(fresh_mongo, f"IDN-1:{one}") == []
    await fresh_mongo.collection("installation").update_one({"_id": "layout"}, {"$set": {"number": FIRST}})
    async with old():
        assert len(await pending(fresh_mongo, f"IDN-1:{one}")) == 1


async def test_rows_of_an_older_layout_get_the_names_by_which_they_are_found(old: Start, fresh_mongo: Mongo) -> None:
    """Each its own, and what the ledger says of them still holds; the indexes that they replace are gone."""
    async with old() as built:
        await settle(built)
        who = await person(built)
        rows, before = fresh_mongo.collection("r.Patient"), await fresh_mongo.collection("r.Patient").find({}).to_list(None)
        await rows.update_many({}, {"$unset": {"vis": ""}})
        await rows.create_index([("pts", 1), ("lu", 1), ("_id", 1)], name="pts_lu_id")
        await rows.drop_index("vis_id")
        assert [row.reference for row in await built.services.holdings.of("Patient", [who])] == []
    await fresh_mongo.collection("installation").update_one({"_id": "layout"}, {"$set": {"number": 2}})
    async with old() as built:
        assert [row.reference for row in await built.services.holdings.of("Patient", [who])] == [who]
        assert await rows.find({}).to_list(None) == before
        assert {"vis_id", "vis_lu_id"} <= set(await rows.index_information())
        assert "pts_lu_id" not in await rows.index_information()
        told = [each async for each in integrity.findings(built.services, clock.now())]
        assert [each for each in told if "r.Patient" in each or "Patient/" in each] == []


async def test_answers_of_an_older_layout_are_kept_for_repeats(old: Start, fresh_mongo: Mongo) -> None:
    """HOV-9: each with what it was; the collection that they had is gone."""
    answer = {"_id": "request:c:u:1", "answer": {"ref": "Task/t", "version": 1}, "until": clock.now() + timedelta(days=7)}
    async with old():
        await fresh_mongo.collection("claims").insert_one(answer)
    await fresh_mongo.collection("installation").update_one({"_id": "layout"}, {"$set": {"number": 3}})
    async with old() as built:
        assert await built.services.records.answered("request:c:u:1") == answer["answer"]
        assert "claims" not in await fresh_mongo.names()
