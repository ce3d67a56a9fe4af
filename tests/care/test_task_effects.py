"""What all Tasks share: what is kept, told, made and asked for (HOV-1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.care.task import effects, made, reading
from service.care.task.requirements import contact, creator, fixed, issue, reason
from service.care.task.situation import AuditFact, Outcome, Staged
from service.change import Notice
from service.fhir.canonical import (
    BUSINESS_STATUS,
    COMMUNICATION_CATEGORY,
    HELD_FROM,
    PROVENANCE_ACTIVITY,
    PROVENANCE_PARTICIPANT,
    TASK_CODE,
)
from service.fhir.coding import concept
from service.problem import Issue
from tests.care.small import AT, output, put, ref, situation, task
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST


def test_what_a_client_leaves_out_of_a_sent_task_is_kept() -> None:
    before = task(groupIdentifier={"value": "g"}, authoredOn=NOW)
    assert effects.completed(situation(before, task("received"))) == {**before, "status": "received"}
    other = task(groupIdentifier={"value": "h"})
    assert effects.completed(situation(before, other)) == {**other, "authoredOn": NOW}
    assert effects.completed(situation(None, task())) == task()


def test_a_client_writes_none_of_the_service_s_members() -> None:
    forged = {
        "businessStatus": concept(BUSINESS_STATUS, "x"),
        "extension": [{"url": "urn:x"}, {"url": HELD_FROM, "valueCode": "draft"}],
    }
    assert effects.kept(situation(None, task(**forged))) == {**task(extension=[{"url": "urn:x"}]), "lastModified": NOW}
    assert effects.kept(situation(task("draft"), task(**forged))) == {**task(extension=[{"url": "urn:x"}]), "lastModified": NOW}
    assert effects.kept(situation(task(), task("received", **forged))) == {**task("received"), "lastModified": NOW}
    stored = task(businessStatus=concept(BUSINESS_STATUS, "overdue"), extension=[{"url": "urn:y"}])
    assert effects.kept(situation(stored, task("received", **forged))) == {**stored, "status": "received", "lastModified": NOW}


def test_the_other_agency_is_told_and_each_once() -> None:
    assert effects.told(situation(task())) == (Notice("handover-task", HOUSING, "Task/t", "Patient/p"),)
    assert [each.recipient for each in effects.told(situation(task(), agency="Organization/x"), "topic")] == [TRUST, HOUSING]
    assert [each.recipient for each in effects.told(situation(task(owner=ref(TRUST))))] == [TRUST]
    assert effects.told(situation(task(owner=ref("PractitionerRole/unknown")))) == ()
    assert effects.told(situation(task()), "topic")[0].topic == "topic"


def test_an_outcome_has_the_task_first_and_a_new_one_is_its_requester_s() -> None:
    more = Staged({"resourceType": "Basic"})
    assert effects.outcome(situation(None, task()), task(), "event", more, told_=False) == Outcome(
        (Staged(task(), created=True, custodian=TRUST), more),
        audits=(AuditFact("C", "event", TRUST, ANN, "Patient/p", ("Task/t",)),),
    )
    again = effects.outcome(situation(task()), task("received"), "event")
    assert (again.writes, again.audits[0].action, len(again.notices)) == ((Staged(task("received")),), "U", 1)


@pytest.mark.parametrize(("status", "told"), [("draft", 0), ("requested", 1)])
def test_a_move_that_does_nothing_more(status: str, told: int) -> None:
    made_ = effects.move(situation(None, task(status)), lambda: "x")
    assert made_.writes[0].resource == {**task(status), "lastModified": NOW}
    assert (made_.audits[0].event, len(made_.notices)) == (f"action-{status}", told)


def test_timers_are_keyed_by_rule_and_task() -> None:
    assert effects.timer_key("TIM-2", task()) == "TIM-2:Task/t"
    assert effects.answer_keys(task()) == ("TIM-1:Task/t", "TIM-2:Task/t")


def test_a_passed_date_is_told_to_both() -> None:
    expected = tuple(Notice("deadline-breached", each, "Task/t", "Patient/p") for each in (TRUST, HOUSING))
    assert effects.passed(situation(task())) == Outcome(
        (), notices=expected, audits=(AuditFact("U", "deadline-breached", TRUST, ANN, "Patient/p", ("Task/t",)),)
    )
    assert effects.both_told(situation(task(owner=ref("PractitionerRole/unknown")))) == expected[:1]
    assert effects.both_told(situation(task(owner=ref(TRUST)))) == expected[:1]


@pytest.mark.parametrize("status", sorted(reading.TERMINAL))
def test_a_date_of_what_is_over_is_told_to_nobody(status: str) -> None:
    assert effects.passed(situation(task(status))) is None


def test_a_task_that_the_service_makes() -> None:
    whole = made.task_of(
        "x",
        "action",
        requester=TRUST,
        owner=HOUSING,
        patient="Patient/p",
        at=AT,
        focus="CarePlan/c",
        part_of="Task/t",
        due=datetime(2026, 11, 1, tzinfo=UTC),
        text="words",
        conversation={"value": "g"},
        priority="urgent",
        inputs=iter([put("x", "y")]),
    )
    assert whole == {
        "resourceType": "Task",
        "id": "x",
        "groupIdentifier": {"value": "g"},
        "partOf": [ref("Task/t")],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, "action"),
        "description": "words",
        "focus": ref("CarePlan/c"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(TRUST),
        "owner": ref(HOUSING),
        "restriction": {"period": {"start": NOW, "end": "2026-11-01T00:00:00.000Z"}},
        "input": [put("x", "y")],
    }


def test_a_task_says_no_more_than_it_is_told() -> None:
    assert made.task_of("x", "action", requester=TRUST, owner=HOUSING, patient="Patient/p", at=AT, focus="CarePlan/c") == {
        "resourceType": "Task",
        "id": "x",
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "action"),
        "focus": ref("CarePlan/c"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(TRUST),
        "owner": ref(HOUSING),
    }


def test_a_communication_that_the_service_makes() -> None:
    whole = made.communication(
        "x", "topic", sender=TRUST, recipients=iter([HOUSING]), patient="Patient/p", about="Task/t", at=AT, text="words"
    )
    assert whole == {
        "resourceType": "Communication",
        "id": "x",
        "status": "completed",
        "category": [concept(COMMUNICATION_CATEGORY, "topic")],
        "subject": ref("Patient/p"),
        "about": [ref("Task/t")],
        "sent": NOW,
        "recipient": [ref(HOUSING)],
        "sender": ref(TRUST),
        "payload": [{"contentString": "words"}],
    }


@pytest.mark.parametrize(("who", "agent"), [(ANN, {"who": ref(ANN), "onBehalfOf": ref(TRUST)}), ("", {"who": ref(TRUST)})])
def test_a_provenance_names_the_person_for_the_agency_else_the_agency(who: str, agent: Any) -> None:
    whole = made.provenance(
        "x", targets=["Task/t/_history/1"], at=AT, who=who, agency=TRUST, activity="lead-named", entity="Task/h"
    )
    assert whole == {
        "resourceType": "Provenance",
        "id": "x",
        "target": [ref("Task/t/_history/1")],
        "recorded": NOW,
        "activity": concept(PROVENANCE_ACTIVITY, "lead-named"),
        "agent": [{"type": concept(PROVENANCE_PARTICIPANT, "author"), **agent}],
        "entity": [{"role": "source", "what": ref("Task/h")}],
    }


def test_an_issue_cites_hov_1_unless_it_is_told() -> None:
    assert issue("text", "Task.x") == Issue("business-rule", "text", "Task.x", "HOV-1")
    assert issue("text", "Task.x", "E9").rule == "E9"


ONCE = "It cannot change once the Task was sent: send it as it was."


def test_hov_1_each_member_that_changed_is_named_in_the_order_it_stands() -> None:
    before, after = task(priority="urgent"), task(**{"for": ref("Patient/q")}, location=ref("Location/l"))
    assert [(each.text, each.expression, each.rule) for each in fixed(situation(before, after))] == [
        (f"`for` of this Task differs from what was sent. {ONCE}", "Task.for", "HOV-1"),
        (f"`priority` of this Task differs from what was sent. {ONCE}", "Task.priority", "HOV-1"),
        (f"`location` of this Task differs from what was sent. {ONCE}", "Task.location", "HOV-1"),
    ]
    assert [each.rule for each in fixed(situation(before, after), ("for", "priority"), "E9")] == ["E9"]
    assert fixed(situation(None, task())) != ()


@pytest.mark.parametrize(
    "member",
    [
        "status",
        "statusReason",
        "businessStatus",
        "note",
        "output",
        "lastModified",
        "executionPeriod",
        "meta",
        "text",
        "extension",
    ],
)
def test_hov_1_what_a_move_may_change(member: str) -> None:
    assert fixed(situation(task(), task(**{member: [{"x": 1}]}))) == ()


@pytest.mark.parametrize("member", ["note", "output"])
def test_hov_1_notes_and_outputs_are_added_and_not_taken_away(member: str) -> None:
    one, two = {"text": "1"}, {"text": "2"}
    assert fixed(situation(task(**{member: [one]}), task(**{member: [two, one]}))) == ()
    [found] = fixed(situation(task(**{member: [one, two]}), task(**{member: [one]})), (), "E9")
    text = f"A `{member}` of this Task was left out: send the ones it has, and add yours."
    assert (found.text, found.expression, found.rule) == (text, f"Task.{member}", "E9")
    assert len(fixed(situation(task(**{member: [one]}), task()))) == 1


def test_hov_1_a_move_frees_inputs_by_their_type() -> None:
    before, after = task(input=[put("a", "1"), put("b", "1")]), task(input=[put("a", "1"), put("b", "2")])
    assert [each.expression for each in fixed(situation(before, after))] == ["Task.input"]
    assert fixed(situation(before, after), ("input.b",)) == ()
    assert [each.expression for each in fixed(situation(before, after), ("input.a", "owner"))] == ["Task.input"]
    assert fixed(situation(before, task(input=[put("a", "1")])), ("input.b",)) == ()


MADE = "A Task is made by its requester's agency: set `requester` to a PractitionerRole of your agency"


@pytest.mark.parametrize(
    ("members", "agency", "text"),
    [
        ({}, TRUST, ""),
        ({"requester": ref(HAL)}, TRUST, f"{MADE}, which `{HAL}` is not."),
        ({"requester": None}, TRUST, f"{MADE}."),
        ({"requester": None}, "", f"{MADE}."),
    ],
)
def test_hov_1_a_task_is_made_by_its_requester_s_agency(members: Any, agency: str, text: str) -> None:
    expected = (Issue("business-rule", text, "Task.requester", "HOV-1"),) if text else ()
    assert creator(situation(None, task(**members), agency=agency)) == expected


def test_a_reason_is_coded() -> None:
    missing = (Issue("business-rule", "This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1"),)
    assert reason(situation(None, task(statusReason={"text": "x"}))) == missing
    assert reason(situation(None, task(statusReason=concept("urn:s", "x")))) == ()


@pytest.mark.parametrize(
    ("outputs", "done"),
    [
        ([output("first-contact")], True),
        ([output("no-contact-required", valueString="x")], True),
        ([output("no-contact-required", valueCodeableConcept={"text": "x"})], True),
        ([output("no-contact-required"), output("no-contact-required", valueString="x")], True),
        ([output("no-contact-required", valueString=" ")], False),
        ([output("attempt")], False),
        ([], False),
    ],
)
def test_a_contact_or_why_there_is_none(outputs: list[Any], done: bool) -> None:
    text = "Completion needs output `first-contact`, or `no-contact-required` with its reason."
    expected = () if done else (Issue("business-rule", text, "Task.output", "HOV-1"),)
    assert contact(situation(None, task(output=outputs))) == expected
