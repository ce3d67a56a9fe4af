"""A Query in MongoDB's form: the filter for its matches, their order, and the filter for what comes after a place in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from service.fhir.cursor import Cursor
from service.fhir.date import milliseconds
from service.fhir.index import Rank
from service.fhir.query import Dated, Identity, Key, Part, Present, Query, Sort, Start, Term, Test, Updated
from service.store import ledger_page, worklist
from service.store.visible import VISIBLE, Visible

Filter = dict[str, Any]

_NONE: Filter = {"_id": {"$in": []}}
_PARTED: tuple[Filter, ...] = ({"facts.n": {"$exists": True}}, {"facts.s": {"$exists": True}})
"""Rows with parts that may be withheld from a reader (`service.consent.facts`: `inline`, `sections`)."""
AFTER_EVERY_STRING = "\U0010ffff"
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


def filter_of(query: Query, visible: Visible | None = None) -> Filter:
    """The MongoDB filter for the matches of a query that the caller may see; rows marked deleted are never matches.

    A negated term passes every row with parts that may be withheld from a reader. The caller, which knows the reader, tests the
    term again on the parts that the reader may see."""
    seen = visible_filter(visible) if query.type != ledger_page.TYPE else _seen_page(visible)
    return _filter([_term(term) for term in query.terms], seen)


def page_filter(query: Query, visible: Visible | None = None) -> Filter:
    """As `filter_of`, for records that are kept in pages: a page passes when one of its entries may match. A negated term passes
    every page, because a page's search keys do not say which entry has a key and which entry lacks the key."""
    terms = [{"$or": [{"page": {"$gt": 0}}, _term(term)]} if term.negated else _term(_paged(term)) for term in query.terms]
    return _filter(terms, _seen_page(visible))


def _paged(term: Term) -> Term:
    """The term, extended so that a test for an entry's id also finds the entry's page."""
    pages = (Identity(ledger_page.page_of(test.id)) for test in term.tests if isinstance(test, Identity))
    return replace(term, tests=(*term.tests, *pages))


def _filter(asked: list[Filter], seen: Filter) -> Filter:
    return {"$and": [{"del": False}, *asked, *([seen] if seen else [])]}


def visible_filter(visible: Visible | None) -> Filter:
    """The filter for the rows that a caller may look at; empty when it restricts nothing."""
    if visible is None or visible.everything:
        return {}
    return {VISIBLE: {"$in": visible.names}} if visible.names else _NONE


def _seen_page(visible: Visible | None) -> Filter:
    """As `visible_filter`, for records that are kept in pages, which have no names."""
    if visible is None or visible.everything:
        return {}
    ways: list[Filter] = []
    if visible.organization:
        ways += [{"cust": visible.organization}, {"parties.o": visible.organization}]
    if visible.patients:
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
    named = [test.key for test in tests if isinstance(test, Key)]
    keys = [key for key in named if not key.startswith(worklist.KEY)]
    lists = [key.removeprefix(worklist.KEY) for key in named if key.startswith(worklist.KEY)]
    ids = [test.id for test in tests if isinstance(test, Identity)]
    filters = [_test(test) for test in tests if not isinstance(test, Key | Identity)]
    filters += [_in("idx", keys)] if keys else []
    filters += [_in(worklist.AGENCIES, lists)] if lists else []
    return filters + ([_in("_id", ids)] if ids else [])


def _in(field: str, values: list[str]) -> Filter:
    return {field: values[0]} if len(values) == 1 else {field: {"$in": values}}


def _test(test: Test) -> Filter:
    match test:
        case Start(prefix):
            return {"idx": {"$elemMatch": {"$gte": prefix, "$lt": prefix + AFTER_EVERY_STRING}}}
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
