"""Counters that tell a worker's cache when to forget. Raised in the same transaction as the write they announce."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping

from service.store.coalesce import Coalescer
from service.store.mongo import Mongo, reaching

GENERATIONS = "generations"
DIRECTORY = "directory"
DIRECTORY_TYPES = frozenset({"Organization", "PractitionerRole", "Group", "HealthcareService"})
PERSONAL_TYPES = frozenset(
    {"Consent", "CareTeam", "Task", "ServiceRequest", "EpisodeOfCare", "Patient", "Communication", "RelatedPerson"}
)


def keys_of(type_: str, patients: Iterable[str]) -> tuple[str, ...]:
    """The counters that a write of this type raises: `directory`, or one per Patient reference."""
    if type_ in DIRECTORY_TYPES:
        return (DIRECTORY,)
    return tuple(patients) if type_ in PERSONAL_TYPES else ()


class Generations:
    """Reads the counters; all askers of one moment share a query."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._read: Coalescer[str, int] = Coalescer(self._fetch)

    def ask(self, key: str) -> Awaitable[int | None]:
        """One counter, asked now and awaited later; None for one that was never raised."""
        return self._read.ask(key)

    async def current(self, keys: Collection[str]) -> dict[str, int]:
        """The counter of every key asked for; 0 for one that was never raised."""
        found = await self._read.get_many(keys)
        return {key: found.get(key, 0) for key in keys}

    async def _fetch(self, keys: Collection[str]) -> Mapping[str, int]:
        async with reaching():
            cursor = self._mongo.collection(GENERATIONS).find({"_id": {"$in": list(keys)}})
            return {document["_id"]: document["n"] for document in await cursor.to_list(None)}
