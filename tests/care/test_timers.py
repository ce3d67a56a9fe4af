"""TIM: due instants over weekends, bank holidays and changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.task import timers
from service.care.task.timers import Calendar, Span, Unit

LONDON = ZoneInfo("Europe/London")
CALENDAR = Calendar(holidays=timers.holidays(["2026-12-25", "2026-12-28"]))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        ("2026-10-23T15:00", Span(1, Unit.WORKING_DAYS), "2026-10-26T15:00"),  # over a weekend and the end of BST
        ("2026-10-24T11:00", Span(1, Unit.WORKING_DAYS), "2026-10-27T09:00"),  # starts when the locality opens
        ("2026-10-23T18:00", Span(1, Unit.WORKING_DAYS), "2026-10-27T09:00"),
        ("2026-10-23T07:00", Span(1, Unit.WORKING_DAYS), "2026-10-26T09:00"),
        ("2026-12-24T12:00", Span(2, Unit.WORKING_DAYS), "2026-12-30T12:00"),  # two bank holidays
        ("2026-10-23T16:00", Span(2, Unit.WORKING_HOURS), "2026-10-26T10:00"),
        ("2026-10-24T12:00", Span(24), "2026-10-25T11:00"),  # 24 elapsed hours; clocks go back in between
        ("2026-03-28T12:00", Span(24), "2026-03-29T13:00"),
    ],
)
def test_a_due_instant_follows_the_calendar(start: str, span: Span, end: str) -> None:
    assert timers.after(local(start), span, CALENDAR) == local(end)


def test_a_due_instant_carries_the_localitys_offset() -> None:
    due = timers.due("TIM-2", datetime(2026, 10, 23, 14, tzinfo=UTC), CALENDAR)
    assert due.isoformat() == "2026-10-27T15:00:00+00:00"
    assert timers.due("TIM-3", datetime(2026, 10, 23, 14, tzinfo=UTC), CALENDAR).isoformat() == "2026-10-24T15:00:00+01:00"


@pytest.mark.parametrize(
    ("rule", "priority", "hours"),
    [("TIM-1", "urgent", 1), ("TIM-1", "stat", 1), ("TIM-2", "asap", 4), ("TIM-5", "stat", 1), ("TIM-5", "asap", 4),
     ("TIM-5", "urgent", 24), ("TIM-4", "routine", 72), ("TIM-6", "", 72), ("TIM-7", "urgent", 1)],
)  # fmt: skip
def test_urgent_clocks_run_in_elapsed_hours(rule: str, priority: str, hours: int) -> None:
    start = datetime(2026, 10, 23, 20, tzinfo=UTC)
    assert timers.due(rule, start, CALENDAR, priority=priority) - start == timedelta(hours=hours)


def test_tim_3_has_a_target_and_a_limit() -> None:
    start = datetime(2026, 10, 20, 20, tzinfo=UTC)
    assert [timers.due("TIM-3", start, CALENDAR, level=n) - start for n in (0, 1)] == [timedelta(hours=24), timedelta(hours=48)]


def test_the_table_has_every_rule_once() -> None:
    assert [rule.id for rule in timers.DEADLINES] == [f"TIM-{n}" for n in range(1, 17)]


MINUTES = st.integers(0, 525_600).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(MINUTES, st.sampled_from(Unit), st.integers(1, 30))
def test_a_working_span_ends_ahead_and_when_the_locality_is_open(start: datetime, unit: Unit, amount: int) -> None:
    due = timers.after(start, Span(amount, unit), CALENDAR)
    assert due > start
    assert due.utcoffset() is not None
    if unit in (Unit.WORKING_HOURS, Unit.WORKING_DAYS):
        assert CALENDAR.works(due.date())
        assert CALENDAR.opens <= due.time() <= CALENDAR.closes
