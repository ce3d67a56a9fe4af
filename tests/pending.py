"""The timers that wait, read from the database itself."""

from __future__ import annotations

from service.change import Timer
from service.store.mongo import Mongo
from service.store.timers import TIMERS


async def pending(mongo: Mongo, key: str) -> list[Timer]:
    """The timers of a key that have not been settled, by level."""
    found = await mongo.collection(TIMERS).find({"k": key, "done": False}).sort("l", 1).to_list(None)
    return [Timer(each["k"], each["kind"], each["due"], each["focus"], each["l"], each["data"]) for each in found]
