"""The one seam to MongoDB: the same calls work with PyMongo's AsyncMongoClient and with Motor."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient, IndexModel
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from service.problem import Category, Refused, problem
from service.store import outage, setting_fault
from service.store.lookup import Lookup

T = TypeVar("T")
C = TypeVar("C")
Session = Any
"""A driver's client session: PyMongo's AsyncClientSession or Motor's AsyncIOMotorClientSession."""
Body = Callable[[Session], Awaitable[T]]

READING: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
RAW = CodecOptions(document_class=RawBSONDocument)
DURABLE_MS, FOLLOWED_MS = 5000, 2000
"""How long a write waits until a majority has it, and how long a look whether a majority follows."""
DURABLE = WriteConcern(w="majority", j=True, wtimeout=DURABLE_MS)
LOOK_SECONDS = 8.0
"""How long a look may take in all: a primary whose own disk is stuck answers that it is there, and nothing else."""
FOLLOWED = WriteConcern(w="majority", wtimeout=FOLLOWED_MS)
SNAPSHOT = ReadConcern("snapshot")
TRANSACTION_SECONDS = 10.0
SELECTION_MS = 5000
HISTORY, HISTORY_SECONDS = "minSnapshotHistoryWindowInSeconds", 3600
FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.1


def unavailable(text: str) -> Refused:
    """The refusal for a database that cannot be reached or cannot keep up."""
    return Refused(problem(Category.UNAVAILABLE, "transient", text))


class Unfollowed(Refused):
    """Refuses what a primary has written, or would, while a majority does not follow it."""

    def __init__(self, text: str = outage.UNFOLLOWED) -> None:
        super().__init__(problem(Category.UNAVAILABLE, "transient", text))


def client_of(uri: str, driver: str) -> Any:
    """A client of the named driver, `pymongo` or `motor`, with durable writes and majority reads whatever the uri says. The uri
    may set the waiting times and the number of connections. Raises Refused RULE for a uri that cannot be used, UNAVAILABLE when
    `motor` is not installed."""
    said = {name.lower() for name, _ in parse_qsl(urlsplit(uri).query)}
    patience = {
        "serverSelectionTimeoutMS": SELECTION_MS,
        "connectTimeoutMS": 5000,
        "wTimeoutMS": DURABLE_MS,
        "maxPoolSize": 64,
        "appname": "baton",
    }
    options: dict[str, Any] = {
        "w": "majority",
        "journal": True,
        "readConcernLevel": "majority",
        "retryWrites": True,
        "tz_aware": True,
        **{name: value for name, value in patience.items() if name.lower() not in said},
    }
    with setting_fault.read(uri):
        if driver == "pymongo":
            return AsyncMongoClient(uri, **options)
        try:
            from motor.motor_asyncio import AsyncIOMotorClient
        except ImportError as absent:
            raise unavailable("`BATON_MONGO_DRIVER` is `motor`, which is not installed; install the extra `motor`.") from absent
        return AsyncIOMotorClient(uri, io_loop=asyncio.get_running_loop(), **options)


async def settled(answer: Any) -> Any:
    """The result of a driver call, awaited when the driver's call is a coroutine."""
    return await answer if inspect.isawaitable(answer) else answer


def address(uri: str) -> str:
    """The place of a database for a message to operators: its hosts or its socket, without who connects."""
    return unquote(urlsplit(uri).netloc.rpartition("@")[2])


