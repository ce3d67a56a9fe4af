"""What a merge of two plans needs to be sent and to be accepted, word for word (OWN-6, OWN-11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.care.merge_plan.situation import NO_PLAN
from service.care.task.authority import Authority
from service.care.task.situation import Outcome, Repeat
from service.fhir.canonical import CARE_PLAN, CRISIS_PLAN, LAWFUL_BASIS, SNOMED
from service.fhir.coding import concept
from service.problem import Category
from tests.care import merge
from tests.care.merge import BASIS, INTO, WHY, aims, goal, moved, put, ref, refs, refusal, sent, task
from tests.care.told import ANN, HAL, HOUSING, TRUST

RIGHT = merge.situation(None, task())
FOCUS, INPUT = "Task.focus", "Task.input"
BACK = "Reject the merge, or have that mended first."
STANDING = [
    ({"status": "on-hold"}, "is `on-hold`, and only active plans are merged.", "OWN-6"),
    (
        {"category": [concept(SNOMED, CARE_PLAN), concept(SNOMED, CRISIS_PLAN)]},
        "is a crisis plan: write its content into the other one, and have its agencies agree to that.",
        "E9",
    ),
    ({"category": []}, "is no plan beside another: it is a part of a plan, or no top-level plan.", "OWN-6"),
]
SHARED = Authority(text="nothing permits it")


@pytest.mark.parametrize(
    ("members", "text", "place", "rule"),
    [
        ({"intent": "plan"}, "A merge has intent `order`: set it.", "Task.intent", "HOV-1"),
        ({"for": ref("Patient/q")}, "Set `for` to the plan's subject, `Patient/p`.", "Task.for", "OWN-6"),
        ({"input": [BASIS]}, "A merge has exactly one input `into`: another CarePlan that you may see.", INPUT, "OWN-6"),
        ({"input": [INTO, INTO]}, "A merge has exactly one input `into`: another CarePlan that you may see.", INPUT, "OWN-6"),
        (
            {"requester": ref(TRUST)},
            "Somebody asks for a merge: set `requester` to a PractitionerRole of your agency.",
            "Task.requester",
            "HOV-1",
        ),
    ],
)
def test_a_merge_names_its_parties(members: dict[str, Any], text: str, place: str, rule: str) -> None:
    """In a draft, too."""
    more: dict[str, Any] = {"into": NO_PLAN} if members.get("input") == [BASIS] else {}
    assert sent(**members, more=more) == refusal((text, place, rule))
    draft = merge.decided(merge.situation(None, task("draft", **members), **more))
    assert draft == refusal((text, place, rule))


def test_hov_11_a_plan_that_is_not_seen_is_not_there() -> None:
    text = "A merge is about one CarePlan that you may see: set `focus` to it."
    assert sent(more={"merged": NO_PLAN}) == refusal((text, FOCUS, "OWN-6"))


def test_a_merge_is_asked_of_somebody_who_is_known() -> None:
    found = sent(owner=ref("PractitionerRole/nobody"))
    assert [each.expression for each in found.issues] == ["Task.owner", "Task.owner"]
    assert found.issues[0].text == "A merge is asked of the other plan's lead, or of the lead's agency: set `owner`."


@pytest.mark.parametrize(("members", "fault", "rule"), STANDING)
def test_own_6_both_plans_are_active_and_stand_for_themselves(members: dict[str, Any], fault: str, rule: str) -> None:
    merged, into = merge.with_plan(RIGHT.merged, **members), merge.with_plan(RIGHT.into, **members)
    assert sent(more={"merged": merged}) == refusal((f"`CarePlan/plan` {fault}", FOCUS, rule))
    assert sent(more={"into": into}) == refusal((f"`CarePlan/into` {fault}", INPUT, rule))
    assert moved("accepted", more={"merged": merged}) == refusal((f"`CarePlan/plan` {fault} {BACK}", FOCUS, rule))


def test_own_11_a_part_of_a_plan_is_no_plan_beside_it() -> None:
    spared = replace(RIGHT.into, spared=True)
    text = "`CarePlan/into` is no plan beside another: it is a part of a plan, or no top-level plan."
    assert sent(more={"into": spared}) == refusal((text, INPUT, "OWN-6"))


def test_own_6_a_plan_is_not_merged_into_itself() -> None:
    into = replace(RIGHT.merged, keeper=HOUSING)
    found = sent(owner=ref(ANN), more={"into": into})
    assert found == refusal(("A plan is not merged into itself: set input `into` to the other plan.", INPUT, "OWN-6"))


def test_own_11_all_confirmed_patients_are_one_person() -> None:
    into = merge.with_plan(RIGHT.into, subject=ref("Patient/q"))
    text = "`CarePlan/into` is not known to be about the same person: have that confirmed first (IDN-1)."
    assert sent(more={"into": into}) == refusal((text, INPUT, "OWN-11"))
    assert isinstance(sent(more={"into": into, "patients": frozenset(("Patient/p", "Patient/q"))}), Outcome)


@pytest.mark.parametrize("members", [{"goal": refs("#g")}, {"activity": [{"detail": {"performer": refs("#x")}}]}])
def test_what_a_plan_contains_is_not_taken_over(members: dict[str, Any]) -> None:
    """It would refer to nothing there. Of the other plan it stays where it is."""
    text = "Goals or activities of the plan refer to what it contains: write that as records of its own, and refer to those."
    assert sent(more={"merged": merge.with_plan(RIGHT.merged, **members)}) == refusal((text, FOCUS, "OWN-6"))
    assert isinstance(sent(more={"into": merge.with_plan(RIGHT.into, **members)}), Outcome)


def test_own_3_who_leads_asks_who_leads() -> None:
    """The lead of the other plan, or its agency; nobody else of it."""
    assert isinstance(sent(owner=ref(HAL)), Outcome)
    text = f"A merge is asked of who leads the other plan: set `owner` to `{HAL}` or `{HOUSING}`."
    assert sent(owner=ref(merge.VOL)) == refusal((text, "Task.owner", "OWN-3"))
    merged = replace(RIGHT.merged, keeper=merge.VOLUNTARY)
    assert sent(more={"merged": merged}) == refusal(("Only the agency that leads the plan asks for its merge.", FOCUS, "OWN-3"))


def test_own_6_no_two_plans_are_merged_into_each_other() -> None:
    text = "`Task/other` asks to merge the other plan into this one: answer that first."
    assert sent(more={"opposed": "Task/other"}) == refusal((text, INPUT, "OWN-6"))


def test_hov_3_consent_or_the_named_authority_permits_the_whole_plan() -> None:
    """None is named where consent alone decides."""
    assert isinstance(sent(input=[INTO]), Outcome)
    text = "A merge has at most one input `sharing-authority`, this has 2."
    assert sent(BASIS) == refusal((text, INPUT, "HOV-3"))
    unsaid = put("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "safeguarding"))
    text = "The lawful basis `safeguarding` needs its justification in `text`."
    assert sent(input=[INTO, unsaid]) == refusal((text, INPUT, "HOV-3"))
    text = f"Sharing with `{HOUSING}` is not permitted: nothing permits it."
    assert sent(more={"authority": SHARED}) == refusal((text, INPUT, "HOV-3"))


def test_hov_8_the_authority_holds_when_the_merge_is_accepted() -> None:
    text = "The authority to share no longer holds: nothing permits it. Its sender asks anew under one that does."
    assert moved("accepted", more={"authority": SHARED}) == refusal((text, INPUT, "HOV-8"))


ENDING = {"merged": merge.with_plan(RIGHT.merged, goal=refs("Goal/a", "Goal/b")), "goals": aims(goal("a"), goal("b"))}


@pytest.mark.parametrize(
    ("given", "more", "text"),
    [
        ("Goal/a", {}, "Say why `Goal/a` ends: add the extension `status-reason` to its input."),
        ("Goal/c", {"goals": aims(goal("c"))}, "`Goal/c` is no Goal of the plan that you may see: leave its input out."),
        ("Goal/a", {"goals": aims(goal("b"))}, "`Goal/a` is no Goal of the plan that you may see: leave its input out."),
        (
            "Goal/a",
            {"into": merge.with_plan(RIGHT.into, goal=refs("Goal/a"))},
            "`Goal/a` is a Goal of the other plan, too, which goes on with it: leave its input out.",
        ),
        ("Goal/a", {"goals": aims(goal("a", status="completed"))}, "`Goal/a` has ended already: leave its input out."),
        (
            "Goal/a",
            {"goals": aims(goal("a"), keeper=HOUSING)},
            "`Goal/a` is another agency's, which ends it itself: leave its input out.",
        ),
    ],
)
def test_out_1_a_goal_of_the_plan_alone_ends_for_a_reason(given: str, more: dict[str, Any], text: str) -> None:
    assert sent(merge.ends(given), more={**ENDING, **more}) == refusal((text, INPUT, "OUT-1"))


def test_out_1_a_goal_is_ended_once() -> None:
    twice = [merge.ends("Goal/a", text="Reached."), merge.ends("Goal/a", text="Given up.")]
    text = "`Goal/a` is named twice: name it once, with one reason."
    assert sent(*twice, more=ENDING) == refusal((text, INPUT, "OUT-1"))
    nothing = put("ended-goal", valueString="The first")
    assert sent(nothing, more=ENDING) == refusal(("An input `ended-goal` refers to a Goal.", INPUT, "OUT-1"))
    assert isinstance(sent(twice[0], more=ENDING), Outcome)


def test_own_6_both_plans_still_stand_when_the_merge_is_accepted() -> None:
    """And are led as they were."""
    gone = {"merged": NO_PLAN, "into": NO_PLAN}
    text = f"The plan is not here any more. {BACK}"
    assert moved("accepted", more=gone) == refusal((text, FOCUS, "OWN-6"), (text, INPUT, "OWN-6"))
    led = {"merged": replace(RIGHT.merged, keeper=merge.VOLUNTARY), "into": replace(RIGHT.into, keeper=merge.VOLUNTARY)}
    texts = [f"`CarePlan/{each}` is led by another agency by now. {BACK}" for each in ("plan", "into")]
    assert moved("accepted", more=led) == refusal((texts[0], FOCUS, "OWN-3"), (texts[1], INPUT, "OWN-3"))


def test_a_merge_is_rejected_and_withdrawn_with_a_coded_reason() -> None:
    need = ("This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1")
    for end, agency in (("rejected", HOUSING), ("cancelled", TRUST)):
        assert moved(end, agency=agency) == refusal(need)
        assert isinstance(moved(end, agency=agency, statusReason=WHY), Outcome)


def test_own_6_no_move_but_those_of_the_table() -> None:
    """The sender accepts nothing, and what was accepted is not undone."""
    assert moved("accepted", agency=TRUST).issues[0].rule == "OWN-6"
    assert moved("cancelled", task("accepted"), agency=TRUST, statusReason=WHY).issues[0].rule == "OWN-6"
    assert moved("accepted", agency=merge.VOLUNTARY).category is Category.ABSENT
    assert isinstance(moved("requested", agency=TRUST), Repeat)


def test_a_draft_is_changed_by_its_sender() -> None:
    made = moved("draft", task("draft"), agency=TRUST, description="Not yet")
    assert made.writes[0].resource["description"] == "Not yet"
