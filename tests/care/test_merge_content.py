"""What becomes of a merged plan's Goals and activities (OWN-6, OUT-1)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.merge_plan import content
from service.care.merge_plan.content import Fates
from service.change import Resource
from service.fhir.canonical import EARLY_WARNING_SIGN, RECORD_MARK, SNOMED, STATUS_REASON, TAG
from service.fhir.coding import concept
from tests.care import merge
from tests.care.merge import VOLUNTARY, aims, goal, ref, refs
from tests.care.told import HOUSING, TRUST

PARTIES = (TRUST, HOUSING)
MINE = aims(goal("x", "1"), keeper=HOUSING)


def fates(*theirs: Any, goals: Any, mine: Any = ("Goal/x",), ends: Any = None) -> Fates:
    """What becomes of the Goals of a plan beside the Goal `x` of the other one."""
    elements = [one if isinstance(one, dict) else ref(one) for one in theirs]
    return content.fates(elements, refs(*mine), {**MINE, **goals}, PARTIES, ends or {})


def test_a_goal_of_one_code_is_merged_into_the_one_that_stays() -> None:
    """The first that goes on; others are kept in their order."""
    found = fates("Goal/a", "Goal/b", goals=aims(goal("a", "2"), goal("b", "1")))
    assert found == Fates((ref("Goal/a"),), {"Goal/b": "Goal/x"}, {})
    both = {**aims(goal("b", "1")), **aims(goal("y", "1"), goal("z", "1"), keeper=HOUSING)}
    assert fates("Goal/b", goals=both, mine=("Goal/z", "Goal/y")).merged == {"Goal/b": "Goal/z"}


@pytest.mark.parametrize(
    "description",
    [
        {"text": "Sleep"},
        {"coding": [{"code": "1"}]},
        {"coding": [{"system": "urn:x", "code": "1"}]},
    ],
)
def test_words_and_codes_of_no_system_are_compared_with_none(description: Any) -> None:
    assert fates("Goal/a", goals=aims(goal("a", description=description))).kept == (ref("Goal/a"),)


def test_one_code_of_several_is_enough() -> None:
    described = {"coding": [{"system": "urn:x", "code": "9"}, {"system": SNOMED, "code": "1"}]}
    assert fates("Goal/a", goals=aims(goal("a", description=described))).merged == {"Goal/a": "Goal/x"}


@pytest.mark.parametrize("status", sorted(content.OVER))
def test_what_has_ended_is_history(status: str) -> None:
    """It is neither ended nor merged again, and stands for nothing."""
    assert fates("Goal/a", goals=aims(goal("a", "1", status)), ends={"Goal/a": "No."}) == Fates((ref("Goal/a"),))
    gone = {**aims(goal("a", "1")), **aims(goal("x", "1", status), keeper=HOUSING)}
    assert fates("Goal/a", goals=gone) == Fates((ref("Goal/a"),))


def test_a_goal_ends_for_its_reason_rather_than_merges() -> None:
    assert fates("Goal/a", goals=aims(goal("a", "1")), ends={"Goal/a": "Reached."}) == Fates((), {}, {"Goal/a": "Reached."})


def test_a_goal_of_both_plans_is_neither_ended_nor_there_twice() -> None:
    """However it is referred to."""
    found = fates("Goal/x/_history/2", goals={}, ends={"Goal/x": "No."})
    assert found == Fates()


def test_a_third_agencys_goal_is_kept() -> None:
    goals = aims(goal("a", "1"), keeper=VOLUNTARY)
    assert fates("Goal/a", goals=goals, ends={"Goal/a": "No."}) == Fates((ref("Goal/a"),))


@pytest.mark.parametrize("side", ["mine", "theirs"])
def test_what_one_agency_may_not_see_is_compared_with_none(side: str) -> None:
    goals = {**aims(goal("a", "1"), shared=side != "theirs"), **aims(goal("x", "1"), keeper=HOUSING, shared=side != "mine")}
    assert fates("Goal/a", goals=goals) == Fates((ref("Goal/a"),))


def test_a_goal_that_is_not_here_is_kept_as_it_is_named() -> None:
    """By reference or by identifier, each once."""
    named = {"identifier": {"value": "g"}}
    assert fates("Goal/gone", "Goal/gone", named, named, goals={}).kept == (ref("Goal/gone"), named)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ({"text": "Reached."}, "Reached."),
        ({**concept(STATUS_REASON, "other"), "text": " "}, "other"),
        ({"coding": [{"code": "other", "display": "Other"}]}, "Other"),
        ({}, ""),
    ],
)
def test_a_reason_is_its_words_or_its_code(reason: Any, words: str) -> None:
    task = merge.task("requested", merge.ends("Goal/a", **reason))
    assert content.ends(task) == (("Goal/a", words),)


REQUEST: Resource = {"reference": ref("ServiceRequest/s")}
WALK: Resource = {"detail": {"description": "Walk"}}
VISIT: Resource = {"detail": {"description": "Visit"}}


def test_activities_are_taken_over_in_order_and_none_twice() -> None:
    """By their reference, or word for word; an element's id does not come along."""
    theirs = [{**WALK, "id": "w"}, REQUEST, VISIT, {**WALK, "id": "again"}]
    assert content.activities([VISIT], theirs, {}) == [VISIT, WALK, REQUEST]
    assert content.activities([{**VISIT, "id": "v"}], [VISIT], {}) == [{**VISIT, "id": "v"}]


