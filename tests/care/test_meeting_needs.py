"""What stands in the way of holding and closing a meeting, word for word (E1, E7, E13, MTG-1, MTG-2, MTG-5, TIM-16, TRI-1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.care.meeting import needs
from service.care.ownership.role import Lead
from service.change import Resource
from service.fhir.canonical import CADENCE, GRACE, MEETING_TYPE, REQUIRED_ROLE
from service.fhir.coding import concept
from service.fhir.date import due
from service.problem import Issue
from tests.care.front_door import CAL, CRISIS, lead
from tests.care.sitting import (
    BOTH,
    PLAN,
    R,
    attendee,
    case,
    decision,
    encounter,
    entry,
    heard,
    issues,
    measure,
    meeting,
    participant,
    reviewed,
)
from tests.care.small import AUCKLAND
from tests.care.told import ANN, HAL, HOUSING, TRUST

NAMED = f"`{R}`"
CLOSING = "Encounter.status"
KINDS = ("allocated", "redirected", "deferred", "actions", "no-action")


def lacks(kind: str = "actions", *, held: str = "mdt", said: dict[str, Any] | None = None, **more: Any) -> Any:
    """The issues of a case that otherwise lacks nothing."""
    return needs.decided(meeting(held), case(kind, said=said, **more))


# A sound meeting.


def test_e1_a_meeting_that_lacks_nothing_is_sound() -> None:
    assert needs.sound(meeting()) == ()
    assert needs.sound(meeting(attendees=())) == ()


@pytest.mark.parametrize("kept", [{"provider": HOUSING}, {"keeper": HOUSING}, {"keeper": "", "provider": ""}])
def test_e1_a_meeting_is_kept_by_the_agency_that_provides_it(kept: dict[str, Any]) -> None:
    text = "A meeting is kept by the agency that provides it: set `serviceProvider` to your Organization."
    assert needs.sound(meeting(**kept)) == issues((text, "Encounter.serviceProvider", "E1"))


PERSONAL = ("subject", "episodeOfCare", "basedOn", "appointment", "reasonReference", "diagnosis", "account", "partOf")


@pytest.mark.parametrize("members", [*((each,) for each in PERSONAL), PERSONAL])
def test_e1_a_meeting_names_no_person(members: tuple[str, ...]) -> None:
    """Nor what leads to one."""
    text = "A meeting names no person; who is talked about stands on its agenda: leave `{}` out."
    found = meeting(after={**encounter(), **{each: [{"reference": "Patient/p"}] for each in members}})
    expected = issues(*((text.format(each), f"Encounter.{each}", "E1") for each in members))
    assert needs.sound(found) == needs.of_nobody(found) == expected


def test_e1_a_meeting_is_of_one_kind() -> None:
    text = "A meeting is of one kind: give `type` one coding of `meeting-type`."
    two = encounter(type=[concept(MEETING_TYPE, "mdt"), concept(MEETING_TYPE, "risk-forum")])
    assert needs.sound(meeting(after=two)) == issues((text, "Encounter.type", "E1"))
    assert needs.sound(meeting("")) == issues((text, "Encounter.type", "E1"))


@pytest.mark.parametrize("chairs", [(), (participant(ANN, "chair"), participant(HAL, "chair"))])
def test_e1_a_meeting_has_one_chair(chairs: tuple[Resource, ...]) -> None:
    text = "A meeting has one chair: give one participant the type `chair`."
    assert needs.sound(meeting(after=encounter(participant=[*chairs]))) == issues((text, "Encounter.participant", "E1"))


def test_e1_the_chair_does_not_send_apologies() -> None:
    away = meeting(after=encounter(participant=[participant(ANN, "chair", "apologies")]))
    text = "The chair cannot send apologies: name another chair."
    assert needs.sound(away) == issues((text, "Encounter.participant.type", "E1"))


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        (Lead(), "it is not a PractitionerRole that this service knows"),
        (lead("ann", TRUST, active=False), "the PractitionerRole is not active"),
        (lead("ann", TRUST, period={"end": "2026-10-22"}), "the PractitionerRole's period does not cover this instant"),
        (lead("ann", TRUST, period={"end": "2026-10-23"}), ""),
    ],
)
def test_e1_the_chair_is_an_active_role(known: Lead, fault: str) -> None:
    text = f"`{ANN}` cannot chair: {fault}. Name an active PractitionerRole."
    found = needs.sound(meeting(chair=known))
    assert found == (issues((text, "Encounter.participant.individual", "E1")) if fault else ())


def test_e1_the_role_of_a_chair_ends_with_its_day_where_the_service_is() -> None:
    """At 14:30 in London it is Saturday in Auckland."""
    last = lead("ann", TRUST, period={"end": "2026-10-23"})
    assert needs.sound(meeting(chair=last, zone=AUCKLAND)) != ()


@pytest.mark.parametrize(
    ("who", "named"),
    [
        (attendee("PractitionerRole/who", ""), "PractitionerRole/who"),
        (attendee("Practitioner/hal", HOUSING), "Practitioner/hal"),
        (attendee("", ""), "nobody"),
    ],
)
def test_e1_who_takes_part_is_known_here(who: Any, named: str) -> None:
    """And refused in their place."""
    text = f"`{named}` is no PractitionerRole that is known here: name who takes part by their role at an agency."
    assert needs.sound(meeting(attendees=(*BOTH, who))) == issues((text, "Encounter.participant[2].individual", "E1"))


def test_mtg_1_a_meeting_is_of_a_forum_of_its_own() -> None:
    assert needs.sound(meeting(forum_fault="No forum.")) == issues(("No forum.", "Encounter.extension", "MTG-1"))


def test_all_that_is_unsound_is_named_at_once() -> None:
    found = meeting(provider=HOUSING, after=encounter(participant=[]), attendees=(attendee("", ""),), forum_fault="No forum.")
    assert [each.expression for each in needs.sound(found)] == [
        "Encounter.serviceProvider", "Encounter.participant", "Encounter.participant[0].individual", "Encounter.extension",
    ]  # fmt: skip


# Who closes it.


@pytest.mark.parametrize(
    ("who", "holds"),
    [
        (attendee(ANN, TRUST, "chair"), True),
        (attendee(ANN, TRUST, "chair", came=False), False),
        (attendee(ANN, TRUST, "member"), False),
    ],
)
def test_mtg_2_a_meeting_ends_only_when_its_chair_attended(who: Any, holds: bool) -> None:
    text = "A meeting ends only when its chair attended: record it in the chair's `participant.period`."
    found = needs.present(meeting(attendees=(attendee(HAL, HOUSING), who)))
    assert found == (() if holds else issues((text, "Encounter.participant.period", "MTG-2")))


@pytest.mark.parametrize(("agency", "chairs", "holds"), [(TRUST, TRUST, True), (HOUSING, TRUST, False), ("", "", False)])
def test_e1_a_meeting_is_closed_by_its_chair_s_agency(agency: str, chairs: str, holds: bool) -> None:
    text = "A meeting is closed by its chair's agency."
    found = needs.by_its_chair(meeting(agency=agency, chair_agency=chairs))
    assert found == (() if holds else issues((text, "Encounter.status", "E1")))


# MTG-2: whom its forum needs.

FORUM: Resource = {
    "extension": [
        {"url": REQUIRED_ROLE, "valueCode": "nhs"},
        {"url": REQUIRED_ROLE, "valueCodeableConcept": {"coding": [{"system": "urn:r", "code": "nurse"}, {"code": "doctor"}]}},
        {"url": REQUIRED_ROLE, "valueCode": "housing"},
    ]
}
NURSE = "urn:r|nurse"


def missing(*attendees: Any) -> tuple[str, ...]:
    return needs.missing(meeting(attendees=attendees, forum=FORUM))


def test_mtg_2_a_meeting_of_no_forum_needs_nobody() -> None:
    assert needs.missing(meeting()) == ()


def test_mtg_2_whoever_is_needed_and_did_not_come_is_missing() -> None:
    """Any of a concept's codes will do."""
    both = attendee(ANN, TRUST, skills=("nhs", "doctor"))
    assert missing() == ("doctor/urn:r|nurse", "housing", "nhs")
    assert missing(both) == ("housing",)
    assert missing(both, attendee(HAL, HOUSING, skills=("housing",), came=False)) == ("housing",)
    assert missing(both, attendee(HAL, HOUSING, skills=("housing",))) == ()


