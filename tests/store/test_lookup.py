"""Lookups of one moment share a command, whichever collections they are in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from service.problem import Category, Refused
from service.store.lookup import Document, Lookup
from service.store.mongo import Mongo, client_of

NOBODY = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50"
HELD = {"one": ["a", "b"], "two": ["a"], "three": ["c"]}


@pytest_asyncio.fixture
async def mongo(fresh_mongo: Mongo) -> Mongo:
    for name, ids in HELD.items():
        await fresh_mongo.collection(name).insert_many([{"_id": id_, "at": name, "kind": "x"} for id_ in ids])
    return fresh_mongo


@pytest.fixture
def asked(mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collections to which commands were sent."""
    sent: list[str] = []

    def spied(way: Callable[..., Awaitable[list[Document]]]) -> Callable[..., Awaitable[list[Document]]]:
        async def send(name: str, wanted: Any) -> list[Document]:
            sent.append(name)
            return await way(name, wanted)

        return send

    monkeypatch.setattr(mongo, "find", spied(mongo.find))
    monkeypatch.setattr(mongo, "aggregate", spied(mongo.aggregate))
    return sent


async def test_documents_of_several_collections_are_found_with_one_command(mongo: Mongo, asked: list[str]) -> None:
    lookup = Lookup(mongo)
    found = await asyncio.gather(lookup.one("one", "a"), lookup.one("two", "a"), lookup.one("three", "z"))
    assert found == [{"_id": "a", "at": "one", "kind": "x"}, {"_id": "a", "at": "two", "kind": "x"}, None]
    assert asked == ["one"]


async def test_those_of_one_collection_are_found_with_one_command(mongo: Mongo, asked: list[str]) -> None:
    lookup = Lookup(mongo)
    assert set(await lookup.many([("one", "a"), ("one", "b"), ("one", "z")])) == {("one", "a"), ("one", "b")}
    assert asked == ["one"]


async def test_what_is_there_in_no_collection_is_left_out(mongo: Mongo) -> None:
    assert await Lookup(mongo).many([("none", "a"), ("one", "z"), ("two", "z")]) == {}


async def test_each_asker_gets_what_it_makes_of_the_document(mongo: Mongo) -> None:
    lookup = Lookup(mongo)
    assert await lookup.ask("one", "a", lambda document: document["at"]) == "one"
    assert await lookup.ask("one", "z", lambda document: document["at"]) is None


async def test_a_database_that_is_away_is_told_to_every_asker() -> None:
    gone = Mongo(client_of(NOBODY, "pymongo"), "x")
    outcomes = await asyncio.gather(gone.lookup.one("one", "a"), gone.lookup.one("two", "a"), return_exceptions=True)
    await gone.close()
    assert [isinstance(each, Refused) and each.problem.category for each in outcomes] == [Category.UNAVAILABLE] * 2
