"""The confirmation of a role (E7): what an answer asks for, what it does, and what a plan waits for."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.meeting import roles
from service.care.meeting.roles import MACHINE
from service.care.task.machine import Move, decide
from service.care.task.situation import Outcome, Staged
from service.change import Resource
from service.fhir.canonical import TASK_CODE
from service.fhir.coding import concept
from service.problem import Category, Problem
from tests.care.front_door import CRISIS, new_ids, output, put, ref
from tests.care.sitting import issues, partner
from tests.care.small import situation
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

OPEN = ("requested", "received")
BECAUSE = {"coding": [{"code": "no-capacity"}], "text": "We have nobody on Tuesdays."}
CODED = {"coding": [{"code": "no-capacity"}]}
SILENT = (
    "An agency that does not confirm its role says why: add the reason as `statusReason.text` or output `rationale`.",
    "Task.statusReason.text",
    "E7",
)
UNCODED = ("This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1")
HOMES, CARE = concept("urn:roles", "housing"), concept("urn:roles", "care")


def asked(status: str = "requested", its: Resource | None = None, owner: str = HOUSING, **members: Any) -> Resource:
    """The Task by which housing is asked to confirm its role."""
    return {
        "resourceType": "Task",
        "id": "t",
        "status": status,
        "code": concept(TASK_CODE, "confirm-role"),
        "for": ref("Patient/p"),
        "requester": ref(ANN),
        "owner": ref(owner),
        "input": [put("other", valueCodeableConcept=CARE), put("role", valueCodeableConcept=HOMES if its is None else its)],
        **members,
    }


def answered(start: str, end: str, *, agency: str = HOUSING, user: str = HAL, **members: Any) -> Any:
    return decide(MACHINE, situation(asked(start), asked(end, **members), agency=agency, user=user), new_ids())


def test_the_table_of_a_confirmation_row_by_row() -> None:
    assert {
        Move("requested", "received", ("owner",)),
        *(Move(start, "completed", ("owner",), effect="answer") for start in OPEN),
        *(Move(start, "rejected", ("owner",), ("reason", "why_not"), effect="answer") for start in OPEN),
        *(Move(start, "cancelled", ("requester",), ("reason",), effect="answer") for start in OPEN),
    } == {*roles.TABLE}
    assert len(roles.TABLE) == 7
    assert (MACHINE.code, MACHINE.sent) == ("confirm-role", False)


@pytest.mark.parametrize("start", OPEN)
@pytest.mark.parametrize(
    ("end", "agency", "members"),
    [
        ("completed", HOUSING, {}),
        ("rejected", HOUSING, {"statusReason": BECAUSE}),
        ("cancelled", TRUST, {"statusReason": CODED}),
    ],
)
def test_e7_an_answer_is_told_to_the_other_side_and_stops_the_clock(
    start: str, end: str, agency: str, members: dict[str, Any]
) -> None:
    """TIM-11."""
    made = answered(start, end, agency=agency, user="", **members)
    assert isinstance(made, Outcome)
    other = TRUST if agency == HOUSING else HOUSING
    assert made.writes == (Staged({**asked(end, **members), "lastModified": NOW}),)
    assert made.cancelled == ("TIM-11:Task/t",)
    assert [(each.topic, each.recipient, each.focus) for each in made.notices] == [("handover-task", other, "Task/t")]
    assert [(each.event, each.agency) for each in made.audits] == [(f"confirm-role-{end}", agency)]


def test_e7_what_was_received_waits_still() -> None:
    made = answered("requested", "received")
    assert isinstance(made, Outcome)
    assert made.cancelled == ()


@pytest.mark.parametrize("start", OPEN)
def test_e7_who_does_not_confirm_says_why_in_words(start: str) -> None:
    assert answered(start, "rejected", statusReason=CODED) == Problem(Category.RULE, issues(SILENT))
    assert answered(start, "rejected") == Problem(Category.RULE, issues(UNCODED, SILENT))
    assert answered(start, "cancelled", agency=TRUST) == Problem(Category.RULE, issues(UNCODED))


SAID: list[tuple[dict[str, Any], bool]] = [
    ({}, False),
    ({"statusReason": {"text": "Nobody on Tuesdays."}}, True),
    ({"statusReason": {"text": " \u200b"}}, False),
    ({"output": [output("rationale", valueString="Nobody.")]}, True),
    ({"output": [output("rationale", valueString=" "), output("rationale", valueString="Nobody.")]}, True),
    ({"output": [output("rationale", valueString=" ")]}, False),
    ({"output": [output("rationale", valueReference=ref("Task/x"))]}, False),
    ({"output": [output("guidance", valueString="Nobody.")]}, False),
]


@pytest.mark.parametrize(("members", "said"), SAID)
def test_e7_the_reason_is_a_text_that_shows_something(members: dict[str, Any], said: bool) -> None:
    found = roles.why_not(situation(asked(), asked("rejected", **members), agency=HOUSING))
    assert found == (() if said else issues(SILENT))


# The roles of a plan.

NAMELESS = {"url": partner(HOUSING, CARE)["url"], "extension": [{"url": "role", "valueCodeableConcept": CARE}]}


def plan(*partners: Resource, status: str = "active") -> Resource:
    return {"resourceType": "CarePlan", "id": "plan", "status": status, "extension": [{"url": "urn:x"}, *partners]}


def test_e7_the_partners_of_a_plan_are_read_with_their_roles() -> None:
    """Who names no agency is none; a role may be unsaid."""
    agency = {"url": NAMELESS["url"], "extension": [{"url": "agency", "valueReference": ref(f"{CRISIS}/_history/2")}]}
    foreign = {**partner("Organization/other", CARE), "url": "urn:other"}
    found = roles.partners(plan(partner(HOUSING, HOMES), NAMELESS, agency, foreign, {"url": NAMELESS["url"]}))
    assert found == ((HOUSING, HOMES), (CRISIS, {}))


def test_a_plan_without_roles_has_no_partners() -> None:
    assert roles.partners(None) == ()
    assert roles.partners({"resourceType": "CarePlan"}) == ()


def waits(*agencies: str) -> Any:
    text = "`{}` has not confirmed its role: put the plan on the agenda of a case review, which asks for it."
    return issues(*((text.format(each), "CarePlan.extension", "E7") for each in agencies))


BOTH = plan(partner(HOUSING, HOMES), partner(CRISIS, CARE))


def test_e7_a_plan_waits_for_each_agency_but_the_coordinating_one() -> None:
    assert roles.unconfirmed(None, BOTH, (TRUST,), ()) == waits(HOUSING, CRISIS)
    assert roles.unconfirmed(None, BOTH, (CRISIS,), ()) == waits(HOUSING)
    assert roles.unconfirmed(None, BOTH, {CRISIS, HOUSING}, ()) == ()


@pytest.mark.parametrize("status", ["draft", "on-hold", "revoked", "completed"])
def test_e7_a_plan_that_does_not_become_active_waits_for_nobody(status: str) -> None:
    assert roles.unconfirmed(None, {**BOTH, "status": status}, (TRUST,), ()) == ()


def test_e7_the_roles_of_an_active_plan_stand() -> None:
    """A changed one is confirmed anew, and a draft's were never confirmed."""
    assert roles.unconfirmed(BOTH, BOTH, (TRUST,), ()) == ()
    assert roles.unconfirmed({**BOTH, "status": "draft"}, BOTH, (TRUST,), ()) == waits(HOUSING, CRISIS)
    assert roles.unconfirmed(plan(partner(HOUSING, CARE), partner(CRISIS, CARE)), BOTH, (TRUST,), ()) == waits(HOUSING)


