"""Generations: counters that tell a worker's cache when its values are out of date. A counter is raised in the same transaction
as the write that makes the values out of date."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping

from service.store.mongo import Mongo

GENERATIONS = "generations"
DIRECTORY = "directory"
DIRECTORY_TYPES = frozenset({"Organization", "Practitioner", "PractitionerRole", "Group", "HealthcareService", "PlanDefinition"})
PERSONAL_TYPES = frozenset(
    {"Consent", "CareTeam", "Task", "ServiceRequest", "EpisodeOfCare", "Patient", "Communication", "RelatedPerson"}
)


def keys_of(type_: str, patients: Iterable[str]) -> tuple[str, ...]:
    """The counters that a write of this type raises: `directory`, one counter for each Patient reference, or none."""
    if type_ in DIRECTORY_TYPES:
        return (DIRECTORY,)
    return tuple(patients) if type_ in PERSONAL_TYPES else ()


class Generations:
    """Reads the counters; concurrent readers share a query."""

    def __init__(self, mongo: Mongo) -> None:
        self._lookup = mongo.lookup

    def ask(self, key: str) -> Awaitable[int | None]:
        """Starts to read one counter now; the caller awaits the number later. None for a counter that was never raised."""
        return self._lookup.ask(GENERATIONS, key, _number)

    async def current(self, keys: Collection[str]) -> dict[str, int]:
        """The counter of every key asked for; 0 for a counter that was never raised."""
        found = await self._lookup.many((GENERATIONS, key) for key in keys)
        return {key: _number(found[GENERATIONS, key]) if (GENERATIONS, key) in found else 0 for key in keys}


def _number(document: Mapping[str, int]) -> int:
    return document["n"]
