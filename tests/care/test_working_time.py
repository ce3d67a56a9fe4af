"""When deadlines fall due: by priority, level, and the locality's calendar (TIM)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from service.care.task import timers
from service.care.task.timers import Calendar, Span, Unit
from tests.care.small import AUCKLAND

WORKDAYS = Calendar()
FRIDAY = datetime(2026, 10, 23, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "priority", "word"),
    [
        ("TIM-1", "urgent", "urgent"),
        ("TIM-1", "stat", "urgent"),
        ("TIM-2", "stat", "crisis"),
        ("TIM-2", "asap", "crisis"),
        ("TIM-2", "urgent", "crisis"),
        ("TIM-2", "routine", "routine"),
        ("TIM-3", "stat", "routine"),
        ("TIM-5", "stat", "stat"),
        ("TIM-5", "asap", "asap"),
        ("TIM-1", "", "routine"),
        ("TIM-1", "unheard", "routine"),
    ],
)
def test_a_priority_is_read_as_the_rule_s_own_word(rule: str, priority: str, word: str) -> None:
    assert timers.urgency(rule, priority) == word


@pytest.mark.parametrize(("level", "hours"), [(0, 24), (1, 48), (2, 48), (9, 48)])
def test_a_level_beyond_the_table_has_the_last_span(level: int, hours: int) -> None:
    found = timers.due("TIM-3", FRIDAY, WORKDAYS, level=level)
    assert (found - FRIDAY).total_seconds() == hours * 3600


@pytest.mark.parametrize(
    ("start", "span", "due"),
    [
        (datetime(2026, 10, 22, 8, 0, tzinfo=UTC), Span(1, Unit.WORKING_DAYS), datetime(2026, 10, 23, 8, 0, tzinfo=UTC)),
        (datetime(2026, 10, 22, 7, 59, tzinfo=UTC), Span(1, Unit.WORKING_DAYS), datetime(2026, 10, 23, 8, 0, tzinfo=UTC)),
        (datetime(2026, 10, 22, 15, 59, tzinfo=UTC), Span(1, Unit.WORKING_DAYS), datetime(2026, 10, 23, 15, 59, tzinfo=UTC)),
        (datetime(2026, 10, 22, 16, 0, tzinfo=UTC), Span(1, Unit.WORKING_DAYS), datetime(2026, 10, 26, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 10, 0, tzinfo=UTC), Span(1, Unit.WORKING_DAYS), datetime(2026, 10, 27, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 22, 10, 0, tzinfo=UTC), Span(6, Unit.WORKING_HOURS), datetime(2026, 10, 22, 16, 0, tzinfo=UTC)),
        (datetime(2026, 10, 22, 10, 0, tzinfo=UTC), Span(7, Unit.WORKING_HOURS), datetime(2026, 10, 23, 9, 0, tzinfo=UTC)),
        (datetime(2026, 10, 23, 15, 0, tzinfo=UTC), Span(10, Unit.WORKING_HOURS), datetime(2026, 10, 27, 10, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), Span(24), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
    ],
)
def test_working_time_runs_while_the_locality_is_open(start: datetime, span: Span, due: datetime) -> None:
    """From nine to five in London, whose clocks go back on the 25th."""
    assert timers.after(start, span, WORKDAYS) == due


def test_a_calendar_has_its_own_days_hours_and_holidays() -> None:
    own = Calendar(AUCKLAND, frozenset({1, 2}), time(8), time(10), frozenset({date(2026, 10, 26)}))
    assert [own.works(date(2026, 10, day)) for day in (25, 26, 27, 28)] == [False, False, True, False]
    start = datetime(2026, 10, 23, 14, 30, tzinfo=UTC)
    assert timers.after(start, Span(1, Unit.WORKING_HOURS), own) == datetime(2026, 10, 27, 9, 0, tzinfo=AUCKLAND)
    assert timers.after(start, Span(3, Unit.WORKING_HOURS), own) == datetime(2026, 11, 2, 9, 0, tzinfo=AUCKLAND)
    assert str(timers.after(start, Span(1), own).tzinfo) == "Pacific/Auckland"


def test_a_locality_that_never_opens_counts_calendar_days() -> None:
    closed = Calendar(days=frozenset())
    assert timers.after(FRIDAY, Span(2, Unit.WORKING_DAYS), closed).date() == date(2026, 10, 26)


def test_a_wall_time_that_the_clocks_skip_moves_on_by_the_hour() -> None:
    early = Calendar(days=frozenset(range(1, 8)), opens=time(0), closes=time(23))
    start = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    assert timers.after(start, Span(1, Unit.WORKING_DAYS), early).isoformat() == "2026-03-29T02:30:00+01:00"


@pytest.mark.parametrize(("priority", "hours"), [("stat", 1), ("asap", 1), ("urgent", 1)])
def test_hov_7_a_crisis_goes_up_within_the_hour(priority: str, hours: int) -> None:
    assert (timers.next_level(FRIDAY, priority, WORKDAYS) - FRIDAY).total_seconds() == 3600 * hours
    assert timers.next_level(FRIDAY, "routine", WORKDAYS) == datetime(2026, 10, 26, 15, 30, tzinfo=UTC)


def test_holidays_are_read_from_dates() -> None:
    assert timers.holidays(["2026-12-25", "2026-12-28"]) == {date(2026, 12, 25), date(2026, 12, 28)}
