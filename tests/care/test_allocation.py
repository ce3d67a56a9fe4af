"""Allocation (TRI-1): nobody has the person until an agency has accepted; one that does not says what should happen instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.care.ownership.role import Lead
from service.care.referral import effects, needs
from service.care.referral.referral import goals, goals_by, referred
from service.care.referral.table import ALLOCATION
from service.care.task.authority import Authority
from service.care.task.machine import Move
from service.care.task.situation import Outcome, Repeat, Staged
from service.care.task.timers import Calendar
from service.change import Timer
from tests.care.front_door import (
    BY_ANN,
    CAL,
    CRISIS,
    INSTEAD,
    REASON,
    TAGGED,
    TAKEN,
    TONIGHT,
    UNDER,
    allocation,
    fact,
    issues,
    lead,
    moved,
    outcome_told,
    output,
    ref,
    refusal,
    request,
    situation,
    told,
    triage,
)
from tests.care.small import AUCKLAND
from tests.care.told import ANN, HOUSING, MONDAY, NOW, TRUST

OUT = "Task.output"
OPEN = ("requested", "received")
LEAD = output("lead", valueReference=ref(CAL))
UNNAMED = ("Acceptance names one lead: set output `lead` (or `owner`) to a PractitionerRole of your agency.", OUT, "TRI-1")
ENDED = ("Nothing is to be decided any more: the referral has ended meanwhile; read it again.", "Task.focus", "E4")
NO_REASON = ("This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1")
NO_OTHER = ("A rejection says what should happen instead: add output `alternative`.", OUT, "TRI-1")
DONE = triage("completed", *TAKEN, BY_ANN, UNDER)


def answered(start: str, end: str, *outputs: Any, agency: str = CRISIS, user: str = CAL, more: Any = None, **members: Any) -> Any:
    found = {"triage": DONE, **(more or {})}
    return moved(allocation(start), end, *outputs, agency=agency, user=user, more=found, **members)


def accepting(need: Any, *outputs: Any, members: Any = None, **more: Any) -> Any:
    """The issues of a need in an allocation that is accepted."""
    return need(situation(allocation(), allocation("accepted", *outputs, **(members or {})), CRISIS, CAL, **more))


def test_the_table_of_an_allocation_row_by_row() -> None:
    accepts = ("still_open", "named_lead", "aims", "permitted")
    assert (
        Move("requested", "received", ("owner",)),
        *(Move(start, "accepted", ("owner",), accepts, effect="accept", frees=("owner",)) for start in OPEN),
        *(Move(start, "rejected", ("owner",), ("reason", "alternative"), effect="decline") for start in OPEN),
        *(Move(start, "cancelled", ("requester",), ("reason",), effect="withdraw") for start in OPEN),
        Move("accepted", "completed", ("owner",)),
    ) == ALLOCATION


# What an acceptance asks for.


def test_tri_1_who_accepts_names_one_lead() -> None:
    """By output `lead`, or as the owner."""
    assert accepting(needs.named_lead) == issues(UNNAMED)
    assert accepting(needs.named_lead, LEAD) == ()
    assert accepting(needs.named_lead, members={"owner": ref(CAL)}) == ()
    assert accepting(needs.named_lead, output("lead", valueReference=ref(CRISIS))) == issues(UNNAMED)


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        (Lead(), "it is not known here"),
        (lead(active=False), "the PractitionerRole is not active"),
        (lead("ann", TRUST), "it is of another agency"),
        (replace(lead(), practitioner=None), "the Practitioner that the PractitionerRole names is not known here"),
        (lead(period={"end": "2026-10-22"}), "the PractitionerRole's period does not cover this instant"),
        (lead(period={"end": "2026-10-23"}), ""),
        (lead(period={"start": "2026-10-24"}), "the PractitionerRole's period does not cover this instant"),
    ],
)
def test_tri_1_the_lead_is_an_active_role_of_the_agency_that_accepts(known: Lead, fault: str) -> None:
    text = (f"`{CAL}` cannot lead: {fault}. Name an active PractitionerRole of your agency.", OUT, "TRI-1")
    assert accepting(needs.named_lead, LEAD, lead=known) == (issues(text) if fault else ())


def test_tri_1_a_role_ends_with_its_day_where_the_service_is() -> None:
    """At 14:30 in London it is Saturday in Auckland."""
    last = lead(period={"end": "2026-10-23"})
    assert accepting(needs.named_lead, LEAD, lead=last, calendar=Calendar(zone=AUCKLAND)) != ()


def test_tri_1_owner_and_lead_are_the_same() -> None:
    text = f"`{CAL}` cannot lead: `owner` says `PractitionerRole/cat`. Name an active PractitionerRole of your agency."
    members = {"owner": ref("PractitionerRole/cat")}
    assert accepting(needs.named_lead, LEAD, members=members) == issues((text, OUT, "TRI-1"))
    assert accepting(needs.named_lead, LEAD, members={"owner": ref(CAL)}) == ()


def goal(to: str) -> Any:
    return output("goal", valueReference=ref(to))


def test_out_1_goals_are_the_persons() -> None:
    """Each that is not is named."""
    text = "`{}` is no Goal of this person that you may see: write it first, or give `goals-by`."
    given = [goal("Goal/a"), goal("Goal/b"), goal("Goal/c")]
    assert accepting(needs.aims, *given, goals=frozenset({"Goal/b"})) == issues(
        (text.format("Goal/a"), OUT, "OUT-1"), (text.format("Goal/c"), OUT, "OUT-1")
    )
    assert accepting(needs.aims, *given, goals=frozenset({"Goal/a", "Goal/b", "Goal/c"})) == ()
    assert accepting(needs.aims) == ()


@pytest.mark.parametrize(
    ("by", "ahead"),
    [
        ("2026-10-22", False),
        ("2026-10-23", True),
        ("2026-10-24", True),
        ("2026-10", True),
        ("2026-09", False),
        ("2026", True),
        ("2025", False),
        ("soon", False),
    ],
)
def test_out_1_goals_are_agreed_by_a_date_that_is_ahead(by: str, ahead: bool) -> None:
    """Today is still ahead, and so is this month."""
    text = f"`{by}` is no date ahead: set output `goals-by` to the date by which the goals are agreed."
    assert accepting(needs.aims, output("goals-by", valueDate=by)) == (() if ahead else issues((text, OUT, "OUT-1")))


@pytest.mark.parametrize(
    ("at", "holds"),
    [("2026-10-23T22:59:59.999", True), ("2026-10-23T23:00:00", False), ("2026-10-23T11:00:00", True)],
)
def test_out_1_a_day_ends_at_the_localitys_midnight(at: str, holds: bool) -> None:
    """In October London's midnight is 23:00 UTC."""
    found = situation(allocation(), allocation("accepted", output("goals-by", valueDate="2026-10-23")), CRISIS, CAL)
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert (needs.aims(replace(found, at=now)) == ()) is holds
    auckland = replace(found, at=now - timedelta(hours=12), calendar=Calendar(zone=AUCKLAND))
    assert (needs.aims(auckland) == ()) is holds


