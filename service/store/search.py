"""Runs a Query on MongoDB: one filter, one order, one page. The filter passes only rows that the caller may see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import replace
from typing import Any

from pymongo import IndexModel
from pymongo.errors import ExecutionTimeout

from service.fhir.cursor import Cursor
from service.fhir.query import Key, Query, Start, Term, follows, matches, place
from service.problem import Category, Refused, problem
from service.store import ledger_page, worklist
from service.store.mongo import Mongo, reaching
from service.store.row import Projector, Row, row_of
from service.store.search_filter import AFTER_EVERY_STRING, ORDERED, Filter, after_filter, filter_of, order_of, page_filter
from service.store.turn import give_way
from service.store.visible import PUBLIC, Visible

Document = dict[str, Any]
STREAMS = 150
"""How many names' rows the database merges in order without sorting them: 200 is its limit (`internalQueryMaxScansToExplode`)."""
NAMED = {"_id": "vis_id", "_lastUpdated": "vis_lu_id"}
"""The index of names that gives each order."""
PAGES = 5
"""How many pages are read at once: one holds up to two hundred entries."""
TURN = 20
"""How many entries of pages are looked at before others have their turn."""
FEW = 200
"""How many matches are looked through sooner than the rows of many names are merged."""


def indexes(type_: str) -> list[IndexModel]:
    """The indexes of the collection of one type. Every index ends in `_id`, the last sort key of every query."""
    models = [
        IndexModel([("idx", 1), ("_id", 1)], name="idx_id"),
        IndexModel([("idx", 1), ("lu", 1), ("_id", 1)], name="idx_lu_id"),
        IndexModel([("lu", 1), ("_id", 1)], name="lu_id"),
        IndexModel([("vis", 1), ("_id", 1)], name="vis_id"),
        IndexModel([("vis", 1), ("lu", 1), ("_id", 1)], name="vis_lu_id"),
        IndexModel([("dt.p", 1), ("dt.l", 1), ("dt.h", 1), ("_id", 1)], name="dt_id"),
    ]
    models += [IndexModel([(f"so.{name}", 1), ("_id", 1)], name=f"so_{name}_id") for name in ORDERED.get(type_, ())]
    if type_ == worklist.TYPE:
        models.append(IndexModel([(worklist.AGENCIES, 1), ("so.due", 1), ("_id", 1)], name=worklist.INDEX))
    if type_ != ledger_page.TYPE:
        return models
    # Every read writes an AuditEvent, and the few searches for AuditEvents want the newest first: an index in the order of ids is
    # not worth its cost on every read, and pages have no names.
    kept = [each for each in models if each.document["name"] not in ("idx_id", "vis_id", "vis_lu_id")]
    return [*kept, IndexModel([("pts", 1), ("lu", 1), ("_id", 1)], name="pts_lu_id")]


def _before_page(query: Query, cursor: Cursor | None) -> Cursor | None:
    """A place just before the page that holds this place, so that the search finds the rest of the page again."""
    if cursor is None or query.sort[-1].descending:
        return cursor
    *values, id_ = cursor.values
    whole = ledger_page.page_of(str(id_))
    before = f"{whole[:-1]}{chr(ord(whole[-1]) - 1)}{AFTER_EVERY_STRING}" if whole else id_
    return Cursor((*values, before))


