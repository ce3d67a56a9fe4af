"""Date search against a reference that knows only sets of hours: R4's sentences about ranges, taken word by word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.query import Query
from service.fhir.search import matches, parse

INDEXER = Indexer(Definitions.load(Path(__file__).resolve().parents[2] / "profiles"))
START = datetime(2026, 1, 1, tzinfo=UTC)
LAST = 24 * 9
EVERYTHING = frozenset(range(-48, LAST + 48))
"""The hours there are. Every day below stays well inside, so an open end reaches further than any of them."""

Hours = frozenset[int]


def day(number: int) -> str:
    return (START + timedelta(days=number)).date().isoformat()


def hours_of(date: str) -> Hours:
    """The hours of a day."""
    first = (datetime.fromisoformat(date).replace(tzinfo=UTC) - START).days * 24
    return frozenset(range(first, first + 24))


def satisfies(prefix: str, asked: Hours, target: Hours) -> bool:
    """R4 search, prefixes, as sets."""
    above = frozenset(hour for hour in EVERYTHING if hour > max(asked))
    below = frozenset(hour for hour in EVERYTHING if hour < min(asked))
    contained = target <= asked
    return {
        "eq": contained,
        "ne": not contained,
        "gt": bool(above & target),
        "lt": bool(below & target),
        "ge": bool(above & target) or contained,
        "le": bool(below & target) or contained,
        "sa": not asked & target and target <= above,
        "eb": not asked & target and target <= below,
        "ap": bool(asked & target),
    }[prefix]


days = st.integers(0, 8).map(day)
period = st.tuples(st.none() | days, st.none() | days).filter(
    lambda ends: any(ends) and not (ends[0] and ends[1] and ends[0] > ends[1])
)
prefixes = st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])


def found(name: str, value: str, **members: Any) -> bool:
    query = parse("Encounter", [(name, value)], INDEXER.parameters)
    assert isinstance(query, Query)
    return matches(query, INDEXER.index({"resourceType": "Encounter", "id": "e", **members}))


@settings(max_examples=500, deadline=None)
@given(prefix=prefixes, asked=days, ends=period)
def test_a_period_matches_exactly_where_its_hours_do(prefix: str, asked: str, ends: tuple[str | None, str | None]) -> None:
    start, end = ends
    first = min(hours_of(start)) if start else min(EVERYTHING)
    last = max(hours_of(end)) if end else max(EVERYTHING)
    members = {name: value for name, value in (("start", start), ("end", end)) if value}
    expected = satisfies(prefix, hours_of(asked), frozenset(range(first, last + 1)))
    assert found("date", prefix + asked, period=members) is expected


@settings(max_examples=200, deadline=None)
@given(prefix=prefixes, asked=days, target=days)
def test_a_day_matches_exactly_where_its_hours_do(prefix: str, asked: str, target: str) -> None:
    expected = satisfies(prefix, hours_of(asked), hours_of(target))
    assert found("date", prefix + asked, period={"start": target, "end": target}) is expected


@settings(max_examples=200, deadline=None)
@given(value=prefixes.flatmap(lambda prefix: days.map(lambda asked: prefix + asked)))
def test_a_record_without_a_date_matches_no_prefix(value: str) -> None:
    assert not found("date", value)


@pytest.mark.parametrize("offset", range(-14, 15))
def test_an_offset_moves_an_hour_and_changes_no_answer(offset: int) -> None:
    """The same instants, written in another zone."""
    at = START + timedelta(hours=30)
    local = (at + timedelta(hours=offset)).strftime("%Y-%m-%dT%H:%M:%S") + f"{'+' if offset >= 0 else '-'}{abs(offset):02d}:00"
    answers = [found("date", f"{prefix}{day(1)}", period={"start": local, "end": local}) for prefix in ("eq", "gt", "lt", "ap")]
    assert answers == [True, False, False, True]
