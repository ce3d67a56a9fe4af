"""Dates as intervals."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from service.fhir.date import EARLIEST, LATEST, Interval, holds, milliseconds, of, parse


def at(*parts: int) -> int:
    return milliseconds(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", at(2026, 1, 1), at(2027, 1, 1)),
        ("2026-02", at(2026, 2, 1), at(2026, 3, 1)),
        ("2024-02", at(2024, 2, 1), at(2024, 3, 1)),
        ("2026-12", at(2026, 12, 1), at(2027, 1, 1)),
        ("2026-11-23", at(2026, 11, 23), at(2026, 11, 24)),
        ("2026-11-23T04:34Z", at(2026, 11, 23, 4, 34), at(2026, 11, 23, 4, 35)),
        ("2026-11-23T04:34:05Z", at(2026, 11, 23, 4, 34, 5), at(2026, 11, 23, 4, 34, 6)),
        ("2026-11-23T04:34:05.120Z", at(2026, 11, 23, 4, 34, 5, 120000), at(2026, 11, 23, 4, 34, 5, 121000)),
        ("2026-11-23T04:34:05.1Z", at(2026, 11, 23, 4, 34, 5, 100000), at(2026, 11, 23, 4, 34, 5, 200000)),
        ("2026-11-23T04:34:05.1234567Z", at(2026, 11, 23, 4, 34, 5, 123000), at(2026, 11, 23, 4, 34, 5, 124000)),
        ("2026-11-23T04:34:05+01:00", at(2026, 11, 23, 3, 34, 5), at(2026, 11, 23, 3, 34, 6)),
        ("2026-11-23T04:34:05-05:30", at(2026, 11, 23, 10, 4, 5), at(2026, 11, 23, 10, 4, 6)),
        ("2016-12-31T23:59:60Z", at(2017, 1, 1), at(2017, 1, 1, 0, 0, 1)),
        ("2026-11-23T04:34:05", at(2026, 11, 23, 4, 34, 5), at(2026, 11, 23, 4, 34, 6)),
    ],
)
def test_a_value_of_any_precision_is_a_half_open_interval(text: str, low: int, high: int) -> None:
    assert parse(text) == Interval(low, high)


def test_the_last_year_ends_where_the_calendar_does() -> None:
    found = parse("9999")
    assert found is not None
    assert found.high - found.low == 365 * 86_400_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-13",
        "2026-02-30",
        "2026-1-1",
        "0000",
        "2026-11-23T24:00Z",
        "2026-11-23T04:60Z",
        "2026-11-23T04:34+15:00",
        "x2026",
        "2026\n",
    ],
)
def test_what_no_calendar_has_is_not_a_date(text: str) -> None:
    assert parse(text) is None


def test_a_date_without_a_zone_is_read_in_the_zone_given() -> None:
    """London is one hour ahead in June, so its day starts at 23:00 UTC."""
    assert parse("2026-06-10", ZoneInfo("Europe/London")) == Interval(at(2026, 6, 9, 23), at(2026, 6, 10, 23))


def test_the_day_of_a_clock_change_is_shorter() -> None:
    found = parse("2026-03-29", ZoneInfo("Europe/London"))
    assert found is not None
    assert found.high - found.low == 23 * 3_600_000


def test_a_value_with_its_own_offset_does_not_take_the_zone() -> None:
    assert parse("2026-06-10T00:00Z", ZoneInfo("Europe/London")) == parse("2026-06-10T00:00Z")


def test_a_period_without_an_end_never_ends() -> None:
    assert of({"start": "2026-01-02"}) == Interval(at(2026, 1, 2), LATEST)


def test_a_period_without_a_start_always_was() -> None:
    assert of({"end": "2026-01-02"}) == Interval(EARLIEST, at(2026, 1, 3))


def test_a_period_includes_the_whole_of_its_end_date() -> None:
    assert of({"start": "2026-01-02", "end": "2026-01-02"}) == parse("2026-01-02")


def test_a_period_that_ends_before_it_starts_has_no_interval() -> None:
    assert of({"start": "2026-01-02", "end": "2026-01-01"}) is None


def test_a_timing_is_its_outer_limits() -> None:
    timing = {"event": ["2026-03-01", "2026-01-01"], "repeat": {"boundsPeriod": {"start": "2026-02-01", "end": "2026-04-30"}}}
    assert of(timing) == Interval(at(2026, 1, 1), at(2026, 5, 1))


@pytest.mark.parametrize("value", [{}, {"start": None}, {"value": 3}, 7, None, {"repeat": {"frequency": 1}}, {"start": "soon"}])
def test_an_element_without_a_date_has_no_interval(value: object) -> None:
    assert of(value) is None


TODAY = Interval(10, 20)


@pytest.mark.parametrize(
    ("target", "true_for"),
    [
        (Interval(10, 20), "eq ge le ap"),
        (Interval(12, 15), "eq ge le ap"),
        (Interval(5, 10), "ne lt le eb"),
        (Interval(20, 25), "ne gt ge sa"),
        (Interval(5, 15), "ne lt le ap"),
        (Interval(15, 25), "ne gt ge ap"),
        (Interval(5, 25), "ne gt lt ge le ap"),
        (Interval(15, LATEST), "ne gt ge ap"),
        (Interval(25, LATEST), "ne gt ge sa"),
        (Interval(EARLIEST, 15), "ne lt le ap"),
        (Interval(EARLIEST, 5), "ne lt le eb"),
    ],
)
def test_each_prefix_compares_ranges_as_r4_says(target: Interval, true_for: str) -> None:
    prefixes = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
    assert " ".join(prefix for prefix in prefixes if holds(prefix, TODAY, target)) == " ".join(
        prefix for prefix in prefixes if prefix in true_for.split()
    )
