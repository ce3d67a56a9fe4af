"""When step-up is due: TIM-5 with its same-day span, TIM-6, and the other spans, from the pathway in force or the defaults."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from service.care.step_up.situation import Pathway
from service.care.task import timers
from service.care.task.timers import ROUTINE, Calendar, Span, Unit

SAME_DAY_BEFORE = time(14)
"""An `urgent` escalation that is asked before this local time is reviewed on the same local day."""
DECISION_REVIEW = 7
"""ESC-3: within how many days a decision is reviewed, where the pathway gives no `decision-review-days`."""
STRUCTURED_REVIEW = Span(1, Unit.WORKING_DAYS)
"""EWS-1: a sign is looked at within 1 working day."""


def due(rule: str, at: datetime, calendar: Calendar, pathway: Pathway | None, priority: str = ROUTINE) -> datetime:
    """The instant at which a rule falls due for a clock that starts at `at`."""
    if pathway is not None:
        return pathway.due(rule, at, calendar, priority=priority)
    return timers.due(rule, at, calendar, priority=priority)


def review(at: datetime, priority: str, calendar: Calendar, pathway: Pathway | None) -> datetime:
    """TIM-5: when an escalation that is asked at `at` is to be decided. `urgent` before 14:00 local is the same day: until 24:00
    local, or until the span is over if that is earlier."""
    span = due("TIM-5", at, calendar, pathway, priority)
    local = at.astimezone(calendar.zone)
    if priority != "urgent" or local.time() >= SAME_DAY_BEFORE:
        return span
    midnight = datetime.combine(local.date() + timedelta(days=1), time(0), calendar.zone)
    return min(span, midnight.astimezone(UTC).astimezone(calendar.zone))


def decision_review(at: datetime, calendar: Calendar, pathway: Pathway | None) -> datetime:
    """ESC-3: until when a decision is reviewed in the next supervision or meeting."""
    days = pathway.count("decision-review-days", DECISION_REVIEW) if pathway is not None else DECISION_REVIEW
    return timers.after(at, Span(24 * days), calendar)
