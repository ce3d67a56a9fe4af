"""What a led plan keeps of its carriers (OWN-8), and what naming a lead writes, whole (OWN-2, OWN-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.ownership import lead as ownership
from service.care.ownership.lead import Led
from service.care.task.situation import Staged
from service.fhir.canonical import (
    CARE_COORDINATOR,
    EPISODE_OF_CARE,
    PARTICIPANT_AGENCY,
    PROVENANCE_ACTIVITY,
    PROVENANCE_PARTICIPANT,
    SNOMED,
)
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from service.problem import Category, Problem, problem
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

AUCKLAND = ZoneInfo("Pacific/Auckland")
AMY = "PractitionerRole/amy"
EPISODE = {"url": EPISODE_OF_CARE, "valueReference": {"reference": "EpisodeOfCare/episode"}}
COORDINATES = [concept(SNOMED, CARE_COORDINATOR)]


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def refusal(rule: str, text: str, expression: str = "CarePlan.author") -> Problem:
    return problem(Category.RULE, "business-rule", text, expression=expression, rule=rule)


def without(plan: Any, *names: str) -> Any:
    return {name: value for name, value in plan.items() if name not in names}


def test_own_8_what_a_client_leaves_out_stays(world: Any) -> None:
    other = {"url": "urn:x", "valueCode": "y"}
    before = world.plan(extension=[other, EPISODE])
    assert ownership.completed(before, without(before, "careTeam", "extension")) == {**before, "extension": [EPISODE]} | {
        "careTeam": before["careTeam"]
    }
    assert ownership.completed(before, {**without(before, "careTeam"), "extension": [other]})["extension"] == [other, EPISODE]


def test_own_8_what_a_client_says_counts(world: Any) -> None:
    before = world.plan(extension=[EPISODE])
    mine = {**EPISODE, "valueReference": ref("EpisodeOfCare/other")}
    assert ownership.completed(before, {**before, "careTeam": [], "extension": [mine]}) == {
        **before,
        "careTeam": [],
        "extension": [mine],
    }


def test_own_8_nothing_is_added_where_nothing_was(world: Any) -> None:
    bare = without(world.plan(), "careTeam")
    assert ownership.completed(bare, bare) == bare


def test_own_8_an_episode_named_in_supporting_info_stays_as_an_extension(world: Any) -> None:
    before = world.plan(supportingInfo=[ref("EpisodeOfCare/episode")])
    assert ownership.completed(before, without(before, "supportingInfo"))["extension"] == [EPISODE]


def test_own_8_a_led_plan_keeps_its_team(world: Any) -> None:
    text = "A plan that has a lead keeps its care team: name it in `careTeam`, further teams beside it."
    after = world.plan(careTeam=[ref("CareTeam/other")])
    assert ownership.kept_carriers(world.plan(), after) == refusal("OWN-8", text, "CarePlan.careTeam")
    assert ownership.kept_carriers(world.plan(careTeam=[]), after) is None
    assert (
        ownership.kept_carriers(world.plan(), world.plan(careTeam=[ref("CareTeam/team/_history/2"), ref("CareTeam/b")])) is None
    )


def test_own_8_a_led_plan_keeps_its_episode(world: Any) -> None:
    text = "A plan that has a lead keeps its episode: end the plan, and write a new one for another episode."
    before, mine = world.plan(extension=[EPISODE]), {**EPISODE, "valueReference": ref("EpisodeOfCare/other")}
    for after in (world.plan(), world.plan(extension=[mine])):
        assert ownership.kept_carriers(before, after) == refusal("OWN-8", text, "CarePlan.extension")
    assert ownership.kept_carriers(before, before) is None
    assert ownership.kept_carriers(world.plan(), before) is None


def newcomer(lead: str, agency: str) -> Any:
    return {
        "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": ref(agency)}],
        "role": COORDINATES,
        "member": ref(lead),
        "period": {"start": NOW},
    }


def test_own_2_a_plan_without_a_team_gets_one_of_its_own(world: Any) -> None:
    plan = {**without(world.plan(), "careTeam"), "encounter": ref("Encounter/e")}
    made = ownership.settle(Led(plan), ANN, TRUST, at=world.at, zone=LOCAL, ids=world.ids)
    team = {
        "resourceType": "CareTeam",
        "id": "new-0",
        "status": "active",
        "subject": ref("Patient/p"),
        "encounter": ref("Encounter/e"),
        "participant": [newcomer(ANN, TRUST)],
    }
    assert made == (
        Staged({**plan, "careTeam": [ref("CareTeam/new-0")]}, custodian=TRUST),
        Staged(team, created=True, custodian=TRUST),
    )


def test_own_2_teams_that_are_not_here_stay_named_beside_the_new_one(world: Any) -> None:
    plan, _ = ownership.settle(Led(world.plan()), ANN, TRUST, at=world.at, zone=LOCAL, ids=world.ids)
    assert plan.resource["careTeam"] == [ref("CareTeam/team"), ref("CareTeam/new-0")]


def test_own_2_everything_names_the_lead_and_belongs_to_the_agency(world: Any) -> None:
    led = Led(world.plan(), (world.team(), {"resourceType": "CareTeam", "id": "b", "status": "proposed"}), world.episode())
    plan, one, two, episode = ownership.settle(led, HAL, HOUSING, at=world.at, zone=LOCAL, ids=world.ids)
    assert plan == Staged({**world.plan(), "author": ref(HAL)}, custodian=HOUSING)
    left = {**world.team()["participant"][0], "period": {"start": "2026-01-01T09:00:00.000Z", "end": NOW}}
    person = ref("Patient/p")
    assert one == Staged({**world.team(), "participant": [left, newcomer(HAL, HOUSING)], "subject": person}, custodian=HOUSING)
    second = {
        "resourceType": "CareTeam",
        "id": "b",
        "status": "active",
        "subject": person,
        "participant": [newcomer(HAL, HOUSING)],
    }
    assert two == Staged(second, custodian=HOUSING)
    managed = {**world.episode(), "managingOrganization": ref(HOUSING), "careManager": ref(HAL)}
    assert episode == Staged(managed, custodian=HOUSING)


def test_own_2_what_names_the_lead_already_is_not_written_otherwise(world: Any) -> None:
    """A display beside a reference stays."""
    manager, keeper = {**ref(ANN), "display": "Ann"}, {**ref(TRUST), "display": "The trust"}
    episode = {**world.episode(), "careManager": manager, "managingOrganization": keeper}
    assert ownership.carrying(episode, world.plan(), ANN, TRUST, world.at, LOCAL) == episode
    team = {**world.team(), "subject": {**ref("Patient/p"), "display": "Ada"}}
    assert ownership.carrying(team, world.plan(), ANN, TRUST, world.at, LOCAL) == team


def test_own_3_naming_a_lead_is_recorded(world: Any) -> None:
    led = Led(world.plan(), (world.team(),), world.episode())
    *settled, note = ownership.named(led, AMY, TRUST, at=world.at, zone=LOCAL, ids=world.ids, user=ANN, created=False)
    assert tuple(settled) == ownership.settle(led, AMY, TRUST, at=world.at, zone=LOCAL, ids=world.ids)
    agent = {"type": concept(PROVENANCE_PARTICIPANT, "author"), "who": ref(ANN), "onBehalfOf": ref(TRUST)}
    expected = {
        "resourceType": "Provenance",
        "id": "new-0",
        "target": [
            ref(each) for each in ("CarePlan/plan/_history/5", "CareTeam/team/_history/3", "EpisodeOfCare/episode/_history/4")
        ],
        "recorded": NOW,
        "activity": concept(PROVENANCE_ACTIVITY, "lead-named"),
        "agent": [agent],
    }
    assert note == Staged(expected, created=True, custodian=TRUST)


def test_own_3_of_a_new_plan_the_first_versions_are_recorded(world: Any) -> None:
    led = Led(without(world.plan(), "careTeam", "meta"))
    plan, team, note = ownership.named(led, ANN, TRUST, at=world.at, zone=LOCAL, ids=world.ids, user="", created=True)
    assert (plan.created, team.created, plan.custodian) == (True, True, TRUST)
    assert note.resource["target"] == [ref("CarePlan/plan/_history/1"), ref("CareTeam/new-0/_history/1")]
    assert note.resource["agent"][0]["who"] == ref(TRUST)


def coordinator(lead: str, **period: str) -> Any:
    return {"role": COORDINATES, "member": ref(lead), **({"period": period} if period else {})}


def coordinated(world: Any, *participants: Any, zone: Any = LOCAL) -> list[Any]:
    team = {**world.team(), "participant": list(participants)}
    found: list[Any] = ownership.coordinated(team, HAL, HOUSING, world.at, zone)["participant"]
    return found


def test_own_4_one_coordinator_ends_as_the_next_starts(world: Any) -> None:
    assert coordinated(world, coordinator(ANN), coordinator(AMY, start="2026-01-01")) == [
        coordinator(ANN, end=NOW),
        coordinator(AMY, start="2026-01-01", end=NOW),
        newcomer(HAL, HOUSING),
    ]


def test_own_4_who_coordinates_alone_goes_on(world: Any) -> None:
    assert coordinated(world, coordinator(HAL, start="2026-01-01")) == [coordinator(HAL, start="2026-01-01")]


def test_own_4_who_coordinates_beside_another_starts_anew(world: Any) -> None:
    assert coordinated(world, coordinator(HAL), coordinator(ANN)) == [
        coordinator(HAL, end=NOW),
        coordinator(ANN, end=NOW),
        newcomer(HAL, HOUSING),
    ]


def test_own_4_who_has_ended_and_who_is_no_coordinator_stay_as_they_are(world: Any) -> None:
    others = [
        coordinator(ANN, end=NOW),
        {"member": ref(AMY)},
        {"role": COORDINATES, "member": ref(AMY), "period": {"end": "2026-10-01"}},
    ]
    assert coordinated(world, *others, "x") == [*others, newcomer(HAL, HOUSING)]


def test_own_4_who_was_to_start_later_is_taken_out(world: Any) -> None:
    """From a millisecond ahead on, in the locality's zone."""
    now, ahead = "2026-10-23T14:30:00.000Z", "2026-10-23T14:30:00.001Z"
    assert coordinated(world, coordinator(ANN, start=ahead)) == [newcomer(HAL, HOUSING)]
    assert coordinated(world, coordinator(ANN, start=now)) == [coordinator(ANN, start=now, end=NOW), newcomer(HAL, HOUSING)]
    assert len(coordinated(world, coordinator(ANN, start="2026-10-24"), zone=AUCKLAND)) == 2
    assert len(coordinated(world, coordinator(ANN, start="2026-10-24"))) == 1


