"""Whose open work a Task is: the agencies in its field `wl`, by which the worklist of an agency is found in order of date.

A Task that is open names its owner's agency, once it was sent, and its requester's, as keys of the search parameter `worklist`
that come with the write. One without such keys, because an older version stored it or its actors are not known here, names the
agency that keeps it, and its owner's. The field is drawn from the row's other fields and says nothing of its own, so no digest
covers it; `baton check` draws it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.care.task.reading import TERMINAL
from service.store.mongo import Mongo, reaching

TYPE = "Task"
AGENCIES = "wl"
INDEX = "wl_due_id"
KEY = "worklist="
OWNER = "owner-organization="
CLOSED = tuple(f"status={each}" for each in sorted(TERMINAL))
COLLECTION = f"r.{TYPE}"


def drawn(document: Mapping[str, Any]) -> dict[str, Any]:
    """The field of a Task's document; nothing for a Task that is closed or deleted."""
    keys = document.get("idx", ())
    if document.get("del") or not keys or not {each.partition("|")[0] for each in keys}.isdisjoint(CLOSED):
        return {}
    said = [each.removeprefix(KEY) for each in keys if each.startswith(KEY)]
    owners = [each.removeprefix(OWNER) for each in keys if each.startswith(OWNER)]
    agencies = sorted({*(said or (document["cust"], *owners))} - {""})
    return {AGENCIES: agencies} if agencies else {}


async def drawn_anew(mongo: Mongo) -> None:
    """Gives every open Task that was stored without them its agencies."""
    async with reaching():
        rows = mongo.collection(COLLECTION)
        async for document in rows.find({AGENCIES: {"$exists": False}, "del": False}, {"idx": 1, "cust": 1, "del": 1}):
            if found := drawn(document):
                await rows.update_one({"_id": document["_id"], AGENCIES: {"$exists": False}}, {"$set": found})
