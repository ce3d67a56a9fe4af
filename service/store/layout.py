"""The layout of a database: how what is stored there is laid out, as a number that grows with each change of it.

The number is written when a database is first used. A database with collections and no number is from before there were numbers,
and has layout 1. A database that is being restored has a mark, and is served by nobody until the mark is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from service.problem import Category, Refused, problem
from service.store.installation import COLLECTION
from service.store.mongo import Mongo, reached

LAYOUT = 5
"""The layout that this version of the service reads and writes."""
FIRST = 1
LAYOUT_ID, LEASE_ID, RESTORE_ID = "layout", "upgrade", "restore"
LEASES = {LEASE_ID: timedelta(seconds=30), RESTORE_ID: timedelta(seconds=10)}
RENEWALS = 3


def admitted(layout: int, place: str) -> None:
    """Raises Refused RULE for what a newer version of the service has laid out. `place` names it for the operator."""
    if layout > LAYOUT:
        text = (
            f"{place} has layout {layout}, and this version knows layouts up to {LAYOUT}: install the version that it comes from "
            "(`baton --version` tells each one's), or restore a backup from before the upgrade. Nothing was changed."
        )
        raise Refused(problem(Category.RULE, "business-rule", text))


def _until(name: str) -> dict[str, Any]:
    """The instant at which a lease that is taken now runs out, as the database computes it."""
    return {"$add": ["$$NOW", LEASES[name] // timedelta(milliseconds=1)]}


@reached
class Layout:
    """The layout of one database, and the lease of whoever is changing it."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._rows = mongo.collection(COLLECTION)

    async def current(self) -> int:
        """The layout that the database has; 0 for a database with nothing in it."""
        found = await self._rows.find_one({"_id": LAYOUT_ID})
        if found:
            return int(found["number"])
        return FIRST if await self._mongo.names() else 0

    async def admit(self) -> int:
        """The layout of a database that this version may work with. Raises Refused RULE for one with a newer layout, and for one
        that is being restored."""
        layout = await self.current()
        admitted(layout, "The database")
        if await self.restoring():
            text = (
                "A restore into this database was broken off, or is not done yet, so nothing of it is served: repeat "
                "`baton restore`, which begins anew."
            )
            raise Refused(problem(Category.RULE, "business-rule", text))
        return layout

    async def enter(self) -> None:
        """As `admit`, and gives a database without a number its number: ours when it has nothing in it, else the first."""
        layout = await self.admit()
        with contextlib.suppress(DuplicateKeyError):  # another process was first
            await self._rows.update_one({"_id": LAYOUT_ID}, {"$setOnInsert": {"number": layout or LAYOUT}}, upsert=True)

    async def reached(self, number: int) -> None:
        """Notes that the database has this layout now."""
        await self._rows.update_one({"_id": LAYOUT_ID}, {"$max": {"number": number}}, upsert=True)

    async def restoring(self) -> bool:
        """Whether a restore has begun and not ended."""
        return await self._rows.find_one({"_id": RESTORE_ID}) is not None

    async def clear(self) -> None:
        """Forgets all that is remembered, the mark of a restore excepted."""
        await self._rows.delete_many({"_id": {"$ne": RESTORE_ID}})

    async def end_restore(self) -> None:
        """Takes the mark away: the database is whole."""
        await self._rows.delete_one({"_id": RESTORE_ID})

    @contextlib.asynccontextmanager
    async def leased(self, holder: str, name: str = LEASE_ID) -> AsyncIterator[bool]:
        """Whether this holder alone may change the layout, or restore the database (`RESTORE_ID`), for as long as it is in here.
        The lease of a restore is its mark, which is durable before anything is restored. A lease that its holder has not renewed,
        because it was killed, runs out by the database's own clock."""
        if not await self._lease(holder, name):
            yield False
            return
        renewing = asyncio.create_task(self._renew(holder, name))
        try:
            yield True
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            await self._rows.update_one({"_id": name, "by": holder}, [{"$set": {"until": "$$NOW"}}])

    async def _lease(self, holder: str, name: str) -> bool:
        """Takes the lease; False while another has it."""
        free = {"$or": [{"$eq": ["$by", holder]}, {"$lte": ["$until", "$$NOW"]}]}
        taken = {"by": {"$cond": [free, holder, "$by"]}, "until": {"$cond": [free, _until(name), "$until"]}}
        row = await self._rows.find_one_and_update(
            {"_id": name}, [{"$set": taken}], upsert=True, return_document=ReturnDocument.AFTER
        )
        return bool(row["by"] == holder)

    async def _renew(self, holder: str, name: str) -> None:
        while True:
            await asyncio.sleep(LEASES[name].total_seconds() / RENEWALS)
            with contextlib.suppress(PyMongoError):  # it is tried again, and the steps may be repeated by another
                await self._rows.update_one({"_id": name, "by": holder}, [{"$set": {"until": _until(name)}}])
