"""Approval of a borderline decision (E4): by the front door's senior, who did not decide; or it comes back with guidance."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.referral import needs
from service.care.referral.table import APPROVE
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness
from service.care.task.machine import Move
from service.care.task.situation import Outcome, Repeat, Staged
from service.change import Timer
from tests.care.front_door import (
    ALLOCATED,
    AWAY,
    BY_ANN,
    BY_SEN,
    CRISIS,
    GUIDANCE,
    RATIONALE,
    REASON,
    SEN,
    TO_CRISIS,
    TONIGHT,
    UNDER,
    approval,
    asked,
    fact,
    issues,
    moved,
    outcome_told,
    output,
    ref,
    refusal,
    request,
    said,
    situation,
    threshold,
    told,
    triage,
    waits,
)
from tests.care.told import ANN, HAL, HOUSING, MONDAY, NOW, TRUST, TUESDAY

OPEN = ("requested", "received")
DECIDED = [ALLOCATED, threshold("borderline"), RATIONALE, TO_CRISIS, BY_ANN, UNDER]
SAME = ("Nobody decides and approves: another senior approves this.", "Task.output", "E4")
NOBODY = ("Say who decided: add output `decided-by`, a PractitionerRole of your agency, or sign in as one.", "Task.output", "E4")
ENDED = ("Nothing is to be decided any more: the referral has ended meanwhile; read it again.", "Task.focus", "E4")
BACK = "Until then refer the decision back, with output `guidance`."


def waiting(*outputs: Any, **members: Any) -> Any:
    """The triage that waits for its approval."""
    given = {"suggests": "borderline", "businessStatus": waits("awaiting-approval"), **members}
    return triage("completed", *(outputs or DECIDED), **given)


def approved(start: str, end: str, *outputs: Any, user: str = SEN, about: Any = None, more: Any = None, **members: Any) -> Any:
    return moved(approval(start), end, *outputs, user=user, more={"triage": about or waiting(), **(more or {})}, **members)


def test_the_table_of_approval_row_by_row() -> None:
    approves, back = ("still_open", "approver", "still_carried"), ("reason", "guidance", "approver")
    assert (
        Move("requested", "received", ("owner",)),
        *(Move(start, "completed", ("owner",), approves, effect="approve") for start in OPEN),
        *(Move(start, "rejected", ("owner",), back, effect="refer_back") for start in OPEN),
    ) == APPROVE


# What an approval asks for.


def approver(*outputs: Any, need: Any = needs.approver, user: str = SEN, about: Any = None, **more: Any) -> Any:
    made = situation(approval(), approval("completed", *outputs), user=user, triage=about or waiting(), **more)
    return need(made)


def test_e4_who_decided_does_not_approve() -> None:
    """Not even as the senior, and not by naming themselves."""
    assert approver() == ()
    assert approver(user=ANN) == issues(SAME)
    assert approver(BY_ANN) == issues(SAME)
    assert approver(about=waiting(ALLOCATED, BY_SEN)) == issues(SAME)


def test_e4_an_approval_is_somebodys_of_the_front_door() -> None:
    other = (f"`{HAL}` is not of the agency that decides: name a PractitionerRole of it.", "Task.output", "E4")
    assert approver(user="") == issues(NOBODY)
    assert approver(user="", about=waiting(ALLOCATED)) == issues(NOBODY)
    assert approver(output("decided-by", valueReference=ref(HAL)), decider=HOUSING) == issues(other)
    assert approver(BY_SEN, user="") == ()


def test_e4_only_a_senior_approves() -> None:
    """Whom the Task was made for, or who is the senior by now."""
    text = "`PractitionerRole/sam` is not the front door's senior, who alone approves: set output `decided-by` to them."
    assert approver(user="PractitionerRole/sam") == issues((text, "Task.output", "E4"))
    assert approver(user="PractitionerRole/sam", senior="PractitionerRole/sam") == ()
    assert approver(senior="PractitionerRole/sam") == ()


def test_e4_what_is_no_longer_to_be_carried_out_is_not_approved() -> None:
    """HOV-3: what was right when it was decided may have changed."""
    gone = f"`{CRISIS}` is no Organization with a live sharing agreement: set output `receiver` to one. {BACK}"
    denied = f"Sharing with `{CRISIS}` is not permitted: a Consent denies it. {BACK}"
    assert approver(need=needs.still_carried) == ()
    assert approver(need=needs.still_carried, live=False) == issues((gone, "Task.focus", "TRI-1"))
    assert approver(need=needs.still_carried, authority=Authority(text="a Consent denies it")) == issues(
        (denied, "Task.focus", "HOV-3")
    )
    lost = Completeness(fault="it is not here")
    text = f"A redirect is a response to the dataset `redirect`: it is not here. Set output `redirect` to it. {BACK}"
    assert approver(need=needs.still_carried, about=waiting(*AWAY), redirect=lost) == issues((text, "Task.focus", "E4"))


@pytest.mark.parametrize("start", OPEN)
def test_e4_a_refusal_of_an_approval_names_all_that_it_lacks(start: str) -> None:
    found = approved(start, "completed", user="", more={"referral": request("revoked"), "live": False})
    assert [each.expression for each in found.issues] == ["Task.focus", "Task.output", "Task.focus"]
    assert found.issues[:2] == issues(ENDED, NOBODY)


NO_GUIDANCE = ("A decision that is not approved comes back with output `guidance`.", "Task.output", "E4")
NO_REASON = ("This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1")


@pytest.mark.parametrize("start", OPEN)
def test_e4_a_decision_comes_back_with_a_reason_and_guidance(start: str) -> None:
    assert approved(start, "rejected", user=ANN) == refusal(NO_REASON, NO_GUIDANCE, SAME)
    assert approved(start, "rejected", GUIDANCE) == refusal(NO_REASON)
    assert approved(start, "rejected", statusReason=REASON) == refusal(NO_GUIDANCE)


@pytest.mark.parametrize(
    ("given", "says"),
    [([GUIDANCE], True), ([output("guidance", valueString=" ")], False), ([output("guidance")], False), ([RATIONALE], False),
     ([output("guidance"), GUIDANCE], True)],
)  # fmt: skip
def test_e4_blank_guidance_is_none(given: Any, says: bool) -> None:
    assert approver(*given, need=needs.guidance) == (() if says else issues(NO_GUIDANCE))


# What an approval does.


def test_the_senior_receives_an_approval() -> None:
    made = approved("requested", "received")
    stored = Staged({**approval("received"), "lastModified": NOW})
    event = fact("approve-received", "Task/approve", user=SEN)
    assert made == Outcome((stored,), notices=(told(TRUST, "Task/approve"),), audits=(event,))


@pytest.mark.parametrize("start", OPEN)
def test_e4_what_is_approved_is_carried_out_as_it_was_decided(start: str) -> None:
    """MTG-3: the allocation is asked by who decided, and holds the key of its referral."""
    made = approved(start, "completed")
    done = {**approval("completed", BY_SEN), "lastModified": NOW}
    open_ = {**waiting(businessStatus=None), "lastModified": NOW}
    new = asked("new-1", *said("allocated", "borderline", receiver=CRISIS))
    assert made == Outcome(
        (
            Staged(done),
            Staged(open_),
            Staged(new, created=True, custodian=HOUSING, keys=("rule:MTG-3:ServiceRequest/r",)),
        ),
        timers=(Timer("TIM-11:Task/new-1", "TIM-11", TUESDAY, "Task/new-1"),),
        cancelled=("TIM-14:Task/approve",),
        notices=(told(TRUST, "Task/approve"), told(CRISIS, "Task/new-1")),
        audits=(fact("triage-approved", "Task/approve", user=SEN),),
        disclosure=True,
    )


def test_tim_2_an_approved_allocation_is_due_by_the_priority_of_its_triage() -> None:
    made = approved("requested", "completed", about=waiting(priority="urgent"))
    assert made.writes[2].resource["restriction"]["period"]["end"] == TONIGHT


def test_e4_an_approved_redirect_ends_the_referral() -> None:
    """Who approved says so; that nothing was disclosed is no disclosure."""
    made = approved("requested", "completed", about=waiting(*AWAY, BY_ANN))
    text = "The referral was not taken on: another service is signposted to, for the reasons in the response."
    message = outcome_told("new-1", text, "ServiceRequest/r", "QuestionnaireResponse/away", sender=SEN)
    assert made.writes[2:] == (Staged(request("revoked")), Staged(message, created=True, custodian=TRUST))
    assert (made.timers, made.notices, made.disclosure) == ((), (told(TRUST, "Task/approve"),), False)


def test_an_approval_names_who_approved_and_no_pathway() -> None:
    made = approved("requested", "completed", BY_SEN, user="")
    assert made.writes[0].resource["output"] == [BY_SEN]


@pytest.mark.parametrize(("priority", "due"), [("routine", MONDAY), ("urgent", None)])
def test_e4_a_decision_that_comes_back_opens_its_triage_again(priority: str, due: Any) -> None:
    """TIM-14: the clock starts anew; the decision that did not stand is in the history alone."""
    made = approved("received", "rejected", GUIDANCE, statusReason=REASON, about=waiting(priority=priority))
    done = {**approval("rejected", GUIDANCE, BY_SEN, statusReason=REASON), "lastModified": NOW}
    again = {**triage("received", suggests="borderline", priority=priority), "lastModified": NOW}
    at = due or made.timers[0].due
    assert at.isoformat(timespec="milliseconds") == (TONIGHT if priority == "urgent" else "2026-10-26T15:30:00.000+00:00")
    assert made == Outcome(
        (Staged(done), Staged(again)),
        timers=(Timer("TIM-14:Task/triage", "TIM-14", at, "Task/triage"),),
        cancelled=("TIM-14:Task/approve",),
        notices=(told(TRUST, "Task/approve"),),
        audits=(fact("triage-not-approved", "Task/approve", user=SEN),),
    )


def test_what_a_triage_does_not_say_its_approval_does_not_say() -> None:
    made = moved(triage("received", priority=None), "completed", *DECIDED)
    assert made.writes[2].resource["code"] == approval()["code"]
    assert "priority" not in made.writes[2].resource


def test_e4_a_triage_without_a_word_is_open_again_without_one() -> None:
    """As a record may be that was written by hand."""
    made = approved("received", "rejected", GUIDANCE, statusReason=REASON, about=triage("completed", output=None))
    assert made.writes[1].resource == {**triage("received", output=None), "lastModified": NOW}


# Repeats, and moves that are not made.


def test_hov_5_an_approval_that_is_sent_again_is_answered_again() -> None:
    done = approved("requested", "completed").writes[0].resource
    assert moved(done, "completed", user=SEN, output=[]) == Repeat(done)
    assert moved(done, "completed", GUIDANCE, user=SEN) != Repeat(done)


@pytest.mark.parametrize("end", ["accepted", "in-progress", "cancelled", "failed", "on-hold", "entered-in-error"])
def test_hov_1_an_approval_moves_in_no_other_way(end: str) -> None:
    found = approved("requested", end, GUIDANCE, statusReason=REASON)
    side = "requester and owner"
    text = f"An `approve` Task that is `requested` cannot be made `{end}` by the {side}: "
    assert found == refusal((text + "from here it makes it `received`, `completed`, `rejected`.", "Task.status", "E4"))


def test_hov_1_an_approval_takes_no_further_output_while_it_waits() -> None:
    """It has no row for a note: what is said is said with the answer."""
    assert approved("received", "received", GUIDANCE).issues[0].expression == "Task.status"