class Mongo:
    """A connected database. Every collection of the store is reached through `collection`. `at` is its place for operators."""

    def __init__(self, client: Any, database: str, at: str = "") -> None:
        self.client = client
        self.at = at
        self.database = client[database]
        self.lookup = Lookup(self)
        self._known: set[str] = set()
        self._making = asyncio.Lock()

    def collection(self, name: str) -> Any:
        """The driver's collection `name`: PyMongo's AsyncCollection or Motor's AsyncIOMotorCollection."""
        return self.database[name]

    def raw(self, name: str) -> Any:
        """The collection `name`, whose documents are given as the bytes that are stored (`RawBSONDocument.raw`)."""
        return self.collection(name).with_options(codec_options=RAW)

    async def find(self, name: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All documents of a collection that a filter finds. Raises Refused UNAVAILABLE."""
        async with reaching():
            found: list[dict[str, Any]] = await self.collection(name).find(wanted).to_list(None)
        return found

    async def aggregate(self, name: str, pipeline: Sequence[Mapping[str, Any]], **options: Any) -> list[dict[str, Any]]:
        """All documents that a pipeline gives (`aggregate` is a coroutine in one driver and not in the other). Raises Refused
        UNAVAILABLE."""
        async with reaching():
            cursor = await settled(self.collection(name).aggregate(list(pipeline), **options))
            found: list[dict[str, Any]] = await cursor.to_list(None)
        return found

    async def ensure_indexes(self, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
        """Makes the named collections with their indexes, once per process, because a transaction must find its collections
        there."""
        if all(name in self._known for name in indexes):
            return
        async with self._making, reaching():  # a concurrent caller waits, instead of making the same indexes again
            fresh = {name: models for name, models in indexes.items() if name not in self._known}
            if not fresh:
                return
            existing = set(await self.database.list_collection_names())
            for name, models in fresh.items():
                await self._ensure(name, list(models), existing)
            self._known.update(fresh)

    async def _ensure(self, name: str, models: list[IndexModel], existing: set[str]) -> None:
        if models:
            await self.collection(name).create_indexes(models)  # create_indexes makes the collection, too
        elif name not in existing:
            with suppress(PyMongoError):  # another worker may have made the collection since
                await self.database.create_collection(name)

    async def transaction(self, body: Body[T], *, seconds: float = TRANSACTION_SECONDS) -> T:
        """The result of `body(session)`, once its transaction is committed to a majority's journal.

        `body` runs again when the database reports a transient conflict, until `seconds` have passed; so `body` must do nothing
        but database work on `session`. Any exception of `body` aborts the transaction. Raises Refused UNAVAILABLE when the
        database cannot be reached or the conflict does not clear in time, TOO_COSTLY when it is too much for one transaction.
        """
        async with reaching(), await settled(self.client.start_session()) as session:
            return await _attempts(session, body, asyncio.get_running_loop().time() + seconds)

    async def names(self) -> frozenset[str]:
        """The names of the collections."""
        async with reaching():
            found = await self.database.list_collection_names()
        return frozenset(name for name in found if not name.startswith("system."))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """The database as it is at this instant, for reading alone, whatever is written meanwhile. Raises Refused UNAVAILABLE,
        also when the reading takes longer than the database keeps what was."""
        async with reaching(), self._remembering(), self._frozen() as still:
            try:
                yield still
            except OperationFailure as error:
                if error.code not in (239, 246):  # SnapshotTooOld, SnapshotUnavailable
                    raise
                text = f"This took longer than the database keeps what it was; raise its parameter `{HISTORY}`."
                raise unavailable(text) from error

    @asynccontextmanager
    async def _frozen(self) -> AsyncIterator[Snapshot]:
        """A snapshot and the collections that it has: one that was made while it was taken may be in it or not, so then another
        is taken."""
        while True:
            names = await self.names()
            async with await settled(self.client.start_session(snapshot=True)) as session:
                still = Snapshot(self, session, names)
                # The first read tells the instant, and only that of a collection that is there.
                await still.collection(min(names, default="none")).find_one({})
                if await self.names() == names:
                    yield still
                    return

    @asynccontextmanager
    async def _remembering(self) -> AsyncIterator[None]:
        """Has the database keep what it was for as long as a snapshot may be read, where we may say so and it keeps less."""
        admin, held = self.client.admin, HISTORY_SECONDS
        with suppress(OperationFailure):  # on a replica set of your own, its administrator says how long
            held = (await admin.command("getParameter", 1, **{HISTORY: 1}))[HISTORY]
            if held < HISTORY_SECONDS:
                await admin.command("setParameter", 1, **{HISTORY: HISTORY_SECONDS})
        try:
            yield
        finally:
            if held < HISTORY_SECONDS:
                with suppress(OperationFailure):
                    await admin.command("setParameter", 1, **{HISTORY: held})

    async def followed(self) -> None:
        """Returns when the database answers and a majority has all that its primary has, so that what is written can be made
        durable. Raises Refused UNAVAILABLE."""
        nothing = self.database.get_collection("followed", write_concern=FOLLOWED)
        try:
            async with reaching(), asyncio.timeout(LOOK_SECONDS):
                await nothing.update_one({"_id": 0}, {"$set": {"_id": 0}})  # changes nothing, and waits as a write does
        except TimeoutError as error:
            raise unavailable(outage.AWAY) from error
        except Unfollowed as error:
            raise Unfollowed from error  # it was no write, so nothing is unknown

    async def time(self) -> datetime:
        """The database's clock, the one clock that all workers share. Raises Refused UNAVAILABLE."""
        async with reaching():
            told: datetime = (await self.client.admin.command("hello"))["localTime"]
        return told if told.tzinfo else told.replace(tzinfo=UTC)

    async def close(self) -> None:
        """Closes every connection."""
        await settled(self.client.close())


class Snapshot(Mongo):
    """A database as it was at one instant."""

    def __init__(self, mongo: Mongo, session: Session, names: frozenset[str]) -> None:
        self.client, self.database, self.at = mongo.client, mongo.database, mongo.at
        self.lookup = Lookup(self)
        self._session, self._names = session, names

    async def names(self) -> frozenset[str]:
        """The collections that there were."""
        return self._names

    def collection(self, name: str) -> Any:
        """A collection for reading, as it was."""
        return _Past(self.database[name], self._session)


class _Past:
    """The reads of a collection, all in one session."""

    def __init__(self, collection: Any, session: Session) -> None:
        self._collection, self._session = collection, session

    def with_options(self, **options: Any) -> _Past:
        return _Past(self._collection.with_options(**options), self._session)

    def __getattr__(self, name: str) -> Any:
        if name not in ("aggregate", "count_documents", "distinct", "find", "find_one"):
            raise AttributeError(f"A snapshot is only read: it has no `{name}`.")
        return partial(getattr(self._collection, name), session=self._session)


async def connect(uri: str, database: str, driver: str = "pymongo") -> Mongo:
    """A Mongo that has answered a ping. Raises Refused UNAVAILABLE when the database does not, RULE when it never will under
    these settings."""
    mongo = Mongo(client_of(uri, driver), database, address(uri))
    try:
        with setting_fault.told(uri):
            async with reaching():
                await mongo.client.admin.command("ping")
    except Refused:
        await mongo.close()
        raise
    return mongo


@asynccontextmanager
async def connected(uri: str, database: str, driver: str = "pymongo") -> AsyncIterator[Mongo]:
    """As `connect`; the connection is closed afterwards. What shows only as the database is used, such as a user without rights,
    is refused in the same way."""
    mongo = await connect(uri, database, driver)
    try:
        with setting_fault.told(uri):
            yield mongo
    finally:
        await mongo.close()


@asynccontextmanager
async def reaching() -> AsyncIterator[None]:
    """Turns a driver error that means "cannot reach the database" into Refused UNAVAILABLE. Every other driver error is a fault
    and is raised unchanged."""
    try:
        yield
    except PyMongoError as error:
        if not outage.away(error):
            raise
        refused = Unfollowed if outage.unfollowed(error) else unavailable
        raise refused(outage.told(error)) from error


def reached(store: type[C]) -> type[C]:
    """Makes every asynchronous method of a store's class tell by Refused UNAVAILABLE that the database cannot be reached."""
    for name, method in vars(store).copy().items():
        if inspect.iscoroutinefunction(method):
            setattr(store, name, _reached(method))
    return store


def _reached(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def call(*args: Any, **named: Any) -> Any:
        async with reaching():
            return await method(*args, **named)

    return call


async def _attempts(session: Session, body: Body[T], deadline: float) -> T:
    pause = FIRST_PAUSE
    while True:
        try:
            await settled(session.start_transaction(read_concern=SNAPSHOT))  # as durable as all that the client writes
            result = await body(session)
            await _commit(session, deadline)
        except PyMongoError as error:
            await _abort(session)
            if _too_large(error):
                text = "This is more than the database takes in one transaction; send it in parts."
                raise Refused(problem(Category.TOO_COSTLY, "too-costly", text)) from error
            if not error.has_error_label("TransientTransactionError"):
                raise
            if asyncio.get_running_loop().time() > deadline:
                if outage.away(error):
                    raise
                raise unavailable("Too many writers want the same records at once; try again in a moment.") from error
        except BaseException:
            await _abort(session)
            raise
        else:
            return result
        await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - jitter, not a secret
        pause = min(pause * 2, LONGEST_PAUSE)


def _too_large(error: PyMongoError) -> bool:
    """Whether a transaction has outgrown the database's cache (TransactionTooLargeForCache)."""
    details = error.details or {} if isinstance(error, OperationFailure) else {}
    return any(each.get("code") == 388 for each in (details, *details.get("writeErrors", ())))


async def _commit(session: Session, deadline: float) -> None:
    """Commits the transaction, and repeats the commit while its outcome is unknown: the database answers a repeated commit and
    does not apply it twice. One that a majority has not followed has had its time already."""
    while True:
        try:
            await settled(session.commit_transaction())
        except PyMongoError as error:
            unknown = error.has_error_label("UnknownTransactionCommitResult")
            if not unknown or outage.unfollowed(error) or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(FIRST_PAUSE)
        else:
            return


async def _abort(session: Session) -> None:
    """Aborts the transaction if it is still open. An error is ignored: the server forgets an unreachable transaction by
    itself."""
    if session.in_transaction:
        with suppress(PyMongoError):
            await settled(session.abort_transaction())
