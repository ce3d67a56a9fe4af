"""The pathways in force, for the rules of a practice. They are kept until any directory record or pathway changes."""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.care.pathway.adoption import in_force, overdue
from service.care.pathway.pathway import NAMES, Pathway, read
from service.change import Resource
from service.fhir.canonical import pathway
from service.fhir.definitions import Definitions
from service.problem import Category, Refused, problem
from service.store.records import Records
from service.usecases.request.directory import Directory

TYPE = "PlanDefinition"


class Pathways:
    """Reads pathways from their PlanDefinitions. A pathway that is not stored is the one that the service ships.

    Every request refreshes the directory once; what is kept here is forgotten when the directory was.
    """

    def __init__(self, records: Records, definitions: Definitions, directory: Directory, zone: tzinfo) -> None:
        self._records = records
        self._definitions = definitions
        self._directory = directory
        self._zone = zone
        self._generation = -1
        self._forced: dict[str, Pathway | None] = {}
        self._versions: dict[str, Pathway | None] = {}

    async def in_force(self, name: str) -> Pathway:
        """The version of a pathway, `front-door` for example, that is in force. Raises Refused RULE for a name that no pathway
        has."""
        found = await self._current(name)
        if found is None:
            text = f"There is no pathway `{name}` in force: name one that this service publishes as `{pathway('…')}`."
            raise Refused(problem(Category.RULE, "business-rule", text, rule="GOV-3"))
        return found

    async def version(self, canonical: str) -> Pathway | None:
        """The version that a canonical names, in force or not, for what ran under it; without `|version` the one in force. None
        when there is no such version."""
        self._forget()
        if canonical not in self._versions:
            kept = self._versions
            kept[canonical] = await self._found(canonical)
            return kept[canonical]
        return self._versions[canonical]

    async def named(self, canonical: str, expression: str = "") -> Pathway:
        """The pathway of a canonical under which something new starts. Raises Refused RULE for an unknown pathway and for a
        version that is not in force."""
        name, version = _parted(canonical)
        found = await self._current(name)
        if found is None:
            text = f"There is no pathway `{canonical}` here: name one in force, as `url|version`."
        elif version not in ("", found.version):
            text = f"`{canonical}` is not in force: name `{found.canonical}`, which is."
        else:
            return found
        raise Refused(problem(Category.RULE, "business-rule", text, expression=expression, rule="GOV-7"))

    async def overdue(self, at: datetime) -> list[Pathway]:
        """GOV-8: the pathways whose version in force is past its period, for the list of drift."""
        forced = [await self._forced_version(name) for name in NAMES]
        return [read(each) for each in overdue(filter(None, forced), at, self._zone)]

    async def _current(self, name: str) -> Pathway | None:
        self._forget()
        if name not in self._forced:
            kept = self._forced
            resource = await self._forced_version(name)
            kept[name] = read(resource) if resource else None
            return kept[name]
        return self._forced[name]

    def _forget(self) -> None:
        if self._generation != self._directory.generation:
            self._generation, self._forced, self._versions = self._directory.generation, {}, {}

    async def _forced_version(self, name: str) -> Resource | None:
        """The newest version that is or was in force; that which is shipped, when none is stored."""
        for resource in await self.history(name):
            if in_force(resource):
                return resource
        return self._definitions.own(TYPE).get(pathway(name))

    async def _found(self, canonical: str) -> Pathway | None:
        name, version = _parted(canonical)
        if not version:
            return await self._current(name)
        stored = [*await self.history(name), self._definitions.own(TYPE).get(pathway(name))]
        return next((read(each) for each in stored if each and each.get("version") == version), None)

    async def history(self, name: str) -> list[Resource]:
        """Every stored version of a pathway, newest first."""
        identity = pathway(name).rpartition("/")[2]
        row = await self._records.read(TYPE, identity) if name else None
        if row is None:
            return []
        older = [await self._records.version(TYPE, identity, number) for number in range(row.version - 1, 0, -1)]
        return [each.resource for each in (row, *older) if each is not None and not each.deleted]


def _parted(canonical: str) -> tuple[str, str]:
    """The name and version of a canonical; the name is '' when it is no pathway's."""
    url, _, version = canonical.partition("|")
    start = pathway("")
    return url.removeprefix(start) if url.startswith(start) else "", version
