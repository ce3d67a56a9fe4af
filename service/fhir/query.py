"""A search as a value: AND of terms, each an OR of tests over an Index. Both evaluations read it: in memory and in MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from service.fhir.cursor import Cursor
from service.fhir.date import Interval, holds
from service.fhir.index import Index, Rank
from service.fhir.parameter import Parameters


@dataclass(frozen=True, slots=True)
class Key:
    """The record has this key."""

    key: str


@dataclass(frozen=True, slots=True)
class Start:
    """The record has a key that starts so."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Part:
    """A string of the parameter contains this folded text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Dated:
    """An interval of the parameter stands in this relation to [low, high)."""

    name: str
    prefix: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Updated:
    """The record's last update, an instant one millisecond wide, stands in this relation to [low, high)."""

    prefix: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Present:
    """The parameter has a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The record's id."""

    id: str


Test = Key | Start | Part | Dated | Updated | Present | Identity


@dataclass(frozen=True, slots=True)
class Term:
    """One parameter of a search as it was asked (`code:not`): any test holds, or none when negated."""

    asked: str
    tests: tuple[Test, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key: a parameter, `_id` or `_lastUpdated`. Records without a value come first, or last when descending."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """`_include` or `_revinclude`: from `source` by `parameter` (`*`: every reference) to `target` (empty: any type)."""

    source: str
    parameter: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A search that can be run. `sort` always ends in `_id`, so that the order is total.

    `count` is the page size asked for, None when it was not; `total` is none, estimate or accurate; `summary` is empty, true,
    text, data, count or false; `ignored` names what lenient handling dropped.
    """

    type: str
    terms: tuple[Term, ...] = ()
    sort: tuple[Sort, ...] = (Sort("_id"),)
    count: int | None = None
    total: str = "none"
    summary: str = ""
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    revincludes: tuple[Include, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def counts_only(self) -> bool:
        """Only the total is asked for (`_summary=count`, `_count=0`)."""
        return self.summary == "count" or self.count == 0


def matches(query: Query, index: Index) -> bool:
    """Whether a record is a match of the query: the same answer as the database gives."""
    return query.type == index.type and all(_satisfied(term, index) for term in query.terms)


def _satisfied(term: Term, index: Index) -> bool:
    return any(_holds(test, index) for test in term.tests) != term.negated


def _holds(test: Test, index: Index) -> bool:
    match test:
        case Key(key):
            return key in index.keys
        case Start(prefix):
            return any(key.startswith(prefix) for key in index.keys)
        case Part(name, text):
            start = f"{name}="
            return any(key.startswith(start) and text in key[len(start) :].partition("\t")[0] for key in index.keys)
        case Dated(name, prefix, low, high):
            asked = Interval(low, high)
            return any(holds(prefix, asked, Interval(*date[1:])) for date in index.dates if date[0] == name)
        case Updated(prefix, low, high):
            return holds(prefix, Interval(low, high), Interval(index.updated, index.updated + 1))
        case Present(name):
            return name in index.ranks
        case Identity(id_):
            return index.id == id_


def place(query: Query, index: Index) -> tuple[Rank | None, ...]:
    """Where a record stands in the query's order: a value for each sort key, None where it has none."""
    return tuple(_rank(sort, index) for sort in query.sort)


def follows(query: Query, index: Index, after: Cursor | None) -> bool:
    """Whether a record comes after a place in the query's order, or there is no such place."""
    if after is None:
        return True
    for sort, here, there in zip(query.sort, place(query, index), after.values, strict=True):
        if here != there:
            return _above(here, there) != sort.descending
    return False


def _above(here: Rank | None, there: Rank | None) -> bool:
    """Whether a place is above another in one sort key, whose values are of one type: no value is below every value."""
    if isinstance(here, str) and isinstance(there, str):
        return here > there
    if isinstance(here, int) and isinstance(there, int):
        return here > there
    return there is None


def _rank(sort: Sort, index: Index) -> Rank | None:
    if sort.name == "_id":
        return index.id
    if sort.name == "_lastUpdated":
        return index.updated
    return index.ranks.get(f"-{sort.name}" if sort.descending else sort.name)


def included(query: Query, found: Iterable[Index], parameters: Parameters) -> tuple[str, ...]:
    """The `Type/id` references that the query's `_include`s name in the matches found, each once, in order."""
    references: dict[str, None] = {}
    for index in found:
        for include in query.includes:
            if include.source == index.type:
                references.update(dict.fromkeys(_included(include, index, parameters)))
    return tuple(references)


def _included(include: Include, index: Index, parameters: Parameters) -> Iterable[str]:
    names = _reference_names(include, parameters)
    found = (reference for name in names for reference in index.references(name))
    return (reference for reference in found if not include.target or reference.startswith(f"{include.target}/"))


def _reference_names(include: Include, parameters: Parameters) -> tuple[str, ...]:
    if include.parameter != "*":
        return (include.parameter,)
    return tuple(sorted(name for name, each in parameters.of(include.source).items() if each.kind == "reference"))


def referring(include: Include, references: Collection[str], parameters: Parameters) -> Query:
    """The search for a `_revinclude`: records of its source type that refer to any of the matches."""
    wanted = sorted(each for each in references if not include.target or each.startswith(f"{include.target}/"))
    names = _reference_names(include, parameters)
    tests = tuple(Key(f"{name}={reference}") for name in names for reference in wanted)
    return Query(include.source, (Term(f"_revinclude={include.source}:{include.parameter}", tests),))
