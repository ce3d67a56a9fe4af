"""Every version of every record, deletions included, in one collection: a version's `_id` is `Type/id/version`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import IndexModel

from service.store.mongo import Mongo, reached, reaching
from service.store.row import Projector, Row, row_of

HISTORY = "history"
MANY = 1000
"""How many versions are asked for in one query."""
INDEXES: Mapping[str, Sequence[IndexModel]] = {HISTORY: []}


def of_type(type_: str) -> dict[str, Any]:
    """The filter for the versions of a type's records."""
    return {"_id": {"$gte": f"{type_}/", "$lt": f"{type_}0"}}  # 0 follows / in ASCII


@reached
class History:
    """Reads the versions of records. A record's versions are dense from 1, so their ids are known without a search."""

    def __init__(self, mongo: Mongo, projector: Projector) -> None:
        self._mongo = mongo
        self._projector = projector

    async def version(self, type_: str, id_: str, version: int) -> Row | None:
        """One version of a record, None when there is no such version."""
        found = await self.versions(type_, id_, version + 1, 1)
        return found[0] if found else None

    async def whole(self, current: Mapping[str, int]) -> dict[str, list[Row]]:
        """All versions of records, by reference, up to the version given for each, oldest first."""
        found: dict[str, list[Row]] = {ref: [] for ref in current}
        names = [f"{ref}/{version}" for ref, last in current.items() for version in range(1, last + 1)]
        async with reaching():
            for start in range(0, len(names), MANY):
                wanted = {"_id": {"$in": names[start : start + MANY]}}
                async for document in self._mongo.collection(HISTORY).find(wanted):
                    row = row_of(document["_id"].partition("/")[0], document, self._projector)
                    found[row.reference].append(row)
        return {ref: sorted(rows, key=lambda row: row.version) for ref, rows in found.items()}

    async def versions(self, type_: str, id_: str, before: int, limit: int) -> list[Row]:
        """At most `limit` versions of a record below version `before`, newest first."""
        names = [f"{type_}/{id_}/{version}" for version in range(before - 1, max(before - 1 - limit, 0), -1)]
        if not names:
            return []
        async with reaching():
            documents = await self._mongo.collection(HISTORY).find({"_id": {"$in": names}}).to_list(None)
        return sorted((row_of(type_, document, self._projector) for document in documents), key=lambda row: -row.version)