class Searches:
    """Finds rows. `most_scanned` is the number of matches that one search may read where no index gives their order, and
    `seconds` the time that one search may take. A search beyond either limit is refused as too costly, never cut short."""

    def __init__(self, mongo: Mongo, projector: Projector, *, most_scanned: int = 20_000, seconds: float = 5.0) -> None:
        self._mongo = mongo
        self._projector = projector
        self._most_scanned = most_scanned
        self._milliseconds = int(seconds * 1000)

    async def find(
        self, query: Query, *, visible: Visible | None = None, after: Cursor | None = None, limit: int, afforded: bool = False
    ) -> list[Row]:
        """At most `limit` visible matches in the query's order, beginning with the first match or after the cursor `after`.

        `visible` None restricts nothing. `afforded`: the caller has counted what it may see of the matches, and lets them all be
        sorted. Raises Refused TOO_COSTLY.
        """
        if query.type == ledger_page.TYPE:
            return await self._entries(query, visible, after, limit)
        matched = filter_of(query, visible)
        if not afforded and await self.many(query, visible):
            raise too_costly()
        documents = await self._documents(query, matched, after, limit, await self._hint(query, visible))
        return [row_of(query.type, document, self._projector) for document in documents]

    async def _hint(self, query: Query, visible: Visible | None) -> str:
        """The index by which the rows of the caller's few people are merged in order, where they are fewer than the matches of
        the search; '' lets the database choose. Only terms whose matches are one range of an index are counted: another count
        would look at as much as the search itself."""
        by = NAMED.get(query.sort[0].name, "") if ordered(query) else ""
        if not by or visible is None or visible.everything or visible.narrow or not 0 < len(visible.names) <= STREAMS:
            return ""
        if not query.terms:
            return by
        ranges = tuple(term for term in query.terms if _is_range(term))
        counted = filter_of(replace(query, terms=ranges))
        return by if ranges and await self._counted(query, counted, FEW) > FEW else ""

    async def _documents(self, query: Query, matched: Filter, after: Cursor | None, limit: int, hint: str = "") -> list[Document]:
        whole = {"$and": [*matched["$and"], after_filter(query, after)]} if after else matched
        cursor = self._collection(query).find(whole, max_time_ms=self._milliseconds).sort(order_of(query)).limit(limit)
        if hint:
            cursor = cursor.hint(hint)
        documents: list[Document] = await self._timed(cursor.to_list(limit))
        return documents

    async def _entries(self, query: Query, visible: Visible | None, after: Cursor | None, limit: int) -> list[Row]:
        """As `find`, for records that are kept in pages: each entry of a page that was found is tested separately."""
        if not ordered(query):
            raise too_costly()  # the entries of a page have no order besides their order in the page
        found = list[Row]()
        async for row in self._looked_through(query, page_filter(query, visible), _before_page(query, after), min(limit, PAGES)):
            if matches(query, row.index) and sees(visible, row) and follows(query, row.index, after):
                found.append(row)
                if len(found) == limit:
                    break
        return found

    async def _looked_through(self, query: Query, matched: Filter, begin: Cursor | None, size: int) -> AsyncIterator[Row]:
        """Every entry of the pages that were found, in the query's order, `size` pages read at once."""
        looked = 0
        while documents := await self._documents(query, matched, begin, size):
            for document in documents:
                for row in self._in_order(query, document):
                    yield row
                    looked += 1
                    if looked % TURN == 0:
                        await give_way()
            if len(documents) < size:
                return
            if looked > self._most_scanned:
                raise too_costly()
            begin = Cursor((*place(query, row.index)[:-1], documents[-1]["_id"]))

    def _in_order(self, query: Query, document: Document) -> Iterator[Row]:
        return ledger_page.rows_of(query.type, document, self._projector, backwards=query.sort[0].descending)

    async def many(self, query: Query, visible: Visible | None = None) -> bool:
        """Whether more records match than may be sorted where no index gives the query's order. They are counted whether or not
        their reader may see each of them."""
        most = self._most_scanned
        return not ordered(query) and await self._counted(query, filter_of(query, visible), most) > most

    async def _counted(self, query: Query, matched: Filter, most: int) -> int:
        """How many rows match, counted up to one more than `most`."""
        counting = self._collection(query).count_documents(matched, maxTimeMS=self._milliseconds, limit=most + 1)
        return int(await self._timed(counting))

    async def _timed(self, answer: Awaitable[Any]) -> Any:
        async with reaching():
            try:
                return await answer
            except ExecutionTimeout as slow:
                raise too_costly() from slow

    def _collection(self, query: Query) -> Any:
        return self._mongo.collection(f"r.{query.type}")


def sees(visible: Visible | None, row: Row) -> bool:
    """Whether a row is visible: the filter of a search, applied to a Row."""
    if visible is None or visible.everything:
        return True
    here = {row.custodian, *(party.organization for party in row.parties), *(row.patients or (PUBLIC,))}
    return not here.isdisjoint(visible.names)


def _is_range(term: Term) -> bool:
    return bool(term.tests) and not term.negated and all(isinstance(test, Key | Start) for test in term.tests)


def ordered(query: Query) -> bool:
    """Whether an index gives the rows in the query's order."""
    names = [sort.name for sort in query.sort]
    single = names[0] in ("_id", "_lastUpdated", *ORDERED.get(query.type, ()))
    return single and len(names) <= 2 and len({sort.descending for sort in query.sort}) == 1


def too_costly() -> Refused:
    """The refusal of a search that would look at too much."""
    return Refused(
        problem(
            Category.TOO_COSTLY, "too-costly", "The search looks at too many records; narrow it, or sort it by `_lastUpdated`."
        )
    )