def test_out_1_a_refusal_names_goals_and_date() -> None:
    found = accepting(needs.aims, goal("Goal/a"), output("goals-by", valueDate="2020"))
    assert [each.rule for each in found] == ["OUT-1", "OUT-1"]


def test_out_1_what_is_no_goal_is_not_read_as_one() -> None:
    task = allocation("accepted", output("goal", valueString="Sleep."), goal("Goal/a/_history/2"), LEAD)
    assert goals(task) == ("Goal/a",)
    assert (goals_by(task), goals_by(allocation("accepted", output("goals-by", valueDate="2027")))) == ("", "2027")
    assert referred(task) == "ServiceRequest/r"


def test_hov_8_the_authority_to_share_still_holds() -> None:
    text = ("The authority to share no longer holds: it was withdrawn.", "Task.input", "HOV-8")
    assert accepting(needs.permitted) == ()
    assert accepting(needs.permitted, authority=Authority(text="it was withdrawn")) == issues(text)


@pytest.mark.parametrize("start", OPEN)
def test_tri_1_a_refusal_of_an_acceptance_names_all_that_it_lacks(start: str) -> None:
    more = {"referral": request("revoked"), "authority": Authority()}
    found = answered(start, "accepted", output("goals-by", valueDate="2020"), more=more)
    assert [each.rule for each in found.issues] == ["E4", "TRI-1", "OUT-1", "HOV-8"]
    assert found.issues[:2] == issues(ENDED, UNNAMED)


