"""Reads all stored records for `baton check`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from service.store.history import HISTORY, of_type
from service.store.ledger import Ledger
from service.store.mongo import Mongo, reaching
from service.store.record_check import RecordCheck
from service.store.row import Projector, Row, row_of


class Integrity:
    """Reads every record, and finds what contradicts the ledger."""

    def __init__(self, mongo: Mongo, projector: Projector) -> None:
        self._mongo, self._projector = mongo, projector

    async def types(self) -> list[str]:
        """The resource types that have a collection of records."""
        return sorted(name[2:] for name in await self._mongo.names() if name.startswith("r."))

    async def contradictions(self, ledger: Ledger) -> list[str]:
        """Every fault of the ledger, and all that the store holds otherwise than the ledger says, one sentence each. Raises
        Refused UNAVAILABLE."""
        whole = await ledger.verified()
        records = RecordCheck(self._mongo, ledger.key, whole).faults(await self.types())
        return [*(f"ledger: {each}" for each in whole.faults), *[each async for each in records]]

    async def rows(self, type_: str, *, past: bool = False) -> AsyncIterator[Row]:
        """Every current record of a type, or with `past` every version of the type's records; deleted versions are left out."""
        name, among = (HISTORY, of_type(type_)) if past else (f"r.{type_}", {})
        async with reaching():
            async for document in self._mongo.collection(name).find({"del": False, **among}):
                yield row_of(type_, document, self._projector)
