"""FHIR dateTimes and Periods as instants. A date without time is the whole day in the locality's zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/London")
_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def begins(text: object, zone: ZoneInfo = LOCAL) -> datetime | None:
    """The first instant of a FHIR date, dateTime or instant; None when it cannot be read."""
    span = interval(text, zone)
    return span[0] if span else None


def ends(text: object, zone: ZoneInfo = LOCAL) -> datetime | None:
    """The instant after the last one that a FHIR date, dateTime or instant covers: a date ends at its local midnight."""
    span = interval(text, zone)
    return span[1] if span else None


def interval(text: object, zone: ZoneInfo = LOCAL) -> tuple[datetime, datetime] | None:
    """[low, high) of a FHIR date, dateTime or instant. A dateTime with a time is the instant it names."""
    if not isinstance(text, str):
        return None
    if whole := _DATE.fullmatch(text):
        return _days(*(int(part) if part else 0 for part in whole.groups()), zone=zone)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (instant, instant) if instant.tzinfo else None


def contains(period: object, at: datetime, zone: ZoneInfo = LOCAL) -> bool:
    """Whether a Period covers `at`; an absent Period or an absent end is open, an unreadable end covers nothing."""
    if not isinstance(period, dict):
        return period is None
    start, end = begins(period.get("start"), zone), ends(period.get("end"), zone)
    if ("start" in period and start is None) or ("end" in period and end is None):
        return False
    return (start is None or start <= at) and (end is None or at < end)


def written(at: datetime) -> str:
    """An instant as FHIR text, with its own offset and millisecond resolution (`Z` for UTC)."""
    text = at.isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z" if at.utcoffset() == timedelta(0) and at.tzinfo is UTC else text


def _days(year: int, month: int, day: int, *, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return None
    return midnight(first, zone), midnight(_after(first, month, day), zone)


def _after(first: date, month: int, day: int) -> date:
    if day:
        return first + timedelta(days=1)
    if month:
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first.replace(year=first.year + 1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The start of a local day."""
    return datetime.combine(day, time(), zone)
