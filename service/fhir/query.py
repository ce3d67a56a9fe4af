"""A search as a value: terms joined by AND, each of tests over an Index joined by OR. The evaluation in memory and the one in
MongoDB both read this value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from service.fhir.cursor import Cursor
from service.fhir.date import Interval, holds
from service.fhir.index import Index, Rank
from service.fhir.parameter import Parameters
from service.fhir.reference import unversioned


@dataclass(frozen=True, slots=True)
class Key:
    """A test: the record has the key `key`."""

    key: str


@dataclass(frozen=True, slots=True)
class Start:
    """A test: the record has a key that starts with `prefix`."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Part:
    """A test: a string of the parameter `name` contains the folded text `text`."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Dated:
    """A test: an interval of the parameter `name` stands in the relation `prefix` to [low, high)."""

    name: str
    prefix: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Updated:
    """A test: the record's last update, an instant one millisecond wide, stands in the relation `prefix` to [low, high)."""

    prefix: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Present:
    """A test: the record has a value of the parameter `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A test: the record has the id `id`."""

    id: str


Test = Key | Start | Part | Dated | Updated | Present | Identity


@dataclass(frozen=True, slots=True)
class Term:
    """One parameter of a search: any of its tests holds, or none when negated. `asked` is the name as the client wrote it, such
    as `code:not`.
    """

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
    """One `_include` or `_revinclude`: from the type `source` by `parameter` (`*`: every reference) to the type `target` (empty:
    any type).
    """

    source: str
    parameter: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A search that can be run. `sort` always ends in `_id`, so that the order is total.

    `count` is the page size that the client asked for, or None; `total` is none, estimate or accurate; `summary` is empty, true,
    text, data, count or false; `ignored` names the parameters that lenient handling left out.
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
        """Whether the client asks for the total only (`_summary=count`, `_count=0`)."""
        return self.summary == "count" or self.count == 0


def matches(query: Query, index: Index) -> bool:
    """Whether a record is a match of the query. The database gives the same answer."""
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
    """The place of a record in the query's order: its value for each sort key, None where the record has none."""
    return tuple(_rank(sort, index) for sort in query.sort)


def follows(query: Query, index: Index, after: Cursor | None) -> bool:
    """Whether a record comes after the place `after` in the query's order; every record comes after None."""
    if after is None:
        return True
    for sort, here, there in zip(query.sort, place(query, index), after.values, strict=True):
        if here != there:
            return _above(here, there) != sort.descending
    return False


def _above(here: Rank | None, there: Rank | None) -> bool:
    """Whether the value `here` sorts above the value `there`. The values of a sort key are of one type; None sorts below all."""
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
    """The references that the query's `_include`s name in the matches found, each once, in order: `Type/id`, or
    `Type/id/_history/v` where a match refers to that version."""
    references: dict[str, None] = {}
    for index in found:
        for include in query.includes:
            if include.source == index.type:
                references.update(dict.fromkeys(_included(include, index, parameters)))
    return tuple(references)


def _included(include: Include, index: Index, parameters: Parameters) -> Iterable[str]:
    names = _reference_names(include, parameters)
    versions = [version for name in names for version in index.versions(name)]
    known = {unversioned(each) for each in versions}
    found = (*versions, *(each for name in names for each in index.references(name) if each not in known))
    return (reference for reference in found if not include.target or reference.startswith(f"{include.target}/"))


def definitions(query: Query, found: Iterable[Index], parameters: Parameters) -> dict[str, set[str]]:
    """The canonicals that the query's `_include`s name in the matches found, by the type that each may be of."""
    wanted: dict[str, set[str]] = {}
    for index in found:
        for include in query.includes:
            for name in _reference_names(include, parameters) if include.source == index.type else ():
                for target in parameters.of(index.type)[name].targets:
                    if include.target in ("", target) and "url" in parameters.of(target):
                        wanted.setdefault(target, set()).update(index.canonicals(name))
    return wanted


def defining(kind: str, canonicals: Collection[str]) -> Query:
    """The search for the records of a type that these canonicals name, in whatever version."""
    tests = tuple(Key(f"url={url}") for url in sorted({each.partition("|")[0] for each in canonicals}))
    return Query(kind, (Term("_include", tests),))


def refers(
    include: Include, index: Index, references: frozenset[str], defined: Collection[tuple[str, str]], parameters: Parameters
) -> bool:
    """Whether a record refers to one of these records, or names one of these definitions (url and version) by its canonical."""
    return any(
        not references.isdisjoint(index.references(name)) or any(meant(index.canonicals(name), *each) for each in defined)
        for name in _reference_names(include, parameters)
    )


def meant(canonicals: Collection[str], url: str, version: str) -> bool:
    """Whether one of these canonicals, of which each with a version stands beside itself without, names this version."""
    certain = {each for each in canonicals if each.startswith(f"{url}|")}
    return f"{url}|{version}" in certain if certain else url in canonicals


def _reference_names(include: Include, parameters: Parameters) -> tuple[str, ...]:
    if include.parameter != "*":
        return (include.parameter,)
    return tuple(sorted(name for name, each in parameters.of(include.source).items() if each.kind == "reference"))


def referring(include: Include, references: Collection[str], urls: Collection[str], parameters: Parameters) -> Query:
    """The search for a `_revinclude`: records of the include's source type that refer to any of the matches, by reference or by
    one of their `urls`."""
    wanted = sorted(each for each in references if not include.target or each.startswith(f"{include.target}/")) + sorted(urls)
    names = _reference_names(include, parameters)
    tests = tuple(Key(f"{name}={reference}") for name in names for reference in wanted)
    return Query(include.source, (Term(f"_revinclude={include.source}:{include.parameter}", tests),))
