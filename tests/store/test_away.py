"""A database that is away is told as such, whatever part of the store asks it: 503 with Retry-After, and never a fault."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WriteError,
)

from service import clock
from service.problem import Category, Refused
from service.store.clients import Clients
from service.store.generations import Generations
from service.store.history import History
from service.store.holdings import Holdings
from service.store.installation import Installation
from service.store.layout import Layout
from service.store.mongo import Mongo, address, client_of, reaching
from service.store.outage import FULL, away, told
from service.store.outbox import Outbox
from service.store.partners import Partners
from service.store.persons import Persons
from service.store.relations import Relations
from service.store.row import Projection
from service.store.signing_keys import SigningKeys
from service.store.timers import Timers
from service.store.tokens import Tokens

pytestmark = [  # the driver lets go of the sockets of a server that it never reached
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NOBODY = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=20&connectTimeoutMS=20&directConnection=true"
MADE: dict[Any, Any] = {
    Clients: lambda mongo: Clients(mongo),
    Generations: lambda mongo: Generations(mongo),
    History: lambda mongo: History(mongo, projected),
    Holdings: lambda mongo: Holdings(mongo, projected),
    Installation: lambda mongo: Installation(mongo),
    Layout: lambda mongo: Layout(mongo),
    Outbox: lambda mongo: Outbox(mongo),
    Partners: lambda mongo: Partners(mongo),
    Persons: lambda mongo: Persons(mongo, projected),
    Relations: lambda mongo: Relations(mongo),
    SigningKeys: lambda mongo: SigningKeys(mongo, clock.new_id),
    Timers: lambda mongo: Timers(mongo),
    Tokens: lambda mongo: Tokens(mongo),
}
SIMPLE: dict[str, Any] = {"str": "x", "int": 3, "float": 1.0, "bytes": b"x", "datetime": clock.now(), "Collection[str]": ["x"]}


@pytest.fixture(autouse=True)
def sockets_are_let_go() -> Iterator[None]:
    """Here, and not in some later test."""
    yield
    gc.collect()


def projected(*_: Any) -> Projection:
    """Never asked."""
    raise AssertionError


def calls() -> list[tuple[Any, str, list[Any]]]:
    """Every asynchronous method of a store that takes simple values, with some."""
    found = []
    for store in MADE:
        for name, method in inspect.getmembers(store, inspect.iscoroutinefunction):
            wanted = list(inspect.signature(method).parameters.values())[1:]
            needed = [each for each in wanted if each.default is inspect.Parameter.empty]
            if not name.startswith("_") and all(each.annotation in SIMPLE and each.kind == 1 for each in needed):
                found.append((store, name, [SIMPLE[each.annotation] for each in needed]))
    return found


def test_most_methods_are_tried() -> None:
    assert len(calls()) > 30


@pytest.mark.parametrize(("store", "name", "arguments"), calls(), ids=lambda each: each if isinstance(each, str) else "")
async def test_a_store_says_that_its_database_is_away(store: Any, name: str, arguments: list[Any]) -> None:
    mongo = Mongo(client_of(NOBODY, "pymongo"), "x")
    with pytest.raises(Refused) as refused:
        await getattr(MADE[store](mongo), name)(*arguments)
    await mongo.close()
    assert refused.value.problem.category is Category.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AutoReconnect("x"), True),
        (NotPrimaryError("x"), True),
        (OperationFailure("x", 11602), True),
        (OperationFailure("x", 189), True),
        (WriteConcernError("x", 64), True),
        *((OperationFailure("x", code), True) for code in (94, 112, 133, 175, 211, 237, 246, 251, 14031)),
        (CursorNotFound("x", 43), True),
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}), True),
        (BulkWriteError({"writeErrors": [{"code": 11602}], "writeConcernErrors": []}), True),
        (BulkWriteError({"writeErrors": [{"code": 11000}], "writeConcernErrors": [{"code": 64}]}), False),
        (BulkWriteError({"writeErrors": [{"code": 121}], "writeConcernErrors": []}), False),
        (OperationFailure("x", 2), False),
        (OperationFailure("x", 11000), False),
        (PyMongoError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_what_means_away(error: Exception, told: bool) -> None:
    """An election and a stop do; a wrong question does not."""
    assert away(error) is told


class Lost(AutoReconnect):
    """The answer to a write that never came."""

    def __init__(self) -> None:
        super().__init__("lost")
        self._add_error_label("RetryableWriteError")


@pytest.mark.parametrize(
    "error",
    [
        WriteConcernError("x", 64),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
        BulkWriteError({"writeErrors": [{"code": 11602}], "nInserted": 1}),
        Lost(),
        OperationFailure("the new primary does not know the transaction", 251),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_a_write_whose_end_is_not_known_is_not_told_as_undone(error: PyMongoError) -> None:
    with pytest.raises(Refused, match="not known"):
        async with reaching():
            raise error


async def test_a_full_disk_is_told_as_what_it_is() -> None:
    with pytest.raises(Refused, match="no room left"):
        async with reaching():
            raise OperationFailure("x", 14031)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mongodb://me:secret@db1:27017,db2:27017/?replicaSet=r", "db1:27017,db2:27017"),
        ("mongodb://%2Fdata%2Fmongod.sock/?directConnection=true", "/data/mongod.sock"),
        ("mongodb+srv://u:p%40ss@cluster.example/baton", "cluster.example"),
    ],
)
def test_an_address_tells_no_secret(uri: str, said: str) -> None:
    assert address(uri) == said


def test_a_write_that_found_no_room_is_told_so_by_the_storage_engine_alone() -> None:
    """It has no code of its own for that."""
    text = "WiredTigerRecordStore::insertRecord 28: No space left on device"
    for error in (WriteError(text, 8), BulkWriteError({"writeErrors": [{"index": 0, "code": 8, "errmsg": text}]})):
        assert away(error)
        assert told(error) == FULL
    assert not away(WriteError("UnknownError", 8))