HEL = "PractitionerRole/hel"


@pytest.mark.parametrize(
    ("parts", "away", "lacking"),
    [
        (("delegate",), attendee(HEL, HOUSING, "apologies", came=False, skills=(NURSE, "housing")), ()),
        (("member",), attendee(HEL, HOUSING, "apologies", came=False, skills=(NURSE, "housing")), ("doctor/urn:r|nurse",)),
        (("delegate",), attendee(HEL, HOUSING, "member", came=False, skills=(NURSE,)), ("doctor/urn:r|nurse",)),
        (("delegate",), attendee(HEL, CRISIS, "apologies", came=False, skills=(NURSE,)), ("doctor/urn:r|nurse",)),
    ],
)
def test_mtg_2_a_delegate_stands_for_whoever_of_their_agency_sent_apologies(
    parts: tuple[str, ...], away: Any, lacking: tuple[str, ...]
) -> None:
    """With what they have themselves."""
    hal = attendee(HAL, HOUSING, *parts, skills=("housing",))
    assert missing(attendee(ANN, TRUST, skills=("nhs",)), hal, away) == lacking


# A forum.

RARE = "A forum is held at least every ten years, and at most every hour: write its cadence so."
LATER = "The grace of a forum is a time of at most ten years."
UNCODED = "Whom a forum needs is told by a code, which those who attend have: add one to each `required-role`."
PLACE = "HealthcareService.extension"


