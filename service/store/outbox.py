"""Notices waiting for partners: written with the change they tell of, delivered in order, numbered without gaps per recipient.

One deliverer per recipient at a time, by a lease on the recipient. The numbers are given under that lease when rows are
first taken, in their own transaction: no commit of a Change ever waits for a counter, and a receiver that was away sees
no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import IndexModel, InsertOne, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from service.change import Change
from service.store.mongo import Mongo, Session, reaching

OUTBOX = "outbox"
RECIPIENTS = "recipients"
WAITING, SENT, FAILED = "waiting", "sent", "failed"
KEPT_SECONDS = 30 * 24 * 3600
"""How long a delivered notice can still be asked for (`$events`)."""
INDEXES = {
    OUTBOX: [
        IndexModel([("state", 1), ("to", 1), ("n", 1), ("at", 1), ("_id", 1)]),
        IndexModel([("to", 1), ("n", 1)]),
        IndexModel("sent", expireAfterSeconds=KEPT_SECONDS),
    ],
    RECIPIENTS: [],
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A numbered notice for one recipient. `attempts` counts the failures so far, `at` is when the change committed."""

    id: str
    number: int
    recipient: str
    topic: str
    focus: str
    patient: str
    at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """The deliveries one worker may send to one recipient, in order, until its lease ends."""

    recipient: str
    lease: datetime
    deliveries: tuple[Delivery, ...]


def posting(changes: Iterable[Change]) -> list[InsertOne[dict[str, Any]]]:
    """The writes for the notices of these Changes, in order."""
    return [
        InsertOne(
            {
                "_id": ObjectId(),
                "to": each.recipient,
                "topic": each.topic,
                "focus": each.focus,
                "patient": each.patient,
                "at": change.at,
                "state": WAITING,
                "tries": 0,
            }
        )
        for change in changes
        for each in change.notices
    ]


def _delivery(document: dict[str, Any]) -> Delivery:
    return Delivery(
        id=str(document["_id"]),
        number=document["n"],
        recipient=document["to"],
        topic=document["topic"],
        focus=document["focus"],
        patient=document["patient"],
        at=document["at"],
        attempts=document["tries"],
    )


class Outbox:
    """Hands out what is to be sent and records what became of it."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def due(self, now: datetime, lease_seconds: float, *, recipients: int = 16, limit: int = 32) -> list[Parcel]:
        """At most `limit` notices for each of at most `recipients` that have some, want no pause, and nobody else is
        serving."""
        async with reaching():
            waiting = await self._mongo.collection(OUTBOX).distinct("to", {"state": WAITING})
        parcels: list[Parcel] = []
        for recipient in waiting:
            if len(parcels) == recipients:
                break
            lease = now + timedelta(seconds=lease_seconds)
            if await self._lease(recipient, now, lease):
                parcels.append(Parcel(recipient, lease, await self._numbered(recipient, limit)))
        return parcels

    async def done(self, parcel: Parcel, delivery: Delivery, now: datetime) -> bool:
        """Record one delivery as received. False when the lease was lost: somebody else is serving this recipient."""
        return await self._record(parcel, delivery, {"$set": {"state": SENT, "sent": now}})

    async def failed(self, parcel: Parcel, delivery: Delivery, retry_at: datetime, error: str) -> bool:
        """Record a failure: nothing more is sent to this recipient before `retry_at`. False when the lease was lost."""
        outcome = {"$inc": {"tries": 1}, "$set": {"error": error}}
        return await self._record(parcel, delivery, outcome) and await self._free(parcel, retry_at)

    async def release(self, parcel: Parcel, now: datetime) -> bool:
        """Give the recipient back for anybody to serve."""
        return await self._free(parcel, now)

    async def lost(self) -> list[Delivery]:
        """Every notice that is not tried any more, so that the next may go: nothing is given up in silence."""
        return await self._find({"state": FAILED}, [("to", 1), ("n", 1)], 0)

    async def events(self, recipient: str, after: int, limit: int) -> list[Delivery]:
        """The numbered notices of a recipient after a number, in order, delivered or not, while they are kept."""
        return await self._find({"to": recipient, "n": {"$gt": after}}, [("n", 1)], limit)

    async def _find(self, query: dict[str, Any], order: Sequence[tuple[str, int]], limit: int) -> list[Delivery]:
        async with reaching():
            documents = await self._mongo.collection(OUTBOX).find(query).sort(list(order)).limit(limit).to_list(None)
        return [_delivery(document) for document in documents]

    async def _lease(self, recipient: str, now: datetime, until: datetime) -> bool:
        free = {"_id": recipient, "until": {"$lte": now}}
        taken = {"$set": {"until": until}, "$setOnInsert": {"n": 0}}
        async with reaching():
            try:
                await self._mongo.collection(RECIPIENTS).find_one_and_update(
                    free, taken, upsert=True, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                return False  # there, but leased or pausing
        return True

    async def _free(self, parcel: Parcel, at: datetime) -> bool:
        async with reaching():
            result = await self._mongo.collection(RECIPIENTS).update_one(
                {"_id": parcel.recipient, "until": parcel.lease}, {"$set": {"until": at}}
            )
        return bool(result.matched_count)

    async def _record(self, parcel: Parcel, delivery: Delivery, outcome: dict[str, Any]) -> bool:
        """Write an outcome, unless the recipient's lease has passed to somebody else or the notice has an outcome."""

        async def record(session: Session) -> bool:
            held = {"_id": parcel.recipient, "until": parcel.lease}
            lease = await self._mongo.collection(RECIPIENTS).update_one(held, {"$inc": {"turn": 1}}, session=session)
            if not lease.matched_count:
                return False
            row = {"_id": ObjectId(delivery.id), "state": WAITING}
            result = await self._mongo.collection(OUTBOX).update_one(row, outcome, session=session)
            return bool(result.matched_count)

        return await self._mongo.transaction(record)

    async def _numbered(self, recipient: str, limit: int) -> tuple[Delivery, ...]:
        """The next notices in order, with numbers given to those that have none yet."""

        async def number(session: Session) -> tuple[Delivery, ...]:
            rows = self._mongo.collection(OUTBOX)
            waiting = {"state": WAITING, "to": recipient}
            # What has a number goes first: a slow commit may turn up late with an earlier instant.
            held = await rows.find({**waiting, "n": {"$gt": 0}}, session=session).sort("n", 1).limit(limit).to_list(None)
            if len(held) == limit:
                return tuple(_delivery(document) for document in held)
            order = [("at", 1), ("_id", 1)]
            fresh = await rows.find({**waiting, "n": None}, session=session).sort(order).limit(limit - len(held)).to_list(None)
            if fresh:
                await self._number(recipient, fresh, session)
            return tuple(_delivery(document) for document in held + fresh)

        return await self._mongo.transaction(number)

    async def _number(self, recipient: str, fresh: list[dict[str, Any]], session: Session) -> None:
        count = {"$inc": {"n": len(fresh)}}
        counter = await self._mongo.collection(RECIPIENTS).find_one_and_update({"_id": recipient}, count, session=session)
        for number, document in enumerate(fresh, start=counter["n"] + 1):
            document["n"] = number
        writes = [UpdateOne({"_id": document["_id"]}, {"$set": {"n": document["n"]}}) for document in fresh]
        await self._mongo.collection(OUTBOX).bulk_write(writes, session=session)
