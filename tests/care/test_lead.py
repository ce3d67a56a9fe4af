"""Who may write what of a plan's lead (OWN-1…OWN-11), word for word."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.ownership import lead as ownership
from service.care.ownership.lead import Standing
from service.care.ownership.role import Lead, changing, lead_fault, leading, organization_of, role_fault
from service.fhir.canonical import (
    CARE_COORDINATOR,
    CARE_PLAN,
    CRISIS_PLAN,
    EPISODE_OF_CARE,
    SNOMED,
)
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from service.problem import Category, Problem, problem
from tests.care.told import HAL, HOUSING, TRUST

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


def check(
    world: Any, before: Any, after: Any, *, lead: Lead | None = None, led: bool = True, owner: str = TRUST
) -> Problem | None:
    named = world.lead("ann", TRUST) if lead is None else lead
    return ownership.check(Standing(before, led, owner), after, named, at=world.at, zone=LOCAL)


FIRST = "A plan is first led by the agency that writes it: name a lead of your own, or hand the plan over."
MOVES = "The lead moves to another agency only by an accepted handover: send a handover Task."
PART = "A plan that has a lead does not become part of another plan: write a new plan with `partOf`, and end this one."


def test_own_9_what_has_ended_stays_as_it_ended(world: Any) -> None:
    ended = world.plan(status="completed")
    text = "A plan that is `completed` has ended: write a new plan, and name this one in its `replaces`."
    assert check(world, ended, world.plan(), led=False) == refusal("OWN-9", text, "CarePlan.status")
    text = "A plan that has ended keeps the lead it had: leave `author` as it is."
    assert check(world, ended, {**ended, "author": ref(AMY)}, led=False) == refusal("OWN-9", text)
    assert check(world, ended, {**ended, "title": "x"}, led=False) is None


@pytest.mark.parametrize(("code", "kind"), [(CARE_PLAN, "top-level plan"), (CRISIS_PLAN, "crisis plan")])
def test_own_9_a_plan_keeps_its_kind(world: Any, code: str, kind: str) -> None:
    before = world.plan(category=[concept(SNOMED, code)])
    text = f"A {kind} stays one: keep `{code}` among its categories, or end it and write a new plan."
    assert check(world, before, {**before, "category": []}) == refusal("OWN-9", text, "CarePlan.category")


def test_own_9_of_two_kinds_lost_the_first_by_code_is_named(world: Any) -> None:
    both = world.plan(category=[concept(SNOMED, CRISIS_PLAN), concept(SNOMED, CARE_PLAN)])
    found = check(world, both, {**both, "category": []})
    assert found is not None
    assert f"`{min(CRISIS_PLAN, CARE_PLAN)}`" in found.issues[0].text


def test_own_11_a_led_plan_becomes_no_part(world: Any) -> None:
    part = world.plan(partOf=[ref("CarePlan/other")])
    assert check(world, world.plan(), part) == refusal("OWN-11", PART, "CarePlan.partOf")
    assert check(world, part, {**part, "partOf": [ref("CarePlan/third")]}) == refusal("OWN-11", PART, "CarePlan.partOf")
    assert check(world, part, {**part, "title": "x"}) is None
    assert check(world, part, without(part, "partOf")) is None
    assert check(world, world.plan(status="draft"), part, led=False) is None


def test_own_9_a_lead_is_not_taken_away(world: Any) -> None:
    text = "A plan that was active keeps its lead: set `author`, or end the plan by its status."
    assert check(world, world.plan(), without(world.plan(), "author"), lead=Lead()) == refusal("OWN-9", text)


@pytest.mark.parametrize("status", ["active", "on-hold", "draft", "completed"])
def test_own_3_a_lead_moves_between_agencies_by_a_handover_alone(world: Any, status: str) -> None:
    after = world.plan(author=ref(HAL), status=status)
    assert check(world, world.plan(), after, lead=world.lead("hal", HOUSING)) == refusal("OWN-3", MOVES)


def test_own_3_a_lead_who_is_nobody_moves_it_too(world: Any) -> None:
    assert check(world, world.plan(), world.plan(author=ref(AMY)), lead=Lead()) == refusal("OWN-3", MOVES)


def test_own_1_an_active_plan_names_its_lead(world: Any) -> None:
    text = "An active CarePlan names its lead: set `author` to a PractitionerRole of your agency."
    assert check(world, None, without(world.plan(), "author"), lead=Lead(), led=False) == refusal("OWN-1", text)


def test_own_1_a_lead_can_lead(world: Any) -> None:
    fault = "it is not a PractitionerRole that this service knows"
    text = f"The named lead cannot lead this plan: {fault}. Name an active PractitionerRole."
    assert check(world, None, world.plan(), lead=Lead(), led=False) == refusal("OWN-1", text)
    ended = Lead(
        {**world.role("amy", TRUST), "active": False},
        *(world.lead("amy", TRUST).practitioner, world.lead("amy", TRUST).organization),
    )
    text = "The named lead cannot lead this plan: the PractitionerRole is not active. Name an active PractitionerRole."
    assert check(world, world.plan(), world.plan(author=ref(AMY), status="on-hold"), lead=ended) == refusal("OWN-1", text)


def test_own_1_a_lead_is_looked_at_in_the_locality_s_zone(world: Any) -> None:
    """The 24th is there in Auckland, and not in London."""
    lead = Lead(
        {**world.role("ann", TRUST), "period": {"start": "2026-10-24"}},
        world.lead("ann", TRUST).practitioner,
        world.lead("ann", TRUST).organization,
    )
    standing = Standing(None, False, TRUST)
    assert ownership.check(standing, world.plan(), lead, at=world.at, zone=AUCKLAND) is None
    assert ownership.check(standing, world.plan(), lead, at=world.at, zone=LOCAL) is not None


def test_own_9_a_plan_is_first_led_by_who_writes_it(world: Any) -> None:
    assert check(world, None, world.plan(author=ref(HAL)), lead=world.lead("hal", HOUSING), led=False) == refusal("OWN-9", FIRST)


@pytest.mark.parametrize("status", ["draft", "on-hold", "unknown"])
def test_own_9_what_was_never_active_names_whom_it_likes(world: Any, status: str) -> None:
    assert check(world, None, world.plan(status=status, author=ref(HAL)), lead=world.lead("hal", HOUSING), led=False) is None


@pytest.mark.parametrize("status", ["active", "on-hold"])
def test_own_3_an_agency_names_another_lead_of_its_own(world: Any, status: str) -> None:
    assert check(world, world.plan(), world.plan(author=ref(AMY), status=status), lead=world.lead("amy", TRUST)) is None


def test_own_5_a_plan_that_is_not_active_is_written_though_its_lead_cannot_lead(world: Any) -> None:
    held = world.plan(status="on-hold")
    assert check(world, held, {**held, "title": "x"}, lead=Lead()) is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, ""),
        ({"resourceType": "Practitioner"}, "it is not a PractitionerRole that this service knows"),
        ({"active": False}, "the PractitionerRole is not active"),
        ({"active": None}, "the PractitionerRole is not active"),
        ({"practitioner": None}, "the PractitionerRole names no practitioner"),
        ({"organization": {}}, "the PractitionerRole names no organization"),
        ({"organization": {}, "practitioner": {}}, "the PractitionerRole names no practitioner and no organization"),
        ({"period": {"end": "2026-10-22"}}, "the PractitionerRole's period does not cover this instant"),
        ({"period": {"start": "2026-10-23T14:30:00.001Z"}}, "the PractitionerRole's period does not cover this instant"),
        ({"period": {"start": "2026-10-23T14:30:00Z"}}, ""),
    ],
)
def test_own_1_a_role_that_can_lead(world: Any, change: Any, fault: str) -> None:
    assert role_fault({**world.role(), **change}, world.at, LOCAL) == fault
    lead = Lead({**world.role(), **change}, world.lead().practitioner, world.lead().organization)
    assert lead_fault(lead, world.at, LOCAL) == fault


def test_own_1_nobody_cannot_lead(world: Any) -> None:
    assert role_fault(None, world.at, LOCAL) == "it is not a PractitionerRole that this service knows"


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({"practitioner": None}, "the Practitioner that the PractitionerRole names is not known here"),
        ({"organization": None}, "the Organization that the PractitionerRole names is not known here"),
        (
            {"practitioner": None, "organization": None},
            "the Practitioner and the Organization that the PractitionerRole names is not known here",
        ),
        (
            {"practitioner": {"resourceType": "Organization"}},
            "the Practitioner that the PractitionerRole names is not known here",
        ),
        (
            {"practitioner": {"resourceType": "Practitioner", "active": False}},
            "the Practitioner of the PractitionerRole is not active",
        ),
        (
            {
                "practitioner": {"resourceType": "Practitioner", "active": False},
                "organization": {"resourceType": "Organization", "active": False},
            },
            "the Practitioner and the Organization of the PractitionerRole is not active",
        ),
        ({"organization": {"resourceType": "Organization", "active": True}}, ""),
    ],
)
def test_own_10_whom_a_role_names_exists_and_is_active(world: Any, entries: Any, fault: str) -> None:
    whole = {"practitioner": world.lead().practitioner, "organization": world.lead().organization, **entries}
    assert lead_fault(Lead(world.role(), **whole), world.at, LOCAL) == fault


def test_a_role_s_period_is_the_locality_s(world: Any) -> None:
    role = {**world.role(), "period": {"start": "2026-10-24"}}
    assert [role_fault(role, world.at, zone) == "" for zone in (AUCKLAND, LOCAL)] == [True, False]


def test_the_counters_of_a_lead_have_names_of_their_own() -> None:
    assert (changing(HAL), leading(HAL), organization_of({})) == (f"lead:{HAL}", f"led:{HAL}", "")
