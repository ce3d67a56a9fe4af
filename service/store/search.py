"""Runs a Query on MongoDB: one filter, one order, one page. The filter passes only rows that the caller may see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel
from pymongo.errors import ExecutionTimeout

from service.fhir.cursor import Cursor
from service.fhir.date import milliseconds
from service.fhir.index import Rank
from service.fhir.query import (
    Dated,
    Identity,
    Key,
    Part,
    Present,
    Query,
    Sort,
    Start,
    Term,
    Test,
    Updated,
    follows,
    matches,
    place,
)
from service.problem import Category, Refused, problem
from service.store import ledger_page
from service.store.mongo import Mongo, reaching
from service.store.row import Projector, Row, row_of

Filter = dict[str, Any]
Document = dict[str, Any]

_NONE: Filter = {"_id": {"$in": []}}
_PARTED: tuple[Filter, ...] = ({"facts.n": {"$exists": True}}, {"facts.s": {"$exists": True}})
"""Rows with parts that may be withheld from a reader (`service.consent.facts`: `inline`, `sections`)."""
_AFTER_EVERY_STRING = "\U0010ffff"
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ORDERED: Mapping[str, tuple[str, ...]] = {
    "Appointment": ("date",),
    "AuditEvent": ("date",),
    "CarePlan": ("date",),
    "Communication": ("sent",),
    "Consent": ("date",),
    "Encounter": ("date",),
    "Observation": ("date",),
    "Patient": ("birthdate",),
    "Provenance": ("recorded",),
    "ServiceRequest": ("authored",),
    "Task": ("authored-on", "due"),
}
"""Sort keys with an index of their own, by type. Each sort key reads an element that does not repeat, so a row has one value of
the key for both directions."""


@dataclass(frozen=True, slots=True)
class Visible:
    """Which rows a caller may see: the rows of `custodian`, the rows with `party` among their parties, the rows of `patients`
    (None: of every patient), and with `public` the rows that belong to no patient. A row that matches none of the four is not
    visible."""

    custodian: str = ""
    party: str = ""
    patients: tuple[str, ...] | None = ()
    public: bool = False


def indexes(type_: str) -> list[IndexModel]:
    """The indexes of the collection of one type. Every index ends in `_id`, the last sort key of every query."""
    models = [
        IndexModel([("idx", 1), ("_id", 1)], name="idx_id"),
        IndexModel([("idx", 1), ("lu", 1), ("_id", 1)], name="idx_lu_id"),
        IndexModel([("lu", 1), ("_id", 1)], name="lu_id"),
        IndexModel([("pts", 1), ("lu", 1), ("_id", 1)], name="pts_lu_id"),
        IndexModel([("cust", 1), ("lu", 1), ("_id", 1)], name="cust_lu_id"),
        IndexModel([("dt.p", 1), ("dt.l", 1), ("dt.h", 1), ("_id", 1)], name="dt_id"),
    ]
    models += [IndexModel([(f"so.{name}", 1), ("_id", 1)], name=f"so_{name}_id") for name in ORDERED.get(type_, ())]
    # Every read writes an AuditEvent, and the few searches for AuditEvents want the newest first. Two of the indexes are not
    # worth their cost on every read.
    return [each for each in models if type_ != "AuditEvent" or each.document["name"] not in ("idx_id", "cust_lu_id")]


def filter_of(query: Query, visible: Visible | None = None) -> Filter:
    """The MongoDB filter for the matches of a query that the caller may see; rows marked deleted are never matches.

    A negated term passes every row with parts that may be withheld from a reader. The caller, which knows the reader, tests the
    term again on the parts that the reader may see."""
    return _filter([_term(term) for term in query.terms], visible)


def page_filter(query: Query, visible: Visible | None = None) -> Filter:
    """As `filter_of`, for records that are kept in pages: a page passes when one of its entries may match. A negated term passes
    every page, because a page's search keys do not say which entry has a key and which entry lacks the key."""
    return _filter(
        [{"$or": [{"page": {"$gt": 0}}, _term(term)]} if term.negated else _term(_paged(term)) for term in query.terms], visible
    )


def _paged(term: Term) -> Term:
    """The term, extended so that a test for an entry's id also finds the entry's page."""
    pages = (Identity(ledger_page.page_of(test.id)) for test in term.tests if isinstance(test, Identity))
    return replace(term, tests=(*term.tests, *pages))


def _filter(asked: list[Filter], visible: Visible | None) -> Filter:
    parts = [{"del": False}, *asked]
    if visible is not None and (seen := _seen(visible)):
        parts.append(seen)
    return {"$and": parts}


def _seen(visible: Visible) -> Filter:
    if visible.patients is None and visible.public:
        return {}
    ways: list[Filter] = []
    if visible.custodian:
        ways.append({"cust": visible.custodian})
    if visible.party:
        ways.append({"parties.o": visible.party})
    if visible.patients is None:
        ways.append({"pts.0": {"$exists": True}})
    elif visible.patients:
        ways.append({"pts": {"$in": list(visible.patients)}})
    if visible.public:
        ways.append({"pts": []})
    return {"$or": ways} if ways else _NONE