def registered(*extensions: Resource) -> Any:
    return needs.registered({"extension": [*extensions]})


def test_mtg_1_a_forum_that_says_nothing_is_registered() -> None:
    assert registered() == ()
    weekly = {"url": CADENCE, "valueTiming": {"repeat": {"period": 7, "periodUnit": "d"}}}
    assert registered(weekly, {"url": GRACE, "valueDuration": {"value": 1, "code": "d"}}, *FORUM["extension"]) == ()


def test_mtg_1_how_often_a_forum_is_held_can_be_told() -> None:
    assert registered({"url": CADENCE}) == issues((RARE, PLACE, "MTG-1"))
    assert registered({"url": GRACE}) == issues((LATER, PLACE, "MTG-1"))


def test_mtg_2_whom_a_forum_needs_can_be_told() -> None:
    said = {"url": REQUIRED_ROLE, "valueCodeableConcept": {"text": "A nurse"}}
    assert registered(*FORUM["extension"], said) == issues((UNCODED, PLACE, "MTG-2"))
    assert registered(said, {"url": GRACE}, {"url": CADENCE}) == issues(
        (RARE, PLACE, "MTG-1"), (LATER, PLACE, "MTG-1"), (UNCODED, PLACE, "MTG-2")
    )


# Every entry is decided.


@pytest.mark.parametrize("kind", KINDS)
def test_e1_a_decision_with_all_that_its_kind_needs_lacks_nothing(kind: str) -> None:
    assert lacks(kind) == ()


def test_e1_every_entry_has_a_decision() -> None:
    kinds = "`allocated`, `redirected`, `deferred`, `actions`, `no-action`"
    text = f"{NAMED} on the agenda has no decision: decide {kinds}, with the rationale."
    assert lacks(decisions=()) == issues((text, CLOSING, "E1"))


