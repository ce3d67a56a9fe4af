"""The `identity-review` Task (IDN-1, IDN-2, IDN-5): who is asked what, how a review moves, and when it links."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from service.care.identity_review import review
from service.care.identity_review.table import MACHINE, TABLE, ReviewSituation
from service.care.task.machine import decide
from service.care.task.situation import AuditFact, Outcome, Repeat, Situation, Staged
from service.fhir.canonical import BUSINESS_STATUS, IDENTITY_DECISION, STATUS_REASON, TASK_CODE, TASK_INPUT, TASK_OUTPUT
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem
from tests.care.told import NOW, TRUST

HOUSING = "Organization/housing"
OPEN = ("requested", "received", "in-progress")


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def patient(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "n", "meta": {"versionId": "3"}, **members}


KNOWN = {"resourceType": "Patient", "id": "k"}
DECIDED = {"type": concept(TASK_OUTPUT, "decision"), "valueCodeableConcept": concept(IDENTITY_DECISION, "same-person")}


def task(status: str = "requested", **members: Any) -> dict[str, Any]:
    """A review that the trust answers."""
    return {
        "resourceType": "Task",
        "id": "r",
        "status": status,
        "intent": "order",
        "code": concept(TASK_CODE, "identity-review"),
        "focus": ref("Patient/n/_history/3"),
        "for": ref("Patient/k"),
        "requester": ref(TRUST),
        "owner": ref(TRUST),
        **members,
    }


def output(code: str) -> dict[str, Any]:
    return {**DECIDED, "valueCodeableConcept": concept(IDENTITY_DECISION, code)}


def test_idn_1_a_proposal_says_who_registered_whom_and_no_more(world: Any) -> None:
    names = [{"family": "Lovelace", "given": ["Ada"], "use": "official", "prefix": ["Ms"]}, "x", {"text": "Ada"}]
    newcomer = patient(name=names, birthDate="1990-01-01", address=[{"city": "X"}])
    assert review.proposal("r", KNOWN, TRUST, newcomer, HOUSING, world.at) == {
        "resourceType": "Task",
        "id": "r",
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "identity-review"),
        "description": "Another agency registered a person with this national identifier. Is it the person you know?",
        "focus": ref("Patient/n/_history/3"),
        "for": ref("Patient/k"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(TRUST),
        "owner": ref(TRUST),
        "input": [
            {"type": concept(TASK_INPUT, "registered-by"), "valueReference": ref(HOUSING)},
            {
                "type": concept(TASK_INPUT, "registered-as"),
                "valueHumanName": {"use": "official", "family": "Lovelace", "given": ["Ada"]},
            },
            {"type": concept(TASK_INPUT, "registered-as"), "valueHumanName": {"text": "Ada"}},
            {"type": concept(TASK_INPUT, "born"), "valueDate": "1990-01-01"},
        ],
    }


@pytest.mark.parametrize("born", [{}, {"birthDate": "1990"}])
def test_idn_1_what_is_not_known_is_not_asked_about(world: Any, born: dict[str, str]) -> None:
    made = review.proposal("r", KNOWN, TRUST, patient(**born), HOUSING, world.at)
    assert made["input"] == [{"type": concept(TASK_INPUT, "registered-by"), "valueReference": ref(HOUSING)}]


def test_idn_2_an_agency_is_asked_about_its_own_number(world: Any) -> None:
    assert review.question("r", TRUST, "Patient/k", world.at) == {
        "resourceType": "Task",
        "id": "r",
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "identity-review"),
        "description": "The NHS number is not verified: verify it, or take it out. Until then it links no other record.",
        "focus": ref("Patient/k"),
        "for": ref("Patient/k"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(TRUST),
        "owner": ref(TRUST),
    }


def test_a_review_that_the_service_answers_says_why() -> None:
    said = {
        "type": concept(TASK_OUTPUT, "decision"),
        "valueCodeableConcept": concept(IDENTITY_DECISION, "same-person", "They agree."),
    }
    assert review.answered(task(), "same-person", "They agree.") == {**task("completed"), "output": [said]}


def test_what_is_judged_no_more_is_suspended_or_superseded() -> None:
    assert review.suspended(task("completed")) == task("completed", businessStatus=concept(BUSINESS_STATUS, "suspended"))
    assert review.superseded(task()) == task("cancelled", statusReason=concept(STATUS_REASON, "superseded"))


@pytest.mark.parametrize(
    ("members", "asks"),
    [({}, True), ({"focus": ref("Patient/k")}, False), ({"code": concept(TASK_CODE, "alert")}, False)],
)
def test_a_review_is_about_two_patients(members: Any, asks: bool) -> None:
    """One about a number is about a Patient alone."""
    assert review.is_review(task(**members)) is asks


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        ("requested", True),
        ("received", True),
        ("accepted", True),
        ("in-progress", True),
        ("completed", False),
        ("cancelled", False),
    ],
)
def test_a_review_waits_until_it_is_over(status: str, waits: bool) -> None:
    assert review.is_open(task(status)) is waits


def test_the_last_decision_counts() -> None:
    assert review.decision(task(output=[output("same-person"), output("another-person")])) == "another-person"
    assert review.decision(task(output=[{**DECIDED, "valueCodeableConcept": concept("urn:s", "same-person")}])) == ""
    assert review.decision(task()) == ""


@pytest.mark.parametrize(
    ("members", "joins"),
    [
        ({"status": "completed", "output": [output("same-person")]}, True),
        ({"status": "completed", "output": [output("same-person"), output("another-person")]}, False),
        ({"status": "completed", "output": [output("number-verified")]}, False),
        ({"status": "requested", "output": [output("same-person")]}, False),
        (
            {"status": "completed", "output": [output("same-person")], "businessStatus": concept(BUSINESS_STATUS, "suspended")},
            False,
        ),
        ({"status": "completed", "output": [output("same-person")], "businessStatus": concept(BUSINESS_STATUS, "x")}, True),
        ({"status": "completed"}, False),
    ],
)
def test_idn_1_a_review_links_once_it_is_completed_so_and_stands(members: Any, joins: bool) -> None:
    assert review.links(task(**members)) is joins


@pytest.mark.parametrize(("since", "judged"), [(1, True), (3, True), (4, False)])
def test_idn_5_a_review_is_of_the_version_it_names_or_a_later_one_like_it(since: int, judged: bool) -> None:
    keys = ["rule:IDN-1:x", review.epoch("Patient/n", since)]
    assert (review.since(keys), review.judged(task(), keys)) == (since, judged)


def test_idn_5_a_patient_that_never_changed_is_as_it_began() -> None:
    assert (review.since([]), review.judged(task(focus=ref("Patient/n/_history/1")), [])) == (1, True)
    assert review.judged(task(focus=ref("Patient/n")), []) is False
    assert review.epoch("Patient/n", 4) == "rule:IDN-5:Patient/n/_history/4"


def situation(world: Any, before: Any, after: Any, *, agency: str = TRUST, stands: bool = True) -> ReviewSituation:
    return ReviewSituation(world.at, agency, after, before, "PractitionerRole/ann", {}, stands=stands)


def moved(world: Any, start: str, end: str, *, before: Any = None, stands: bool = True, **members: Any) -> Any:
    before = before or task(start)
    return decide(MACHINE, situation(world, before, {**before, "status": end, **members}, stands=stands), world.ids)


def test_a_situation_of_a_review_says_besides_whether_it_stands() -> None:
    assert {each.name for each in fields(ReviewSituation)} - {each.name for each in fields(Situation)} == {"stands"}


@pytest.mark.parametrize(("start", "end"), [("requested", "received"), ("requested", "in-progress"), ("received", "in-progress")])
def test_a_review_goes_forward_and_tells_nobody(world: Any, start: str, end: str) -> None:
    fact = AuditFact("U", f"identity-review-{end}", TRUST, "PractitionerRole/ann", "Patient/k", ("Task/r",))
    assert moved(world, start, end) == Outcome((Staged({**task(end), "lastModified": NOW}),), audits=(fact,))


@pytest.mark.parametrize("start", OPEN)
@pytest.mark.parametrize("code", ["same-person", "another-person"])
def test_idn_1_a_review_is_completed_by_its_decision(world: Any, start: str, code: str) -> None:
    fact = AuditFact("U", "identity-review-completed", TRUST, "PractitionerRole/ann", "Patient/k", ("Task/r",))
    done = {**task("completed", output=[output(code)]), "lastModified": NOW}
    assert moved(world, start, "completed", output=[output(code)]) == Outcome((Staged(done),), audits=(fact,))


@pytest.mark.parametrize("code", ["number-verified", "number-removed"])
def test_idn_2_a_question_about_a_number_is_answered_about_the_number(world: Any, code: str) -> None:
    asked = task(focus=ref("Patient/k"))
    assert isinstance(moved(world, "requested", "completed", before=asked, output=[output(code)]), Outcome)


PERSONS = (
    f"A review is completed by a decision: add output `decision` with `same-person` or `another-person` of `{IDENTITY_DECISION}`."
)
NUMBERS = PERSONS.replace("`same-person` or `another-person`", "`number-verified` or `number-removed`")


def refused(text: str, expression: str, rule: str) -> Problem:
    return Problem(Category.RULE, (Issue("business-rule", text, expression, rule),))


@pytest.mark.parametrize("start", OPEN)
def test_idn_1_a_review_is_not_completed_without_one(world: Any, start: str) -> None:
    assert moved(world, start, "completed") == refused(PERSONS, "Task.output", "IDN-1")
    assert moved(world, start, "completed", output=[output("number-verified")]) == refused(PERSONS, "Task.output", "IDN-1")
    question = task(start, focus=ref("Patient/k"))
    assert moved(world, start, "completed", before=question, output=[output("same-person")]) == refused(
        NUMBERS, "Task.output", "IDN-1"
    )


@pytest.mark.parametrize("start", OPEN)
def test_idn_5_what_has_changed_is_not_judged(world: Any, start: str) -> None:
    text = "The other record has changed since you were asked: it is proposed to you anew if it still carries the identifier."
    assert moved(world, start, "completed", output=[output("same-person")], stands=False) == refused(text, "Task.focus", "IDN-5")


def test_a_decision_is_taken_back_by_another(world: Any) -> None:
    """Whether or not what was judged still stands."""
    before = task("completed", output=[output("same-person")])
    both = [output("same-person"), output("another-person")]
    assert isinstance(moved(world, "completed", "completed", before=before, output=both, stands=False), Outcome)
    assert moved(world, "completed", "completed", before=before) == Repeat(before)
    wrong = [output("same-person"), output("number-removed")]
    assert moved(world, "completed", "completed", before=before, output=wrong) == refused(PERSONS, "Task.output", "IDN-1")


def test_a_review_that_is_over_goes_nowhere(world: Any) -> None:
    found = moved(world, "cancelled", "requested")
    assert found == refused(
        "An identity review Task that is `cancelled` cannot be made `requested` by the requester and owner: "
        "from here this side makes no move.",
        "Task.status",
        "IDN-1",
    )


def test_what_was_asked_does_not_change(world: Any) -> None:
    found = moved(world, "requested", "received", focus=ref("Patient/other"))
    assert [(issue.expression, issue.rule) for issue in found.issues] == [("Task.focus", "IDN-1")]


def test_another_agency_finds_no_review(world: Any) -> None:
    found = decide(MACHINE, situation(world, task(), task("received"), agency=HOUSING), world.ids)
    assert isinstance(found, Problem)
    assert found.category is Category.ABSENT


def test_clients_send_no_review() -> None:
    assert (MACHINE.sent, {row.sides for row in TABLE}) == (False, {("owner",)})
