"""Counts attempts in a window of time, across all workers, so that guessing can be limited."""

from __future__ import annotations

from datetime import datetime, timedelta

from pymongo import IndexModel, ReturnDocument

from service.store.mongo import Mongo, reaching

ATTEMPTS = "attempts"
INDEXES = {ATTEMPTS: [IndexModel("until", expireAfterSeconds=0)]}


class Attempts:
    """Counters that forget after their window."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def prepare(self) -> None:
        """Makes the collection of the counters."""
        await self._mongo.ensure_indexes(INDEXES)

    async def add(self, name: str, at: datetime, window: timedelta) -> int:
        """Counts one more attempt under a name, in the window that holds `at`; gives the count with this attempt."""
        started = at.timestamp() // window.total_seconds()
        async with reaching():
            found = await self._mongo.collection(ATTEMPTS).find_one_and_update(
                {"_id": f"{name}@{started:.0f}"},
                {"$inc": {"n": 1}, "$setOnInsert": {"until": at + window}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return int(found["n"])
