"""Who has a legitimate relationship with a person (L0, IDN-6): what a tie opens, to whom, and while what bounds it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.consent.relationship import NO_STANDING, Relationship, Tie, closed, opened, ties
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


@pytest.mark.parametrize("status", ["proposed", "suspended", "inactive", "entered-in-error", None])
def test_idn_6_a_team_that_is_not_active_ties_nobody(status: str | None) -> None:
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


def reference(name: str) -> dict[str, str]:
    return {"reference": f"Organization/{name}"}


def named(resource: dict[str, Any]) -> list[str]:
    """The actors that a record ties to its person, in order."""
    return [tie.actor for tie in ties(resource)]


def test_idn_6_a_team_ties_its_managers_its_members_and_whom_they_act_for() -> None:
    """Each bound by the team's period, a participant by its own, too."""
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "period": TEAM,
        "managingOrganization": [reference("a"), reference("b")],
        "participant": [
            {"member": {"reference": "Practitioner/c"}, "onBehalfOf": reference("d"), "period": PART},
            {"member": reference("e")},
            {"role": [{"text": "nobody yet"}]},
        ],
    }
    assert ties(team) == (
        Tie("Organization/a", (TEAM,)),
        Tie("Organization/b", (TEAM,)),
        Tie("Practitioner/c", (TEAM, PART)),
        Tie("Organization/d", (TEAM, PART)),
        Tie("Organization/e", (TEAM,)),
    )


def test_idn_6_a_team_may_have_managers_only_or_members_only() -> None:
    assert named({"resourceType": "CareTeam", "status": "active", "managingOrganization": [reference("a")]}) == ["Organization/a"]
    assert named({"resourceType": "CareTeam", "status": "active", "participant": [{"member": CRISIS}]}) == ["Organization/crisis"]


@pytest.mark.parametrize(
    "status",
    ["requested", "received", "accepted", "ready", "in-progress", "on-hold", "completed", "rejected", "cancelled", "failed"],
)
def test_idn_6_a_task_that_was_sent_ties_who_sent_it_and_who_has_it(status: str) -> None:
    task = {"resourceType": "Task", "status": status, "requester": reference("a"), "owner": reference("b")}
    assert ties(task) == (Tie("Organization/a"), Tie("Organization/b"))


@pytest.mark.parametrize("restriction", [{}, "soon", {"period": "soon"}])
def test_idn_6_a_restriction_without_a_period_bounds_no_tie(restriction: Any) -> None:
    assert ties({"resourceType": "Task", "status": "requested", "owner": CRISIS, "restriction": restriction}) == (
        Tie("Organization/crisis"),
    )


@pytest.mark.parametrize("code", ["stop-use", "override-review", "data-request", "identity-review"])
def test_idn_6_a_task_that_asks_for_access_gives_none_though_undated(code: str) -> None:
    """Its tie ends as it starts, long ago, whatever its restriction says."""
    period = {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:00:00Z"}
    task = {"resourceType": "Task", "status": "requested", "owner": CRISIS, "code": concept(TASK_CODE, code)}
    assert ties(task | {"restriction": {"period": TEAM}}) == (Tie("Organization/crisis", (period,)),)


def test_idn_6_a_task_with_a_code_of_another_system_is_a_plain_one() -> None:
    """`stop-use` of somebody else's is none of ours."""
    task = {"resourceType": "Task", "status": "requested", "owner": CRISIS, "code": concept("http://example.org", "stop-use")}
    assert ties(task | {"restriction": {"period": TEAM}}) == (Tie("Organization/crisis", (TEAM,)),)


@pytest.mark.parametrize(
    ("status", "ties_them"),
    [
        *((status, True) for status in ("active", "on-hold", "completed", "revoked")),
        *((status, False) for status in ("draft", "entered-in-error", "unknown", "", None)),
    ],
)
def test_idn_6_a_referral_that_was_sent_ties_who_asked_and_who_is_asked(status: str | None, ties_them: bool) -> None:
    referral = {"resourceType": "ServiceRequest", "status": status, "requester": reference("a")}
    everybody = ["Organization/a", "Organization/b", "Organization/c"]
    assert named(referral | {"performer": [reference("b"), reference("c")]}) == (everybody if ties_them else [])
    assert named(referral) == (everybody[:1] if ties_them else [])


@pytest.mark.parametrize(
    ("status", "ties_them"),
    [
        *((status, True) for status in ("planned", "waitlist", "active", "onhold", "finished")),
        *((status, False) for status in ("cancelled", "entered-in-error", "", None)),
    ],
)
def test_idn_6_an_episode_ties_who_runs_it_and_who_manages_the_care(status: str | None, ties_them: bool) -> None:
    """Within its period."""
    episode = {"resourceType": "EpisodeOfCare", "status": status, "period": TEAM, "managingOrganization": CRISIS}
    expected = (Tie("Organization/crisis", (TEAM,)), Tie("Practitioner/m", (TEAM,)))
    assert ties(episode | {"careManager": {"reference": "Practitioner/m"}}) == (expected if ties_them else ())


@pytest.mark.parametrize("kind", ["Encounter", "CarePlan", "Communication", ""])
def test_idn_6_no_other_record_ties_anybody(kind: str) -> None:
    """Whomever it names."""
    assert ties({"resourceType": kind, "status": "active", "owner": CRISIS, "performer": [CRISIS]}) == ()


ENDS = {
    "Task": {"completed", "rejected", "cancelled", "failed", "entered-in-error"},
    "ServiceRequest": {"completed", "revoked", "entered-in-error"},
    "EpisodeOfCare": {"finished", "entered-in-error"},
    "CareTeam": set[str](),
    "Encounter": set[str](),
    "": set[str](),
}
STATUSES = {"active", "inactive", "in-progress", "requested", "on-hold", "draft", "entered-in-error", None}


@pytest.mark.parametrize("kind", sorted(ENDS))
def test_the_ties_of_a_record_end_with_its_work(kind: str) -> None:
    """A Task, a referral or an episode that is over, or was never meant; a team ends by its period."""
    every = STATUSES | set[str | None]().union(*ENDS.values())
    assert {status for status in every if closed({"resourceType": kind, "status": status})} == ENDS[kind]
