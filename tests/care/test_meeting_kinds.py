"""What a restrictive measure, a case review and a risk forum ask for besides (E7, E13, MTG-5, TIM-16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.care.meeting import needs
from service.care.task.dataset import Completeness
from tests.care.front_door import CRISIS
from tests.care.sitting import R, at, case, entry, heard, issues, measure, meeting, reviewed
from tests.care.small import AUCKLAND
from tests.care.told import HOUSING, TRUST

NAMED = "`CarePlan/plan`"
CLOSING = "Encounter.status"
WHOLE = Completeness()
OPEN = Completeness(missing=("risks", "wishes"), unknown=("x",), unexplained=("wishes",))


# E13: a restrictive measure.

UNFAIR = (
    f"A restrictive measure says why it is proportionate: add `proportionality` to the decision about `{R}`.",
    CLOSING,
    "E13",
)
ENDLESS = (
    f"A restrictive measure ends by itself: add `duration` to the decision about `{R}`, such as `14 days`.",
    CLOSING,
    "E13",
)
RESTRICTIVE = entry(R, "deferred", "restrictive-measure")


def test_e13_a_restrictive_measure_is_proportionate_and_ends() -> None:
    assert needs.decided(meeting(), case(entry=RESTRICTIVE)) == issues(UNFAIR, ENDLESS)
    assert needs.decided(meeting(), case(entry=RESTRICTIVE, said=measure())) == ()


@pytest.mark.parametrize("kind", ["mdt", "governance"])
def test_e13_a_decision_that_says_one_of_the_two_is_a_measure(kind: str) -> None:
    """Whatever the entry is there for; a length that cannot be told was still said."""
    assert needs.decided(meeting(kind), case(said=measure(proportionality=""))) == issues(UNFAIR)
    assert needs.decided(meeting(kind), case(said=measure(duration=None, lasts=""))) == issues(ENDLESS)
    assert needs.decided(meeting(kind), case(said={"lasts": "said"})) == issues(UNFAIR, ENDLESS)
    assert needs.decided(meeting(kind), case()) == ()


@pytest.mark.parametrize("text", [" ", "\u200b", "\u2800 "])
def test_e13_a_text_that_shows_nothing_says_not_why(text: str) -> None:
    assert needs.decided(meeting(), case(said=measure(proportionality=text))) == issues(UNFAIR)


def test_e13_a_measure_of_no_length_does_not_end() -> None:
    assert needs.decided(meeting(), case(said=measure(duration=timedelta()))) == issues(ENDLESS)


# E7: a case review.


def review(kind: str = "actions", *, zone: Any = None, **more: Any) -> Any:
    return needs.decided(meeting("case-review", **({"zone": zone} if zone else {})), reviewed(kind, **more))


def test_e7_a_case_review_in_which_everybody_answered_lacks_nothing() -> None:
    assert review() == ()


def test_e7_a_case_review_has_one_coordinating_service() -> None:
    text = f"A case review has one coordinating service: {NAMED} has no plan with an author that its chair may see."
    assert review(leader="") == issues((text, CLOSING, "E7"))


def test_e7_each_agency_answers_for_itself() -> None:
    """However many others do."""
    text = "`{}` has not answered `mds-case-review` for " + NAMED + ": each agency answers for itself."
    assert review(answered={TRUST: WHOLE, CRISIS: WHOLE}) == issues((text.format(HOUSING), CLOSING, "E7"))
    both = issues((text.format(TRUST), CLOSING, "E7"), (text.format(HOUSING), CLOSING, "E7"))
    assert review(answered={}) == both
    assert review(answered={TRUST: WHOLE}, agencies=(TRUST,)) == ()


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        (OPEN, "it leaves `risks`, `wishes`, `x` open"),
        (Completeness(unexplained=("wishes",)), "it leaves `wishes` open"),
        (Completeness(fault="it is a draft", missing=("risks",)), "it is a draft"),
    ],
)
def test_e7_the_answers_of_an_agency_are_complete(lacking: Completeness, why: str) -> None:
    text = f"The answers of `{HOUSING}` for {NAMED} are not complete: {why}."
    assert review(answered={TRUST: WHOLE, HOUSING: lacking}) == issues((text, CLOSING, "E7"))


@pytest.mark.parametrize(
    ("day", "fits"), [("2026-11-05", True), ("2026-11-06", True), ("2026-11-07", False), ("2027", False), ("", True)]
)
def test_tim_16_the_next_review_is_in_time(day: str, fits: bool) -> None:
    """Where one is dated."""
    text = f"The next review of {NAMED} is at the latest on 2026-11-07: set `review` so."
    found = review(said={"review": day}, review_by=at("2026-11-07"))
    assert found == (() if fits else issues((text, CLOSING, "TIM-16")))


@pytest.mark.parametrize("kind", ["allocated", "redirected", "actions"])
@pytest.mark.parametrize(("day", "fits"), [("2026-10-22", False), ("2026-10-23T15:30", False), ("2026-10-23", True)])
def test_tim_16_the_next_review_is_ahead(kind: str, day: str, fits: bool) -> None:
    """It is 15:30 in London."""
    text = f"The next review of {NAMED} has passed: give a date that is ahead."
    found = review(kind, said={"review": day}, triaged=True)
    assert found == (() if fits else issues((text, CLOSING, "TIM-16")))


@pytest.mark.parametrize("kind", ["deferred", "no-action"])
def test_e1_a_date_that_has_passed_is_refused_once(kind: str) -> None:
    text = f"`review` of {NAMED} has passed: give a date that is ahead."
    assert review(kind, said={"review": "2026-10-22"}) == issues((text, CLOSING, "E1"))


def test_hov_3_who_may_not_know_of_a_plan_has_no_role_in_it() -> None:
    text = "`{}` cannot be asked to confirm its role in the plan of " + NAMED + ": {}. Take the role out of the plan."
    found = review(untold=((HOUSING, "she said no"), (CRISIS, "no agreement")))
    assert found == issues(
        (text.format(HOUSING, "she said no"), CLOSING, "HOV-3"), (text.format(CRISIS, "no agreement"), CLOSING, "HOV-3")
    )


def test_tim_16_a_review_without_a_limit_is_dated_freely() -> None:
    assert review("no-action", said={"review": "2099-01-01"}, review_by=None) == ()


def test_tim_16_the_latest_date_is_told_where_the_service_is() -> None:
    """On the evening of a Friday it is Saturday in Auckland."""
    limit = datetime(2026, 11, 6, 20, tzinfo=UTC)
    (found,) = review(said={"review": "2026-11-30"}, review_by=limit, zone=AUCKLAND)
    assert "on 2026-11-07:" in found.text
    (found,) = review(said={"review": "2026-11-30"}, review_by=limit)
    assert "on 2026-11-06:" in found.text


def test_tim_16_a_date_is_read_where_the_service_is() -> None:
    """A day ends sooner in Auckland."""
    limit = datetime(2026, 11, 6, 20, tzinfo=UTC)
    assert review(said={"review": "2026-11-06"}, review_by=limit, zone=AUCKLAND) == ()
    assert review(said={"review": "2026-11-06"}, review_by=limit) != ()


@pytest.mark.parametrize(("kind", "found"), [("case-review", reviewed(leader="")), ("risk-forum", heard(consistent=False))])
def test_e13_a_measure_is_asked_about_before_what_the_meeting_is_for(kind: str, found: Any) -> None:
    measured = replace(found, entry=entry("CarePlan/plan", "restrictive-measure"))
    assert [each.rule for each in needs.decided(meeting(kind), measured)][:2] == ["E13", "E13"]


# E13: a risk forum.


def forum(kind: str = "actions", **more: Any) -> Any:
    return needs.decided(meeting("risk-forum"), heard(kind, **more))


def test_e13_a_case_of_a_risk_forum_that_was_heard_whole_lacks_nothing() -> None:
    assert forum() == ()


@pytest.mark.parametrize("kind", ["allocated", "redirected"])
def test_e13_a_case_of_a_risk_forum_ends_with_an_action(kind: str) -> None:
    text = f"A case of a risk forum ends with an owned action, or with `no-action`: `{R}` has neither."
    assert forum(kind, actions=()) == issues((text, CLOSING, "E13"))
    assert forum(kind) == ()
    assert [each.rule for each in forum(kind, actions=(), answered={})] == ["E13", "E13"]
    assert [each.rule for each in forum(kind, actions=(), consistent=False)] == ["E13", "MTG-5"]


@pytest.mark.parametrize("kind", ["deferred", "no-action"])
def test_e13_what_is_put_off_has_no_action_yet(kind: str) -> None:
    assert forum(kind, actions=()) == ()


def test_e13_a_case_of_a_risk_forum_has_its_dataset() -> None:
    """Nothing else is asked for without it."""
    text = f"A case of a risk forum has a response to `mds-forum`: `{R}` has none with this meeting as its `encounter`."
    assert forum(answered={}, criterion=False, consistent=False) == issues((text, CLOSING, "E13"))


@pytest.mark.parametrize(
    ("lacking", "why"),
    [
        (OPEN, "it leaves `risks`, `wishes`, `x` open"),
        (Completeness(unknown=("x",)), "it leaves `x` open"),
        (Completeness(fault="it is a draft"), "it is a draft"),
    ],
)
def test_e13_the_dataset_of_a_risk_forum_is_complete(lacking: Completeness, why: str) -> None:
    text = f"`mds-forum` of `{R}` is not complete: {why}."
    assert forum(answered={TRUST: WHOLE, HOUSING: lacking}) == issues((text, CLOSING, "E13"))


def test_e13_a_case_of_a_risk_forum_names_its_criterion() -> None:
    text = f"`referral-criterion` of `{R}` is `repeated-non-engagement`, `safeguarding` or `early-relapse`."
    assert forum(criterion=False) == issues((text, CLOSING, "E13"))


def test_mtg_5_a_risk_forum_says_how_thresholds_were_applied() -> None:
    text = f"`threshold-consistency` of `{R}` says `consistent`, or who decided differently and how."
    assert forum(consistent=False) == issues((text, CLOSING, "MTG-5"))


def test_e13_all_that_a_case_of_a_risk_forum_lacks_is_named_at_once() -> None:
    found = forum(answered={TRUST: OPEN}, criterion=False, consistent=False)
    assert [each.rule for each in found] == ["E13", "E13", "MTG-5"]
