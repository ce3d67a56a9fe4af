"""Times as half-open intervals of milliseconds since 1970. A date is a day of its zone; a date-only end is inclusive to local
midnight.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONDON = "Europe/London"
Span = tuple[int | None, int | None]
"""[low, high); None is an open end."""

_FORM = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)


def millis(at: datetime) -> int:
    """Milliseconds since 1970 of an aware instant; a naive one is read as UTC rather than refused."""
    whole = at if at.tzinfo else at.replace(tzinfo=_zone("UTC"))
    return round(whole.timestamp() * 1000)


@lru_cache(maxsize=8192)
def point(text: str, zone: str = LONDON) -> tuple[int, int] | None:
    """[low, high) of a FHIR date, dateTime or instant of any precision; None when it is none of these."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    try:
        return _bounds(form, zone)
    except (ValueError, OverflowError):
        return None


def _bounds(form: re.Match[str], zone: str) -> tuple[int, int]:
    year, month, day, hour, minute, second, fraction, offset = form.groups()
    local = _zone(zone)
    if hour is None:
        low, high = _days(int(year), month, day, local)
        return millis(low), millis(high)
    stamp = f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}" + ("+00:00" if offset == "Z" else offset or "")
    at = datetime.fromisoformat(stamp)
    low_ms = millis(at if at.tzinfo else at.replace(tzinfo=local)) + int((fraction or "0")[:3].ljust(3, "0"))
    return low_ms, low_ms + (1 if fraction else 1000 if second else 60_000)


def _days(year: int, month: str | None, day: str | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    low = datetime(year, int(month or 1), int(day or 1), tzinfo=zone)
    if day:
        # Wall-clock arithmetic: the day of a clock change has 23 or 25 hours.
        return low, low + timedelta(days=1)
    if month:
        return low, low.replace(year=year + 1, month=1) if low.month == 12 else low.replace(month=low.month + 1)
    return low, low.replace(year=year + 1)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def span(period: object, zone: str = LONDON) -> Span | None:
    """The interval of a FHIR Period; None when it cannot be read, when it says nothing, or when it ends before it starts."""
    if not isinstance(period, dict):
        return None
    start, end = period.get("start"), period.get("end")
    low = point(start, zone) if isinstance(start, str) else None
    high = point(end, zone) if isinstance(end, str) else None
    if (start is not None and low is None) or (end is not None and high is None) or low is high is None:
        return None
    if low and high and high[1] <= low[0]:
        return None
    return low and low[0], high and high[1]


def holds(within: Span, at: int) -> bool:
    """Whether the instant lies in the interval."""
    low, high = within
    return (low is None or low <= at) and (high is None or at < high)


def live(start: datetime | None, end: datetime | None, now: datetime) -> bool:
    """Whether now lies in [start, end); naive times are UTC."""
    return holds((millis(start) if start else None, millis(end) if end else None), millis(now))
