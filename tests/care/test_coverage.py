"""ESC-1: whom an escalation reaches at which hours of the week, and which hours nobody covers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.care.pathway.coverage import Hours, Route, available, routes, uncovered
from service.care.task.timers import WEEKDAYS
from service.change import Resource
from service.fhir.canonical import PATHWAY_ROUTE

WEEK = frozenset(("mon", "tue", "wed", "thu", "fri"))
WEEKEND = frozenset(("sat", "sun"))
OFFICE = Hours(WEEK, 9 * 60, 17 * 60)
NIGHT = Hours(WEEK, 17 * 60, 9 * 60)


def test_hours_that_nobody_covers_are_named() -> None:
    """In stretches of the week, longest as it comes."""
    assert uncovered([Route("", (OFFICE, NIGHT))], {}) == ("Mon 00:00–Mon 09:00", "Sat 09:00–Sun 24:00")


def test_a_night_after_sunday_covers_the_monday() -> None:
    """The week is a ring."""
    assert uncovered([Route("", (OFFICE, NIGHT, Hours(WEEKEND), Hours(frozenset(("sun",)), 9 * 60, 9 * 60 - 1)))], {}) == (
        "Mon 08:59–Mon 09:00",
    )


def test_several_routes_cover_a_week_together() -> None:
    """Office hours by one, all else by another."""
    rest = (NIGHT, Hours(WEEKEND), Hours(frozenset(("mon",)), 0, 540))
    assert uncovered([Route("HealthcareService/day", (OFFICE,)), Route("", rest)], {}) == ()


def test_a_route_without_hours_has_those_of_its_service() -> None:
    """`availableTime`, as the directory says it; a service that says none covers none."""
    tuesday = {"daysOfWeek": ["tue"], "availableStartTime": "00:00:00", "availableEndTime": "23:59:59"}
    day = {"availableTime": [{"daysOfWeek": ["mon"], "allDay": True}, tuesday]}
    assert uncovered([Route("HealthcareService/a")], {"HealthcareService/a": day}) == ("Wed 00:00–Sun 24:00",)
    assert uncovered([Route("HealthcareService/a")], {}) == ("Mon 00:00–Sun 24:00",)


@pytest.mark.parametrize(
    ("at", "reached"),
    [
        (datetime(2026, 11, 27, 10, tzinfo=UTC), True),
        (datetime(2026, 11, 27, 18, tzinfo=UTC), False),
        (datetime(2026, 7, 3, 16, tzinfo=UTC), False),
        (datetime(2026, 7, 3, 8, tzinfo=UTC), True),
    ],
)
def test_a_route_reaches_by_the_localitys_clock(at: datetime, reached: bool) -> None:
    """Office hours are local, in summer too."""
    assert Route("", (OFFICE,)).reaches(at, WEEKDAYS) is reached


def test_routes_are_read_from_the_actions_of_a_pathway() -> None:
    """Each with its service, or with none: the duty contact of the agency asked."""
    hours: Resource = {
        "url": "available",
        "extension": [
            {"url": "daysOfWeek", "valueCode": "sat"},
            {"url": "daysOfWeek", "valueCode": "sun"},
            {"url": "availableStartTime", "valueTime": "08:00:00"},
            {"url": "availableEndTime", "valueTime": "20:00:00"},
        ],
    }
    to = {"url": "to", "valueReference": {"reference": "HealthcareService/weekend"}}
    found = routes([{"extension": [{"url": PATHWAY_ROUTE, "extension": [to, hours]}]}, {"extension": [{"url": PATHWAY_ROUTE}]}])
    assert found == (Route("HealthcareService/weekend", (Hours(WEEKEND, 480, 1200),)), Route())


@pytest.mark.parametrize("time", [{"daysOfWeek": ["mon"]}, {"availableStartTime": "nine", "availableEndTime": "17:00:00"}, {}])
def test_a_time_that_cannot_be_read_covers_nothing(time: Resource) -> None:
    """An hour is covered where somebody said so."""
    assert available({"availableTime": [time]}) == ()
