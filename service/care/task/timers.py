"""Deadlines (TIM): the table of care-rules section 5, and the instant at which each deadline falls due.

Hours are elapsed hours: 24 h over a clock change is 24 hours, not the same time of day. Days are calendar days. Working days
and hours are counted in the locality's calendar and zone: one working day from Friday 15:00 is Monday 15:00; a clock that starts
while the locality is closed starts when it next opens. Clocks start from recorded instants, never from editable dates. A due
instant carries the locality's offset at that instant, so a later change of clocks does not move it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from service.fhir.date import LOCAL


class Unit(StrEnum):
    """The unit in which a span is counted."""

    HOURS = "h"
    WORKING_HOURS = "working-h"
    WORKING_DAYS = "working-d"
    DAYS = "d"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: `amount` in `unit`."""

    amount: int
    unit: Unit = Unit.HOURS


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a locality works. `days` are ISO weekdays (1 = Monday); `holidays` are dates on which the locality is closed."""

    zone: ZoneInfo = LOCAL
    days: frozenset[int] = frozenset((1, 2, 3, 4, 5))
    opens: time = time(9)
    closes: time = time(17)
    holidays: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        """Whether the locality is open on `day` at all."""
        return day.isoweekday() in self.days and day not in self.holidays


WEEKDAYS = Calendar()


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline: the events that start and stop its clock, its spans by urgency in the order of its levels, and what a breach
    does.
    """

    id: str
    start: str
    stop: str
    spans: Mapping[str, tuple[Span, ...]]
    breach: str


ROUTINE = "routine"
_H, _D = Unit.HOURS, Unit.WORKING_DAYS

# The table of care-rules section 5. Keys of `spans` are Task.priority codes or a pathway's own word; several spans are successive
# levels.
# fmt: off
DEADLINES: tuple[Deadline, ...] = (
    Deadline("TIM-1", "handover requested", "received",
         {"urgent": (Span(1, _H),), ROUTINE: (Span(1, _D),)}, "resend, then alternate endpoint"),
    Deadline("TIM-2", "handover requested", "accepted or rejected",
         {"crisis": (Span(4, _H),), ROUTINE: (Span(2, _D),)}, "HOV-7 escalation levels"),
    Deadline("TIM-3", "discharge or step-down start", "completed contact",
         {ROUTINE: (Span(24, _H), Span(48, _H))}, "welfare-check and safeguarding-consideration Tasks"),
    Deadline("TIM-4", "inpatient discharge", "contact", {ROUTINE: (Span(72, _H),)}, "measured, alerted"),
    Deadline("TIM-5", "escalation requested", "clinician review",
         {"stat": (Span(1, _H),), "asap": (Span(4, _H),), "urgent": (Span(24, _H),), ROUTINE: (Span(24, _H),)},
         "re-route to duty clinician"),
    Deadline("TIM-6", "escalation accepted", "brief review", {ROUTINE: (Span(72, _H),)}, "on the next MDT agenda"),
    Deadline("TIM-7", "significant-risk information recorded", "shared",
         {"urgent": (Span(1, _H),), ROUTINE: (Span(1, _D),)}, "prompt with the override route"),
    Deadline("TIM-8", "safeguarding concern", "decision", {ROUTINE: (Span(1, _D),)}, "escalate"),
    Deadline("TIM-9", "date on the crisis plan", "crisis-plan review", {}, "Task or Flag to the responsible lead"),
    Deadline("TIM-10", "date on the agreement Task", "agreement", {}, "reminders at 50 % and 100 %"),
    Deadline("TIM-11", "date on the action Task", "action done", {}, "Task or Flag to the responsible lead"),
    Deadline("TIM-12", "date on the taper step", "taper review", {}, "Task or Flag to the responsible lead"),
    Deadline("TIM-13", "date on the Consent", "consent expiry", {}, "Task or Flag to the responsible lead"),
    Deadline("TIM-14", "referral received", "triage decision",
         {"urgent": (Span(4, _H),), ROUTINE: (Span(1, _D),)}, "both agencies told"),
    Deadline("TIM-15", "clarification asked", "answered", {ROUTINE: (Span(1, _D),)}, "both agencies told"),
    Deadline("TIM-16", "case review held", "next case review",
         {"urgent": (Span(28, Unit.DAYS),), ROUTINE: (Span(84, Unit.DAYS),)}, "Task or Flag to the responsible lead"),
)
# fmt: on
BY_ID: Mapping[str, Deadline] = {rule.id: rule for rule in DEADLINES}
ESCALATION_STEP: Mapping[str, Span] = {"crisis": Span(1, _H), ROUTINE: Span(1, _D)}
"""HOV-7: the span from one escalation level to the next. Configurable per pathway, as is every span here."""

