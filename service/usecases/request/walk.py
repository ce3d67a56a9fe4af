"""The Walk through the matches of a search that the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.fhir.cursor import Cursor
from service.fhir.query import Query, Sort, place
from service.fhir.query import matches as evaluated
from service.problem import Category, Refused, problem
from service.store.records import Row
from service.store.search import ordered
from service.store.visible import Visible
from service.usecases.request.services import Services
from service.usecases.request.viewer import MANY, Shown, Viewer, parted

BATCH = 500
LOOKED = 2000
"""How many rows of a large agency's search are looked at before its people are listed after all."""


def _whole(shown: Shown) -> bool:
    """Whether all of a record is told, whoever reads it: the database has tested it as it is."""
    return shown.body is shown.row.body and not parted(shown.row)


@dataclass(slots=True)
class Walk:
    """Gives the matches of one search that the caller may see, in order. Rows are read a batch at a time, so that hidden rows
    leave no gap. Only what the caller may see counts against the limits: how much is hidden turns no answer into a refusal."""

    services: Services
    viewer: Viewer
    query: Query
    visible: Visible
    verb: str = "s"
    afforded: bool = False

    async def _shown(self, rows: Sequence[Row]) -> list[Shown]:
        """The rows that the caller may see. What is not told cannot be searched for: a record of which not all is told is a match
        only when what is told matches."""
        shown = await self.viewer.reveal(rows, self.verb)
        return [each for each in shown if _whole(each) or evaluated(self.query, self.viewer.left(each))]

    async def page(self, after: Cursor | None, wanted: int) -> list[Shown]:
        """The next matches after a place, at most `wanted`. Raises Refused TOO_COSTLY."""
        await self._afford()
        found: list[Shown] = []
        size, looked = wanted, 0
        while len(found) < wanted:
            rows = await self._batch(self.query, after, size)
            found += await self._shown(await self.viewer.related(rows) if self.visible is MANY else rows)
            if len(rows) < size:
                break
            looked += len(rows)
            if looked > LOOKED:
                self.visible = await self.viewer.listed(self.visible)
            after = Cursor(place(self.query, rows[-1].index))
            size = max(size, min(2 * size, BATCH))  # a long run of hidden rows is passed in few steps
        return found[:wanted]

    async def total(self) -> int:
        """The exact number of matches that the caller may see. Raises Refused TOO_COSTLY."""
        counted, after = 0, None
        self.visible = await self.viewer.listed(self.visible)
        query = replace(self.query, sort=(Sort("_id"),))  # what is only counted needs no other order
        while rows := await self._batch(query, after, BATCH):
            counted += len(await self._shown(rows))
            if counted > self.services.settings.max_scan:
                text = "The search has to look at too many records; narrow it, by `patient` or by date say."
                raise Refused(problem(Category.TOO_COSTLY, "too-costly", text))
            if len(rows) < BATCH:
                break
            after = Cursor(place(query, rows[-1].index))
        return counted

    async def _afford(self) -> None:
        """Refuses an order that no index gives over more matches than may be sorted, of those that the caller may see."""
        if not ordered(self.query):
            self.visible = await self.viewer.listed(self.visible)
        if not self.afforded and await self.services.searches.many(self.query, self.visible):
            await self.total()
        self.afforded = True

    async def _batch(self, query: Query, after: Cursor | None, limit: int) -> list[Row]:
        return await self.services.searches.find(query, visible=self.visible, after=after, limit=limit, afforded=self.afforded)
