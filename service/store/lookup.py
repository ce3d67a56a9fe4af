"""Looks documents up by collection and `_id`. Concurrent callers share one command, whichever collections they look in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from service.store.coalesce import Coalescer

M = TypeVar("M")
Name = tuple[str, str]
"""The collection and the `_id` of a document."""
Document = dict[str, Any]
PLACE = "_place"
"""The member by which a command over several collections tells where each document is from."""


class Database(Protocol):
    """What is looked in: `service.store.mongo.Mongo`."""

    async def find(self, name: str, wanted: Mapping[str, Any]) -> list[Document]:
        """The documents of a collection that a filter finds."""
        ...

    async def aggregate(self, name: str, pipeline: list[dict[str, Any]]) -> list[Document]:
        """The documents that a pipeline over a collection gives."""
        ...


class Lookup:
    """The shared lookups of one connection. An error of the database reaches every caller of the command that failed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read: Coalescer[Name, Document] = Coalescer(self._fetch)

    def ask(self, collection: str, id_: str, made: Callable[[Document], M]) -> Awaitable[M | None]:
        """Starts to look for a document now; the caller awaits what is `made` of it later. None when there is none."""
        return self._read.ask((collection, id_), made)

    async def one(self, collection: str, id_: str) -> Document | None:
        """The document with this name; None when there is none."""
        return await self._read.get((collection, id_))

    async def many(self, names: Iterable[Name]) -> dict[Name, Document]:
        """The documents with these names, by name; one that is not there is left out."""
        return await self._read.get_many(names)

    async def _fetch(self, names: Collection[Name]) -> Mapping[Name, Document]:
        places: dict[str, list[str]] = {}
        for collection, id_ in names:
            places.setdefault(collection, []).append(id_)
        (first, ids), *others = places.items()
        if not others:
            return {(first, each["_id"]): each for each in await self._database.find(first, _any(ids))}
        unions = [{"$unionWith": {"coll": name, "pipeline": _placed(name, some)}} for name, some in others]
        found = await self._database.aggregate(first, [*_placed(first, ids), *unions])
        return {(each.pop(PLACE), each["_id"]): each for each in found}


def _any(ids: list[str]) -> dict[str, Any]:
    return {"_id": {"$in": ids}}


def _placed(collection: str, ids: list[str]) -> list[dict[str, Any]]:
    """The stages that give the documents with these ids, each with the collection it is from."""
    return [{"$match": _any(ids)}, {"$set": {PLACE: collection}}]
