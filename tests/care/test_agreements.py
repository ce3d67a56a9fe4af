"""The agreement to a crisis plan (E9): what is agreed to, by whom, and what asking and activating write, whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.crisis_plan import agreements, content, effects
from service.care.crisis_plan.agreements import Agreements
from service.care.crisis_plan.needs import AgreementSituation
from service.care.task.agreement import MACHINE, TABLE, focus
from service.care.task.dataset import Completeness
from service.care.task.machine import decide
from service.care.task.situation import AuditFact, Outcome, Staged
from service.change import Notice
from service.fhir.canonical import CRISIS_PLAN, LEAD_AGENCY, PARTNER_ROLE, SNOMED, STATUS_REASON, TASK_CODE, TASK_INPUT
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem, problem
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

STRANGER, VOLUNTARY = "Organization/stranger", "Organization/voluntary"
DUE = datetime(2026, 11, 1, tzinfo=UTC)
GROUNDS = frozenset({"Goal/g/_history/2", "Condition/c/_history/1"})


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def partner(agency: str, *more: Any) -> dict[str, Any]:
    return {"url": PARTNER_ROLE, "extension": [{"url": "role"}, {"url": "agency", "valueReference": ref(agency)}, *more]}


def crisis(world: Any, *extensions: Any, **members: Any) -> Any:
    """A draft of a crisis plan between the trust and housing."""
    given = [{"url": LEAD_AGENCY, "valueReference": ref(TRUST)}, partner(HOUSING), *extensions]
    return world.plan(**{"category": [concept(SNOMED, CRISIS_PLAN)], "extension": given, "status": "draft", **members})


def pin(ground: str) -> dict[str, Any]:
    return {"type": concept(TASK_INPUT, "rests-on"), "valueReference": ref(ground)}


def agreement(owner: str, status: str = "completed", *, version: int = 4, grounds: Any = ()) -> Any:
    return {
        "resourceType": "Task",
        "id": f"agree-{owner[-4:]}-{status}-{version}",
        "status": status,
        "code": concept(TASK_CODE, "agree-plan"),
        "for": ref("Patient/p"),
        "requester": ref(TRUST),
        "owner": ref(owner),
        "focus": ref(f"CarePlan/plan/_history/{version}"),
        "input": [pin(each) for each in grounds],
    }


def known(world: Any, *asked: Any, **members: Any) -> Agreements:
    given: dict[str, Any] = {"versions": {"CarePlan/plan/_history/4": crisis(world)}, "organizations": {ANN: TRUST, HAL: HOUSING}}
    return Agreements(asked, **{**given, **members})


def test_whoever_leads_takes_part_or_is_on_the_team_must_agree(world: Any) -> None:
    team = {"participant": [{"member": ref(VOLUNTARY)}, {"member": ref(HAL)}, {"member": ref("PractitionerRole/x")}]}
    plan = crisis(world, partner(STRANGER))
    assert agreements.listed(plan, known(world, teams=(team,)), world.at) == (TRUST, HOUSING, STRANGER, VOLUNTARY)
    assert agreements.listed(crisis(world), Agreements(), world.at) == (TRUST, HOUSING)
    assert agreements.listed({}, Agreements(), world.at) == ()
    other = crisis(world, author=ref(HAL))
    assert agreements.listed(other, known(world), world.at) == (HOUSING, TRUST)


def test_who_is_on_the_team_is_so_by_the_locality_s_days(world: Any) -> None:
    team = {"participant": [{"member": ref(VOLUNTARY), "period": {"start": "2026-10-24"}}]}
    there = agreements.listed({}, known(world, teams=(team,), zone=ZoneInfo("Pacific/Auckland")), world.at)
    assert (there, agreements.listed({}, known(world, teams=(team,)), world.at)) == ((VOLUNTARY,), ())


@pytest.mark.parametrize(
    ("task", "counts"),
    [
        (agreement(HOUSING), True),
        (agreement(HAL), True),
        (agreement(HOUSING, version=3), False),
        (agreement(HOUSING, grounds=["Goal/g/_history/1"]), False),
        (agreement(HOUSING, "cancelled"), False),
        (agreement(HOUSING, "requested"), False),
        (agreement(HOUSING, "rejected"), False),
        (agreement("PractitionerRole/x"), False),
    ],
)
def test_an_agreement_counts_for_the_version_it_names_and_what_that_rests_on(world: Any, task: Any, counts: bool) -> None:
    assert (HOUSING in agreements.agreed(crisis(world), known(world, task))) is counts


def test_an_agreement_to_other_words_is_none(world: Any) -> None:
    assert agreements.agreed(crisis(world, title="x"), known(world, agreement(HOUSING))) == frozenset()
    pinned = known(world, agreement(HOUSING, grounds=GROUNDS), grounds=GROUNDS)
    assert agreements.agreed(crisis(world), pinned) == {HOUSING}


@pytest.mark.parametrize(
    ("status", "asked"), [("requested", True), ("rejected", True), ("completed", True), ("cancelled", False)]
)
def test_who_was_asked_is_not_asked_again(world: Any, status: str, asked: bool) -> None:
    expected = (TRUST,) if asked else (TRUST, HOUSING)
    assert agreements.unasked(crisis(world), known(world, agreement(HOUSING, status)), world.at) == expected


ALL = (agreement(TRUST), agreement(HOUSING))


def refused(text: str) -> Problem:
    return problem(Category.RULE, "business-rule", text, expression="CarePlan.status", rule="E9")


def test_e9_a_plan_becomes_active_when_all_agreed(world: Any) -> None:
    active = crisis(world, status="active")
    assert agreements.check(crisis(world), active, known(world, *ALL), world.at) is None
    rest = "each completes its `agree-plan` Task for it first."
    text = f"This version of the crisis plan is not agreed by `{TRUST}`, `{HOUSING}`: {rest}"
    assert agreements.check(crisis(world), active, known(world), world.at) == refused(text)
    text = f"This version of the crisis plan is not agreed by `{HOUSING}`: {rest}"
    assert agreements.check(None, active, known(world, ALL[0]), world.at) == refused(text)


def test_e9_what_is_active_changes_by_way_of_a_draft(world: Any) -> None:
    text = "Changing an active crisis plan resets its agreements: write it as `draft`, have all agree, then activate it."
    before, after = crisis(world, status="active"), crisis(world, status="active", title="x")
    new = known(world, *ALL, versions={"CarePlan/plan/_history/4": after})
    assert agreements.check(before, after, known(world), world.at) == refused(text)
    assert agreements.check(before, after, new, world.at) == refused(text)
    assert agreements.check(crisis(world), after, new, world.at) is None
    assert agreements.check(before, before, known(world, *ALL), world.at) is None


@pytest.mark.parametrize("change", [{"status": "draft"}, {"status": "on-hold"}, {"category": []}])
def test_e9_is_of_active_crisis_plans_alone(world: Any, change: Any) -> None:
    assert agreements.check(None, crisis(world, **{"status": "active", **change}), Agreements(), world.at) is None


def test_e9_each_question_that_is_open_is_named(world: Any) -> None:
    lacking = Completeness(("triggers", "routes"), ("x",), ("routes",), "it is torn")
    found = agreements.check(None, crisis(world, status="active"), known(world, *ALL, dataset=lacking), world.at)
    where = "CarePlan.supportingInfo"
    assert found == Problem(
        Category.RULE,
        (
            Issue("business-rule", "The plan's `crisis` dataset cannot be used: it is torn.", where, "E9"),
            Issue(
                "business-rule",
                "The crisis plan lacks `triggers`: answer it in the `crisis` dataset that the plan refers to.",
                where,
                "E9",
            ),
            Issue(
                "business-rule",
                "The crisis plan says that `routes` is not known: give the reason in the answer's text.",
                where,
                "E9",
            ),
        ),
    )
    unasked = Completeness(unknown=("x",))
    assert agreements.check(None, crisis(world, status="active"), known(world, *ALL, dataset=unasked), world.at) is None


# The content that is agreed to.


def test_what_is_agreed_to_is_what_the_plan_says(world: Any) -> None:
    agreed = {"url": "agreement", "valueReference": ref("Task/a")}
    plan = crisis(world, partner(STRANGER, agreed), {"url": "urn:x", "extension": [agreed]}, text={"div": "x"}, title="t")
    said = content.content(plan)
    assert {*plan} - {*said} == {"status", "meta", "text", "id", "resourceType"}
    assert said["extension"] == [*crisis(world)["extension"], partner(STRANGER), {"url": "urn:x", "extension": [agreed]}]
    assert said["title"] == "t"
    assert "extension" not in content.content(world.plan())


def test_two_versions_say_the_same(world: Any) -> None:
    assert content.same(crisis(world), crisis(world, status="active", meta={}, text={"div": "x"}))
    assert not content.same(crisis(world), crisis(world, title="x"))
    assert not content.same(crisis(world), None)


def test_a_plan_rests_on_what_it_says_by_reference(world: Any) -> None:
    plan = crisis(
        world,
        goal=[ref("Goal/g/_history/3"), ref("Goal/g")],
        activity=[
            {"reference": ref("ServiceRequest/s")},
            {"detail": {"reasonReference": [ref("Condition/c")], "location": ref("Location/l")}},
        ],
        supportingInfo=[ref("QuestionnaireResponse/q"), ref("#x"), ref("https://them.example/Goal/g"), {"display": "x"}],
        addresses=[ref("Condition/c")],
        contributor=[ref(each) for each in ("Patient/p", "RelatedPerson/r", "Practitioner/a", "Device/d", "CareTeam/t")],
        encounter=ref("Encounter/e"),
        partOf=[ref("CarePlan/x")],
    )
    assert sorted(content.grounds(plan)) == ["Condition/c", "Goal/g", "QuestionnaireResponse/q", "ServiceRequest/s"]
    parties = "Group PractitionerRole Organization HealthcareService Endpoint EpisodeOfCare".split()  # noqa: SIM905
    assert content.grounds(crisis(world, contributor=[ref(f"{each}/x") for each in parties])) == ()


def test_the_answers_that_a_plan_refers_to(world: Any) -> None:
    plan = crisis(world, supportingInfo=[ref("QuestionnaireResponse/q/_history/2"), ref("Goal/g")])
    assert list(content.responses(plan)) == ["QuestionnaireResponse/q/_history/2"]
    assert content.rests_on(plan, "QuestionnaireResponse/q")
    assert not content.rests_on(plan, "QuestionnaireResponse/other")
    assert not content.rests_on({**plan, "status": "completed"}, "QuestionnaireResponse/q")
    assert not content.rests_on({**plan, "category": []}, "QuestionnaireResponse/q")
    assert content.rests_on({**plan, "status": "active"}, "QuestionnaireResponse/q")


def test_extensions_are_found_by_their_url() -> None:
    assert content.extensions({"extension": [{"url": "a"}, {"url": "b"}, {"url": "a", "id": "x"}]}, "a") == [
        {"url": "a"},
        {"url": "a", "id": "x"},
    ]
    assert content.extensions({}, "a") == []


# What asking and activating write.


def asked(number: int, owner: str, *, code: str = "agree-plan", **more: Any) -> Staged:
    made = {
        "resourceType": "Task",
        "id": f"new-{number}",
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, code),
        **({"description": "Role in the crisis plan"} if code == "role" else {}),
        "focus": ref("CarePlan/plan/_history/5" if code == "agree-plan" else "CarePlan/plan"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(TRUST),
        "owner": ref(owner),
        **more,
    }
    return Staged(made, created=True, custodian=TRUST)


def told(agency: str, topic: str = "handover-task") -> Notice:
    return Notice(topic, agency, "CarePlan/plan", "Patient/p")


def asking(world: Any, plan: Any, found: Agreements) -> Outcome:
    return effects.ask(plan, found, version=5, agency=TRUST, at=world.at, due=DUE, ids=world.ids)


def test_every_agency_is_asked_about_the_version_and_what_it_rests_on(world: Any) -> None:
    more: dict[str, Any] = {
        "restriction": {"period": {"start": NOW, "end": "2026-11-01T00:00:00.000Z"}},
        "input": [pin("Condition/c/_history/1"), pin("Goal/g/_history/2")],
    }
    assert asking(world, crisis(world), known(world, grounds=GROUNDS)) == Outcome(
        (asked(0, TRUST, **more), asked(1, HOUSING, **more)), notices=(told(TRUST), told(HOUSING))
    )


def test_what_was_asked_about_other_words_is_cancelled(world: Any) -> None:
    old = [
        agreement(HOUSING, "requested", version=3),
        agreement(TRUST, "received", version=3),
        agreement(TRUST, "completed", version=3),
    ]
    now = agreement(HOUSING, "requested")
    made = asking(world, crisis(world), known(world, *old, now, agreement(TRUST, "requested")))
    reason = concept(STATUS_REASON, "superseded")
    assert made == Outcome(tuple(Staged({**each, "status": "cancelled", "statusReason": reason}) for each in old[:2]))


@pytest.mark.parametrize("status", ["completed", "revoked", "entered-in-error"])
def test_nobody_is_asked_about_a_plan_that_has_ended(world: Any, status: str) -> None:
    made = asking(world, crisis(world, status=status), known(world, agreement(HOUSING, "requested")))
    assert ([each.resource["status"] for each in made.writes], made.notices) == (["cancelled"], ())


def test_activation_gives_every_agency_its_role(world: Any) -> None:
    made = effects.activated(crisis(world, status="active"), known(world), agency=TRUST, at=world.at, ids=world.ids)
    topic = "crisis-plan-activated"
    assert made == Outcome(
        (asked(0, TRUST, code="role"), asked(1, HOUSING, code="role")), notices=(told(TRUST, topic), told(HOUSING, topic))
    )


# The table of an `agree-plan` Task.


def answered(world: Any, start: str, end: str, *, side: str = "owner", task: Any = None, why: Any = None, **members: Any) -> Any:
    before = task or agreement(HOUSING, start, grounds=GROUNDS)
    after = {**before, "status": end, **({"statusReason": why} if why else {})}
    agency, user = (HOUSING, HAL) if side == "owner" else (TRUST, ANN)
    given = {"plan": crisis(world), "version": crisis(world), "grounds": GROUNDS, **members}
    return decide(MACHINE, AgreementSituation(world.at, agency, after, before, user, {}, **given), world.ids)


def fact(task: Any, event: str, *, agency: str = HOUSING, user: str = HAL) -> AuditFact:
    return AuditFact("U", f"agree-plan-{event}", agency, user, "Patient/p", (f"Task/{task['id']}",))


@pytest.mark.parametrize(("start", "end"), [("requested", "received"), ("requested", "completed"), ("received", "completed")])
def test_an_agency_reads_and_agrees(world: Any, start: str, end: str) -> None:
    task = agreement(HOUSING, start, grounds=GROUNDS)
    expected = Outcome(
        (Staged({**task, "status": end, "lastModified": NOW}),),
        notices=(Notice("handover-task", TRUST, f"Task/{task['id']}", "Patient/p"),),
        audits=(fact(task, end),),
    )
    assert answered(world, start, end) == expected


CHANGED = ("The crisis plan changed since this version: agree to the newest one.", "Task.focus")
MOVED = (
    "A record that the crisis plan rests on changed since you were asked: its agency writes the draft again, and asks.",
    "Task.input",
)
BLIND = (
    "Your agency may not read the version that it is asked to agree to: ask the plan's lead to disclose it to you "
    "(`$disclose`), by the person's consent or a lawful basis.",
    "Task.focus",
)


@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize(
    ("change", "issue"),
    [
        ({"plan": None}, CHANGED),
        ({"version": None}, CHANGED),
        ({"version": {"title": "x"}}, CHANGED),
        ({"grounds": frozenset()}, MOVED),
        ({"shown": False}, BLIND),
    ],
)
def test_an_agency_agrees_to_what_stands_and_what_it_can_read(
    world: Any, start: str, change: Any, issue: tuple[str, str]
) -> None:
    text, place = issue
    assert answered(world, start, "completed", **change) == Problem(Category.RULE, (Issue("business-rule", text, place, "E9"),))


def test_what_was_asked_counts_and_not_what_the_answer_says_was_asked(world: Any) -> None:
    task = agreement(HOUSING, "received", grounds=GROUNDS)
    forged = replace_input(task)
    given = {"plan": crisis(world), "version": crisis(world), "grounds": frozenset({"Goal/g/_history/9"})}
    found = decide(
        MACHINE, AgreementSituation(world.at, HOUSING, {**forged, "status": "completed"}, task, HAL, {}, **given), world.ids
    )
    assert isinstance(found, Problem)
    assert "Task.input" in [issue.expression for issue in found.issues]


def replace_input(task: Any) -> Any:
    return {**task, "input": [pin("Goal/g/_history/9")]}


@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize(("end", "side"), [("rejected", "owner"), ("cancelled", "requester")])
def test_an_agency_that_does_not_agree_says_why_and_so_does_who_asks_no_more(world: Any, start: str, end: str, side: str) -> None:
    text = "This move needs a coded `statusReason`."
    refusal = Problem(Category.RULE, (Issue("business-rule", text, "Task.statusReason", "HOV-1"),))
    assert answered(world, start, end, side=side) == refusal
    assert isinstance(answered(world, start, end, side=side, why=world.why()), Outcome)


def test_an_agreement_that_is_over_goes_nowhere() -> None:
    assert {row.start for row in TABLE} == {"requested", "received"}
    assert (MACHINE.sent, len(TABLE)) == (False, 7)


def test_an_agreement_about_nothing_pins_nothing() -> None:
    assert (focus({}), agreements.pinned({})) == ("", frozenset())


def test_without_anything_known_nobody_agreed(world: Any) -> None:
    bare = replace(Agreements(), asked=(agreement(HOUSING),))
    assert agreements.agreed(crisis(world), bare) == frozenset()
