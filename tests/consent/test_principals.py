"""Whom a caller acts as (consent-rules 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.consent.principals import principals
from service.fhir.date import LOCAL

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ROLE: dict[str, Any] = {
    "resourceType": "PractitionerRole",
    "id": "r",
    "practitioner": {"reference": "Practitioner/x"},
    "organization": {"reference": "Organization/team"},
}
DIRECTORY: dict[str, dict[str, Any]] = {
    "PractitionerRole/r": ROLE,
    "Practitioner/x": {"identifier": [{"system": "urn:gmc", "value": "7"}]},
    "Organization/team": {"partOf": {"reference": "Organization/trust"}},
    "Organization/trust": {"partOf": {"reference": "Organization/team"}},
}
TEAM: dict[str, Any] = {
    "id": "t",
    "status": "active",
    "subject": {"reference": "Patient/p"},
    "participant": [{"member": {"reference": "PractitionerRole/r"}, "period": {"start": "2026-01-01"}}],
}
PERSON = frozenset({"Patient/p"})


def acting(user: str = "PractitionerRole/r", organization: str = "Organization/trust", **more: Any) -> frozenset[str]:
    return principals(user, organization, more.pop("directory", DIRECTORY), NOW, **more)


def with_role(**more: Any) -> dict[str, dict[str, Any]]:
    return {**DIRECTORY, "PractitionerRole/r": {**ROLE, **more}}


def test_the_closure_is_role_person_organisations_and_identifiers() -> None:
    """Rings of partOf end where they began."""
    assert acting() == {
        "PractitionerRole/r",
        "Practitioner/x",
        "Practitioner=urn:gmc|7",
        "Organization/team",
        "Organization/trust",
    }


def test_an_inactive_role_gives_nothing_of_its_own() -> None:
    """Only the client's organisation is left."""
    assert "Practitioner/x" not in acting(directory=with_role(active=False))


def test_an_ended_role_gives_nothing_of_its_own() -> None:
    """Its period is over."""
    assert "PractitionerRole/r" not in acting(directory=with_role(period={"end": "2026-06-14"}))


def test_two_employers_are_never_united() -> None:
    """A role of another organisation than the client's."""
    assert acting(organization="Organization/elsewhere") == {"Organization/elsewhere"}


def test_a_current_member_acts_as_the_group() -> None:
    """By its practitioner."""
    group = {"id": "g", "member": [{"entity": {"reference": "Practitioner/x"}}]}
    assert "Group/g" in acting(groups=[group])


def test_a_former_member_does_not_act_as_the_group() -> None:
    """inactive."""
    group = {"id": "g", "member": [{"entity": {"reference": "Practitioner/x"}, "inactive": True}]}
    assert "Group/g" not in acting(groups=[group])


def test_a_participant_acts_as_the_team_of_this_person() -> None:
    """Active team, current period."""
    assert "CareTeam/t" in acting(teams=[TEAM], patients=PERSON)


def test_a_team_of_somebody_else_gives_nothing() -> None:
    """Another subject."""
    assert "CareTeam/t" not in acting(teams=[TEAM], patients=frozenset({"Patient/q"}))


def test_a_participant_who_left_does_not_act_as_the_team() -> None:
    """The period is over."""
    left = {**TEAM, "participant": [{"member": {"reference": "PractitionerRole/r"}, "period": {"end": "2026-01-01"}}]}
    assert "CareTeam/t" not in acting(teams=[left], patients=PERSON)


def test_a_relative_counts_only_when_verified() -> None:
    """An unverified link is no principal."""
    assert acting("RelatedPerson/m") == frozenset()


def test_a_verified_relative_acts_as_themselves_alone() -> None:
    """Not as the organisation that runs the app."""
    assert acting("RelatedPerson/m", verified=frozenset({"RelatedPerson/m"})) == {"RelatedPerson/m"}


def test_an_absolute_url_of_ours_is_the_record_it_names() -> None:
    """A denial to an organisation or a team hits whoever acts for it, however the records name each other."""
    base = "https://our.example/fhir"
    group = {"id": "g", "member": [{"entity": {"reference": f"{base}/PractitionerRole/r"}}]}
    team = {
        **TEAM,
        "subject": {"reference": f"{base}/Patient/p"},
        "participant": [{"member": {"reference": f"{base}/PractitionerRole/r"}}],
    }
    directory = with_role(organization={"reference": f"{base}/Organization/team"})
    found = acting(directory=directory, groups=[group], teams=[team], patients=PERSON, base=base)
    assert {"Organization/team", "Group/g", "CareTeam/t"} <= found


BASE, AUCKLAND = "https://our.example/fhir", ZoneInfo("Pacific/Auckland")
TOMORROW = {"start": "2026-06-16"}
"""A day that has begun in Auckland, where it is midnight, and not in London."""