@pytest.mark.parametrize(
    ("task", "lacks"),
    [
        (asked("completed"), False),
        (asked("requested"), True),
        (asked("rejected"), True),
        (asked("completed", its=CARE), True),
        (asked("completed", owner=CRISIS), True),
        (asked("completed", code=concept(TASK_CODE, "role")), True),
        (asked("completed", input=[]), True),
    ],
)
def test_e7_an_agency_has_confirmed_the_role_that_it_was_asked_for(task: Resource, lacks: bool) -> None:
    one = plan(partner(HOUSING, HOMES))
    assert roles.unconfirmed(None, one, (TRUST,), (asked("cancelled"), task)) == (waits(HOUSING) if lacks else ())


@pytest.mark.parametrize(
    ("answers", "lacks"),
    [
        ([("completed", "09"), ("rejected", "10")], True),
        ([("rejected", "10"), ("completed", "09")], True),
        ([("rejected", "09"), ("completed", "10")], False),
        ([("completed", "10"), ("rejected", "09")], False),
        ([("completed", "09"), ("requested", "10")], True),
        ([("completed", "09"), ("cancelled", "10")], False),
        ([("completed", "09"), ("rejected", "")], False),
    ],
)
def test_e7_the_newest_answer_of_an_agency_counts(answers: list[tuple[str, str]], lacks: bool) -> None:
    """In the order in which it was asked; what was withdrawn is no answer."""
    given = [{**asked(status), "authoredOn": f"2026-10-{day}"} if day else asked(status) for status, day in answers]
    given += [asked("rejected", its=CARE, authoredOn="2026-11-01"), asked("rejected", owner=CRISIS, authoredOn="2026-11-01")]
    found = roles.unconfirmed(None, plan(partner(HOUSING, HOMES)), (TRUST,), iter(given))
    assert found == (waits(HOUSING) if lacks else ())


