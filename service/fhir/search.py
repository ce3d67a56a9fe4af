"""Reads a search request's parameters into a Query (R4 search). Strict by default: a parameter that cannot be read is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from service.fhir.cursor import Cursor, seal, unseal
from service.fhir.parameter import SPECIAL, Parameters
from service.fhir.query import Include, Query, Sort, Term, included, matches, place, referring
from service.fhir.term import Setting, read, split
from service.problem import Category, Issue, Problem

UNREAD = frozenset({"_format", "_pretty"})
"""Parameters about the form of the answer, which `service.api` reads."""

_SUMMARIES = ("true", "text", "data", "count", "false")
_TOTALS = ("none", "estimate", "accurate")
_ELEMENT = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*")
_LONGEST_SORT = 4
RULE = "R4 3.1.1"


def parse(
    type_: str,
    params: Sequence[tuple[str, str]],
    parameters: Parameters,
    *,
    lenient: bool = False,
    setting: Setting | None = None,
) -> Query | Problem:
    """The Query that decoded (name, value) pairs ask for, over resources of one type.

    Strict: a Problem MALFORMED with one issue for each parameter that is unknown or cannot be read. Lenient: such parameters are
    left out and named in `Query.ignored` (R4 search, section 3.1.1.3.1, `Prefer: handling`).
    """
    query = Query(type_)
    terms: list[Term] = []
    issues: list[Issue] = []
    ignored: list[str] = []
    setting = setting or Setting(parameters.base, parameters.zone)
    for name, value in params:
        if name in UNREAD:
            continue
        read_ = _applied(query, name, value, parameters, setting)
        if isinstance(read_, Term):
            terms.append(read_)
        elif isinstance(read_, Query):
            query = read_
        else:
            issues.append(read_)
            ignored.append(name)
    issues += _clashes(query)
    if issues and not lenient:
        return Problem(Category.MALFORMED, tuple(replace(issue, rule=issue.rule or RULE) for issue in issues))
    return replace(query, terms=tuple(terms), ignored=tuple(ignored))


def _applied(query: Query, name: str, value: str, parameters: Parameters, setting: Setting) -> Query | Term | Issue:
    """The query, changed by a parameter about the answer's shape; the Term of any other parameter; or the Issue with it."""
    shape = _SHAPES.get(name)
    if shape is not None:
        return shape(query, name, value, parameters)
    if name.startswith(("_include:", "_revinclude:")):
        return Issue("not-supported", f"`{name}` is not supported; includes go one step, without a modifier.")
    return read(query.type, name, value, parameters, setting)


def _clashes(query: Query) -> list[Issue]:
    if query.summary == "text" and (query.includes or query.revincludes):
        return [Issue("value", "`_summary=text` cannot be asked for together with `_include` or `_revinclude`.")]
    if query.elements and query.summary not in ("", "false"):
        return [Issue("value", "Ask for `_elements` or for `_summary`, not for both.")]
    return []


def _sort(query: Query, name: str, value: str, parameters: Parameters) -> Query | Issue:
    sorts: dict[str, Sort] = {}
    for each in value.split(","):
        key = each.removeprefix("-")
        if key not in SPECIAL and key not in parameters.of(query.type):
            return Issue("not-supported", f"{query.type} cannot be sorted by `{key}`; sort by a search parameter it has.")
        sorts.setdefault(key, Sort(key, each.startswith("-")))
    keys = list(sorts.values())
    if len(keys) > _LONGEST_SORT:
        return Issue("too-costly", f"`{name}` takes at most {_LONGEST_SORT} keys.")
    return replace(query, sort=total_order(keys))


def total_order(keys: Sequence[Sort]) -> tuple[Sort, ...]:
    """The sort keys up to `_id`. If `_id` is not among them, it is added in the direction of the last key."""
    names = [key.name for key in keys]
    if "_id" in names:
        return tuple(keys[: names.index("_id") + 1])
    return (*keys, Sort("_id", bool(keys) and keys[-1].descending))


def _count(query: Query, name: str, value: str, _: Parameters) -> Query | Issue:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        return Issue("value", f"`{name}` must be a whole number, 0 or more.")
    return replace(query, count=int(value))


def _one_of(member: str, values: tuple[str, ...]) -> Callable[[Query, str, str, Parameters], Query | Issue]:
    def choose(query: Query, name: str, value: str, _: Parameters) -> Query | Issue:
        if value not in values:
            return Issue("value", f"`{name}` must be one of {', '.join(f'`{each}`' for each in values)}.")
        chosen: dict[str, Any] = {member: value}
        return replace(query, **chosen)

    return choose


def _elements(query: Query, name: str, value: str, _: Parameters) -> Query | Issue:
    names = value.split(",")
    if not all(_ELEMENT.fullmatch(each) for each in names):
        return Issue("value", f"`{name}` must be names of elements, separated by commas.")
    return replace(query, elements=tuple(dict.fromkeys((*query.elements, *names))))


def _include(query: Query, name: str, value: str, parameters: Parameters) -> Query | Issue:
    found = _path(value, parameters, own=query.type)
    if isinstance(found, Issue):
        return found
    if found.source != query.type:
        return Issue("value", f"`{name}` must start at `{query.type}`, the type searched for.")
    return replace(query, includes=(*query.includes, found))


def _revinclude(query: Query, _: str, value: str, parameters: Parameters) -> Query | Issue:
    found = _path(value, parameters, own="")
    if isinstance(found, Issue):
        return found
    return replace(query, revincludes=(*query.revincludes, replace(found, target=found.target or query.type)))


def _path(value: str, parameters: Parameters, own: str) -> Include | Issue:
    """The Include of `Type:parameter` or `Type:parameter:Target`; `*` stands for every reference of the type searched for."""
    if value == "*" and own:
        return Include(own, "*")
    pieces = value.split(":")
    if len(pieces) not in (2, 3) or pieces[0] not in parameters.types:
        return Issue("value", "An include must read `Type:parameter` or `Type:parameter:Target`.")
    source, name, target = (*pieces, "")[:3]
    known = parameters.of(source).get(name)
    if name != "*" and (known is None or known.kind != "reference"):
        return Issue("not-supported", f"{source} has no reference parameter `{name}` to include by.")
    if target and target not in parameters.types:
        return Issue("value", f"`{target}` is not a resource type.")
    return Include(source, name, target)


Shape = Callable[[Query, str, str, Parameters], "Query | Issue"]
_SHAPES: dict[str, Shape] = {
    "_sort": _sort,
    "_count": _count,
    "_total": _one_of("total", _TOTALS),
    "_summary": _one_of("summary", _SUMMARIES),
    "_elements": _elements,
    "_include": _include,
    "_revinclude": _revinclude,
}

__all__ = [
    "Cursor",
    "Include",
    "Query",
    "Setting",
    "Sort",
    "Term",
    "included",
    "matches",
    "parse",
    "place",
    "referring",
    "seal",
    "split",
    "total_order",
    "unseal",
]