def test_a_patient_acts_as_themselves_alone() -> None:
    """Whichever organisation runs the app."""
    assert acting("Patient/p") == {"Patient/p"}


def test_a_practitioner_without_a_role_acts_for_the_client_s_organisation() -> None:
    directory = {**DIRECTORY, "Practitioner/x": {**DIRECTORY["Practitioner/x"]}}
    expected = {"Practitioner/x", "Practitioner=urn:gmc|7", "Organization/trust", "Organization/team"}
    assert acting("Practitioner/x", directory=directory) == expected


def test_a_system_acts_for_its_organisation_and_those_above_it() -> None:
    assert acting("") == {"Organization/trust", "Organization/team"}


def test_an_organisation_that_is_not_known_is_itself() -> None:
    assert acting("", "Organization/x", directory={}) == {"Organization/x"}
    assert acting("", "", directory={}) == frozenset()


def test_a_role_without_an_organisation_adds_its_practitioner() -> None:
    found = acting(directory=with_role(organization=None, practitioner={"reference": f"{BASE}/Practitioner/x"}), base=BASE)
    assert {"PractitionerRole/r", "Practitioner/x", "Organization/trust"} <= found


def test_a_role_s_organisations_are_found_by_our_own_url() -> None:
    """At each step upwards."""
    directory = {
        "PractitionerRole/r": {
            "practitioner": {"reference": "Practitioner/x"},
            "organization": {"reference": f"{BASE}/Organization/a"},
        },
        "Organization/a": {"partOf": {"reference": f"{BASE}/Organization/b"}},
        "Organization/b": {"partOf": {"reference": f"{BASE}/Organization/c"}},
    }
    found = acting(organization="Organization/b", directory=directory, base=BASE)
    assert found == {"PractitionerRole/r", "Practitioner/x", "Organization/a", "Organization/b", "Organization/c"}


def test_nothing_names_nobody() -> None:
    assert "" not in acting(directory=with_role(practitioner=None))


GROUP: dict[str, Any] = {"id": "g", "member": [{"entity": {"reference": "Practitioner/x"}}]}


@pytest.mark.parametrize(("active", "acts"), [(True, True), (None, True), (False, False)])
def test_a_group_that_is_not_active_gives_nothing(active: bool | None, acts: bool) -> None:
    assert ("Group/g" in acting(groups=[{**GROUP, "active": active}])) is acts


@pytest.mark.parametrize(
    ("period", "acts"), [({"start": "2026-06-15"}, True), ({"end": "2026-06-14"}, False), ({"start": "soon"}, False)]
)
def test_a_member_of_a_group_is_one_for_a_time(period: Any, acts: bool) -> None:
    group = {**GROUP, "member": [{"entity": {"reference": "Practitioner/y"}}, {**GROUP["member"][0], "period": period}]}
    assert ("Group/g" in acting(groups=[group])) is acts


@pytest.mark.parametrize(
    ("team", "acts"), [({"status": "proposed"}, False), ({"period": {"end": "2026-06-14"}}, False), ({}, True)]
)
def test_a_team_that_is_not_active_now_gives_nothing(team: Any, acts: bool) -> None:
    """And hides no other."""
    other = {**TEAM, "id": "u"}
    found = acting(teams=[{**TEAM, **team}, other], patients=PERSON)
    assert ("CareTeam/t" in found, "CareTeam/u" in found) == (acts, True)


@pytest.mark.parametrize("where", ["role", "group", "team", "participant"])
def test_days_are_the_locality_s(where: str) -> None:
    role = with_role(period=TOMORROW) if where == "role" else DIRECTORY
    group = {**GROUP, "member": [{**GROUP["member"][0], "period": TOMORROW}]} if where == "group" else GROUP
    team = {**TEAM, "period": TOMORROW} if where == "team" else TEAM
    if where == "participant":
        team = {**TEAM, "participant": [{**TEAM["participant"][0], "period": TOMORROW}]}
    given: dict[str, Any] = {"directory": role, "groups": [group], "teams": [team], "patients": PERSON}
    name = {"role": "PractitionerRole/r", "group": "Group/g"}.get(where, "CareTeam/t")
    assert [name in acting(**given, zone=zone) for zone in (AUCKLAND, LOCAL)] == [True, False]


def test_an_identifier_needs_a_system_and_a_value() -> None:
    """IDN-7: what is half an identifier names nobody."""
    halves = [{"system": "urn:gmc"}, {"value": "7"}, {"system": "urn:gmc", "value": 7}, {"system": 7, "value": "7"}, "x"]
    found = acting(directory={**DIRECTORY, "Practitioner/x": {"identifier": halves}})
    assert not any("=" in name for name in found)