def test_e1_an_entry_has_one_decision() -> None:
    text = f"{NAMED} has more than one decision: give one."
    assert lacks(decisions=(decision(), decision())) == issues((text, CLOSING, "E1"))


def test_e1_a_decision_is_of_a_known_kind() -> None:
    kinds = "`allocated`, `redirected`, `deferred`, `actions`, `no-action`"
    assert lacks("later") == issues((f"The decision about {NAMED} is one of {kinds}.", CLOSING, "E1"))


def test_e1_a_decision_gives_its_reason() -> None:
    text = f"The decision about {NAMED} gives its reason: add `rationale`."
    assert lacks(said={"rationale": ""}) == issues((text, CLOSING, "E1"))


def test_tim_11_what_is_agreed_is_a_task() -> None:
    text = f"The decision `actions` about {NAMED} has none: give each with `description`, `owner` and `due`."
    assert lacks(actions=()) == issues((text, CLOSING, "TIM-11"))
    assert lacks("redirected", actions=()) == ()


DATED = [("deferred", "the date to which it is deferred"), ("no-action", "the date on which it is looked at again")]


@pytest.mark.parametrize(("kind", "what"), DATED)
@pytest.mark.parametrize("review", ["", "soon", "2026-02-30"])
def test_e1_what_is_put_off_has_a_date(kind: str, what: str, review: str) -> None:
    assert lacks(kind, said={"review": review}) == issues((f"`{kind}` about {NAMED} needs `review`: {what}.", CLOSING, "E1"))


@pytest.mark.parametrize("kind", ["deferred", "no-action"])
@pytest.mark.parametrize(
    ("review", "fits"),
    [("2026-10-22", False), ("2026-10-23", True), ("2026-11", True), ("2026-10-23T15:30", False), ("2026-10-23T15:31", True)],
)
def test_e1_the_date_is_ahead_where_the_service_is(kind: str, review: str, fits: bool) -> None:
    """It is 15:30 in London."""
    text = f"`review` of {NAMED} has passed: give a date that is ahead."
    assert lacks(kind, said={"review": review}) == (() if fits else issues((text, CLOSING, "E1")))


# TRI-1: an allocation.

WAITS = (f"{NAMED} waits for another agency's front door, which decides about it.", CLOSING, "TRI-1")


def test_tri_1_what_another_agency_triages_is_its_own_to_decide() -> None:
    assert lacks("redirected", triaged=False) == issues(WAITS)
    assert lacks("allocated", triaged=False) == issues(WAITS)
    assert lacks("redirected", triaged=False, referral=False) == ()
    assert lacks("allocated", triaged=False, plan=PLAN, leader=TRUST) == ()
    assert lacks("actions", triaged=False) == ()


@pytest.mark.parametrize(
    ("receiver", "live", "why"),
    [
        ("", True, "it names none"),
        (CRISIS, False, f"`{CRISIS}` is no Organization with a live sharing agreement"),
        (CAL, True, f"`{CAL}` is no Organization with a live sharing agreement"),
    ],
)
def test_tri_1_an_allocation_names_an_agency_with_an_agreement(receiver: str, live: bool, why: str) -> None:
    text = f"An allocation of {NAMED} names its `receiver`; {why}."
    assert lacks("allocated", said={"receiver": receiver, "lead": ""}, live=live) == issues((text, CLOSING, "TRI-1"))