@pytest.mark.parametrize(
    ("participant", "open_"),
    [
        (coordinator(ANN), True),
        (coordinator(ANN, start="2030-01-01"), True),
        (coordinator(ANN, end="2026-10-23T14:30:00.000Z"), False),
        (coordinator(ANN, end="2026-10-23T14:30:00.001Z"), True),
        (coordinator(ANN, end="soon"), False),
        ({"role": COORDINATES, "period": "x"}, True),
        ({"member": ref(ANN)}, False),
    ],
)
def test_own_4_a_coordinator_is_open_until_the_millisecond_that_ends_it(world: Any, participant: Any, open_: bool) -> None:
    assert ownership.is_open_coordinator(participant, world.at, LOCAL) is open_


def test_own_2_a_team_s_open_coordinators(world: Any) -> None:
    team = {"participant": [coordinator(ANN), "x", coordinator(AMY, end="2026-01-01"), coordinator(HAL)]}
    assert ownership.coordinators(team, world.at, LOCAL) == (ANN, HAL)
    assert ownership.coordinators(None, world.at, LOCAL) == ownership.coordinators({}, world.at, LOCAL) == ()
    assert ownership.coordinators({"participant": [coordinator(ANN, end="2026-10-23")]}, world.at, AUCKLAND) == ()
    assert ownership.coordinators({"participant": [coordinator(ANN, end="2026-10-23")]}, world.at, LOCAL) == (ANN,)


