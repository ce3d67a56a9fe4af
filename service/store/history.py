"""Every version of every record, deletions included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import DESCENDING, IndexModel

from service.store.mongo import Mongo, reaching
from service.store.row import Projector, Row, row_of


def indexes() -> Sequence[IndexModel]:
    """How the history of a type is read across records: newest first."""
    return (IndexModel([("lu", DESCENDING), ("_id", DESCENDING)]), IndexModel([("pts", 1), ("lu", DESCENDING)]))


class History:
    """Reads versions. A record's versions are dense from 1, so a page of them is named without a search."""

    def __init__(self, mongo: Mongo, projector: Projector) -> None:
        self._mongo = mongo
        self._projector = projector

    async def version(self, type_: str, id_: str, version: int) -> Row | None:
        """One version, None when there is none."""
        found = await self.versions(type_, id_, version + 1, 1)
        return found[0] if found else None

    async def versions(self, type_: str, id_: str, before: int, limit: int) -> list[Row]:
        """The `limit` versions under `before`, newest first."""
        names = [f"{id_}/{version}" for version in range(before - 1, max(before - 1 - limit, 0), -1)]
        rows = await self._find(type_, {"_id": {"$in": names}}, limit) if names else []
        return sorted(rows, key=lambda row: -row.version)

    async def of_type(
        self,
        type_: str,
        *,
        visible: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        after: tuple[datetime, str] | None = None,
        limit: int,
    ) -> list[Row]:
        """Versions across all records of a type, newest first. `visible` is a filter on row fields, `after` the (instant,
        `id/version`) of the last one of the page before, `since` the oldest instant asked for."""
        conditions: list[Mapping[str, Any]] = [visible] if visible else []
        if since is not None:
            conditions.append({"lu": {"$gte": since}})
        if after is not None:
            at, name = after
            conditions.append({"$or": [{"lu": {"$lt": at}}, {"lu": at, "_id": {"$lt": name}}]})
        return await self._find(type_, {"$and": conditions} if conditions else {}, limit)

    async def _find(self, type_: str, query: Mapping[str, Any], limit: int) -> list[Row]:
        async with reaching():
            cursor = self._mongo.collection(f"h.{type_}").find(query).sort([("lu", -1), ("_id", -1)]).limit(limit)
            return [row_of(type_, document, self._projector) for document in await cursor.to_list(None)]
