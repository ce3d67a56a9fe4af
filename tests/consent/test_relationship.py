"""Who has a legitimate relationship with a person (L0, IDN-6): what a tie opens, to whom, and while what bounds it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.consent.relationship import NO_STANDING, Relationship, opened, ties
from service.fhir.canonical import TASK_CODE, TaskCode
from service.fhir.coding import concept

AT = datetime(2026, 11, 23, tzinfo=UTC)
CRISIS = {"reference": "Organization/crisis"}


def test_idn_6_a_tie_opens_the_records_of_who_wrote_it() -> None:
    assert opened(["trust"], [Relationship("crisis", "trust")], AT) == {"crisis"}


def test_idn_6_a_tie_opens_no_records_of_another_agency() -> None:
    assert opened(["trust"], [Relationship("crisis", "housing"), Relationship("stranger", "stranger")], AT) == frozenset()


def test_idn_6_standing_does_not_travel() -> None:
    named = [Relationship("crisis", "trust"), Relationship("voluntary", "crisis")]
    assert opened(["trust"], named, AT) == {"crisis"}


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [
        (None, None, True),
        (AT, None, True),
        (AT + timedelta(milliseconds=1), None, False),
        (None, AT + timedelta(milliseconds=1), True),
        (None, AT, False),
    ],
)
def test_idn_6_a_tie_holds_from_its_start_until_just_before_its_end(start: Any, end: Any, holds: bool) -> None:
    assert bool(opened(["trust"], [Relationship("crisis", "trust", start, end)], AT)) is holds


TEAM, PART = {"start": "2026-01-01", "end": "2026-06-30"}, {"start": "2026-02-01", "end": "2026-12-31"}


def test_idn_6_a_participant_is_bound_by_the_team_s_period_and_its_own() -> None:
    team = {"resourceType": "CareTeam", "status": "active", "period": TEAM, "participant": [{"member": CRISIS, "period": PART}]}
    (tie,) = ties(team)
    assert (tie.actor, tie.bounds) == ("Organization/crisis", (TEAM, PART))


@pytest.mark.parametrize("status", ["proposed", "suspended", "inactive", "entered-in-error"])
def test_idn_6_a_team_that_is_not_active_ties_nobody(status: str) -> None:
    team = {"resourceType": "CareTeam", "status": status, "managingOrganization": [CRISIS], "participant": [{"member": CRISIS}]}
    assert ties(team) == ()


@pytest.mark.parametrize("status", ["draft", "entered-in-error"])
def test_idn_6_a_task_that_was_not_sent_ties_nobody(status: str) -> None:
    assert ties({"resourceType": "Task", "status": status, "owner": CRISIS, "requester": CRISIS}) == ()


def test_idn_6_a_plain_task_is_bound_by_its_restriction() -> None:
    (tie,) = ties({"resourceType": "Task", "status": "requested", "owner": CRISIS, "restriction": {"period": TEAM}})
    assert tie.bounds == (TEAM,)


def test_idn_6_the_date_to_act_by_of_a_task_of_ours_bounds_no_tie() -> None:
    code = concept(TASK_CODE, TaskCode.HANDOVER)
    (tie,) = ties({"resourceType": "Task", "status": "requested", "owner": CRISIS, "code": code, "restriction": {"period": TEAM}})
    assert tie.bounds == ()


@pytest.mark.parametrize("code", sorted(NO_STANDING))
def test_idn_6_a_task_that_asks_for_access_gives_none(code: str) -> None:
    at = "2026-11-23T09:00:00Z"
    task = {"resourceType": "Task", "status": "requested", "owner": CRISIS, "code": concept(TASK_CODE, code), "authoredOn": at}
    (tie,) = ties(task)
    assert tie.bounds == ({"start": at, "end": at},)