_CRISIS = frozenset(("stat", "asap", "urgent"))


def urgency(rule: str, priority: str) -> str:
    """The key into a rule's spans for a Task.priority (R4 request-priority: routine, urgent, asap, stat)."""
    spans = BY_ID[rule].spans
    if priority in spans:
        return priority
    if priority in _CRISIS:
        return next((word for word in ("crisis", "urgent") if word in spans), ROUTINE)
    return ROUTINE


def due(rule: str, start: datetime, calendar: Calendar, *, priority: str = ROUTINE, level: int = 0) -> datetime:
    """The instant at which a rule's level falls due for a clock that started at `start`; a level beyond the table has the last
    span.
    """
    spans = BY_ID[rule].spans[urgency(rule, priority)]
    return after(start, spans[min(level, len(spans) - 1)], calendar)


def next_level(at: datetime, priority: str, calendar: Calendar) -> datetime:
    """HOV-7: the instant at which an escalation that was raised at `at` goes up one level."""
    return after(at, ESCALATION_STEP["crisis" if priority in _CRISIS else ROUTINE], calendar)


def after(start: datetime, span: Span, calendar: Calendar) -> datetime:
    """`start` plus `span`, in the locality's zone. A day is a calendar day: the same local time, whether or not clocks change."""
    if span.unit is Unit.HOURS:
        return (start.astimezone(UTC) + timedelta(hours=span.amount)).astimezone(calendar.zone)
    if span.unit is Unit.DAYS:
        local = start.astimezone(calendar.zone)
        return _in_zone(local.date() + timedelta(days=span.amount), local.timetz().replace(tzinfo=None), calendar)
    opened = _open(start.astimezone(calendar.zone), calendar)
    if span.unit is Unit.WORKING_DAYS:
        return _in_zone(_plus_days(opened.date(), span.amount, calendar), opened.timetz().replace(tzinfo=None), calendar)
    return _plus_hours(opened, timedelta(hours=span.amount), calendar)


def _open(local: datetime, calendar: Calendar) -> datetime:
    """`local`, or the locality's next opening when it is closed at `local`."""
    day, clock = local.date(), local.time()
    if calendar.works(day) and clock < calendar.closes:
        return _in_zone(day, max(clock, calendar.opens), calendar) if clock < calendar.opens else local
    return _in_zone(_plus_days(day, 1, calendar), calendar.opens, calendar)


def _plus_days(day: date, amount: int, calendar: Calendar) -> date:
    """The `amount`-th working day after `day`. A calendar that is closed for two months on end counts calendar days."""
    for _ in range(amount):
        coming = [day + timedelta(days=n) for n in range(1, 60)]
        day = next((later for later in coming if calendar.works(later)), coming[0])
    return day


def _plus_hours(opened: datetime, left: timedelta, calendar: Calendar) -> datetime:
    while True:
        closes = _in_zone(opened.date(), calendar.closes, calendar)
        today = closes.astimezone(UTC) - opened.astimezone(UTC)
        if left <= today:
            return (opened.astimezone(UTC) + left).astimezone(calendar.zone)
        left -= today
        opened = _in_zone(_plus_days(opened.date(), 1, calendar), calendar.opens, calendar)


def _in_zone(day: date, clock: time, calendar: Calendar) -> datetime:
    """A local wall time as an instant; a wall time that the spring change of clocks skips moves on by the skipped hour."""
    local = datetime.combine(day, clock, calendar.zone)
    return local.astimezone(UTC).astimezone(calendar.zone)


def holidays(days: Collection[str]) -> frozenset[date]:
    """Bank holidays read from ISO dates, for a Calendar."""
    return frozenset(date.fromisoformat(day) for day in days)