def test_tri_1_an_allocation_proposes_nobody_or_somebody_who_can_lead() -> None:
    assert lacks("allocated", said={"lead": ""}, lead=Lead()) == ()


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        (Lead(), "it is not known here"),
        (lead(active=False), "the PractitionerRole is not active"),
        (lead("hal", HOUSING), "it is of another agency than the receiver"),
        (lead("hal", HOUSING, active=False), "the PractitionerRole is not active"),
        (lead(period={"end": "2026-10-22"}), "the PractitionerRole's period does not cover this instant"),
        (replace(lead(), practitioner=None), "the Practitioner that the PractitionerRole names is not known here"),
    ],
)
def test_tri_1_who_is_proposed_is_an_active_role_of_the_receiver(known: Lead, fault: str) -> None:
    text = f"`{CAL}` cannot be proposed to lead {NAMED}: {fault}. Propose an active role of the receiver, or none."
    assert lacks("allocated", lead=known) == issues((text, CLOSING, "TRI-1"))


def test_tri_1_who_is_proposed_is_active_where_the_service_is() -> None:
    last = case("allocated", lead=lead(period={"end": "2026-10-23"}))
    assert needs.decided(meeting(), last) == ()
    assert needs.decided(meeting(zone=AUCKLAND), last) != ()


def test_e1_a_plan_is_not_allocated_to_who_leads_it() -> None:
    text = f"`{CRISIS}` leads the plan of {NAMED} already: decide `actions`."
    assert lacks("allocated", plan=PLAN, leader=CRISIS) == issues((text, CLOSING, "E1"))
    assert lacks("allocated", plan=PLAN, leader=TRUST) == ()
    assert lacks("allocated", leader=CRISIS) == ()


def test_e1_nobody_leads_a_plan_already_who_is_not_named() -> None:
    """A plan without a known author, and an allocation to nobody: the receiver alone is missing."""
    found = lacks("allocated", said={"receiver": "", "lead": ""}, plan=PLAN, leader="")
    assert [each.rule for each in found] == ["TRI-1"]


def test_tri_1_an_allocation_has_a_referral_or_a_plan_to_hand_over() -> None:
    text = f"{NAMED} is no open referral, and its person has no active plan to hand over: put the referral on the agenda."
    assert lacks("allocated", referral=False) == issues((text, CLOSING, "TRI-1"))
    assert lacks("allocated", referral=False, triaged=False) == issues((text, CLOSING, "TRI-1"))
    assert lacks("allocated", referral=False, plan=PLAN, leader=TRUST) == ()


def test_mtg_3_a_referral_is_allocated_once_at_a_time() -> None:
    text = f"{NAMED} has an open allocation, `Task/a`: wait for its answer, or withdraw it first."
    assert lacks("allocated", triaged=False, allocated="Task/a") == (Issue("duplicate", text, CLOSING, "MTG-3"),)
    assert lacks("allocated", allocated="Task/a") == ()
    assert lacks("redirected", triaged=False, allocated="Task/a") == issues(WAITS)


def test_tri_1_all_that_an_allocation_lacks_is_named_at_once() -> None:
    found = lacks("allocated", said={"receiver": CAL, "rationale": ""}, live=False, lead=Lead(), triaged=False)
    assert [each.rule for each in found] == ["E1", "TRI-1", "TRI-1", "TRI-1"]


def test_no_kind_of_meeting_asks_for_what_another_does() -> None:
    bare = reviewed(leader="", answered={}, agencies=(TRUST,))
    assert all(needs.decided(meeting(kind), bare) == () for kind in ("mdt", "shared-planning", "governance"))


def test_a_review_is_read_where_the_service_is() -> None:
    assert due("2026-10-23", meeting(zone=AUCKLAND).zone) != due("2026-10-23", meeting().zone)
    passed = case("deferred", said={"review": "2026-10-23"}, entry=entry())
    assert needs.decided(meeting(zone=AUCKLAND), passed) != ()


def test_what_is_asked_besides_comes_last() -> None:
    """E13: after what the decision itself lacks."""
    found = needs.decided(meeting("risk-forum"), heard(said={"rationale": "", **measure(duration=None)}, consistent=False))
    assert [each.rule for each in found] == ["E1", "E13", "MTG-5"]
