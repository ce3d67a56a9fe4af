"""What each move of a handover needs (HOV-1…HOV-8, OWN-3, OWN-8): which moves ask for it, and the refusal, word for word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.care.handover import needs
from service.care.handover.table import MACHINE
from service.care.ownership.role import Lead
from service.care.task import clarification
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness
from service.fhir.canonical import CRISIS_PLAN, LAWFUL_BASES, LAWFUL_BASIS, SNOMED, TASK_CODE
from service.fhir.coding import concept
from service.problem import Issue
from tests.care.changes import (
    CARE,
    CONSENT,
    DATASET,
    Change,
    accepting,
    given,
    planned,
    refused,
    scope,
    sending,
    with_,
    with_after,
)

UNKNOWN = (
    "`PractitionerRole/hal` cannot lead: it is not a PractitionerRole that this service knows. Name an active PractitionerRole."
)
SCOPES = "A part is declined beside what is accepted: add output `accepted-scope`, or reject."
REFUSALS: list[tuple[str, Change, tuple[Issue, ...]]] = [
    (
        "parties",
        with_after(code=concept(TASK_CODE, "abort")),
        refused("A handover has code `handover` and intent `order`: set both.", "Task.code", "HOV-1"),
    ),
    (
        "parties",
        with_after(intent="plan"),
        refused("A handover has code `handover` and intent `order`: set both.", "Task.code", "HOV-1"),
    ),
    (
        "parties",
        with_(plan=None),
        refused("A handover is about one CarePlan that is here: set `focus` to it.", "Task.focus", "HOV-1"),
    ),
    (
        "parties",
        with_after(focus={"reference": "CarePlan/other"}),
        refused("A handover is about one CarePlan that is here: set `focus` to it.", "Task.focus", "HOV-1"),
    ),
    (
        "parties",
        lambda world, situation: replace(
            situation,
            plan={**world.plan(), "resourceType": "Goal"},
            after={**situation.after, "focus": {"reference": "Goal/plan"}},
        ),
        refused("A handover is about one CarePlan that is here: set `focus` to it.", "Task.focus", "HOV-1"),
    ),
    (
        "parties",
        with_after(**{"for": {"reference": "Patient/other"}}),
        refused("A handover is for the person of its CarePlan: set `for` to the plan's subject.", "Task.for", "HOV-1"),
    ),
    (
        "parties",
        with_after(**{"for": None}),
        refused("A handover is for the person of its CarePlan: set `for` to the plan's subject.", "Task.for", "HOV-1"),
    ),
    (
        "parties",
        with_after(owner={"reference": "PractitionerRole/nobody"}),
        refused(
            "A handover goes to an Organization, HealthcareService or PractitionerRole that is registered here: set `owner`.",
            "Task.owner",
            "HOV-1",
        ),
    ),
    *(
        (
            "leads_plan",
            planned(status=status),
            refused("Only a CarePlan that has not ended can be handed over: write a new plan.", "Task.focus", "OWN-3"),
        )
        for status in ("completed", "revoked", "entered-in-error", None)
    ),
    (
        "leads_plan",
        lambda world, situation: replace(situation, plan=world.plan(category=[concept(SNOMED, CRISIS_PLAN)]), led=False),
        refused(
            "A crisis plan is handed over once it was active: have its agencies agree, and activate it first.", "Task.focus", "E9"
        ),
    ),
    (
        "leads_plan",
        with_(keeper="Organization/stranger"),
        refused("Only the agency that leads the CarePlan can hand it over.", "Task.focus", "OWN-3"),
    ),
    (
        "leads_plan",
        with_(keeper="", agency=""),
        refused("Only the agency that leads the CarePlan can hand it over.", "Task.focus", "OWN-3"),
    ),
    (
        "carriers",
        with_(unfit="`CareTeam/t` is over"),
        refused("The plan cannot be led yet: `CareTeam/t` is over.", "Task.focus", "OWN-8"),
    ),
    (
        "carriers",
        with_(nobody="Patient/p", unfit="`CareTeam/t` is over"),
        refused(
            "`Patient/p` is not known here: write their record first, and a plan that refers to that.", "Task.focus", "OWN-10"
        ),
    ),
    (
        "dataset",
        with_after(input=[CARE]),
        refused("A handover has exactly one input `minimum-dataset`, this has 0.", "Task.input", "HOV-2"),
    ),
    (
        "dataset",
        with_after(input=[DATASET, CARE, DATASET]),
        refused("A handover has exactly one input `minimum-dataset`, this has 2.", "Task.input", "HOV-2"),
    ),
    (
        "authority_input",
        with_after(input=[DATASET]),
        refused("A handover has exactly one input `sharing-authority`, this has 0.", "Task.input", "HOV-3"),
    ),
    (
        "authority_input",
        with_after(input=[CARE, CONSENT]),
        refused("A handover has exactly one input `sharing-authority`, this has 2.", "Task.input", "HOV-3"),
    ),
    (
        "authority_input",
        with_after(input=[given("sharing-authority", valueReference={"reference": "Task/1"})]),
        refused("The input `sharing-authority` is a Consent reference or a code of `lawful-basis`.", "Task.input", "HOV-3"),
    ),
    (
        "authority_input",
        with_after(input=[given("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "safeguarding", " "))]),
        refused("The lawful basis `safeguarding` needs its justification in `text`.", "Task.input", "HOV-3"),
    ),
    (
        "authority_input",
        with_after(input=[given("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "safeguarding"))]),
        refused("The lawful basis `safeguarding` needs its justification in `text`.", "Task.input", "HOV-3"),
    ),
    (
        "authority",
        with_(authority=Authority(False, "housing needs consent")),
        refused("Sharing with `Organization/housing` is not permitted: housing needs consent.", "Task.input", "HOV-3"),
    ),
    (
        "authority_still",
        with_(authority=Authority(False, "it was withdrawn")),
        refused(
            "The authority to share no longer holds: it was withdrawn. The requester replaces the input `sharing-authority`.",
            "Task.input",
            "HOV-8",
        ),
    ),
    (
        "accept_by",
        with_after(restriction=None),
        refused(
            "A handover says until when it is to be accepted: set `restriction.period.end`.",
            "Task.restriction.period.end",
            "HOV-1",
        ),
    ),
    (
        "accept_by",
        with_after(restriction={"period": {"end": "2026-10-23T14:30:00Z"}}),
        refused("The accept-by date has passed: set one that is ahead.", "Task.restriction.period.end", "HOV-1"),
    ),
    (
        "named_lead",
        with_after(owner={"reference": "Organization/housing"}),
        refused(
            "Acceptance names one lead: set `owner` (or output `lead`) to a PractitionerRole of your agency.",
            "Task.owner",
            "HOV-4",
        ),
    ),
    (
        "named_lead",
        with_(lead=Lead()),
        refused(
            UNKNOWN,
            "Task.owner",
            "OWN-1",
        ),
    ),
    (
        "named_lead",
        lambda world, situation: replace(situation, lead=world.lead("hel")),
        refused(
            UNKNOWN,
            "Task.owner",
            "OWN-1",
        ),
    ),
    (
        "named_lead",
        lambda world, situation: replace(situation, lead=world.lead("hal", world.stranger)),
        refused("`PractitionerRole/hal` does not act for the owner's agency: name one of its own.", "Task.owner", "HOV-4"),
    ),
    (
        "named_lead",
        with_after(
            owner={"reference": "HealthcareService/homes"},
            output=[
                {
                    "type": concept("https://baton.example/fhir/CodeSystem/task-output", "lead"),
                    "valueReference": {"reference": "PractitionerRole/hal"},
                }
            ],
        ),
        refused("`PractitionerRole/hal` does not act for the owner's agency: name one of its own.", "Task.owner", "HOV-4"),
    ),
    ("scope", with_after(output=[scope("declined-scope", "medication")]), refused(SCOPES, "Task.output", "HOV-6")),
    (
        "scope",
        with_after(
            output=[*(scope(kind, code) for kind in ("accepted-scope", "declined-scope") for code in ("medication", "housing"))]
        ),
        (
            *refused("Scope `housing` is both accepted and declined: keep one.", "Task.output", "HOV-6"),
            *refused("Scope `medication` is both accepted and declined: keep one.", "Task.output", "HOV-6"),
        ),
    ),
    *(
        (
            "still_led_by_sender",
            planned(status=status),
            refused("The plan has ended: reject the handover.", "Task.focus", "OWN-1"),
        )
        for status in ("completed", "revoked", "entered-in-error")
    ),
    ("still_led_by_sender", with_(plan=None), refused("The plan has ended: reject the handover.", "Task.focus", "OWN-1")),
    (
        "still_led_by_sender",
        with_(keeper="Organization/stranger"),
        refused("The plan is led by another agency by now.", "Task.focus", "OWN-3"),
    ),
    (
        "instead",
        with_after(statusReason=concept("urn:s", "x"), note=None),
        refused("A rejection says what should happen instead: add it as `statusReason.text`.", "Task.statusReason", "HOV-1"),
    ),
    (
        "instead",
        with_after(statusReason=None, note=[{"text": " "}]),
        refused("A rejection says what should happen instead: add it as `statusReason.text`.", "Task.statusReason", "HOV-1"),
    ),
    (
        "clarification",
        with_after(statusReason=None),
        refused("Say what information is awaited: add a `note`.", "Task.note", "HOV-1"),
    ),
    (
        "came_from",
        lambda world, situation: replace(
            situation, before=world.stored("on-hold", "received"), after={**situation.after, "status": "accepted"}
        ),
        refused("This Task is on hold from `received`: take it back to that status first.", "Task.status", "HOV-1"),
    ),
]


SENDING = {"parties", "leads_plan", "dataset", "authority_input", "authority", "accept_by"}


@pytest.mark.parametrize(("need", "change", "issues"), REFUSALS, ids=[f"{need} {n}" for n, (need, *_) in enumerate(REFUSALS)])
def test_a_need_that_is_not_met_says_what_would_meet_it(world: Any, need: str, change: Change, issues: tuple[Issue, ...]) -> None:
    whole = sending(world) if need in SENDING else accepting(world)
    assert MACHINE.needs[need](change(world, whole)) == issues


NEEDS = (
    *(
        "parties",
        "leads_plan",
        "carriers",
        "dataset",
        "authority_input",
        "authority",
        "authority_still",
        "accept_by",
        "named_lead",
    ),
    *("scope", "still_led_by_sender", "instead", "clarification"),
)


@pytest.mark.parametrize("need", NEEDS)
def test_a_whole_handover_meets_it(world: Any, need: str) -> None:
    assert MACHINE.needs[need](sending(world) if need in SENDING else accepting(world)) == ()


MET: list[tuple[str, Change]] = [
    ("parties", with_after(owner={"reference": "HealthcareService/homes"})),
    (
        "parties",
        lambda _, each: replace(
            each, after={**each.after, "for": {"reference": "Patient/q"}}, patients=frozenset({"Patient/p", "Patient/q"})
        ),
    ),
    ("leads_plan", lambda world, each: replace(each, plan=world.plan(category=[concept(SNOMED, CRISIS_PLAN)]))),
    ("leads_plan", lambda world, each: replace(each, plan=world.plan(status="draft"), led=False)),
    ("leads_plan", lambda world, each: replace(each, plan=world.plan(status="on-hold"))),
    ("authority_input", with_after(input=[CONSENT])),
    ("authority_input", with_after(input=[given("sharing-authority", valueReference={"reference": "Consent/c/_history/2"})])),
    *(
        (
            "authority_input",
            with_after(input=[given("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, each, "Why."))]),
        )
        for each in sorted(LAWFUL_BASES)
    ),
    ("accept_by", with_after(restriction={"period": {"end": "2026-10-23T14:30:00.001Z"}})),
    (
        "named_lead",
        with_after(
            owner={"reference": "Organization/housing"},
            output=[
                {
                    "type": concept("https://baton.example/fhir/CodeSystem/task-output", "lead"),
                    "valueReference": {"reference": "PractitionerRole/hal"},
                }
            ],
        ),
    ),
    ("scope", with_after(output=[scope("accepted-scope", "housing"), scope("declined-scope", "medication")])),
    (
        "still_led_by_sender",
        lambda _, each: replace(
            each, keeper="Organization/stranger", after={**each.after, "output": [scope("accepted-scope", "medication")]}
        ),
    ),
    ("still_led_by_sender", lambda world, each: replace(each, plan=world.plan(status="on-hold"))),
    ("instead", with_after(statusReason=None, note=[{"text": "Refer to the crisis team"}])),
    (
        "instead",
        lambda world, each: replace(
            each,
            after={**each.after, "statusReason": None, "output": [world.output("alternative", valueString="The crisis team")]},
        ),
    ),
    ("clarification", with_after(statusReason=None, note=[{"text": "Which medication?"}])),
    (
        "came_from",
        lambda world, each: replace(each, before=world.stored("on-hold", "received"), after={**each.after, "status": "received"}),
    ),
]


@pytest.mark.parametrize(("need", "change"), MET, ids=[f"{need} {n}" for n, (need, _) in enumerate(MET)])
def test_other_ways_that_meet_it(world: Any, need: str, change: Change) -> None:
    whole = sending(world) if need in SENDING else accepting(world)
    assert MACHINE.needs[need](change(world, whole)) == ()


def test_a_note_that_was_there_says_nothing_new(world: Any) -> None:
    before = world.task("received", note=[{"text": "Refer to the crisis team"}])
    situation = world.situation(before, {**before, "status": "rejected"}, "owner")
    assert needs.instead(situation) != ()
    assert clarification.clarification(situation) != ()


def test_the_newest_note_is_the_question_else_the_reason_s_words(world: Any) -> None:
    before = world.task("received", note=[{"text": "old"}])
    asked = {**before, "note": [{"text": "old"}, {"text": "first"}, {"text": "second"}], "statusReason": world.why("reason")}
    assert clarification.question_of(world.situation(before, asked, "owner")) == "second"
    assert clarification.question_of(world.situation(before, {**asked, "note": [{"text": "old"}]}, "owner")) == "reason"
    assert clarification.question_of(world.situation(before, before, "owner")) == ""


def test_a_dataset_that_is_not_complete_is_told_item_by_item(world: Any) -> None:
    incomplete = replace(sending(world), dataset=Completeness(("current-risks",)))
    assert [(each.rule, "`current-risks`" in each.text) for each in needs.dataset(incomplete)] == [("HOV-2", True)]


def test_an_accept_by_date_is_ahead_of_the_instant_it_is_sent(world: Any) -> None:
    """HOV-1: an instant that is now has passed, and one a moment later has not."""
    when = world.task("requested", restriction={"period": {"end": "2026-10-23T14:30:00Z"}})
    now, before = world.situation(None, when), replace(world.situation(None, when), at=world.at - timedelta(milliseconds=1))
    assert (needs.accept_by(now) != (), needs.accept_by(before)) == (True, ())
