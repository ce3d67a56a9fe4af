"""What a triage does as it is decided, whole (E4, TRI-1, MTG-3), what repeats it, and what is open again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.care.referral import effects
from service.care.referral.situation import Suggested
from service.care.task.situation import Outcome, Repeat, Staged
from service.change import Timer
from service.fhir.canonical import TASK_CODE
from service.fhir.coding import concept
from tests.care.front_door import (
    ALLOCATED,
    AWAY,
    BY_ANN,
    BY_SEN,
    CAL,
    CRISIS,
    MONDAYS,
    RATIONALE,
    REDIRECT,
    REDIRECTED,
    SEN,
    TAGGED,
    TAKEN,
    TO_CRISIS,
    TONIGHT,
    UNDER,
    asked,
    fact,
    moved,
    outcome_told,
    output,
    ref,
    refusal,
    request,
    said,
    situation,
    task,
    threshold,
    told,
    triage,
    waits,
)
from tests.care.told import ANN, HAL, HOUSING, MONDAY, NOW, TRUST, TUESDAY

OPEN = ("requested", "received", "in-progress")
STEPS = [("requested", "received"), ("requested", "in-progress"), ("received", "in-progress")]

# What a decision does.


@pytest.mark.parametrize(("start", "end"), STEPS)
def test_the_front_door_works_on_a_triage(start: str, end: str) -> None:
    stored = Staged({**triage(end), "lastModified": NOW})
    assert moved(triage(start), end) == Outcome(
        (stored,), notices=(told(HOUSING, "Task/triage"),), audits=(fact(f"triage-{end}", "Task/triage"),)
    )


@pytest.mark.parametrize("start", OPEN)
def test_tri_1_an_allocation_asks_its_receiver_and_no_plan_is_made(start: str) -> None:
    """MTG-3: the allocation holds the key of its referral."""
    made = moved(triage(start, businessStatus=waits("awaiting-information")), "completed", *TAKEN)
    done = {**triage("completed", *TAKEN, BY_ANN, UNDER), "lastModified": NOW}
    new = asked("new-1", *said("allocated", "eligible", receiver=CRISIS))
    assert made == Outcome(
        (Staged(done), Staged(new, created=True, custodian=HOUSING, keys=("rule:MTG-3:ServiceRequest/r",))),
        timers=(Timer("TIM-11:Task/new-1", "TIM-11", TUESDAY, "Task/new-1"),),
        cancelled=("TIM-14:Task/triage",),
        notices=(told(HOUSING, "Task/triage"), told(CRISIS, "Task/new-1")),
        audits=(fact("triage-allocated", "Task/triage"),),
        disclosure=True,
    )


def test_tim_2_an_urgent_allocation_is_answered_in_four_hours() -> None:
    made = moved(triage(priority="urgent"), "completed", *TAKEN)
    new = made.writes[1].resource
    assert (new["priority"], new["restriction"]["period"]["end"]) == ("urgent", TONIGHT)
    assert [each.due.isoformat(timespec="milliseconds") for each in made.timers] == [TONIGHT]


def test_what_is_not_said_is_not_asked_with() -> None:
    """Without a pathway in force none is recorded; a lead that is proposed is told, and so is who decided."""
    lead_, more = output("lead", valueReference=ref(CAL)), {"suggested": Suggested("eligible")}
    made = moved(triage(priority=None, input=[DATASET_ONLY]), "completed", *TAKEN, lead_, BY_SEN, more=more)
    assert made.writes[0].resource["output"] == triage("completed", *TAKEN, lead_, BY_SEN)["output"]
    new = made.writes[1].resource
    assert new["requester"] == ref(SEN)
    assert new["input"] == [DATASET_ONLY, *said("allocated", "eligible", pathway="", receiver=CRISIS, lead=CAL)]
    assert "priority" not in new


DATASET_ONLY = triage()["input"][0]
REDIRECTION = "The referral was not taken on: another service is signposted to, for the reasons in the response."


@pytest.mark.parametrize("user", [ANN, ""])
def test_e4_a_redirect_ends_the_referral_and_tells_the_referrer(user: str) -> None:
    """By the user who is signed in, or else by the agency."""
    made = moved(triage(suggests="outside-scope"), "completed", *AWAY, BY_ANN, user=user)
    done = {**triage("completed", *AWAY, BY_ANN, UNDER, suggests="outside-scope"), "lastModified": NOW}
    message = outcome_told("new-1", REDIRECTION, "ServiceRequest/r", "QuestionnaireResponse/away", sender=user or TRUST)
    assert made == Outcome(
        (Staged(done), Staged(request("revoked")), Staged(message, created=True, custodian=TRUST)),
        cancelled=("TIM-14:Task/triage",),
        notices=(told(HOUSING, "Task/triage"),),
        audits=(fact("triage-redirected", "Task/triage", user=user),),
    )


@pytest.mark.parametrize(
    ("acted", "suggests", "tagged"),
    [("urgent", "eligible", True), ("eligible", "outside-scope", True), ("eligible", "eligible", False), ("urgent", "", False)],
)
def test_e4_a_decision_unlike_the_suggestion_is_tagged_on_task_and_referral(acted: str, suggests: str, tagged: bool) -> None:
    """Where no suggestion was made a person decides, and there is nothing to be unlike."""
    made = moved(triage(suggests=suggests), "completed", ALLOCATED, threshold(acted), RATIONALE, TO_CRISIS)
    tags = [each.resource.get("meta") for each in made.writes]
    assert tags == ([TAGGED, TAGGED, None] if tagged else [None, None])
    assert [each for each in made.writes if each.resource["resourceType"] == "ServiceRequest"] == (
        [Staged(request(meta=TAGGED))] if tagged else []
    )


def test_e4_a_redirect_unlike_the_suggestion_is_tagged_once() -> None:
    """Other tags stay, and the tag is not set twice."""
    other = {"versionId": "2", "tag": [{"system": "urn:t", "code": "x"}]}
    both = {"versionId": "2", "tag": [*other["tag"], *TAGGED["tag"]]}
    made = moved(triage(meta=TAGGED), "completed", *AWAY, more={"referral": request(meta=other)})
    assert made.writes[0].resource["meta"] == TAGGED
    assert made.writes[1].resource == request("revoked", meta=both)


@pytest.mark.parametrize(("priority", "by", "due"), [("routine", MONDAYS, MONDAY), ("urgent", TONIGHT, None)])
def test_e4_a_borderline_decision_waits_for_the_senior(priority: str, by: str, due: Any) -> None:
    """TIM-14: within the time of a triage; nobody else is asked, and nothing is disclosed."""
    outputs = [ALLOCATED, threshold("borderline"), RATIONALE, TO_CRISIS]
    made = moved(triage("received", suggests="borderline", priority=priority), "completed", *outputs)
    done = {
        **triage("completed", *outputs, BY_ANN, UNDER, suggests="borderline", priority=priority),
        "lastModified": NOW,
        "businessStatus": waits("awaiting-approval"),
    }
    wanted = task(
        "approve",
        "requested",
        id="new-1",
        priority=priority,
        focus=ref("Task/triage"),
        partOf=[ref("Task/triage")],
        authoredOn=NOW,
        lastModified=NOW,
        requester=ref(ANN),
        owner=ref(SEN),
        restriction={"period": {"start": NOW, "end": by}},
        input=said("allocated", "borderline", receiver=CRISIS),
    )
    at = due or made.timers[0].due
    assert at.isoformat(timespec="milliseconds") == by
    assert made == Outcome(
        (Staged(done), Staged(wanted, created=True, custodian=TRUST)),
        timers=(Timer("TIM-14:Task/new-1", "TIM-14", at, "Task/new-1"),),
        cancelled=("TIM-14:Task/triage",),
        notices=(told(HOUSING, "Task/triage"), told(TRUST, "Task/new-1")),
        audits=(fact("triage-borderline", "Task/triage"),),
    )


def test_e4_what_is_acted_on_as_borderline_against_the_suggestion_waits_and_is_tagged() -> None:
    made = moved(triage(), "completed", ALLOCATED, threshold("borderline"), RATIONALE, TO_CRISIS)
    assert made.writes[0].resource["meta"] == TAGGED
    assert made.writes[1] == Staged(request(meta=TAGGED))
    assert made.writes[2].resource["code"] == concept(TASK_CODE, "approve")


def test_e4_a_borderline_suggestion_that_is_overridden_waits_for_nobody_and_is_tagged() -> None:
    made = moved(triage(suggests="borderline"), "completed", *TAKEN)
    assert made.writes[2].resource["code"] == concept(TASK_CODE, "allocation")
    assert made.writes[0].resource["meta"] == TAGGED
    assert made.writes[1] == Staged(request(meta=TAGGED))


def test_a_refusal_of_a_decision_names_all_that_it_lacks() -> None:
    found = moved(triage(suggests="borderline"), "completed", user="", more={"referral": request("revoked"), "senior": ""})
    assert [each.rule for each in found.issues] == ["E4", "TRI-1", "TRI-1", "TRI-1", "E4"]


# Repeats, and moves that are not made.


def test_hov_5_a_decision_that_is_sent_again_is_answered_again() -> None:
    """Though it lacks what the service added to it."""
    made = moved(triage(suggests="borderline"), "completed", *TAKEN).writes[0].resource
    again = moved(made, "completed", output=triage("completed", *TAKEN, suggests="borderline")["output"], businessStatus=None)
    assert again == Repeat(made)


def test_hov_5_another_decision_is_no_repeat() -> None:
    made = moved(triage(), "completed", *TAKEN).writes[0].resource
    found = moved(made, "completed", output=[*made["output"], REDIRECTED])
    assert found.issues[0].text == (
        "A `triage` Task that is `completed` cannot be made `completed` with this change by the owner: "
        "from here this side makes no move."
    )
    assert isinstance(moved(triage("received", RATIONALE), "received", REDIRECTED), Outcome)


def test_hov_1_a_triage_stays_with_its_front_door() -> None:
    found = moved(triage(), "received", owner=ref(CRISIS))
    assert [(each.expression, each.rule) for each in found.issues] == [("Task.owner", "E4")]


@pytest.mark.parametrize("end", ["rejected", "cancelled", "failed", "accepted", "on-hold", "entered-in-error", "requested"])
def test_hov_1_a_triage_ends_in_a_decision_and_in_no_other_way(end: str) -> None:
    found = moved(triage(), end, statusReason=concept("urn:s", "x"))
    ends = "`in-progress`, `completed`"
    text = f"A `triage` Task that is `received` cannot be made `{end}` by the owner: from here it makes it {ends}."
    assert found == refusal((text, "Task.status", "E4"))


def test_the_referrer_does_not_decide() -> None:
    found = moved(triage(), "completed", *TAKEN, agency=HOUSING, user=HAL)
    assert found.issues[0].text.startswith("A `triage` Task that is `received` cannot be made `completed` by the requester")


# The triage that is open again.


def test_a_reopened_triage_has_no_decision_and_keeps_its_suggestion_and_inputs() -> None:
    lead_ = output("lead", valueReference=ref(CAL))
    free = output("kept", valueString="x")
    done = triage("completed", *TAKEN, lead_, REDIRECT, BY_ANN, UNDER, free, businessStatus=waits("awaiting-approval"))
    found = situation(None, {}, triage=done)
    assert effects.reopened(found) == {**triage("received", free), "lastModified": NOW}
    assert effects.reopened(replace(found, triage=triage("completed", *TAKEN, output=TAKEN))) == {
        **triage("received", output=None), "lastModified": NOW,
    }  # fmt: skip


@pytest.mark.parametrize(("status", "goes"), [("awaiting-information", True), ("awaiting-approval", True), ("overdue", False)])
def test_a_decision_ends_the_waiting_and_nothing_else(status: str, goes: bool) -> None:
    made = moved(triage(businessStatus=waits(status)), "completed", *TAKEN)
    assert ("businessStatus" not in made.writes[0].resource) is goes
