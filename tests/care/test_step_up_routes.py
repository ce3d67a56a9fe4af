"""Whom an escalation reaches, when it is due, and which signs prompt (ESC-1, TIM-5, EWS-1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.pathway.coverage import DAYS, Hours, Route
from service.care.step_up import due, routing, signs
from service.care.step_up.situation import Routes
from service.care.task.opening import available
from service.care.task.timers import WEEKDAYS
from service.change import Resource
from service.fhir.canonical import EARLY_WARNING_SIGN, OBSERVATION_CATEGORY
from service.fhir.coding import concept
from tests.care.conftest import AT
from tests.care.stepping import CRISIS, attempt, ids, ref, review

LONDON = ZoneInfo("Europe/London")
CALENDAR = replace(WEEKDAYS, holidays=frozenset((date(2026, 12, 25),)))
NURSE, DOCTOR, DUTY, FIRST = [f"PractitionerRole/{name}" for name in ("nurse", "doctor", "duty", "first")]
LINE, CLINIC = "HealthcareService/line", "HealthcareService/clinic"


def local(text: str) -> datetime:
    """An instant by the locality's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def entry(reference: str, *hours: Resource, **members: Any) -> Resource:
    """A service or a role with its hours."""
    kind, _, name = reference.partition("/")
    return {"resourceType": kind, "id": name, **({"availableTime": [*hours]} if hours else {}), **members}


def works(reference: str, *services: str, **members: Any) -> Resource:
    return entry(reference, healthcareService=[ref(each) for each in services], **members)


DAY: Resource = {
    "daysOfWeek": ["mon", "tue", "wed", "thu", "fri"],
    "availableStartTime": "09:00:00",
    "availableEndTime": "17:00:00",
}
NIGHT: Resource = {"daysOfWeek": ["fri"], "availableStartTime": "20:00:00", "availableEndTime": "08:00:00"}
LATE: Resource = {"availableStartTime": "17:00:00", "availableEndTime": "00:00:00"}
SUNDAY: Resource = {"daysOfWeek": ["sun"], "allDay": True}
HOURS: list[tuple[Resource | None, str, bool]] = [
    (None, "2026-10-25T03:00", True),
    (DAY, "2026-10-23T09:00", True),
    (DAY, "2026-10-23T08:59", False),
    (DAY, "2026-10-23T16:59", True),
    (DAY, "2026-10-23T17:00", False),
    (DAY, "2026-10-24T12:00", False),
    (DAY, "2026-12-25T12:00", False),
    (SUNDAY, "2026-12-25T12:00", True),
    (SUNDAY, "2026-10-25T23:59", True),
    (NIGHT, "2026-10-23T20:00", True),
    (NIGHT, "2026-10-24T07:59", True),
    (NIGHT, "2026-10-24T08:00", False),
    (NIGHT, "2026-10-24T20:00", False),
    (NIGHT, "2026-10-23T07:00", False),
    (LATE, "2026-10-24T23:59", True),
    (LATE, "2026-10-24T16:59", False),
    ({}, "2026-10-24T03:00", True),
]


@pytest.mark.parametrize(("hours", "when", "open_"), HOURS)
def test_esc_1_hours_are_the_locality_s_and_a_bank_holiday_is_a_sunday(hours: Resource | None, when: str, open_: bool) -> None:
    made = entry(LINE) if hours is None else entry(LINE, hours)
    assert available(made, local(when), CALENDAR) is open_


@pytest.mark.parametrize(
    ("away", "open_"),
    [
        ({"during": {"start": "2026-10-23", "end": "2026-10-23"}}, False),
        ({"during": {"start": "2026-10-24"}}, True),
        ({"description": "Now and then"}, True),
    ],
)
def test_esc_1_who_is_away_is_not_reached(away: Resource, open_: bool) -> None:
    """Whatever the hours say; a time away that says no time bounds nothing."""
    assert available(entry(LINE, DAY, notAvailable=[away]), local("2026-10-23T12:00"), CALENDAR) is open_


def test_esc_1_a_service_is_closed_when_its_clock_says_so_in_summer_and_winter() -> None:
    """09:00 in London is 08:00 UTC in summer, and 09:00 in winter."""
    open_ = [
        available(entry(LINE, DAY), datetime.fromisoformat(f"{day}T08:30:00+00:00"), CALENDAR)
        for day in ("2026-10-23", "2026-10-26")
    ]
    assert open_ == [True, False]


