"""The seam: the same under both drivers."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import BulkWriteError, OperationFailure, WTimeoutError

from service.problem import Category, Refused
from service.store.mongo import DURABLE, HISTORY, HISTORY_SECONDS, Mongo, Unfollowed, client_of, connect, settled


async def test_a_transaction_returns_what_its_body_returns(mongo):
    async def body(session):
        await mongo.collection("x").insert_one({"_id": 1}, session=session)
        return "done"

    assert await mongo.transaction(body) == "done"


async def test_whatever_the_body_raises_aborts_the_transaction(mongo):
    async def body(session):
        await mongo.collection("x").insert_one({"_id": 1}, session=session)
        raise KeyError("no")

    with pytest.raises(KeyError):
        await mongo.transaction(body)
    assert await mongo.collection("x").count_documents({}) == 0


async def test_concurrent_transactions_on_one_document_all_succeed_in_turn(mongo):
    await mongo.collection("x").insert_one({"_id": 1, "n": 0})

    async def body(session):
        found = await mongo.collection("x").find_one({"_id": 1}, session=session)
        await mongo.collection("x").update_one({"_id": 1}, {"$set": {"n": found["n"] + 1}}, session=session)

    await asyncio.gather(*(mongo.transaction(body) for _ in range(8)))
    assert (await mongo.collection("x").find_one({"_id": 1}))["n"] == 8


class Lost(OperationFailure):
    """The answer to a commit that never came."""

    def __init__(self) -> None:
        super().__init__("lost", 91)
        self._add_error_label("UnknownTransactionCommitResult")


async def test_an_unknown_commit_result_is_asked_for_again(mongo, monkeypatch):
    lost = []

    async def body(session):
        await mongo.collection("x").insert_one({"_id": 1}, session=session)
        commit = session.commit_transaction

        async def once_lost():
            await settled(commit())
            if not lost:
                lost.append(True)
                raise Lost

        monkeypatch.setattr(session, "commit_transaction", once_lost, raising=False)

    await mongo.transaction(body)
    assert (lost, await mongo.collection("x").count_documents({})) == ([True], 1)


class UnreplicatedError(WTimeoutError):
    """A commit that the primary has made, and no majority."""

    def __init__(self) -> None:
        super().__init__("no majority", 64)
        self._add_error_label("UnknownTransactionCommitResult")


async def test_a_commit_that_no_majority_follows_is_not_waited_for_again(mongo, monkeypatch):
    """It has had its time, and what was written is not told as undone."""
    asked = []

    async def body(session):
        await mongo.collection("x").insert_one({"_id": 1}, session=session)

        async def unfollowed():
            asked.append(True)
            raise UnreplicatedError

        monkeypatch.setattr(session, "commit_transaction", unfollowed, raising=False)

    with pytest.raises(Unfollowed, match="not known"):
        await mongo.transaction(body)
    assert asked == [True]


async def test_a_database_of_one_member_follows_itself(fresh_mongo):
    """And nothing is left of the look."""
    await fresh_mongo.followed()
    assert await fresh_mongo.names() == frozenset()


async def test_a_primary_that_takes_no_write_is_not_waited_for(fresh_mongo, monkeypatch):
    """As one whose own disk is stuck: it answers a ping, and its service is not ready."""
    monkeypatch.setattr("service.store.mongo.LOOK_SECONDS", 0.2)
    admin = fresh_mongo.client.admin
    await admin.command("fsync", lock=True)
    try:
        await admin.command("ping")
        with pytest.raises(Refused, match="does not answer"):
            await fresh_mongo.followed()
    finally:
        await admin.command("fsyncUnlock")
    await fresh_mongo.followed()


async def test_a_conflict_that_does_not_clear_is_refused_as_unavailable(mongo):
    await mongo.collection("x").insert_one({"_id": 1, "n": 0})
    release = asyncio.Event()
    holding = asyncio.Event()

    async def hold(session):
        await mongo.collection("x").update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
        holding.set()
        await release.wait()

    holder = asyncio.create_task(mongo.transaction(hold))
    await holding.wait()
    with pytest.raises(Refused) as refused:
        await mongo.transaction(
            lambda session: mongo.collection("x").update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session), seconds=0.2
        )
    release.set()
    await holder
    assert refused.value.problem.category is Category.UNAVAILABLE


@pytest.mark.parametrize("error", [OperationFailure("no", 388, {"code": 388}), BulkWriteError({"writeErrors": [{"code": 388}]})])
async def test_more_than_one_transaction_takes_is_refused_as_too_costly(mongo, error):
    async def body(_):
        raise error

    with pytest.raises(Refused) as refusal:
        await mongo.transaction(body)
    assert refusal.value.problem.category is Category.TOO_COSTLY


async def test_a_database_that_is_not_there_is_refused_as_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr("service.store.mongo.SELECTION_MS", 50)
    nowhere = str(tmp_path / "none.sock").replace("/", "%2F")
    with pytest.raises(Refused) as refused:
        await connect(f"mongodb://{nowhere}/?directConnection=true", "x")
    assert refused.value.problem.category is Category.UNAVAILABLE


@pytest.mark.parametrize("driver", ["pymongo", "motor"])
async def test_a_uri_may_say_how_long_to_wait_and_not_how_durable(driver):
    client = client_of("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=70&w=0&journal=false", driver)
    assert client.options.server_selection_timeout == 0.07
    assert client.write_concern == DURABLE
    await settled(client.close())


async def test_instants_come_back_aware(mongo, make):
    await mongo.collection("x").insert_one({"_id": 1, "at": make.at})
    assert (await mongo.collection("x").find_one({}))["at"] == make.at


async def test_aggregate_gives_a_list_under_either_driver(mongo):
    await mongo.collection("x").insert_many([{"_id": 1}, {"_id": 2}])
    assert await mongo.aggregate("x", [{"$count": "n"}]) == [{"n": 2}]


async def history_window(mongo: Mongo) -> int:
    found = await mongo.client.admin.command("getParameter", 1, **{HISTORY: 1})
    return int(found[HISTORY])


async def test_the_database_keeps_its_past_for_as_long_as_it_is_read(fresh_mongo):
    """And as long as before afterwards; a snapshot that is taken meanwhile changes nothing of it."""
    before = 5
    await fresh_mongo.client.admin.command("setParameter", 1, **{HISTORY: before})  # a reader that was killed leaves it long
    async with fresh_mongo.snapshot():
        assert before < await history_window(fresh_mongo) == HISTORY_SECONDS
        async with fresh_mongo.snapshot():
            pass
        assert await history_window(fresh_mongo) == HISTORY_SECONDS
    assert await history_window(fresh_mongo) == before


async def test_a_snapshot_has_the_collections_that_there_were(fresh_mongo):
    await fresh_mongo.collection("a").insert_one({"_id": 1})
    async with fresh_mongo.snapshot() as still:
        await fresh_mongo.collection("b").insert_one({"_id": 1})
        await fresh_mongo.collection("a").insert_one({"_id": 2})
        assert await still.names() == {"a"}
        assert await still.collection("a").count_documents({}) == 1
    assert await fresh_mongo.names() == {"a", "b"}


async def test_a_snapshot_misses_no_collection_that_is_made_as_it_is_taken(fresh_mongo, monkeypatch):
    """Made between the two looks: it is in the snapshot with all that is in it."""
    looks = iter(range(2))
    names = Mongo.names

    async def made(self):
        found = await names(self)
        if next(looks, None) == 0:
            await fresh_mongo.collection("new").insert_one({"_id": 1})
        return found

    monkeypatch.setattr(Mongo, "names", made)
    async with fresh_mongo.snapshot() as still:
        assert "new" in await still.names()
        assert await still.collection("new").count_documents({}) == 1
