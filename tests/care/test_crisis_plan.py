"""E9: a joint crisis plan is active only when every agency agreed to this very version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from service.care.crisis_plan import effects
from service.care.crisis_plan.agreements import Agreements, agreed, check, pinned
from service.care.crisis_plan.content import grounds
from service.care.crisis_plan.needs import AgreementSituation
from service.care.task import reading
from service.care.task.agreement import MACHINE, TABLE, focus
from service.care.task.dataset import Completeness
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Repeat
from service.fhir.canonical import CRISIS_PLAN, LEAD_AGENCY, PARTNER_ROLE, SNOMED, TASK_CODE, TASK_INPUT
from service.fhir.coding import concept
from service.fhir.reference import link
from service.problem import Category, Problem


def crisis(world: Any, **members: Any) -> Any:
    partner = [{"url": "agency", "valueReference": {"reference": world.housing}}]
    extensions = [
        {"url": LEAD_AGENCY, "valueReference": {"reference": world.trust}},
        {"url": PARTNER_ROLE, "extension": partner},
    ]
    return world.plan(category=[concept(SNOMED, CRISIS_PLAN)], extension=extensions, **{"status": "draft", **members})


def agreement(agency: str, status: str = "completed", version: int = 4) -> Any:
    return {
        "resourceType": "Task",
        "id": f"agree-{agency[-4:]}",
        "status": status,
        "code": concept(TASK_CODE, "agree-plan"),
        "owner": {"reference": agency},
        "focus": {"reference": f"CarePlan/plan/_history/{version}"},
    }


def answer(world: Any, situation: Any, plan: Any, version: Any, grounds: frozenset[str] = frozenset()) -> Any:
    """The decision about an agreement to a version of the plan."""
    return decide(MACHINE, AgreementSituation(
        situation.at, situation.agency, situation.after, situation.before, situation.user, situation.organizations,
        plan=plan, version=version, grounds=grounds,
    ), world.ids)  # fmt: skip


def agreements(world: Any, *agencies: str, **members: Any) -> Agreements:
    asked = tuple(agreement(one) for one in agencies)
    made = Agreements(asked, {"CarePlan/plan/_history/4": crisis(world)}, organizations={"PractitionerRole/ann": world.trust})
    return replace(made, **members)


def test_e9_a_plan_that_all_agreed_to_may_be_active(world: Any) -> None:
    found = agreements(world, world.trust, world.housing)
    assert check(crisis(world), crisis(world, status="active"), found, world.at) is None


def test_e9_the_refusal_names_who_has_not_agreed(world: Any) -> None:
    found = check(crisis(world), crisis(world, status="active"), agreements(world, world.trust), world.at)
    assert found is not None
    assert found.issues[0].rule == "E9"
    assert world.housing in str(found)
    assert world.trust not in str(found)


def test_e9_an_agreement_to_other_content_does_not_count(world: Any) -> None:
    changed = crisis(world, status="active", description="changed")
    assert agreed(changed, agreements(world, world.trust, world.housing)) == frozenset()


def test_e9_status_and_meta_are_not_content(world: Any) -> None:
    later = crisis(world, status="active", meta={"versionId": "9"})
    assert agreed(later, agreements(world, world.trust)) == {world.trust}


def test_e9_each_missing_part_is_named(world: Any) -> None:
    found = agreements(world, world.trust, world.housing, dataset=Completeness(("escalation-routes", "communication-plan")))
    refused = check(None, crisis(world, status="active"), found, world.at)
    assert refused is not None
    assert [one.text.split("`")[1] for one in refused.issues] == ["escalation-routes", "communication-plan"]


def test_e9_an_active_plan_does_not_change_under_its_agreements(world: Any) -> None:
    found = agreements(world, world.trust, world.housing)
    active = crisis(world, status="active")
    assert check(active, {**active, "description": "changed"}, found, world.at) is not None


def test_e9_a_draft_may_always_be_written(world: Any) -> None:
    assert check(None, crisis(world), Agreements(), world.at) is None


def test_e9_asking_resets_open_agreements_and_names_the_version(world: Any) -> None:
    found = replace(agreements(world), asked=(agreement(world.trust, "requested", 3),))
    due = world.at + timedelta(days=7)
    made = effects.ask(crisis(world), found, version=5, agency=world.trust, at=world.at, due=due, ids=world.ids)
    old, *new = (staged.resource for staged in made.writes)
    assert old["status"] == "cancelled"
    assert {focus(one) for one in new} == {"CarePlan/plan/_history/5"}
    assert [link(one, "owner") for one in new] == [world.trust, world.housing]


def test_e9_activation_gives_each_agency_a_task_and_tells_everyone(world: Any) -> None:
    plan = crisis(world, status="active")
    made = effects.activated(plan, agreements(world), agency=world.trust, at=world.at, ids=world.ids)
    assert [reading.code(one.resource) for one in made.writes] == ["role", "role"]
    assert {(one.topic, one.recipient) for one in made.notices} == {
        ("crisis-plan-activated", world.trust),
        ("crisis-plan-activated", world.housing),
    }


@pytest.mark.parametrize(("start", "end", "side"), list(product(reading.STATUSES, reading.STATUSES, ("requester", "owner"))))
def test_e9_the_agreement_table_is_total(world: Any, start: str, end: str, side: str) -> None:
    before = world.task(start, code=concept(TASK_CODE, "agree-plan"), statusReason=world.why())
    found = answer(world, world.situation(before, {**before, "status": end}, side), crisis(world), crisis(world))
    if start == end and not (start == "draft" and side == "owner"):
        assert isinstance(found, Repeat)
        return
    legal = any((row.start, row.end) == (start, end) and side in row.sides for row in TABLE)
    assert isinstance(found, Outcome) is legal


GOAL = "Goal/calm/_history/"


def resting(agency: str, goal: str) -> Any:
    """A completed agreement of an agency to the plan with a version of its goal."""
    pin = {"type": concept(TASK_INPUT, "rests-on"), "valueReference": {"reference": goal}}
    return {**agreement(agency), "input": [pin]}


@pytest.mark.parametrize(("now", "counts"), [(f"{GOAL}1", True), (f"{GOAL}2", False)])
def test_e9_an_agreement_counts_while_what_the_plan_rests_on_stands(world: Any, now: str, counts: bool) -> None:
    found = agreements(world, asked=(resting(world.trust, f"{GOAL}1"),), grounds=frozenset({now}))
    assert (world.trust in agreed(crisis(world), found)) is counts


def test_e9_what_a_plan_rests_on_is_what_it_says_by_other_records(world: Any) -> None:
    plan = crisis(
        world,
        goal=[{"reference": "Goal/calm"}],
        addresses=[{"reference": "Condition/fear/_history/2"}],
        activity=[{"reference": {"reference": "ServiceRequest/call"}}, {"detail": {"reasonReference": [{"reference": "#x"}]}}],
        supportingInfo=[{"reference": "QuestionnaireResponse/said"}, {"reference": "EpisodeOfCare/e"}],
    )
    assert set(grounds(plan)) == {"Condition/fear", "Goal/calm", "QuestionnaireResponse/said", "ServiceRequest/call"}


def test_e9_each_agency_is_asked_about_the_versions_that_stand(world: Any) -> None:
    asking = agreements(world, grounds=frozenset({f"{GOAL}3"}))
    found = effects.ask(crisis(world), asking, version=5, agency=world.trust, at=world.at, due=world.at, ids=world.ids)
    assert [pinned(one.resource) for one in found.writes] == [{f"{GOAL}3"}] * 2


def test_e9_an_agency_that_joins_is_asked_and_no_other(world: Any) -> None:
    joined = {"resourceType": "CareTeam", "participant": [{"member": {"reference": "Organization/gp"}}], "status": "active"}
    found = agreements(world, world.trust, world.housing, teams=(joined,), organizations={"Organization/gp": "Organization/gp"})
    made = effects.ask(crisis(world), found, version=5, agency=world.trust, at=world.at, due=world.at, ids=world.ids)
    assert [link(one.resource, "owner") for one in made.writes] == ["Organization/gp"]


def test_e9_nobody_is_asked_about_a_plan_that_has_ended(world: Any) -> None:
    waiting = agreements(world, asked=(agreement(world.trust, "requested"),))
    plan = crisis(world, status="revoked")
    made = effects.ask(plan, waiting, version=5, agency=world.trust, at=world.at, due=world.at, ids=world.ids)
    assert [one.resource["status"] for one in made.writes] == ["cancelled"]


def test_e9_nobody_agrees_once_what_the_plan_rests_on_changed(world: Any) -> None:
    asked = resting(world.trust, f"{GOAL}1")["input"]
    before = world.task("requested", code=concept(TASK_CODE, "agree-plan"), input=asked)
    situation = world.situation(before, {**before, "status": "completed"}, "owner")
    found = answer(world, situation, crisis(world), crisis(world), grounds=frozenset({f"{GOAL}2"}))
    assert isinstance(found, Problem)
    assert "rests on changed" in str(found)


def test_e9_nobody_agrees_to_a_version_that_was_replaced(world: Any) -> None:
    before = world.task("requested", code=concept(TASK_CODE, "agree-plan"))
    situation = world.situation(before, {**before, "status": "completed"}, "owner")
    found = answer(world, situation, crisis(world, description="newer"), crisis(world))
    assert isinstance(found, Problem)
    assert found.category is Category.RULE
