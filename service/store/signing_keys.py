"""The service's signing keys and shared secrets. All workers use the same ones. A key is made when first asked for, and a rotated
key stays published for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from service.auth.signatures import new_signing_key
from service.store.mongo import Mongo, Session, reached

INDEXES = {"auth.keys": (IndexModel([("slot", ASCENDING)], unique=True),), "auth.secrets": ()}
OVERLAP = timedelta(hours=24)


@reached
class SigningKeys:
    """Keeps the signing keys for id_tokens, and named secrets. `new_id` gives the id of a new key."""

    def __init__(self, mongo: Mongo, new_id: Callable[[], str]) -> None:
        self._mongo = mongo
        self._new_id = new_id

    async def ensure_indexes(self) -> None:
        await self._mongo.ensure_indexes(INDEXES)

    async def signing(self, now: datetime) -> dict[str, str]:
        """The newest private key, as a JWK with its kid; made now when there is no key."""
        row = await self._newest()
        if row is None:
            await self._add(1, now)
            row = await self._newest()
        assert row is not None
        return dict(row["key"])

    async def published(self, now: datetime) -> list[dict[str, str]]:
        """Every key that a signature may still be checked with, as a JWK with its private members. The caller must publish only
        the public members."""
        await self.signing(now)
        current = {"$or": [{"retires": None}, {"retires": {"$gt": now}}]}
        rows = self._mongo.collection("auth.keys").find(current).sort("slot", DESCENDING)
        return [dict(row["key"]) async for row in rows]

    async def rotate(self, now: datetime, session: Session = None) -> str:
        """Makes a new signing key and returns its kid. The service signs with the new key from now on; the old keys stay
        published for `OVERLAP`."""
        row = await self._newest(session)
        slot = row["slot"] + 1 if row else 1
        await self._add(slot, now, session)
        old, keys = {"slot": {"$lt": slot}, "retires": None}, self._mongo.collection("auth.keys")
        await keys.update_many(old, {"$set": {"retires": now + OVERLAP}}, session=session)
        await keys.delete_many({"retires": {"$lt": now}}, session=session)
        row = await self._newest(session)
        return str(row["_id"])

    async def secret(self, name: str, fresh: bytes) -> bytes:
        """The secret with this name, the same for every worker. The first call keeps `fresh` as the secret."""
        row = await self._mongo.collection("auth.secrets").find_one_and_update(
            {"_id": name}, {"$setOnInsert": {"value": fresh}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return bytes(row["value"])

    async def _newest(self, session: Session = None) -> Any:
        return await self._mongo.collection("auth.keys").find_one(sort=[("slot", DESCENDING)], session=session)

    async def _add(self, slot: int, now: datetime, session: Session = None) -> None:
        """Makes the key of a slot. When another worker has filled the slot first, that worker's key stands."""
        key = await asyncio.to_thread(new_signing_key, self._new_id())
        row = {"_id": key["kid"], "slot": slot, "key": key, "created": now, "retires": None}
        try:
            await self._mongo.collection("auth.keys").insert_one(row, session=session)
        except DuplicateKeyError:
            if session is not None:
                raise  # the transaction is lost
            return