def test_e7_an_answer_to_another_task_is_none() -> None:
    other = asked("rejected", code=concept(TASK_CODE, "role"), authoredOn="2026-11-01")
    assert roles.unconfirmed(None, plan(partner(HOUSING, HOMES)), (TRUST,), (asked("completed"), other)) == ()


def test_e7_a_role_of_nobody_cannot_be_confirmed() -> None:
    """It is named first, and in an active plan alone."""
    text = "A partner's role names its agency by a reference to its Organization, so that it can be asked: add it."
    nobody = issues((text, "CarePlan.extension", "E7"))
    both = plan(NAMELESS, partner(HOUSING, HOMES))
    assert roles.unconfirmed(None, both, (TRUST,), ()) == (*nobody, *waits(HOUSING))
    assert roles.unconfirmed(both, both, (TRUST,), ()) == nobody
    assert roles.unconfirmed(None, {**both, "status": "draft"}, (TRUST,), ()) == ()
    assert roles.unconfirmed(None, {"resourceType": "CarePlan", "status": "active"}, (TRUST,), ()) == ()


def test_e7_a_plan_gives_roles_to_partners_or_to_nobody() -> None:
    assert roles.has_roles(plan(NAMELESS))
    assert not roles.has_roles(plan())
    assert not roles.has_roles({"resourceType": "CarePlan"})


def test_e7_all_roles_are_confirmed_by_their_own_agencies() -> None:
    given = (asked("completed"), asked("completed", its=CARE, owner=CRISIS))
    assert roles.unconfirmed(None, BOTH, (TRUST,), given) == ()
    assert roles.unconfirmed(plan(partner(CRISIS, CARE)), BOTH, (TRUST,), given[:1]) == ()


def test_e7_the_role_that_is_asked_for_is_an_input() -> None:
    assert roles.role(asked()) == HOMES
    assert roles.role(asked(input=[])) == {}
    assert roles.role(asked(input=[put("role", valueString="housing")])) == {}


WORDS: list[tuple[Resource, Resource, bool]] = [
    ({"text": "Key work"}, {"text": "Key work"}, True),
    ({"text": "Key work"}, {"text": "Visits"}, False),
    ({**HOMES, "text": "Key work"}, {**HOMES, "text": "Visits"}, True),
    ({**HOMES, "text": "Key work"}, {"text": "Key work"}, False),
    ({}, {}, True),
]


@pytest.mark.parametrize(("ours", "theirs", "same"), WORDS)
def test_e7_roles_are_the_same_by_their_codes_or_else_by_their_words(ours: Resource, theirs: Resource, same: bool) -> None:
    found = roles.unconfirmed(None, plan(partner(HOUSING, ours)), (TRUST,), (asked("completed", its=theirs),))
    assert found == (() if same else waits(HOUSING))
