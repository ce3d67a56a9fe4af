"""ESC-1: whom an escalation reaches at which hours of the week, as a pathway says it, and the hours that nobody covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.care.task.timers import Calendar
from service.change import Resource
from service.fhir.canonical import PATHWAY_ROUTE
from service.fhir.reference import link

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_SAID = ("daysOfWeek", "allDay", "availableStartTime", "availableEndTime")


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of each of `days` (R4 days-of-week), from minute `start` of the day until just before minute `end`. An `end` that
    is not after `start` is on the next day.
    """

    days: frozenset[str]
    start: int = 0
    end: int = _DAY

    def minutes(self) -> Iterator[tuple[int, int]]:
        """The stretches as minutes of the week, Monday 00:00 first; one that passes the end of the week begins it anew."""
        for day in sorted(map(DAYS.index, self.days)):
            start, end = day * _DAY + self.start, day * _DAY + (self.end if self.end > self.start else self.end + _DAY)
            yield start, min(end, 7 * _DAY)
            if end > 7 * _DAY:
                yield 0, end - 7 * _DAY


@dataclass(frozen=True, slots=True)
class Route:
    """Whom an escalation reaches: `to` is a HealthcareService, PractitionerRole or Organization; '' is the duty contact of the
    agency that is asked. `hours` are when; none said: those of the service that `to` names.
    """

    to: str = ""
    hours: tuple[Hours, ...] = ()

    def reaches(self, at: datetime, calendar: Calendar) -> bool:
        """Whether the route's own hours cover an instant, in the locality's zone."""
        local = at.astimezone(calendar.zone)
        minute = local.weekday() * _DAY + local.hour * 60 + local.minute
        return any(start <= minute < end for hours in self.hours for start, end in hours.minutes())


def routes(actions: Iterable[Resource]) -> tuple[Route, ...]:
    """The routes of a pathway's actions, in their order."""
    return tuple(_route(one) for action in actions for one in _parts(action, PATHWAY_ROUTE))


def available(resource: Resource) -> tuple[Hours, ...]:
    """The hours of a HealthcareService or PractitionerRole, by its `availableTime`. `notAvailable` is dated, and no matter of a
    week.
    """
    listed = resource.get("availableTime")
    return tuple(hours for one in listed or () if (hours := _hours(one)) is not None) if isinstance(listed, list) else ()


def uncovered(found: Iterable[Route], services: Mapping[str, Resource]) -> tuple[str, ...]:
    """The stretches of the week that no route covers, as `Sat 00:00–Sun 24:00`. `services` are what routes name, as it stands."""
    free = bytearray(7 * _DAY)
    for route in found:
        for hours in route.hours or available(services.get(route.to, {})):
            for start, end in hours.minutes():
                free[start:end] = b"\1" * (end - start)
    return tuple(_stretches(free))


def _stretches(covered: bytearray) -> Iterator[str]:
    start = covered.find(0)
    while start >= 0:
        end = covered.find(1, start)
        end = len(covered) if end < 0 else end
        yield f"{_said(start, 0)}–{_said(end, 1)}"
        start = covered.find(0, end)


def _said(minute: int, ends: int) -> str:
    """A minute of the week in words; the end of a day is its 24:00."""
    day = (minute - ends) // _DAY
    rest = minute - day * _DAY
    return f"{DAYS[day].capitalize()} {rest // 60:02d}:{rest % 60:02d}"


def _route(extension: Resource) -> Route:
    to = next((link(one, "valueReference") for one in _parts(extension, "to")), "")
    return Route(to, tuple(hours for one in _parts(extension, "available") if (hours := _hours(_available(one))) is not None))


def _available(extension: Resource) -> Resource:
    """The extension in the shape of `availableTime`."""
    said = {name: [_value(one) for one in _parts(extension, name)] for name in _SAID}
    return {name: values if name == "daysOfWeek" else values[0] for name, values in said.items() if values}


def _value(extension: Resource) -> object:
    return next((value for name, value in extension.items() if name.startswith("value")), None)


def _hours(element: Resource) -> Hours | None:
    """The hours of an `availableTime`; None when it says none that can be read."""
    days = frozenset(day for day in element.get("daysOfWeek") or DAYS if day in DAYS)
    if element.get("allDay") is True:
        return Hours(days)
    start, end = (_minute(element.get(name)) for name in ("availableStartTime", "availableEndTime"))
    return None if start is None or end is None or start == end else Hours(days, start, end or _DAY)


def _minute(time: object) -> int | None:
    """The minute of a day that a FHIR time says; `23:59` and later counts as the day's end."""
    parts = str(time or "").split(":")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    minute = int(parts[0]) * 60 + int(parts[1])
    return _DAY if minute == _DAY - 1 else min(minute, _DAY)


def _parts(element: Resource, url: str) -> list[Resource]:
    return [one for one in element.get("extension") or () if isinstance(one, dict) and one.get("url") == url]
