"""FHIR's times: the only functions that read date, dateTime, instant, Period and Timing, and that write instants.

A value of any precision is an interval [low, high) in milliseconds since 1970 (R4 search, section 3.1.1.4.7): a year, a day, a
second, a millisecond. A Period includes the whole of the time that its end names (R4 2.24.0.9): a day until its local midnight,
a second until the next second. Open ends are `EARLIEST` and `LATEST`. A value without an offset is local to the zone given. A
leap second (`23:59:60`) is read as the second that follows it, because milliseconds since 1970 count no leap seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/London")
"""The locality's time zone unless the configuration names another."""
EARLIEST = -(2**62)
LATEST = 2**62

_DAY = 86_400_000
MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = date(1970, 1, 1).toordinal()
# Python's calendar ends with the year 9999, and an instant of its last day may lie after the calendar's end in another zone.
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
_FORMAT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


class Interval(NamedTuple):
    """Instants from `low` up to but not including `high`, in milliseconds since 1970."""

    low: int
    high: int

    def covers(self, at: int) -> bool:
        """Whether an instant, in milliseconds since 1970, lies in the interval."""
        return self[0] <= at < self[1]


ALWAYS = Interval(EARLIEST, LATEST)


@lru_cache(maxsize=8192)
def parse(text: str, zone: tzinfo = UTC) -> Interval | None:
    """The interval of a FHIR date, dateTime or instant, or None when `text` is none of these. Seconds may be left out."""
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


def period(value: object, zone: tzinfo) -> Interval | None:
    """The interval of a Period, open where the Period has no start or no end. None when the Period has neither, when one of them
    cannot be read, and when the Period ends before it starts (per-1).
    """
    if not isinstance(value, Mapping):
        return None
    start, end = value.get("start"), value.get("end")
    low, high = _read(start, zone), _read(end, zone)
    if (start is not None and low is None) or (end is not None and high is None) or low is high is None:
        return None
    found = Interval(low.low if low else EARLIEST, high.high if high else LATEST)
    return found if found.low < found.high else None


def of(value: Any, zone: tzinfo = UTC) -> Interval | None:
    """The interval of a date, dateTime, instant, Period or Timing element, or None when the element holds no readable date.

    The interval of a Timing goes from its first to its last limit; the repeat rule within these limits is not read.
    """
    if isinstance(value, str):
        return parse(value, zone)
    if not isinstance(value, Mapping):
        return None
    return period(value, zone) if "start" in value or "end" in value else _timing(value, zone)


def contains(value: object, at: datetime, zone: tzinfo) -> bool:
    """Whether a Period covers an instant. An absent Period covers every instant; an unreadable Period covers none."""
    if value is None:
        return True
    found = period(value, zone)
    return found is not None and found.covers(milliseconds(at))


def begins(text: object, zone: tzinfo) -> datetime | None:
    """The first instant that a date, dateTime or instant covers; None when `text` cannot be read."""
    found = _read(text, zone)
    return moment(found.low) if found else None


def ends(text: object, zone: tzinfo) -> datetime | None:
    """The instant after the last one that a date, dateTime or instant covers; None when `text` cannot be read."""
    found = _read(text, zone)
    return moment(found.high) if found else None


def due(text: object, zone: tzinfo) -> datetime | None:
    """The instant from which work due by a date or dateTime is late: the end of a day, month or year, or the time of day itself.
    None when `text` cannot be read.
    """
    found = _read(text, zone)
    if found is None:
        return None
    return moment(found.low if "T" in str(text) else found.high).astimezone(zone)


def ended_at(within: Interval | None) -> datetime | None:
    """The instant at which an interval is over; None when the interval has no end."""
    return moment(within.high) if within is not None and within.high != LATEST else None


def milliseconds(at: datetime) -> int:
    """An aware datetime as milliseconds since 1970, truncated."""
    return (at - _EPOCH) // MILLISECOND


def moment(at: int) -> datetime:
    """Milliseconds since 1970 as a datetime in UTC. Beyond Python's calendar the result is its first or last day that lies in the
    calendar in every zone.
    """
    try:
        return min(max(_EPOCH + at * MILLISECOND, _FIRST), _LAST)
    except OverflowError:
        return _FIRST if at < 0 else _LAST


def written(at: datetime) -> str:
    """An instant as FHIR text, with its own offset and millisecond resolution (`Z` for UTC)."""
    text = at.isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z" if at.tzinfo is UTC else text


def instant(at: datetime) -> str:
    """An aware datetime as a FHIR instant in UTC, as `2026-11-23T04:34:00.123Z`."""
    return written(at.astimezone(UTC))


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
        case "ge":  # R4: the target reaches above `asked`, or `asked` contains it; so it reaches above, or starts no earlier
            return target.high > asked.high or target.low >= asked.low
        case "le":
            return target.low < asked.low or target.high <= asked.high
        case "sa":
            return target.low >= asked.high
        case "eb":
            return target.high <= asked.low
        case _:  # ap
            return target.low < asked.high and target.high > asked.low


def _read(text: object, zone: tzinfo) -> Interval | None:
    return parse(text, zone) if isinstance(text, str) else None


def _moment(
    days: int, hour: int, minute: int, second: int, thousandths: int, width: int, offset: str | None, zone: tzinfo
) -> Interval | None:
    if hour > 23 or minute > 59 or second > 60:
        return None
    low = days * _DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + thousandths
    shift = _shift(offset) if offset else _zone_shift(low, zone)
    return None if shift is None else Interval(low - shift, low - shift + width)


def _fraction(second: str | None, fraction: str | None) -> tuple[int, int]:
    """The width of a time's interval, and the milliseconds past its second."""
    if second is None:
        return 60_000, 0
    if fraction is None:
        return 1000, 0
    digits = fraction[:3]
    return int(10 ** (3 - len(digits))), int(digits.ljust(3, "0"))


def _days(year: int, month: int, day: int) -> int | None:
    """The days since 1970 of a date, or None for a date that does not exist. The year 10000 stands for the end of 9999."""
    if year == 10_000:
        return date.max.toordinal() + 1 - _FIRST_DAY
    try:
        return date(year, month, day).toordinal() - _FIRST_DAY
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
    """The zone's offset from UTC in milliseconds at a wall-clock time."""
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


def _timing(value: Mapping[str, Any], zone: tzinfo) -> Interval | None:
    events = value.get("event")
    found = [parse(event, zone) for event in events if isinstance(event, str)] if isinstance(events, list) else []
    repeat = value.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, Mapping) else None
    if isinstance(bounds, Mapping):
        found.append(period(bounds, zone))
    spans = [span for span in found if span is not None]
    if not spans:
        return None
    return Interval(min(span.low for span in spans), max(span.high for span in spans))