def _term(term: Term) -> Filter:
    filters = _tests(term.tests)
    if term.negated:
        return {"$or": [*_PARTED, {"$nor": filters}]} if filters else {}
    if not filters:
        return _NONE
    return filters[0] if len(filters) == 1 else {"$or": filters}


def _tests(tests: Sequence[Test]) -> list[Filter]:
    """The filters of the tests: one filter for all keys together, one for all ids, and one for each other test."""
    keys = [test.key for test in tests if isinstance(test, Key)]
    ids = [test.id for test in tests if isinstance(test, Identity)]
    filters = [_test(test) for test in tests if not isinstance(test, Key | Identity)]
    filters += [_in("idx", keys)] if keys else []
    return filters + ([_in("_id", ids)] if ids else [])


def _in(field: str, values: list[str]) -> Filter:
    return {field: values[0]} if len(values) == 1 else {field: {"$in": values}}


def _test(test: Test) -> Filter:
    match test:
        case Start(prefix):
            return {"idx": {"$elemMatch": {"$gte": prefix, "$lt": prefix + _AFTER_EVERY_STRING}}}
        case Part(name, text):
            return {"idx": {"$regex": f"^{_literal(name)}=[^\\t]*{_literal(text)}"}}
        case Dated(name, prefix, low, high):
            ways = [{"dt": {"$elemMatch": {"p": name, **way}}} for way in _dated(prefix, low, high)]
            return ways[0] if len(ways) == 1 else {"$or": ways}
        case Updated(prefix, low, high):
            return _updated(prefix, low, high)
        case Present(name):
            return {f"so.{name}": {"$exists": True}}
        case Key(key):
            return {"idx": key}
        case Identity(id_):
            return {"_id": id_}


def _literal(text: str) -> str:
    """A regular expression that matches exactly this text. Every ASCII character that is no letter or digit is written as its
    code in braces, so that no character is special in PCRE."""
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):x}}}" for c in text)


def _dated(prefix: str, low: int, high: int) -> tuple[Filter, ...]:
    """Alternative conditions on a row's interval [l, h) for one search prefix. The conditions are given separately so
    that each condition can use the bounds of the index."""
    match prefix:
        case "eq":
            return ({"l": {"$gte": low, "$lt": high}, "h": {"$lte": high, "$gt": low}},)
        case "ne":
            return {"l": {"$lt": low}}, {"h": {"$gt": high}}
        case "gt":
            return ({"h": {"$gt": high}},)
        case "lt":
            return ({"l": {"$lt": low}},)
        case "ge":
            return {"l": {"$gte": low}}, {"h": {"$gt": high}}
        case "le":
            return {"l": {"$lt": low}}, {"h": {"$lte": high}}
        case "sa":
            return ({"l": {"$gte": high}},)
        case "eb":
            return ({"h": {"$lte": low}},)
        case _:  # ap
            return ({"l": {"$lt": high}, "h": {"$gt": low}},)


def _updated(prefix: str, low: int, high: int) -> Filter:
    """The condition on `lu` for one search prefix, as `_dated` for an interval of one millisecond."""
    first, after = {"$gte": _instant(low)}, {"$gte": _instant(high)}
    before, until = {"$lt": _instant(low)}, {"$lt": _instant(high)}
    match prefix:
        case "eq" | "ap":
            return {"lu": first | until}
        case "ne":
            return {"$or": [{"lu": before}, {"lu": after}]}
        case "gt" | "sa":
            return {"lu": after}
        case "lt" | "eb":
            return {"lu": before}
        case "ge":
            return {"lu": first}
        case _:  # le
            return {"lu": until}


def _instant(at: int) -> datetime:
    if at <= milliseconds(_FIRST):
        return _FIRST
    return _LAST if at >= milliseconds(_LAST) else _EPOCH + timedelta(milliseconds=at)


def field_of(type_: str, sort: Sort) -> str:
    """The field of a row that a sort key reads."""
    if sort.name == "_id":
        return "_id"
    if sort.name == "_lastUpdated":
        return "lu"
    return f"so.-{sort.name}" if sort.descending and sort.name not in ORDERED.get(type_, ()) else f"so.{sort.name}"


def order_of(query: Query) -> list[tuple[str, int]]:
    """The query's order in MongoDB's form: fields, each with 1 for ascending or -1 for descending."""
    return [(field_of(query.type, sort), -1 if sort.descending else 1) for sort in query.sort]