# What an acceptance does.

TAKEN_ON = "The referral was accepted: an agency has taken the person on and leads the plan."


@pytest.mark.parametrize("start", OPEN)
@pytest.mark.parametrize("given", [{"owner": ref(CAL)}, {"output": [LEAD]}])
def test_tri_1_an_acceptance_completes_the_referral_and_tells_the_referrer(start: str, given: Any) -> None:
    """The lead owns the allocation from then on; the plan is written by the rules of ownership."""
    made = answered(start, "accepted", **given)
    done = {**allocation("accepted", *given.get("output", ())), "owner": ref(CAL), "lastModified": NOW}
    message = outcome_told("new-1", TAKEN_ON, "ServiceRequest/r", sender=CAL)
    assert made == Outcome(
        (Staged(done), Staged(request("completed")), Staged(message, created=True, custodian=CRISIS)),
        cancelled=("TIM-11:Task/allocation",),
        notices=(told(TRUST, "Task/allocation"),),
        audits=(fact("allocation-accepted", "Task/allocation", agency=CRISIS, user=CAL),),
    )


def test_an_acceptance_signposts_to_nobody() -> None:
    """Though somebody once prepared a redirect, and whatever the tags of the referral."""
    redirect = output("redirect", valueReference=ref("QuestionnaireResponse/away"))
    more = {"triage": triage("completed", *TAKEN, redirect), "referral": request(meta=TAGGED)}
    made = answered("requested", "accepted", LEAD, user="", more=more)
    assert made.writes[1].resource == request("completed", meta=TAGGED)
    assert made.writes[2].resource == outcome_told("new-1", TAKEN_ON, "ServiceRequest/r", sender=CRISIS)


@pytest.mark.parametrize("start", OPEN)
def test_tri_1_a_rejection_says_why_and_what_instead(start: str) -> None:
    assert answered(start, "rejected") == refusal(NO_REASON, NO_OTHER)
    assert answered(start, "rejected", INSTEAD) == refusal(NO_REASON)
    assert answered(start, "rejected", statusReason=REASON) == refusal(NO_OTHER)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([INSTEAD], True),
        ([output("alternative", valueReference=ref("Organization/community"))], True),
        ([output("alternative", valueString=" ")], False),
        ([output("alternative")], False),
        ([output("alternative"), INSTEAD], True),
        ([output("guidance", valueString="Elsewhere.")], False),
        ([], False),
    ],
)
def test_tri_1_a_blank_alternative_is_none(given: Any, says: bool) -> None:
    assert accepting(needs.alternative, *given) == (() if says else issues(NO_OTHER))


@pytest.mark.parametrize("start", OPEN)
def test_tri_1_a_rejection_opens_the_triage_again(start: str) -> None:
    """TIM-14: its clock starts anew."""
    made = answered(start, "rejected", INSTEAD, statusReason=REASON)
    done = {**allocation("rejected", INSTEAD, statusReason=REASON), "lastModified": NOW}
    assert made == Outcome(
        (Staged(done), Staged({**triage("received"), "lastModified": NOW})),
        timers=(Timer("TIM-14:Task/triage", "TIM-14", MONDAY, "Task/triage"),),
        cancelled=("TIM-11:Task/allocation",),
        notices=(told(TRUST, "Task/allocation"),),
        audits=(fact("allocation-rejected", "Task/allocation", agency=CRISIS, user=CAL),),
    )