ROUTES = Routes(
    CRISIS,
    services=(entry(LINE, DAY), entry(CLINIC, NIGHT)),
    clinicians=(works(NURSE, CLINIC), works(DOCTOR, LINE, CLINIC)),
    duty=DUTY,
    contacts=(FIRST, DUTY),
)
DAYTIME, NIGHTTIME, NEVER = local("2026-10-23T12:00"), local("2026-10-23T23:00"), local("2026-10-25T12:00")
REACHED: list[tuple[str, datetime, Routes, str]] = [
    (NURSE, NEVER, ROUTES, NURSE),
    (CRISIS, DAYTIME, ROUTES, DOCTOR),
    (CRISIS, NIGHTTIME, ROUTES, DOCTOR),
    (LINE, NIGHTTIME, ROUTES, DUTY),
    (CLINIC, NIGHTTIME, replace(ROUTES, clinicians=ROUTES.clinicians[:1]), NURSE),
    (CRISIS, NEVER, ROUTES, DUTY),
    (CRISIS, NEVER, replace(ROUTES, duty=""), FIRST),
    (CRISIS, NEVER, Routes(CRISIS), CRISIS),
    (LINE, NEVER, Routes(CRISIS), LINE),
    (CRISIS, DAYTIME, replace(ROUTES, clinicians=(works(DOCTOR, LINE, notAvailable=[{"during": {"start": "2026"}}]),)), DUTY),
]


@pytest.mark.parametrize(("asked", "when", "routes", "reached"), REACHED)
def test_esc_1_an_escalation_reaches_who_is_there_else_the_duty_contact(
    asked: str, when: datetime, routes: Routes, reached: str
) -> None:
    """And the same one in any order of the directory."""
    turned = replace(routes, services=routes.services[::-1], clinicians=routes.clinicians[::-1])
    assert [routing.reached(asked, each, when, CALENDAR) for each in (routes, turned)] == [reached, reached]


@pytest.mark.parametrize(
    ("asked", "passed", "reached"),
    [
        (NURSE, {NURSE}, DOCTOR),
        (CRISIS, {DOCTOR}, DUTY),
        (CRISIS, {DOCTOR, DUTY}, FIRST),
        (CRISIS, {DOCTOR, DUTY, FIRST}, NURSE),
        (NURSE, {DOCTOR, DUTY, FIRST, NURSE}, CRISIS),
    ],
)
def test_e5_a_second_escalation_passes_who_decided_before(asked: str, passed: set[str], reached: str) -> None:
    assert routing.reached(asked, ROUTES, DAYTIME, CALENDAR, frozenset(passed)) == reached


def test_tim_5_a_review_goes_round_the_contacts_duty_first() -> None:
    assert [routing.following(each, ROUTES) for each in (NURSE, DUTY, FIRST)] == [DUTY, FIRST, DUTY]
    assert [routing.following(NURSE, Routes(CRISIS)), routing.following(DUTY, Routes(CRISIS, duty=DUTY))] == [NURSE, DUTY]


DUE = [
    ("stat", "2026-10-23T10:00", "2026-10-23T11:00"),
    ("stat", "2026-10-23T23:30", "2026-10-24T00:30"),
    ("asap", "2026-10-23T10:00", "2026-10-23T14:00"),
    ("urgent", "2026-10-23T10:00", "2026-10-24T00:00"),
    ("urgent", "2026-10-23T13:59", "2026-10-24T00:00"),
    ("urgent", "2026-10-23T14:00", "2026-10-24T14:00"),
    ("urgent", "2026-10-23T00:00", "2026-10-24T00:00"),
    ("urgent", "2026-10-25T00:30", "2026-10-25T23:30"),
    ("routine", "2026-10-23T10:00", "2026-10-24T10:00"),
]


@pytest.mark.parametrize(("priority", "asked", "until"), DUE)
def test_tim_5_an_urgent_escalation_of_the_morning_is_decided_the_same_day(priority: str, asked: str, until: str) -> None:
    """The earlier of 24 hours and the end of the local day; the clock that goes back on 25 October gives the day an hour more."""
    assert due.review(local(asked), priority, CALENDAR, None) == local(until)


class Hasty:
    """A pathway that asks for a decision within three hours."""

    canonical = "urn:p|1"

    def due(self, rule: str, start: datetime, calendar: Any, *, priority: str = "routine", level: int = 0) -> datetime:
        return start + timedelta(hours=3)

    def count(self, name: str, default: int) -> int:
        return {"missed-contacts": 1}.get(name, default)


def test_tim_5_a_shorter_span_of_the_pathway_is_earlier_than_the_end_of_the_day() -> None:
    assert due.review(local("2026-10-23T10:00"), "urgent", CALENDAR, Hasty()) == local("2026-10-23T13:00")


