"""Dates as intervals: a value of any precision is [low, high) in milliseconds since 1970 (R4 search, section 3.1.1.4.7).

Open ends are `EARLIEST` and `LATEST`. A value without a zone is read in the zone given, UTC unless told otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

EARLIEST = -(2**62)
LATEST = 2**62

_DAY = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_FORMAT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


class Interval(NamedTuple):
    """Instants from `low` up to but not including `high`, in milliseconds since 1970."""

    low: int
    high: int


def parse(text: str, zone: tzinfo = UTC) -> Interval | None:
    """The interval a FHIR date, dateTime or instant stands for, or None when it is not one. Seconds may be left out."""
    found = _FORMAT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if month is None:
        return _between(_days(int(year), 1, 1), _days(int(year) + 1, 1, 1), zone)
    if day is None:
        return _between(_days(int(year), int(month), 1), _after_month(int(year), int(month)), zone)
    days = _days(int(year), int(month), int(day))
    if days is None or hour is None:
        return _between(days, None if days is None else days + 1, zone)
    width, thousandths = _fraction(second, fraction)
    return _moment(days, int(hour), int(minute), int(second or 0), thousandths, width, offset, zone)


def _moment(
    days: int, hour: int, minute: int, second: int, thousandths: int, width: int, offset: str | None, zone: tzinfo
) -> Interval | None:
    if hour > 23 or minute > 59 or second > 60:
        return None
    low = days * _DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + thousandths
    shift = _shift(offset) if offset else _zone_shift(low, zone)
    return None if shift is None else Interval(low - shift, low - shift + width)


def _fraction(second: str | None, fraction: str | None) -> tuple[int, int]:
    """(width of the interval, milliseconds past the second)."""
    if second is None:
        return 60_000, 0
    if fraction is None:
        return 1000, 0
    digits = fraction[:3]
    return int(10 ** (3 - len(digits))), int(digits.ljust(3, "0"))


def _days(year: int, month: int, day: int) -> int | None:
    """Days since 1970, or None for a date no calendar has. The year after 9999 is the end of the last one."""
    if year == 10_000:
        return date.max.toordinal() + 1 - _EPOCH
    try:
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def _after_month(year: int, month: int) -> int | None:
    return _days(year + 1, 1, 1) if month == 12 else _days(year, month + 1, 1)


def _between(first: int | None, after: int | None, zone: tzinfo) -> Interval | None:
    if first is None or after is None:
        return None
    low, high = first * _DAY, after * _DAY
    return Interval(low - _zone_shift(low, zone), high - _zone_shift(high, zone))


def _shift(offset: str) -> int | None:
    if offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 14 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-60_000 if offset[0] == "-" else 60_000)


def _zone_shift(local: int, zone: tzinfo) -> int:
    """The zone's offset in milliseconds at a wall-clock time."""
    if zone is UTC:
        return 0
    wall = _naive(local)
    shift = wall.replace(tzinfo=zone).utcoffset() if wall else None
    return int(shift.total_seconds() * 1000) if shift else 0


def _naive(local: int) -> datetime | None:
    try:
        return datetime(1970, 1, 1) + timedelta(milliseconds=local)  # noqa: DTZ001 - a wall-clock time, without a zone on purpose
    except OverflowError:
        return None


def milliseconds(at: datetime) -> int:
    """An aware datetime as milliseconds since 1970, truncated."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def of(value: Any, zone: tzinfo = UTC) -> Interval | None:
    """The interval of a date, dateTime, instant, Period or Timing element, or None when it holds no date.

    A Period without an end never ends. A Timing is its outer limits: the repeat rule inside them is not looked at.
    """
    if isinstance(value, str):
        return parse(value, zone)
    if not isinstance(value, Mapping):
        return None
    if "start" in value or "end" in value:
        return _period(value, zone)
    return _timing(value, zone)


def _period(value: Mapping[str, Any], zone: tzinfo) -> Interval | None:
    start, end = value.get("start"), value.get("end")
    low = parse(start, zone) if isinstance(start, str) else None
    high = parse(end, zone) if isinstance(end, str) else None
    if low is None and high is None:
        return None
    found = Interval(low.low if low else EARLIEST, high.high if high else LATEST)
    return found if found.low < found.high else None  # an end before its start is no span of time (per-1)


def _timing(value: Mapping[str, Any], zone: tzinfo) -> Interval | None:
    events = value.get("event")
    found = [parse(event, zone) for event in events if isinstance(event, str)] if isinstance(events, list) else []
    repeat = value.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, Mapping) else None
    if isinstance(bounds, Mapping):
        found.append(_period(bounds, zone))
    spans = [span for span in found if span is not None]
    if not spans:
        return None
    return Interval(min(span.low for span in spans), max(span.high for span in spans))


def holds(prefix: str, asked: Interval, target: Interval) -> bool:
    """Whether a record's interval satisfies a search prefix (R4 search, table of prefixes).

    `asked` is the interval of the search value; for `ap` it has already been widened.
    """
    match prefix:
        case "eq":
            return asked.low <= target.low and target.high <= asked.high
        case "ne":
            return target.low < asked.low or asked.high < target.high
        case "gt":
            return target.high > asked.high
        case "lt":
            return target.low < asked.low
        case "ge":  # above overlaps, or contained: together, above overlaps or starts no earlier
            return target.high > asked.high or target.low >= asked.low
        case "le":
            return target.low < asked.low or target.high <= asked.high
        case "sa":
            return target.low >= asked.high
        case "eb":
            return target.high <= asked.low
        case _:  # ap
            return target.low < asked.high and target.high > asked.low