@pytest.mark.parametrize("start", OPEN)
def test_tri_1_the_front_door_takes_an_allocation_back_with_a_reason(start: str) -> None:
    """Its triage is open again, and urgent as it was."""
    more = {"triage": {**DONE, "priority": "urgent"}}
    assert answered(start, "cancelled", agency=TRUST, user=ANN, more=more) == refusal(NO_REASON)
    made = answered(start, "cancelled", agency=TRUST, user=ANN, more=more, statusReason=REASON)
    done = {**allocation("cancelled", statusReason=REASON), "lastModified": NOW}
    due = datetime.fromisoformat(TONIGHT)
    assert made == Outcome(
        (Staged(done), Staged({**triage("received", priority="urgent"), "lastModified": NOW})),
        timers=(Timer("TIM-14:Task/triage", "TIM-14", due, "Task/triage"),),
        cancelled=("TIM-11:Task/allocation",),
        notices=(told(CRISIS, "Task/allocation"),),
        audits=(fact("allocation-cancelled", "Task/allocation"),),
    )


@pytest.mark.parametrize(("start", "end"), [("requested", "received"), ("accepted", "completed")])
def test_an_allocation_is_received_and_in_the_end_completed(start: str, end: str) -> None:
    event = fact(f"allocation-{end}", "Task/allocation", agency=CRISIS, user=CAL)
    stored = Staged({**allocation(end), "lastModified": NOW})
    assert answered(start, end) == Outcome((stored,), notices=(told(TRUST, "Task/allocation"),), audits=(event,))


def test_mtg_3_the_key_of_an_open_allocation_is_its_referrals() -> None:
    assert effects.open_key("ServiceRequest/r") == "rule:MTG-3:ServiceRequest/r"


# Repeats, and moves that are not made.


def test_hov_5_an_acceptance_that_is_sent_again_is_answered_again() -> None:
    """However it named its lead: the service made them the owner."""
    done = answered("requested", "accepted", LEAD).writes[0].resource
    assert moved(done, "accepted", agency=CRISIS, user=CAL, owner=ref(CRISIS)) == Repeat(done)
    assert moved(done, "accepted", agency=CRISIS, user=CAL, output=None) == Repeat(done)
    other = {**done, "output": [], "owner": ref("PractitionerRole/cat")}
    assert not isinstance(moved(done, "accepted", agency=CRISIS, user=CAL, **other), Repeat)


def test_hov_5_a_move_is_no_repeat() -> None:
    assert isinstance(answered("requested", "received"), Outcome)
    assert isinstance(answered("received", "received"), Repeat)


@pytest.mark.parametrize("end", ["completed", "in-progress", "failed", "on-hold", "draft", "entered-in-error"])
def test_hov_1_an_allocation_moves_in_no_other_way(end: str) -> None:
    text = f"An `allocation` Task that is `requested` cannot be made `{end}` by the owner: "
    ends = "from here it makes it `received`, `accepted`, `rejected`."
    assert answered("requested", end, LEAD, INSTEAD, statusReason=REASON) == refusal((text + ends, "Task.status", "E4"))


@pytest.mark.parametrize(("end", "agency"), [("accepted", TRUST), ("rejected", TRUST), ("cancelled", CRISIS)])
def test_hov_1_each_side_makes_its_own_moves(end: str, agency: str) -> None:
    found = answered("received", end, LEAD, INSTEAD, agency=agency, statusReason=REASON)
    assert [(each.expression, each.rule) for each in found.issues] == [("Task.status", "E4")]


@pytest.mark.parametrize("agency", [HOUSING, "Organization/stranger"])
def test_hov_11_for_any_other_agency_there_is_no_allocation(agency: str) -> None:
    """Not even for the one that sent the referral."""
    found = answered("received", "accepted", LEAD, agency=agency)
    assert [each.text for each in found.issues] == ["There is no such Task."]


@pytest.mark.parametrize("member", ["focus", "partOf", "input", "requester", "for"])
def test_hov_1_what_an_allocation_was_sent_with_stays(member: str) -> None:
    """Only the owner changes, when it is accepted."""
    left: Any = {member: None}
    found = answered("received", "accepted", LEAD, **left)
    assert [(each.expression, each.rule) for each in found.issues][:1] == [(f"Task.{member}", "E4")]


def test_hov_1_a_rejection_names_no_other_owner() -> None:
    found = answered("received", "rejected", INSTEAD, statusReason=REASON, owner=ref(CAL))
    assert [(each.expression, each.rule) for each in found.issues] == [("Task.owner", "E4")]
