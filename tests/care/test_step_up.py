"""What an escalation review asks for and makes, move by move (E5, E10, E12, ESC-3, TIM-5, TIM-6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.care.step_up import overdue, safeguarding
from service.care.step_up.effects import ENDS
from service.care.step_up.situation import Formulation, Routes
from service.care.step_up.table import REVIEW
from service.care.task.dataset import Completeness
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Repeat, Situation
from service.change import Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, FLAG_CATEGORY, STATUS_REASON
from service.fhir.coding import concept
from service.fhir.reference import link
from tests.care.conftest import AT
from tests.care.stepping import (
    ACCEPTING,
    CADENCE,
    CAT,
    COL,
    CRISIS,
    HAL,
    HOUSING,
    accepted,
    action,
    at,
    attempt,
    completed,
    decided,
    deciding,
    decision,
    escalation,
    ids,
    lead,
    output,
    ref,
    refused,
    rejected,
    review,
)

WHOLE: dict[str, Any] = {"accepted": accepted, "rejected": rejected, "completed": completed}


def kinds(made: Outcome) -> list[str]:
    """What an outcome writes besides the Task: type and code or category."""
    found = []
    for staged in made.writes[1:]:
        held = staged.resource
        coded = held.get("code") or held["category"][0]
        found.append(f"{held['resourceType']} {coded['coding'][0]['code']}")
    return found


def without(outputs: list[Resource], kind: str) -> list[Resource]:
    return [one for one in outputs if one["type"]["coding"][0]["code"] != kind]


def changed(outputs: list[Resource], kind: str, **value: Any) -> list[Resource]:
    return [*without(outputs, kind), output(kind, **value)]


YES, NO = [*decision(), *ACCEPTING], rejected(review())["output"]
EMPTY: dict[str, Any] = {"repeat": {"frequency": 1}}
PAST: dict[str, Any] = {"repeat": {"boundsPeriod": {"end": "2026-10-22"}}}
UNMET: list[tuple[str, list[Resource], list[tuple[str, str]]]] = [
    ("accepted", without(YES, "threshold"), [("E5", "Task.output")]),
    ("accepted", changed(YES, "threshold", valueCodeableConcept=concept("urn:s", "met")), [("E5", "Task.output")]),
    ("accepted", [*YES, YES[0]], [("E5", "Task.output")]),
    ("accepted", without(YES, "rationale"), [("E5", "Task.output")]),
    ("accepted", changed(YES, "rationale", valueString=" \u200b"), [("E5", "Task.output")]),
    ("accepted", without(YES, "decided-by"), [("E5", "Task.output")]),
    ("accepted", changed(YES, "decided-by", valueReference=ref(HAL)), [("E5", "Task.output")]),
    ("accepted", without(YES, "contact-cadence"), [("E10", "Task.output")]),
    ("accepted", changed(YES, "contact-cadence", valueTiming=EMPTY), [("E10", "Task.output")]),
    ("accepted", changed(YES, "contact-cadence", valueTiming=PAST), [("E10", "Task.output")]),
    ("accepted", changed(YES, "contact-cadence", valueString="daily"), [("E10", "Task.output")]),
    ("accepted", without(YES, "out-of-hours"), [("E5", "Task.output")]),
    ("accepted", without(YES, "mdt-review"), [("E5", "Task.output")]),
    ("accepted", changed(YES, "mdt-review", valueDate="2026-10-22"), [("E5", "Task.output")]),
    ("rejected", without(NO, "guidance"), [("E5", "Task.output")]),
    ("rejected", without(NO, "threshold"), [("E5", "Task.output")]),
    ("rejected", [], [("E5", "Task.output")] * 4),
    ("accepted", [], [*[("E5", "Task.output")] * 3, ("E10", "Task.output"), *[("E5", "Task.output")] * 2]),
]


@pytest.mark.parametrize(("end", "outputs", "issues"), UNMET)
@pytest.mark.parametrize("start", ["requested", "received"])
def test_e5_a_decision_is_refused_for_all_that_it_does_not_say(
    start: str, end: str, outputs: list[Resource], issues: list[tuple[str, str]]
) -> None:
    before = review(start)
    assert refused(decided(before, WHOLE[end](before, output=outputs))) == issues


@pytest.mark.parametrize("start", ["requested", "received"])
def test_e5_an_acceptance_makes_all_that_follows_from_it(start: str) -> None:
    """E10, TIM-6, ESC-3: word to who escalated, reviews of the decision and of the step-up, more contacts."""
    before = review(start)
    made = decided(before, accepted(before))
    assert kinds(made) == [
        "Communication escalation-outcome",
        "Task decision-review",
        "ServiceRequest contact-plan",
        "Task brief-review",
    ]
    word, judged, plan, brief = [staged.resource for staged in made.writes[1:]]
    assert [staged.custodian for staged in made.writes] == ["", CRISIS, CRISIS, CRISIS, HOUSING]
    assert (word["recipient"], word["about"]) == ([ref(HAL)], [ref("Task/r")])
    assert (judged["owner"], judged["priority"], judged["partOf"]) == (ref(CRISIS), "routine", [ref("Task/r")])
    assert (plan["occurrenceTiming"], plan["performer"], plan["basedOn"]) == (CADENCE, [ref(CAT)], [ref("ServiceRequest/e")])
    assert (brief["owner"], brief["requester"]) == (ref(CAT), ref(HAL))
    assert made.timers == (
        Timer(f"TIM-11:Task/{judged['id']}", "TIM-11", AT + timedelta(days=7), f"Task/{judged['id']}"),
        Timer(f"{ENDS}:ServiceRequest/{plan['id']}", ENDS, at("2026-11-06T17:00"), f"ServiceRequest/{plan['id']}"),
        Timer(f"TIM-6:Task/{brief['id']}", "TIM-6", AT + timedelta(hours=72), f"Task/{brief['id']}"),
    )
    assert made.cancelled == ("TIM-5:Task/r",)
    assert ("agenda", CRISIS) in [(each.topic, each.recipient) for each in made.notices]


def test_e5_a_rejection_revokes_the_escalation_and_is_reviewed_first() -> None:
    """ESC-3: the review of a rejection is urgent."""
    made = decided(review(), rejected(review()))
    assert kinds(made) == ["Communication escalation-outcome", "Task decision-review", "ServiceRequest escalation"]
    assert made.writes[2].resource["priority"] == "urgent"
    assert made.writes[3].resource == escalation(status="revoked")
    assert made.cancelled == ("TIM-5:Task/r",)


REASONS = {
    ("insufficient-information",): [("E5", "Task.statusReason")],
    ("insufficient-information", "no-capacity"): [],
    ("no-capacity",): [],
    (): [("HOV-1", "Task.statusReason")],
}


@pytest.mark.parametrize("codes", REASONS)
def test_e5_insufficient_information_alone_is_no_reason(codes: tuple[str, ...]) -> None:
    reason = {"coding": [{"system": STATUS_REASON, "code": code} for code in codes], "text": "We know too little."}
    found = decided(review(), rejected(review(), statusReason=reason))
    assert (refused(found) if REASONS[codes] else isinstance(found, Outcome)) == (REASONS[codes] or True)


@pytest.mark.parametrize(
    "actions", [(), (action(owner={}),), (action(restriction={}),), (action(), action(restriction={"period": {"end": "soon"}}))]
)
def test_e5_an_acceptance_has_actions_and_each_has_owner_and_due(actions: tuple[Resource, ...]) -> None:
    assert refused(decided(review(), accepted(review()), actions=actions)) == [("E5", "Task.status")]


def test_e5_the_review_of_an_agency_is_from_its_decision_on_the_decider_s() -> None:
    """The signed-in user decides where nobody else is named, and is written down."""
    before = review(owner=ref(CRISIS))
    said = without(accepted(before)["output"], "decided-by")
    made = decided(before, accepted(before, output=said), user=CAT)
    task = made.writes[0].resource
    assert (task["owner"], task["output"][-1]) == (ref(CAT), output("decided-by", valueReference=ref(CAT)))
    again = decided(task, accepted(before, output=said), user=CAT)
    assert isinstance(again, Repeat)


def test_a_new_owner_is_of_the_agency_that_was_asked() -> None:
    """E5: its own staff take a review over; nobody passes it on."""
    col, hal = {"owner": ref(COL)}, {"owner": ref(HAL)}
    assert isinstance(decided(review(), {**review("received"), **col}, reviewer=lead(COL)), Outcome)
    assert refused(decided(review(), {**review("received"), **hal}, reviewer=lead(HAL))) == [("E5", "Task.owner")]
    inactive = replace(lead(COL), role={**(lead(COL).role or {}), "active": False})
    assert refused(decided(review(), {**review("received"), **col}, reviewer=inactive)) == [("E5", "Task.owner")]


NO_ATTEMPT: list[Resource] = [
    attempt(status="not-done"),
    attempt(status="in-progress"),
    attempt(category=[]),
    attempt(sent="2026-10-23T14:29:59Z"),
    attempt(sent=None),
    attempt(about=[ref("ServiceRequest/other")]),
    attempt(about=[]),
]


@pytest.mark.parametrize("other", NO_ATTEMPT)
def test_e10_completing_needs_an_attempt_of_this_escalation(other: Resource) -> None:
    before = accepted(review())
    assert refused(decided(before, completed(before), attempts=(other,))) == [("E10", "Task.status")]


@pytest.mark.parametrize(
    "one",
    [
        attempt(about=[ref("ServiceRequest/e")]),
        attempt(status="not-done", statusReason={"text": "Nobody in"}),
        attempt(about=[ref("ServiceRequest/e/_history/1")]),
        attempt(sent="2026-10-23T14:30:00Z"),
    ],
)
def test_e10_a_contact_or_a_failed_attempt_completes(one: Resource) -> None:
    """And the escalation ends with its review."""
    before = accepted(review())
    made = decided(before, completed(before), attempts=(one,))
    assert [staged.resource["status"] for staged in made.writes] == ["completed", "completed"]


PLAN = {"resourceType": "CarePlan", "id": "c", "subject": ref("Patient/p")}
NAMED = output("crisis-plan", valueReference=ref("CarePlan/c"))
PLANS: list[tuple[dict[str, Any], bool]] = [
    ({"plan": PLAN, "changed": at("2026-10-23T14:30")}, True),
    ({"plan": PLAN, "changed": at("2026-10-23T14:29")}, False),
    ({"plan": None, "changed": at("2026-10-23T15:00")}, False),
    ({"plan": {**PLAN, "subject": ref("Patient/q")}, "changed": at("2026-10-23T15:00")}, False),
    ({"plan": {**PLAN, "id": "d"}, "changed": at("2026-10-23T15:00")}, False),
]


@pytest.mark.parametrize(("loaded", "fits"), PLANS)
def test_e10_the_crisis_plan_was_updated_since_the_escalation(loaded: dict[str, Any], fits: bool) -> None:
    before = accepted(review())
    found = decided(before, completed(before, output=[*before["output"], NAMED]), **loaded)
    assert isinstance(found, Outcome) if fits else refused(found) == [("E10", "Task.output")]


@pytest.mark.parametrize("said", [[], [NAMED, NAMED], [output("crisis-plan", valueCodeableConcept={"text": "as it is"})]])
def test_e10_the_crisis_plan_is_answered_once(said: list[Resource]) -> None:
    before = accepted(review())
    assert refused(decided(before, completed(before, output=[*before["output"], *said]))) == [("E10", "Task.output")]


WHOLE_SET, PART = Completeness(), Completeness(missing=("capacity-and-consent",))
DRIVEN: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"flagged": True}, False),
    ({"concern": at("2026-10-01T09:00")}, False),
    ({"flagged": True, "formulations": (Formulation(at("2026-10-23T15:00"), WHOLE_SET),)}, True),
    ({"flagged": True, "formulations": (Formulation(at("2026-10-23T15:00"), PART),)}, False),
    ({"flagged": True, "formulations": (Formulation(at("2026-10-22T15:00"), WHOLE_SET),)}, False),
    ({"concern": at("2026-10-01T09:00"), "formulations": (Formulation(at("2026-10-02T09:00"), WHOLE_SET),)}, True),
    ({"concern": at("2026-10-24T09:00"), "formulations": (Formulation(at("2026-10-23T15:00"), WHOLE_SET),)}, True),
]


@pytest.mark.parametrize(("loaded", "fits"), DRIVEN)
@pytest.mark.parametrize("end", ["rejected", "completed"])
def test_e12_neither_end_comes_without_the_formulation(end: str, loaded: dict[str, Any], fits: bool) -> None:
    """One that stands since the concern began or the escalation was sent; an acceptance waits for none."""
    before = review() if end == "rejected" else accepted(review())
    found = decided(before, WHOLE[end](before), **loaded)
    assert isinstance(found, Outcome) if fits else refused(found) == [("E12", "Task.status")]
    assert isinstance(decided(review(), accepted(review()), **loaded), Outcome)


SG = {"valueCoding": {"system": FLAG_CATEGORY, "code": "SG"}}


def test_e12_a_flag_or_an_answer_says_that_safeguarding_drives() -> None:
    flag = {"status": "active", "category": [{"coding": [{"system": "urn:any", "code": "SG"}]}]}
    assert [safeguarding.is_concern(each) for each in (flag, {**flag, "status": "inactive"}, {"status": "active"})] == [
        True,
        False,
        False,
    ]
    nested = {"item": [{"answer": [{"valueString": "x", "item": [{"item": [{"answer": [SG]}]}]}]}]}
    assert [safeguarding.answered_so(each) for each in (nested, {"item": [{"answer": [{"valueString": "SG"}]}]}, {})] == [
        True,
        False,
        False,
    ]


def asking(before: Resource, note: str = "Since when?") -> Resource:
    waits = concept(BUSINESS_STATUS, "awaiting-information")
    return {**before, "businessStatus": waits, **({"note": [{"text": note}]} if note else {})}


@pytest.mark.parametrize("status", ["requested", "received"])
def test_tim_15_asking_back_makes_a_clarification_and_no_clock_stops(status: str) -> None:
    made = decided(review(status), asking(review(status)))
    question = made.writes[1].resource
    assert (question["owner"], question["description"]) == (ref(HAL), "Since when?")
    assert [(each.kind, each.due) for each in made.timers] == [("TIM-11", at("2026-10-26T15:30"))]
    assert (made.cancelled, made.writes[0].resource["status"]) == ((), status)
    assert refused(decided(review(status), asking(review(status), ""))) == [("HOV-1", "Task.note")]


def test_what_is_awaited_is_forgotten_by_a_decision() -> None:
    """E5: who decides waits for nothing more."""
    before = asking(review())
    assert "businessStatus" not in decided(before, rejected(before)).writes[0].resource


def test_a_note_leaves_the_outputs_as_they_are() -> None:
    """E5: from either agency."""
    note = {"note": [{"text": "She rang."}]}
    for agency in (CRISIS, HOUSING):
        assert isinstance(decided(review(), {**review(), **note}, agency), Outcome)
        assert refused(decided(review(), {**review(), **note, "output": decision()}, agency)) == [("E5", "Task.output")]


def late(task: Resource, **more: Any) -> Outcome | None:
    return overdue.undecided(deciding(task, task, **more), 3, ids())


@pytest.mark.parametrize("status", ["requested", "received"])
def test_tim_5_an_undecided_review_goes_to_the_next_contact(status: str) -> None:
    """Status unchanged, both contacts and the sender told, the clock started again on the next level."""
    made = late(review(status), routes=Routes(CRISIS, duty=COL))
    assert made is not None
    task, word = [staged.resource for staged in made.writes]
    assert (task["owner"], task["status"], task["businessStatus"]["coding"][0]["code"]) == (ref(COL), status, "overdue")
    assert word["recipient"] == [ref(CAT), ref(COL), ref(HAL)]
    [timer] = made.timers
    assert (timer.key, timer.level, timer.due) == ("TIM-5:Task/r", 4, AT + timedelta(hours=24))
    assert task["restriction"]["period"]["end"] == "2026-10-24T15:30:00.000+01:00"
    assert {each.recipient for each in made.notices} == {CRISIS, HOUSING}


@pytest.mark.parametrize("status", ["accepted", "rejected", "completed"])
def test_tim_5_what_is_decided_stays_where_it_is(status: str) -> None:
    assert late(review(status)) is None


def test_tim_5_without_contacts_the_review_stays_and_both_agencies_are_told() -> None:
    """Nobody else is named; what awaits information says so still."""
    made = late(asking(review()), routes=Routes(CRISIS))
    assert made is not None
    task = made.writes[0].resource
    assert (link(task, "owner"), task["businessStatus"]) == (CAT, asking(review())["businessStatus"])


@pytest.mark.parametrize(
    ("status", "late_"), [("requested", True), ("in-progress", True), ("rejected", True), ("completed", False)]
)
def test_tim_6_only_a_brief_review_that_was_held_is_not_late(status: str, late_: bool) -> None:
    made = overdue.unheld(deciding(review(status), review(status)))
    assert (made is not None) is late_
    if made is not None:
        assert [each.topic for each in made.notices] == ["deadline-breached", "deadline-breached", "agenda"]


@pytest.mark.parametrize(("status", "ends"), [("active", True), ("revoked", False), ("completed", False)])
def test_e10_a_contact_plan_ends_once(status: str, ends: bool) -> None:
    plan = {"resourceType": "ServiceRequest", "id": "p", "status": status, "subject": ref("Patient/p")}
    made = overdue.over(Situation(AT, CRISIS, plan, plan), (CRISIS, HAL), ids())
    assert (made is not None) is ends
    if made is not None:
        assert [staged.resource["status"] for staged in made.writes] == ["completed", "completed"]
        assert made.writes[1].resource["recipient"] == [ref(CRISIS), ref(HAL)]


class Faster:
    """A pathway with spans of its own."""

    canonical = "https://baton.example/fhir/PlanDefinition/pathway-step-up|2"

    def due(self, rule: str, start: Any, calendar: Any, *, priority: str = "routine", level: int = 0) -> Any:
        return start + timedelta(hours={"TIM-6": 24, "TIM-5": 2, "TIM-15": 1}[rule])

    def count(self, name: str, default: int) -> int:
        return default


def test_mtg_4_the_spans_and_the_version_are_those_of_the_pathway_in_force() -> None:
    """MTG-4: what a decision ran under is recorded in it."""
    made = decided(review(), accepted(review()), pathway=Faster())
    assert made.writes[0].resource["instantiatesCanonical"] == Faster.canonical
    assert made.timers[2].due == AT + timedelta(hours=24)


def test_a_stranger_finds_no_review() -> None:
    """HOV-11: not even by a decision that lacks nothing."""
    assert refused(decide(REVIEW, deciding(review(), rejected(review()), "Organization/other"), ids())) == [("", "")]