def test_a_plan_takes_activities_over_behind_its_own() -> None:
    into, diary = merge.plan("into", activity=[VISIT]), {"detail": {"goal": refs("Goal/a")}}
    made = content.taken_over(into, merge.plan(activity=[diary]), Fates(merged={"Goal/a": "Goal/x"}))
    assert made["activity"] == [VISIT, {"detail": {"goal": refs("Goal/x")}}]


def test_what_both_tell_of_one_record_is_kept() -> None:
    """Its progress, outcomes and extensions, each once."""
    first, second = {"text": "Begun."}, {"text": "Half done."}
    mine = {**REQUEST, "progress": [first]}
    theirs = {
        "reference": ref("ServiceRequest/s/_history/2"),
        "progress": [first, second],
        "outcomeReference": refs("Observation/o"),
    }
    made = content.activities([WALK, mine], [theirs], {})
    assert made == [WALK, {**REQUEST, "progress": [first, second], "outcomeReference": refs("Observation/o")}]


def test_an_activity_serves_the_goal_that_stands_for_its_own() -> None:
    """Once, where it served that already."""
    given = {"detail": {"description": "Diary", "goal": refs("Goal/a", "Goal/x", "Goal/b")}}
    made = content.activities([], [given], {"Goal/a": "Goal/x"})
    assert made == [{"detail": {"description": "Diary", "goal": refs("Goal/x", "Goal/b")}}]


def test_early_warning_signs_are_watched_for_on() -> None:
    """EWS-1: those of both plans; other extensions are the plan's own."""
    sign, other = {"url": EARLY_WARNING_SIGN, "valueCodeableConcept": {"text": "Pacing"}}, {"url": "urn:x", "valueString": "y"}
    into, merged = merge.plan("into", extension=[other]), merge.plan(extension=[sign, {"url": "urn:z"}])
    assert content.taken_over(into, merged, Fates())["extension"] == [other, sign]


def test_labels_and_marks_are_those_of_both_plans() -> None:
    """Other tags, of how a plan stands, are not."""
    label, mark = {"system": "urn:s", "code": "R"}, {"system": RECORD_MARK, "code": "third-party"}
    merged = merge.plan(meta={"versionId": "9", "security": [label], "tag": [{"system": TAG, "code": "unowned"}, mark]})
    own = {"security": [{"system": "urn:s", "code": "N"}], "tag": [{"system": "urn:t", "code": "1"}]}
    both = {"security": [*own["security"], label], "tag": [*own["tag"], mark]}
    cases = [
        ({"versionId": "4"}, merged, {"versionId": "4", "security": [label], "tag": [mark]}),
        (own, merged, both),
        (own, merge.plan(meta=None), own),
        (None, merge.plan(), {}),
    ]
    for meta, other, expected in cases:
        assert content.taken_over(merge.plan("into", meta=meta), other, Fates())["meta"] == expected


def test_a_plan_that_takes_nothing_over_has_no_empty_lists() -> None:
    """It replaces one plan more, and is otherwise as it was."""
    into = merge.plan("into", replaces=refs("CarePlan/older"))
    made = content.taken_over(into, merge.plan(), Fates())
    assert made == {**into, "replaces": refs("CarePlan/older", "CarePlan/plan")}
