"""Timers that survive restarts and fire once per (key, level), however many workers run.

A worker takes a due timer under a lease and commits the timer's effects in a Change that names the timer in `Change.settled`. The
Change's transaction settles the timer, so the effects happen exactly once even if the lease runs out, another worker takes the
timer too, or a worker is killed at any point. A settled timer stays as a mark, so that scheduling the same level again does
nothing; cancelling the timer's key takes the mark away as well. A cancelled timer is as good as deleted, and the database
deletes it a little later: cancelling and setting timers is one command then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pymongo import IndexModel, ReturnDocument, UpdateMany, UpdateOne

from service.change import Change, Timer
from service.store.mongo import Mongo, reached, reaching

TIMERS = "timers"
CANCELLED = "cancelled"
INDEXES = {
    TIMERS: [
        IndexModel("k"),
        IndexModel("next", partialFilterExpression={"done": False}),
        IndexModel("until", expireAfterSeconds=0),
    ]
}


def _mark(key: str, level: int) -> str:
    return f"{level}:{key}"


def _schedule(timer: Timer, at: datetime) -> UpdateOne:
    """The write that sets a timer, or moves it to a new instant, unless the timer's level has been settled."""
    document = {
        "_id": _mark(timer.key, timer.level),
        "k": timer.key,
        "l": timer.level,
        "kind": timer.kind,
        "due": timer.due,
        "next": timer.due,
        "focus": timer.focus,
        "data": dict(timer.data),
        "done": False,
        "at": at,
        "tries": 0,
    }
    kept = {"$cond": [{"$eq": ["$done", True]}, "$$ROOT", {"$literal": document}]}
    return UpdateOne({"_id": document["_id"]}, [{"$replaceWith": kept}], upsert=True)


def settling(changes: Iterable[Change]) -> list[UpdateOne]:
    """One write per settled timer. Each write must find its timer unsettled; otherwise the transaction is refused."""
    return [
        UpdateOne({"_id": _mark(*each), "done": False}, {"$set": {"done": True, "settled": change.at}, "$unset": {"next": ""}})
        for change in changes
        for each in change.settled
    ]


def scheduling(changes: Iterable[Change]) -> list[UpdateMany | UpdateOne]:
    """The writes that cancel the timers of cancelled keys and then set new timers. The order lets one Change cancel a key and set
    a new timer for it."""
    writes: list[UpdateMany | UpdateOne] = []
    for change in changes:
        if change.cancelled:
            gone = {"$set": {"done": CANCELLED, "until": change.at}, "$unset": {"next": ""}}
            writes.append(UpdateMany({"k": {"$in": list(change.cancelled)}}, gone))
        writes += (_schedule(timer, change.at) for timer in change.timers)
    return writes


def _timer(document: dict[str, Any]) -> Timer:
    return Timer(document["k"], document["kind"], document["due"], document["focus"], document["l"], document["data"])


@reached
class Timers:
    """Gives workers the timers that are due."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def overdue(self, now: datetime) -> int:
        """How many timers are due and not fired, leased ones aside."""
        async with reaching():
            return int(await self._mongo.collection(TIMERS).count_documents({"done": False, "next": {"$lte": now}}))

    async def due(self, now: datetime, lease_seconds: float, limit: int = 32) -> list[Timer]:
        """At most `limit` due timers that no other worker holds a lease on, the longest due first. Each timer is leased to the
        caller for `lease_seconds`, and may then be given to another worker."""
        held = now + timedelta(seconds=lease_seconds)
        timers = self._mongo.collection(TIMERS)
        found: list[Timer] = []
        async with reaching():
            while len(found) < limit:
                document = await timers.find_one_and_update(
                    {"done": False, "next": {"$lte": now}},
                    {"$set": {"next": held}, "$inc": {"tries": 1}},
                    sort=[("next", 1)],
                    return_document=ReturnDocument.AFTER,
                )
                if document is None:
                    break
                found.append(_timer(document))
        return sorted(found, key=lambda timer: timer.due)
