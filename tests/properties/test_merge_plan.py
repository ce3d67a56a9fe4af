"""The merge of any two plans (OWN-6): no Goal and no activity is lost, none is there twice, and the order is kept."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.care.merge_plan import content
from service.care.merge_plan.situation import Aim
from service.change import Resource
from tests.care.merge import VOLUNTARY, goal, ref
from tests.care.told import HOUSING, TRUST

NAMES = "abcdefgh"
a_status = st.sampled_from(("active", "active", "proposed", "completed", "cancelled"))
an_aim = st.builds(
    lambda code, status, keeper, shared: (code, status, keeper, shared),
    st.sampled_from(("", "1", "2", "3")),
    a_status,
    st.sampled_from((TRUST, TRUST, HOUSING, VOLUNTARY)),
    st.booleans(),
)
some_goals = st.fixed_dictionaries(dict.fromkeys(NAMES, an_aim))
some_names = st.lists(st.sampled_from(NAMES), max_size=6)
reasons = st.dictionaries(st.sampled_from(NAMES), st.just("Reached."), max_size=3)
an_activity = st.one_of(
    st.builds(lambda name: {"reference": ref(f"ServiceRequest/{name}")}, st.sampled_from("xyz")),
    st.builds(
        lambda text, aims: {
            "detail": {"description": text, **({"goal": [ref(f"Goal/{each}") for each in aims]} if aims else {})}
        },
        st.sampled_from(("Walk", "Visit")),
        st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
    ),
)
activities = st.lists(an_activity, max_size=6)


def elements(names: list[str]) -> list[Resource]:
    return [ref(f"Goal/{name}") for name in names]


def in_order(part: list[Any], whole: list[Any]) -> bool:
    """Whether a list is in another, in its order."""
    rest = iter(whole)
    return all(any(one == other for other in rest) for one in part)


@given(some_goals, st.lists(st.sampled_from(NAMES), max_size=6, unique=True), some_names, reasons)
def test_every_goal_is_kept_merged_or_ended_and_none_twice(
    drawn: dict[str, Any], mine: list[str], theirs: list[str], ends: dict[str, str]
) -> None:
    goals = {
        f"Goal/{name}": Aim(goal(name, code, status), keeper, shared) for name, (code, status, keeper, shared) in drawn.items()
    }
    why = {f"Goal/{name}": words for name, words in ends.items()}
    fates = content.fates(elements(theirs), elements(mine), goals, (TRUST, HOUSING), why)
    after = [*elements(mine), *fates.kept]
    assert len({each["reference"] for each in after}) == len(after)
    alone = [name for name in dict.fromkeys(theirs) if name not in mine]
    kept = [each["reference"] for each in fates.kept]
    assert sorted([*kept, *fates.merged, *fates.ended]) == sorted(f"Goal/{name}" for name in alone)
    assert in_order(kept, [f"Goal/{name}" for name in alone])
    for ref_, twin in fates.merged.items():
        assert twin in [each["reference"] for each in elements(mine)]
        assert not content.over(goals[twin].goal)
        assert goals[ref_].goal["description"] == goals[twin].goal["description"]
    for ref_ in (*fates.merged, *fates.ended):
        assert goals[ref_].keeper != VOLUNTARY
        assert not content.over(goals[ref_].goal)
    assert set(fates.ended) <= set(why)


@given(activities, activities, st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES), max_size=3))
def test_every_activity_is_there_once_for_the_goal_that_goes_on(
    mine: list[Any], theirs: list[Any], instead: dict[str, str]
) -> None:
    stands = {f"Goal/{one}": f"Goal/{other}" for one, other in instead.items()}
    made = content.activities(mine, theirs, stands)
    assert made[: len(mine)] == mine
    expected = [served(each, stands) for each in theirs]
    assert all(each in made for each in expected)
    new = made[len(mine) :]
    assert all(each in expected for each in new)
    assert in_order(new, expected)
    assert all(new.count(each) == 1 and each not in mine for each in new)


def served(activity: Resource, instead: dict[str, str]) -> Resource:
    """An activity for the Goals that stand for its own, each once."""
    detail = activity.get("detail", {})
    if not any(each["reference"] in instead for each in detail.get("goal", ())):
        return activity
    aims = dict.fromkeys(instead.get(each["reference"], each["reference"]) for each in detail["goal"])
    return {**activity, "detail": {**detail, "goal": [ref(each) for each in aims]}}
