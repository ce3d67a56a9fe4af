"""Registered clients, users, the users' sessions, launches and failed logins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from service.auth.clients import Client
from service.auth.users import Launch, Session, User
from service.store.mongo import Mongo, reached
from service.store.mongo import Session as DatabaseSession

_FORGOTTEN = IndexModel([("expires", ASCENDING)], expireAfterSeconds=3600)
INDEXES = {
    "auth.clients": (),
    "auth.users": (),
    "auth.sessions": (_FORGOTTEN,),
    "auth.launches": (_FORGOTTEN,),
    "auth.attempts": (_FORGOTTEN,),
}


@reached
class Clients:
    """Keeps clients, users, sessions, launches and attempts. The reader's clock decides whether a session or launch has expired;
    the database's own expiry only deletes what expired long ago."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def ensure_indexes(self) -> None:
        await self._mongo.ensure_indexes(INDEXES)

    async def add_client(self, client: Client, session: DatabaseSession = None) -> bool:
        """Registers a client; False when its id is taken."""
        return await self._insert("auth.clients", "id", client, session)

    async def client(self, id: str) -> Client | None:
        row = await self._mongo.collection("auth.clients").find_one({"_id": id})
        return _client(row) if row else None

    async def clients(self) -> list[Client]:
        return [_client(row) async for row in self._mongo.collection("auth.clients").find().sort("_id", 1)]

    async def remove_client(self, id: str, session: DatabaseSession = None) -> bool:
        done = await self._mongo.collection("auth.clients").delete_one({"_id": id}, session=session)
        return bool(done.deleted_count)

    async def add_user(self, user: User, session: DatabaseSession = None) -> bool:
        """Adds a user; False when the username is taken."""
        return await self._insert("auth.users", "username", user, session)

    async def user(self, username: str) -> User | None:
        row = await self._mongo.collection("auth.users").find_one({"_id": username})
        return User(row["_id"], row["reference"], row["password"]) if row else None

    async def users(self) -> list[User]:
        rows = self._mongo.collection("auth.users").find().sort("_id", 1)
        return [User(row["_id"], row["reference"], row["password"]) async for row in rows]

    async def remove_user(self, username: str, session: DatabaseSession = None) -> bool:
        done = await self._mongo.collection("auth.users").delete_one({"_id": username}, session=session)
        return bool(done.deleted_count)

    async def add_session(self, session: Session) -> None:
        await self._insert("auth.sessions", "hash", session)

    async def session(self, hash: str, now: datetime) -> Session | None:
        row = await self._mongo.collection("auth.sessions").find_one({"_id": hash, "expires": {"$gt": now}})
        return Session(row["_id"], row["username"], row["started"], row["expires"]) if row else None

    async def end_session(self, hash: str) -> None:
        await self._mongo.collection("auth.sessions").delete_one({"_id": hash})

    async def end_sessions(self, username: str) -> None:
        await self._mongo.collection("auth.sessions").delete_many({"username": username})

    async def add_launch(self, launch: Launch) -> None:
        await self._insert("auth.launches", "hash", launch)

    async def launch(self, hash: str, now: datetime) -> Launch | None:
        return _launch(await self._mongo.collection("auth.launches").find_one({"_id": hash, "expires": {"$gt": now}}))

    async def take_launch(self, hash: str, now: datetime) -> Launch | None:
        """The launch, which is deleted as the caller takes it: of two callers only one is given the launch."""
        return _launch(await self._mongo.collection("auth.launches").find_one_and_delete({"_id": hash, "expires": {"$gt": now}}))

    async def attempt(self, key: str, now: datetime, window: timedelta) -> int:
        """Counts one more attempt under `key`, and gives the number of attempts since the window began. An attempt is counted
        before it is judged, so that parallel guesses cannot pass together."""
        running = {"$gt": ["$expires", now]}
        step = {
            "count": {"$cond": [running, {"$add": ["$count", 1]}, 1]},
            "expires": {"$cond": [running, "$expires", now + window]},
        }
        row = await self._mongo.collection("auth.attempts").find_one_and_update(
            {"_id": key}, [{"$set": step}], upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(row["count"])

    async def forget_attempts(self, key: str) -> None:
        await self._mongo.collection("auth.attempts").delete_one({"_id": key})

    async def forgive_attempt(self, key: str) -> None:
        """Takes back the count of one attempt, because the attempt turned out to be right."""
        await self._mongo.collection("auth.attempts").update_one({"_id": key}, {"$inc": {"count": -1}})

    async def _insert(self, collection: str, key: str, value: Any, session: DatabaseSession = None) -> bool:
        row, rows = asdict(value), self._mongo.collection(collection)
        row["_id"] = row.pop(key)
        if session is not None and await rows.find_one({"_id": row["_id"]}, {"_id": 1}, session=session):
            return False  # a duplicate key would end the whole transaction
        try:
            await rows.insert_one(row, session=session)
        except DuplicateKeyError:
            return False
        return True


def _client(row: Mapping[str, Any]) -> Client:
    members: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in row.items()}
    return Client(id=members.pop("_id"), **members)


def _launch(row: Mapping[str, Any] | None) -> Launch | None:
    return Launch(row["_id"], **{name: value for name, value in row.items() if name != "_id"}) if row else None
