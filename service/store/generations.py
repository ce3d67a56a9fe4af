"""Generations: counters that tell a worker's cache when its values are out of date. A counter is raised in the same transaction
as the write that makes the values out of date."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping

from service.store.coalesce import Coalescer
from service.store.mongo import Mongo, reached, reaching

GENERATIONS = "generations"
DIRECTORY = "directory"
DIRECTORY_TYPES = frozenset({"Organization", "Practitioner", "PractitionerRole", "Group", "HealthcareService"})
PERSONAL_TYPES = frozenset(
    {"Consent", "CareTeam", "Task", "ServiceRequest", "EpisodeOfCare", "Patient", "Communication", "RelatedPerson"}
)


def keys_of(type_: str, patients: Iterable[str]) -> tuple[str, ...]:
    """The counters that a write of this type raises: `directory`, one counter for each Patient reference, or none."""
    if type_ in DIRECTORY_TYPES:
        return (DIRECTORY,)
    return tuple(patients) if type_ in PERSONAL_TYPES else ()


@reached
class Generations:
    """Reads the counters; concurrent readers share a query."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._read: Coalescer[str, int] = Coalescer(self._fetch)

    def ask(self, key: str) -> Awaitable[int | None]:
        """Starts to read one counter now; the caller awaits the number later. None for a counter that was never raised."""
        return self._read.ask(key)

    async def current(self, keys: Collection[str]) -> dict[str, int]:
        """The counter of every key asked for; 0 for a counter that was never raised."""
        found = await self._read.get_many(keys)
        return {key: found.get(key, 0) for key in keys}

    async def _fetch(self, keys: Collection[str]) -> Mapping[str, int]:
        async with reaching():
            cursor = self._mongo.collection(GENERATIONS).find({"_id": {"$in": list(keys)}})
            return {document["_id"]: document["n"] for document in await cursor.to_list(None)}