def acting(agency: str) -> Any:
    return {"extension": [{"url": "urn:x"}, {"url": PARTICIPANT_AGENCY, "valueReference": ref(agency)}]}


@pytest.mark.parametrize(
    ("participant", "agency"),
    [
        ({**acting(HOUSING), "member": ref(TRUST), "onBehalfOf": ref(TRUST)}, HOUSING),
        ({"member": ref(HAL), "onBehalfOf": ref(HOUSING)}, HOUSING),
        ({"member": ref(HOUSING)}, HOUSING),
        ({"member": ref(HAL)}, ""),
        ({"extension": [{"url": "urn:x", "valueReference": ref(TRUST)}], "member": ref("Patient/p")}, ""),
        ({}, ""),
    ],
)
def test_an_agency_on_a_team_is_the_one_it_acts_for(participant: Any, agency: str) -> None:
    assert ownership.agency_of(participant) == agency


def test_e9_who_is_on_a_team_is_found_by_the_directory_else(world: Any) -> None:
    teams = [
        {"participant": [{"member": ref(HAL)}, {"member": ref("PractitionerRole/x")}]},
        {},
        {"participant": [{"member": ref(TRUST)}]},
    ]
    assert list(ownership.agencies(teams, world.at, LOCAL, {HAL: HOUSING})) == [HOUSING, TRUST]


@pytest.mark.parametrize(
    ("period", "on"),
    [
        ({"start": "2026-10-23T14:30:00.000Z"}, True),
        ({"start": "2026-10-23T14:30:00.001Z"}, False),
        ({"end": "2026-10-23T14:29:59.999Z"}, False),
        ({"end": "2026-10-23T14:30:00.000Z"}, True),
        ({"start": "2026-10-24"}, False),
    ],
)
def test_e9_who_is_on_a_team_now(world: Any, period: Any, on: bool) -> None:
    team = {"participant": [{"member": ref(HOUSING), "period": period}]}
    assert list(ownership.agencies([team], world.at, LOCAL, {})) == ([HOUSING] if on else [])


def test_e9_days_on_a_team_are_the_locality_s(world: Any) -> None:
    team = {"participant": [{"member": ref(HOUSING), "period": {"start": "2026-10-24"}}]}
    assert list(ownership.agencies([team], world.at, AUCKLAND, {})) == [HOUSING]


def test_a_lead_that_starts_this_moment_leads_this_moment(world: Any) -> None:
    team = {**world.team(), "participant": [newcomer(HAL, HOUSING)]}
    assert ownership.coordinators(team, world.at, LOCAL) == (HAL,)
    assert ownership.coordinators(team, world.at - timedelta(days=1), LOCAL) == (HAL,)
