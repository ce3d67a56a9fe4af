"""The outbox: notices for partners, written in the transaction of their Change, delivered in order, numbered without gaps per
recipient.

A lease on the recipient lets only one worker at a time deliver to the recipient. The worker numbers the notices under its lease
when the notices are first taken, in a transaction of their own: no commit of a Change ever waits for a counter, and a recipient
that was unreachable sees no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from bson import ObjectId
from pymongo import IndexModel, InsertOne, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from service.change import Change
from service.store.mongo import Mongo, Session, reached, reaching

log = structlog.get_logger()
OUTBOX = "outbox"
RECIPIENTS = "recipients"
WAITING, SENT, FAILED = "waiting", "sent", "failed"
KEPT_SECONDS = 30 * 24 * 3600
"""How long a delivered notice is kept, for a recipient to ask for (`$events`)."""
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
    """A numbered notice for one recipient. `attempts` counts the failures so far; `at` is the instant of the Change."""

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
    """The deliveries that one worker may send to one recipient, in order, until the worker's lease ends."""

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


def tell(changes: Iterable[Change]) -> None:
    """Logs each notice of these Changes, which are committed: for whom and on what topic, never of which record or person."""
    for notice in (each for change in changes for each in change.notices):
        log.info("notice-queued", to=notice.recipient, topic=notice.topic)


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


def _told(delivery: Delivery) -> dict[str, Any]:
    """What the log has of a delivery. Why it failed is in the outbox alone, as it may repeat what a partner answered."""
    return {"to": delivery.recipient, "topic": delivery.topic, "number": delivery.number, "attempts": delivery.attempts + 1}


@reached
class Outbox:
    """Gives workers the notices to deliver, and records the outcome of each delivery."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def due(self, now: datetime, lease_seconds: float, *, recipients: int = 16, limit: int = 32) -> list[Parcel]:
        """At most `limit` notices for each of at most `recipients` recipients that have notices waiting, are not pausing after a
        failure, and are not leased to another worker. Each Parcel's recipient is leased for `lease_seconds`."""
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
        """Records one delivery as received. False when the lease was lost, so that another worker may serve the recipient."""
        held = await self._record(parcel, delivery, {"$set": {"state": SENT, "sent": now}})
        log.info("notice-sent", held=held, **_told(delivery))
        return held

    async def failed(self, parcel: Parcel, delivery: Delivery, retry_at: datetime, error: str) -> bool:
        """Records a failed delivery; nothing more is sent to the recipient before `retry_at`. False when the lease was lost."""
        outcome = {"$inc": {"tries": 1}, "$set": {"error": error}}
        held = await self._record(parcel, delivery, outcome) and await self._free(parcel, retry_at)
        log.warning("notice-failed", held=held, retry_at=retry_at.isoformat(), **_told(delivery))
        return held

    async def release(self, parcel: Parcel, now: datetime) -> bool:
        """Ends the lease, so that any worker may serve the recipient. False when the lease was lost."""
        return await self._free(parcel, now)

    async def waiting(self) -> int:
        """How many notices wait."""
        async with reaching():
            return int(await self._mongo.collection(OUTBOX).count_documents({"state": WAITING}))

    async def lost(self) -> list[Delivery]:
        """Every notice that was given up so that the recipient's next notice may be sent. `baton check` lists such notices, so
        that no notice is given up in silence."""
        return await self._find({"state": FAILED}, [("to", 1), ("n", 1)], 0)

    async def events(self, recipient: str, after: int, limit: int) -> list[Delivery]:
        """At most `limit` numbered notices of a recipient after the number `after`, in order, delivered or not, as long as the
        notices are kept."""
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
                return False  # the recipient is leased or pausing
        return True

    async def _free(self, parcel: Parcel, at: datetime) -> bool:
        async with reaching():
            result = await self._mongo.collection(RECIPIENTS).update_one(
                {"_id": parcel.recipient, "until": parcel.lease}, {"$set": {"until": at}}
            )
        return bool(result.matched_count)

    async def _record(self, parcel: Parcel, delivery: Delivery, outcome: dict[str, Any]) -> bool:
        """Writes the outcome of a delivery. False when another worker has the recipient's lease, or when the notice has an
        outcome already."""

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
        """The recipient's next notices in order. A notice without a number is given the next number."""

        async def number(session: Session) -> tuple[Delivery, ...]:
            rows = self._mongo.collection(OUTBOX)
            waiting = {"state": WAITING, "to": recipient}
            # Notices with a number go first: the notice of a slow commit may become visible late with an earlier instant.
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
