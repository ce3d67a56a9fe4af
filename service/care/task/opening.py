"""Opening hours (ESC-1): whether a HealthcareService or a PractitionerRole is available at an instant.

Both types say it alike (R4): `availableTime` in the locality's wall time, and `notAvailable` for times away. A bank holiday of
the locality is served as a Sunday. An entry without `availableTime` bounds nothing, so that it is available unless it is away.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from service.care.task.timers import Calendar
from service.change import Resource
from service.fhir.date import contains

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT = time(0)


def available(entry: Resource, at: datetime, calendar: Calendar) -> bool:
    """Whether a HealthcareService or PractitionerRole is available at an instant, by what it says and the calendar."""
    away = (each["during"] for each in entry.get("notAvailable", ()) if "during" in each)
    if any(contains(during, at, calendar.zone) for during in away):
        return False
    rows = entry.get("availableTime", ())
    return not rows or any(_covers(row, at.astimezone(calendar.zone), calendar) for row in rows)


def _covers(row: Resource, local: datetime, calendar: Calendar) -> bool:
    """Whether one availableTime covers a local instant. A time that ends before it starts goes on over midnight."""
    today, clock = local.date(), local.time()
    start, end = _time(row.get("availableStartTime")), _time(row.get("availableEndTime"))
    if row.get("allDay") is True or start == end:
        return _served(row, today, calendar)
    if start < end or end == _MIDNIGHT:
        return _served(row, today, calendar) and start <= clock and (clock < end or end == _MIDNIGHT)
    yesterday = today - timedelta(days=1)
    return (_served(row, today, calendar) and clock >= start) or (_served(row, yesterday, calendar) and clock < end)


def _served(row: Resource, day: date, calendar: Calendar) -> bool:
    named = DAYS[-1] if day in calendar.holidays else DAYS[day.weekday()]
    return named in row.get("daysOfWeek", DAYS)


def _time(text: object) -> time:
    """A FHIR time; midnight where there is none."""
    return time.fromisoformat(text) if isinstance(text, str) else _MIDNIGHT