SLEEP = {"coding": [{"system": "http://snomed.info/sct", "code": "193462001"}]}
PLAN: Resource = {
    "resourceType": "CarePlan",
    "id": "c",
    "status": "active",
    "subject": ref("Patient/p"),
    "extension": [{"url": EARLY_WARNING_SIGN, "valueCodeableConcept": SLEEP}, {"url": "urn:other", "valueString": "x"}],
}
SIGN: Resource = {"status": "final", "category": [concept(OBSERVATION_CATEGORY, "early-warning-sign")], "code": SLEEP}
SIGNS: list[tuple[Resource, Resource, bool]] = [
    (PLAN, SIGN, True),
    ({**PLAN, "status": "draft"}, SIGN, False),
    ({**PLAN, "extension": []}, SIGN, False),
    (PLAN, {**SIGN, "status": "cancelled"}, False),
    (PLAN, {**SIGN, "category": [{"text": "sign"}]}, False),
    (PLAN, {**SIGN, "code": {"text": "poor sleep"}}, False),
]


@pytest.mark.parametrize(("plan", "report", "listed"), SIGNS)
def test_ews_1_a_coded_sign_on_an_active_plan_is_on_its_list(plan: Resource, report: Resource, listed: bool) -> None:
    assert signs.on_list(plan, report) is listed


def test_ews_1_the_review_is_the_leading_agency_s_alone_and_due_within_a_working_day() -> None:
    made = signs.opened(PLAN, CRISIS, AT, CALENDAR, ids())
    [staged] = made.writes
    task = staged.resource
    assert (task["requester"], task["owner"], staged.custodian) == (ref(CRISIS), ref(CRISIS), CRISIS)
    assert [(each.kind, each.due) for each in made.timers] == [("TIM-11", local("2026-10-26T15:30"))]
    assert signs.is_open(task)
    assert not signs.is_open({**task, "status": "completed"})
    assert not signs.is_open(review())


def failed(day: int, **members: Any) -> Resource:
    """An attempt that failed on a day of October."""
    return attempt(status="not-done", statusReason={"text": "Nobody in"}, sent=f"2026-10-{day:02}T09:00:00Z", **members)


FOUR = [failed(day) for day in (1, 2, 3, 4)]
MISSED: list[tuple[list[Resource], bool]] = [
    (FOUR, True),
    (FOUR[::-1], True),
    (FOUR[:3], False),
    ([*FOUR, attempt(sent="2026-10-05T09:00:00Z")], False),
    ([*FOUR, attempt(sent="2026-09-05T09:00:00Z")], True),
    ([*FOUR[:3], {**failed(4), "statusReason": None}], False),
    ([*FOUR[:3], failed(4, category=[])], False),
    ([attempt(sent=None), *FOUR], True),
]


@pytest.mark.parametrize(("attempts", "prompts"), MISSED)
def test_ews_1_more_than_three_missed_contacts_in_a_row_are_too_many(attempts: list[Resource], prompts: bool) -> None:
    """An attempt is no contact: only a contact begins the count anew."""
    assert signs.too_many(attempts, CALENDAR) is prompts


def test_ews_1_the_pathway_says_how_many_contacts_may_be_missed() -> None:
    assert [signs.too_many(FOUR[:number], CALENDAR, Hasty()) for number in (1, 2)] == [False, True]


WEEK, SUNDAYS = Hours(frozenset(DAYS)), Hours(frozenset(("sun",)))
NOON = Hours(frozenset(DAYS), 12 * 60, 13 * 60)
BY_PATHWAY: list[tuple[str, datetime, tuple[Route, ...], str]] = [
    (CRISIS, DAYTIME, (Route("", (WEEK,)), Route(NURSE, (NOON,))), NURSE),
    (CRISIS, DAYTIME, (Route(NURSE, (SUNDAYS,)),), DOCTOR),
    (CRISIS, NEVER, (Route(NURSE, (SUNDAYS,)),), NURSE),
    (CRISIS, NEVER, (Route(LINE, (WEEK,)),), DOCTOR),
    (CRISIS, NEVER, (Route(LINE),), DUTY),
    (CRISIS, NEVER, (Route("PractitionerRole/elsewhere", (WEEK,)), Route("", (WEEK,))), DUTY),
    (LINE, NIGHTTIME, (Route(CLINIC, (WEEK,)),), DUTY),
]


@pytest.mark.parametrize(("asked", "when", "ways", "reached"), BY_PATHWAY)
def test_esc_1_the_pathway_s_routes_go_first_at_their_hours(
    asked: str, when: datetime, ways: tuple[Route, ...], reached: str
) -> None:
    """Those that name somebody of whom is asked; the duty contact stays the last who is."""
    assert routing.reached(asked, replace(ROUTES, ways=ways), when, CALENDAR) == reached
