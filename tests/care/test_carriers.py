"""What an ownership rule reads in a plan, which records can carry its ownership, and what follows from the plan in them
(OWN-8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.ownership import keys as unique
from service.care.ownership import plan as plans
from service.care.ownership.carriers import carrier_fault, changed, follows, is_coordinator
from service.care.ownership.timeline import Tenure, timeline
from service.fhir.canonical import CARE_COORDINATOR, CARE_PLAN, CRISIS_PLAN, EPISODE_OF_CARE, SNOMED, TAG
from service.fhir.coding import concept
from service.fhir.date import LOCAL, written
from tests.care.told import ANN, HAL

AUCKLAND = ZoneInfo("Pacific/Auckland")
PERSON = "Patient/p"
COORDINATES = {"role": [concept(SNOMED, CARE_COORDINATOR)]}
UNOWNED, OTHER = {"system": TAG, "code": "unowned"}, {"system": "urn:s", "code": "unowned"}


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def team(**members: Any) -> dict[str, Any]:
    return {"resourceType": "CareTeam", "status": "active", "subject": ref(PERSON), **members}


def episode(**members: Any) -> dict[str, Any]:
    return {"resourceType": "EpisodeOfCare", "status": "active", "patient": ref(PERSON), **members}


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (team(), ""),
        (team(status=None), ""),
        (team(status="proposed"), ""),
        (team(subject=None), ""),
        (team(subject=ref("Patient/q")), "it is about another Patient"),
        (team(status="inactive"), "it is over"),
        (team(status="suspended"), "it is over"),
        (team(status="entered-in-error"), "it is over"),
        (team(period={"start": "2026-10-23"}), ""),
        (team(period={"start": "2026-10-24"}), "it is over"),
        (team(period={"start": "2026-01-01", "end": "2030-01-01"}), "it is over"),
        (episode(), ""),
        (episode(status="planned"), ""),
        (episode(status="waitlist"), ""),
        (episode(status="onhold"), ""),
        (episode(patient=ref("Patient/q")), "it is about another Patient"),
        (episode(patient=None), "it is about another Patient"),
        (episode(status="finished"), "it is over"),
        (episode(status="cancelled"), "it is over"),
        (episode(status=None), "it is over"),
        (episode(period={"start": "2026-10-23"}), ""),
        (episode(period={"end": "2030-01-01"}), "it is over"),
        (episode(period={"start": "2026-10-24"}), "it is over"),
    ],
)
def test_own_8_what_can_carry_a_plan_s_ownership(world: Any, record: Any, fault: str) -> None:
    """What ends, even later, would outdate the ownership."""
    assert carrier_fault(record, PERSON, world.at, LOCAL) == fault


@pytest.mark.parametrize("make", [team, episode])
def test_own_8_a_carrier_s_days_are_the_locality_s(world: Any, make: Any) -> None:
    """The 24th is there in Auckland, and not in London."""
    assert carrier_fault(make(period={"start": "2026-10-24"}), PERSON, world.at, AUCKLAND) == ""


@pytest.mark.parametrize(
    ("roles", "coordinates"),
    [
        ([concept("urn:s", CARE_COORDINATOR)], False),
        ([concept(SNOMED, "1")], False),
        ([concept(SNOMED, "1"), concept(SNOMED, CARE_COORDINATOR)], True),
        (None, False),
    ],
)
def test_own_2_a_coordinator_is_one_by_role(roles: Any, coordinates: bool) -> None:
    assert is_coordinator({"role": roles}) is coordinates


def test_own_8_what_follows_from_the_plan() -> None:
    entries = [{**COORDINATES, "member": ref(ANN)}, {"member": ref(HAL)}, "x"]
    whole = team(period={"start": "2026"}, participant=entries, name="x")
    assert follows(whole) == {"subject": PERSON, "status": "active", "period": {"start": "2026"}, "participant": entries[:1]}
    managed = episode(managingOrganization=ref("Organization/a"), careManager=ref(ANN), type=["x"])
    assert follows(managed) == {
        "patient": PERSON,
        "managingOrganization": "Organization/a",
        "careManager": ANN,
        "status": "active",
        "period": None,
    }
    assert follows(team())["participant"] == []


@pytest.mark.parametrize(
    ("record", "change", "member"),
    [
        (team(), {"name": "x", "participant": [{"member": ref(HAL)}]}, ""),
        (team(), {"subject": {**ref(PERSON), "display": "Ada"}}, ""),
        (team(), {"subject": ref("Patient/q")}, "subject"),
        (team(), {"status": "inactive"}, "status"),
        (team(), {"period": {"start": "2026"}}, "period"),
        (team(), {"participant": [{**COORDINATES, "member": ref(HAL)}]}, "participant"),
        (episode(), {"type": ["x"]}, ""),
        (episode(), {"patient": ref("Patient/q")}, "patient"),
        (episode(), {"managingOrganization": ref("Organization/b")}, "managingOrganization"),
        (episode(), {"careManager": ref(HAL)}, "careManager"),
        (episode(), {"status": "finished"}, "status"),
        (episode(), {"period": {"end": "2026"}}, "period"),
    ],
)
def test_own_8_what_a_client_changes_of_it_is_named(record: Any, change: Any, member: str) -> None:
    assert changed(record, {**record, **change}) == member


# What the rules read in a plan.


def test_a_plan_s_kinds(world: Any) -> None:
    both = world.plan(
        category=[concept(SNOMED, CARE_PLAN), concept(SNOMED, CRISIS_PLAN), concept(SNOMED, "1"), concept("urn:s", CARE_PLAN)]
    )
    assert plans.kinds_of(both) == {CARE_PLAN, CRISIS_PLAN}
    assert (plans.is_top_level(both), plans.is_crisis_plan(both)) == (True, True)
    none = world.plan(category=[concept("urn:s", CARE_PLAN), concept("urn:s", CRISIS_PLAN)])
    assert (plans.kinds_of(none), plans.is_top_level(none), plans.is_crisis_plan(none)) == (frozenset(), False, False)
    assert plans.kinds_of({}) == frozenset()


def test_a_plan_s_teams_and_parents_are_named_without_version(world: Any) -> None:
    plan = world.plan(
        careTeam=[ref("CareTeam/b/_history/2"), ref("CareTeam/a"), ref("CareTeam/b"), {}], partOf=[ref("CarePlan/x/_history/1")]
    )
    assert (plans.teams_of(plan), plans.parents_of(plan)) == (("CareTeam/b", "CareTeam/a"), ("CarePlan/x",))
    assert (plans.teams_of({}), plans.parents_of({})) == ((), ())


def extension(to: str) -> dict[str, Any]:
    return {"url": EPISODE_OF_CARE, "valueReference": ref(to)}


@pytest.mark.parametrize(
    ("members", "episode_"),
    [
        (
            {"extension": [{"url": "urn:x", "valueReference": ref("EpisodeOfCare/no")}, extension("EpisodeOfCare/a")]},
            "EpisodeOfCare/a",
        ),
        ({"extension": [extension("EpisodeOfCare/a")], "supportingInfo": [ref("EpisodeOfCare/b")]}, "EpisodeOfCare/a"),
        ({"supportingInfo": [ref("Goal/g"), ref("EpisodeOfCare/b/_history/2")]}, "EpisodeOfCare/b"),
        ({"extension": [extension("Encounter/e")]}, ""),
        ({}, ""),
    ],
)
def test_a_plan_s_episode(world: Any, members: Any, episode_: str) -> None:
    plan = world.plan(**members)
    assert plans.episode_of(plan) == episode_
    assert plans.carriers(plan) == ("CareTeam/team", *((episode_,) if episode_ else ()))


def test_own_5_the_tag_is_set_and_taken_off_among_others(world: Any) -> None:
    plan = world.plan(meta={"tag": [OTHER]})
    listed = plans.tagged(plan, True)
    assert listed["meta"] == {"tag": [OTHER, UNOWNED]}
    assert plans.tagged(listed, False)["meta"] == {"tag": [OTHER]}
    assert (plans.tagged_unowned(listed), plans.tagged_unowned(plan), plans.tagged_unowned({})) == (True, False, False)
    assert plans.tagged(listed, True) is listed
    assert plans.tagged(plan, False) is plan


def test_own_5_a_plan_without_meta_gets_a_tag_and_loses_it(world: Any) -> None:
    plan = {name: value for name, value in world.plan().items() if name != "meta"}
    listed = plans.tagged(plan, True)
    assert listed["meta"] == {"tag": [UNOWNED]}
    assert plans.tagged(listed, False)["meta"] == {}


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ("active", "draft"),
        ("on-hold", "draft"),
        (None, "draft"),
        ("draft", "draft"),
        ("completed", "completed"),
        ("unknown", "unknown"),
    ],
)
def test_own_7_an_imported_plan_without_an_author_is_no_active_plan(world: Any, status: Any, kept: str) -> None:
    plan = {name: value for name, value in world.plan(status=status).items() if name != "author"}
    assert plans.imported(plan) == {**plan, "status": kept, "meta": {"versionId": "4", "tag": [UNOWNED]}}
    assert plans.imported(world.plan()) == world.plan()


def test_a_plan_has_ended_by_three_statuses() -> None:
    assert {"completed", "revoked", "entered-in-error"} == plans.ENDED


# The keys by which the store keeps two plans from owning one thing.

MARK, TEAM = "rule:OWN-9:CarePlan/plan", "rule:OWN-8:CareTeam/team"


def keys(plan: Any, *held: str, spared: bool = False) -> tuple[str, ...]:
    return unique.keys(plan, held, patients={"Patient/q", "Patient/p"}, custodian="Organization/a", spared=spared)


@pytest.mark.parametrize(
    ("status", "held", "led"),
    [
        ("active", (), True),
        ("draft", (), False),
        ("on-hold", (), False),
        ("on-hold", (MARK,), True),
        ("draft", (MARK,), True),
        ("draft", (TEAM,), False),
        ("completed", (MARK,), False),
        ("revoked", (MARK,), False),
        ("entered-in-error", (MARK,), False),
    ],
)
def test_own_9_a_plan_is_led_from_its_first_activation_until_it_ends(
    world: Any, status: str, held: tuple[str, ...], led: bool
) -> None:
    plan = world.plan(status=status)
    assert unique.led(plan, held) is led
    assert bool(keys(plan, *held)) is led


def test_own_6_an_active_top_level_plan_is_alone_by_person_and_agency(world: Any) -> None:
    people = ("rule:OWN-6:Patient/p|Organization/a", "rule:OWN-6:Patient/q|Organization/a")
    assert keys(world.plan()) == (MARK, TEAM, *people)
    assert keys(world.plan(), people[1]) == (MARK, TEAM, people[1])
    assert keys(world.plan(), spared=True) == (MARK, TEAM)
    assert keys(world.plan(status="on-hold"), MARK) == (MARK, TEAM)
    assert keys(world.plan(category=[])) == (MARK, TEAM)


def test_own_6_an_active_top_level_plan_of_an_episode_is_alone_by_episode(world: Any) -> None:
    plan = world.plan(extension=[extension("EpisodeOfCare/e")])
    assert keys(plan) == (MARK, TEAM, "rule:OWN-8:EpisodeOfCare/e", "rule:OWN-6:EpisodeOfCare/e")


@pytest.mark.parametrize(
    ("status", "category", "alone"), [("active", CARE_PLAN, True), ("on-hold", CARE_PLAN, False), ("active", CRISIS_PLAN, False)]
)
def test_own_6_is_of_active_top_level_plans(world: Any, status: str, category: str, alone: bool) -> None:
    assert unique.alone(world.plan(status=status, category=[concept(SNOMED, category)])) is alone


def test_own_8_the_key_of_what_is_carried() -> None:
    assert unique.carried("CareTeam/t") == "rule:OWN-8:CareTeam/t"


# `$ownership`.


def versions(world: Any, *leads: str, **last: Any) -> list[Any]:
    found = [
        (world.at + timedelta(hours=number), world.plan(author=ref(lead) if lead else None)) for number, lead in enumerate(leads)
    ]
    if last:
        found.append((world.at + timedelta(hours=len(leads)), world.plan(author=ref(leads[-1]), **last)))
    return found


def test_a_timeline_has_a_row_for_each_tenure(world: Any) -> None:
    one, two, three = (world.at + timedelta(hours=number) for number in (0, 2, 3))
    found = timeline(versions(world, ANN, ANN, HAL, ANN), {"2026-10-23T16:30:00.000Z": "Task/h"})
    assert found == (Tenure(ANN, one, two), Tenure(HAL, two, three, "Task/h"), Tenure(ANN, three, None))


def test_versions_order_and_instants_only_tell(world: Any) -> None:
    """A version that a machine wrote whose clock was behind counts from the one before it."""
    first, second, third = versions(world, ANN, HAL, ANN)
    behind = world.at - timedelta(hours=1)
    found = timeline([first, (behind, second[1]), third], {written(behind): "Task/h"})
    assert found == (Tenure(ANN, world.at, world.at), Tenure(HAL, world.at, third[0], "Task/h"), Tenure(ANN, third[0], None))


def test_a_handover_stays_with_a_tenure_that_ended(world: Any) -> None:
    one, two = world.at, world.at + timedelta(hours=1)
    assert timeline(versions(world, ANN, HAL), {"2026-10-23T14:30:00.000Z": "Task/h"})[0] == Tenure(ANN, one, two, "Task/h")


@pytest.mark.parametrize("status", ["draft", "entered-in-error"])
def test_what_is_no_plan_any_more_is_led_by_nobody(world: Any, status: str) -> None:
    end = world.at + timedelta(hours=1)
    assert timeline(versions(world, ANN, status=status)) == (Tenure(ANN, world.at, end),)


@pytest.mark.parametrize("status", ["active", "on-hold", "completed", "revoked"])
def test_a_plan_that_ended_was_led_to_its_end(world: Any, status: str) -> None:
    assert timeline(versions(world, ANN, status=status)) == (Tenure(ANN, world.at, None),)


def test_a_plan_that_was_unled_for_a_while_has_a_gap(world: Any) -> None:
    one, two, three = (world.at + timedelta(hours=number) for number in range(3))
    assert timeline(versions(world, ANN, "", HAL)) == (Tenure(ANN, one, two), Tenure(HAL, three, None))
    assert timeline([]) == ()