def after_filter(query: Query, cursor: Cursor) -> Filter:
    """The filter for the rows that come after a place in the query's order: equal to the place on the first sort keys and beyond
    the place on the next sort key."""
    ways: list[Filter] = []
    equal: list[Filter] = []
    for sort, value in zip(query.sort, cursor.values, strict=True):
        field, value_ = field_of(query.type, sort), _stored(sort, value)
        ways += [{"$and": [*equal, beyond]} for beyond in _beyond(field, value_, sort.descending)]
        equal.append({field: value_})
    return {"$and": [_from(query, cursor), {"$or": ways}]} if ways else _NONE


def _from(query: Query, cursor: Cursor) -> Filter:
    """The condition that the first sort key alone puts on all rows after a place. The condition lets MongoDB enter the index at
    the place."""
    sort, value = query.sort[0], _stored(query.sort[0], cursor.values[0])
    if value is None:
        return {}
    field = field_of(query.type, sort)
    return {field: {"$not": {"$gt": value}}} if sort.descending else {field: {"$gte": value}}


def _stored(sort: Sort, value: Rank | None) -> Any:
    return _instant(value) if sort.name == "_lastUpdated" and isinstance(value, int) else value


def _beyond(field: str, value: Any, descending: bool) -> list[Filter]:
    """The conditions for the rows beyond a value. A row whose field is missing or null sorts below every value."""
    if value is None:
        return [] if descending else [{field: {"$ne": None}}]
    if not descending:
        return [{field: {"$gt": value}}]
    return [{field: {"$lt": value}}] if field in ("_id", "lu") else [{field: {"$lt": value}}, {field: None}]


def _before_page(query: Query, cursor: Cursor | None) -> Cursor | None:
    """A place just before the page that holds this place, so that the search finds the rest of the page again."""
    if cursor is None or query.sort[-1].descending:
        return cursor
    *values, id_ = cursor.values
    whole = ledger_page.page_of(str(id_))
    before = f"{whole[:-1]}{chr(ord(whole[-1]) - 1)}{_AFTER_EVERY_STRING}" if whole else id_
    return Cursor((*values, before))


def _sees(visible: Visible | None, row: Row) -> bool:
    """Whether one row is visible: the filter of `_seen`, applied to a Row."""
    if visible is None or (visible.patients is None and visible.public):
        return True
    return (
        (bool(visible.custodian) and row.custodian == visible.custodian)
        or any(party.organization == visible.party for party in row.parties)
        or (bool(row.patients) if visible.patients is None else not set(visible.patients).isdisjoint(row.patients))
        or (visible.public and not row.patients)
    )


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
        documents = await self._documents(query, matched, after, limit)
        return [row_of(query.type, document, self._projector) for document in documents]

    async def _documents(self, query: Query, matched: Filter, after: Cursor | None, limit: int) -> list[Document]:
        whole = {"$and": [*matched["$and"], after_filter(query, after)]} if after else matched
        cursor = self._collection(query).find(whole, max_time_ms=self._milliseconds).sort(order_of(query)).limit(limit)
        documents: list[Document] = await self._timed(cursor.to_list(limit))
        return documents

    async def _entries(self, query: Query, visible: Visible | None, after: Cursor | None, limit: int) -> list[Row]:
        """As `find`, for records that are kept in pages: each entry of a page that was found is tested separately."""
        if not _ordered(query):
            raise too_costly()  # the entries of a page have no order besides their order in the page
        matched, found, looked = page_filter(query, visible), list[Row](), 0
        begin = _before_page(query, after)
        while len(found) < limit:
            documents = await self._documents(query, matched, begin, limit)
            for document in documents:
                last = self._in_order(query, document)
                found += (
                    row for row in last if matches(query, row.index) and _sees(visible, row) and follows(query, row.index, after)
                )
                looked += len(last)
                await asyncio.sleep(0)  # the requests of other clients have their turn
            if len(documents) < limit:
                break
            if looked > self._most_scanned:
                raise too_costly()
            begin = Cursor((*place(query, last[-1].index)[:-1], documents[-1]["_id"]))
        return found[:limit]

    def _in_order(self, query: Query, document: Document) -> Sequence[Row]:
        rows = ledger_page.rows_of(query.type, document, self._projector)
        return rows[::-1] if query.sort[0].descending else rows

    async def many(self, query: Query, visible: Visible | None = None) -> bool:
        """Whether more records match than may be sorted where no index gives the query's order. They are counted whether or not
        their reader may see each of them."""
        return not _ordered(query) and await self._counted(query, filter_of(query, visible)) > self._most_scanned

    async def _counted(self, query: Query, matched: Filter) -> int:
        """How many rows match, counted up to one more than `most_scanned`."""
        most = self._most_scanned + 1
        counting = self._collection(query).count_documents(matched, maxTimeMS=self._milliseconds, limit=most)
        return int(await self._timed(counting))

    async def _timed(self, answer: Awaitable[Any]) -> Any:
        async with reaching():
            try:
                return await answer
            except ExecutionTimeout as slow:
                raise too_costly() from slow

    def _collection(self, query: Query) -> Any:
        return self._mongo.collection(f"r.{query.type}")


def _ordered(query: Query) -> bool:
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
