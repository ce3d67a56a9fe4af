"""Whom a caller acts as (consent-rules 2.1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from service.consent.principals import principals

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
