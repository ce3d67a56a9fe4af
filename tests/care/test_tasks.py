"""How Tasks are read, and the situation that they are decided in (HOV-1, HOV-3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.care.task import reading
from service.care.task.situation import AuditFact, audit, notice
from service.care.task.timers import Calendar
from service.change import Notice
from service.fhir.canonical import (
    BUSINESS_STATUS,
    HELD_FROM,
    STATUS_REASON,
    TASK_INPUT,
)
from service.fhir.coding import concept
from tests.care.small import AUCKLAND, output, ref, situation, task
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST


def scoped(kind: str, **value: Any) -> dict[str, Any]:
    return output(kind, **value)


def test_a_task_s_code_status_and_reason() -> None:
    assert (reading.code(task()), reading.code(task(code=concept("urn:s", "x"))), reading.code({})) == ("action", "", "")
    assert (reading.status(None), reading.status(task("received")), reading.status({})) == ("none", "received", "")
    assert reading.reason(task(statusReason=concept("urn:s", "x"))) == "x"
    assert (reading.reason(task(statusReason={"text": "x"})), reading.reason(task())) == ("", "")


def test_inputs_and_outputs_are_found_by_their_type_in_our_code_system() -> None:
    mine, other = {"type": concept(TASK_INPUT, "x"), "id": "1"}, {"type": concept("urn:s", "x")}
    assert reading.inputs(task(input=[mine, other, "x", {"type": concept(TASK_INPUT, "y")}]), "x") == [mine]
    assert reading.outputs(task(output=[output("x"), {"type": concept(TASK_INPUT, "x")}]), "x") == [output("x")]
    assert (reading.inputs(task(), "x"), reading.outputs(task(output="x"), "x")) == ([], [])


@pytest.mark.parametrize(
    ("members", "lead"),
    [
        ({"owner": ref(HAL)}, HAL),
        (
            {"output": [output("lead", valueReference=ref("PractitionerRole/x/_history/2"))], "owner": ref(HAL)},
            "PractitionerRole/x",
        ),
        ({"output": [output("lead"), output("lead", valueReference=ref("PractitionerRole/x"))], "owner": ref(HAL)}, HAL),
        ({"output": [output("lead", valueReference=ref("Organization/o"))], "owner": ref(HAL)}, ""),
        ({"owner": ref(HOUSING)}, ""),
        ({"owner": None}, ""),
    ],
)
def test_a_lead_is_the_output_s_else_the_owner(members: Any, lead: str) -> None:
    assert reading.lead_reference(task(**members)) == lead


def test_scopes_are_codes_else_words_in_their_order() -> None:
    said = [
        scoped("accepted-scope", valueCodeableConcept={"text": "words"}),
        scoped("accepted-scope", valueCodeableConcept={"coding": [{"code": "a"}, {"code": "b"}], "text": "words"}),
        scoped("accepted-scope", valueString="string"),
        scoped("accepted-scope"),
        scoped("declined-scope", valueString="no"),
    ]
    assert reading.scopes(task(output=said), "accepted-scope") == ("words", "a", "string", "")


def test_a_business_status_is_one_of_ours() -> None:
    waits = task(businessStatus=concept(BUSINESS_STATUS, "awaiting-information"))
    assert (reading.business_status(waits), reading.awaiting(waits), reading.awaiting(task())) == (
        "awaiting-information",
        True,
        False,
    )
    assert reading.awaiting(task(businessStatus=concept("urn:s", "awaiting-information"))) is False
    assert reading.awaiting(task(businessStatus=concept(BUSINESS_STATUS, "overdue"))) is False


def test_what_a_client_wrote_is_all_but_the_service_s_own() -> None:
    own = {"meta": {}, "text": {}, "lastModified": NOW, "businessStatus": {}, "extension": []}
    assert reading.said({**task(), **own}) == task()


@pytest.mark.parametrize(
    ("end", "due"),
    [
        ("2026-10-27T12:00:00Z", datetime(2026, 10, 27, 12, tzinfo=UTC)),
        ("2026-10-27", datetime(2026, 10, 27, 11, tzinfo=UTC)),
        ("soon", None),
        (None, None),
    ],
)
def test_a_task_is_due_by_the_end_of_a_day_of_the_locality(end: Any, due: datetime | None) -> None:
    assert reading.due(task(restriction={"period": {"end": end}}), AUCKLAND) == due


def test_a_task_without_a_date_is_not_due() -> None:
    assert [reading.due(task(restriction=each), AUCKLAND) for each in (None, {}, {"period": None})] == [None] * 3


def test_a_hold_is_remembered_beside_other_extensions() -> None:
    other = {"url": "urn:x", "valueCode": "y"}
    held = reading.with_hold(task(extension=[other, {"url": HELD_FROM, "valueCode": "draft"}]), "received")
    assert held["extension"] == [other, {"url": HELD_FROM, "valueCode": "received"}]
    assert (reading.held_from(held), reading.held_from(task()), reading.held_from({"extension": "x"})) == ("received", "", "")
    assert reading.with_hold(held, "")["extension"] == [other]
    assert reading.with_hold(reading.with_hold(task(), "draft"), "") == task()
    assert reading.held_from({"extension": [{"url": HELD_FROM}]}) == ""


def test_a_member_is_set_or_left_out_of_a_copy() -> None:
    whole = task()
    assert reading.with_member(whole, "status", "draft") == {**task(), "status": "draft"}
    assert "status" not in reading.with_member(whole, "status", None)
    assert whole == task()
    assert reading.with_output(task(output=[output("x")]), "y", valueCode="z")["output"] == [
        output("x"),
        output("y", valueCode="z"),
    ]
    assert reading.with_output(task(), "y")["output"] == [output("y")]
    assert reading.status_reason("x", "words") == concept(STATUS_REASON, "x", "words")
    assert reading.status_reason("x") == concept(STATUS_REASON, "x")


def test_what_is_over() -> None:
    assert {"rejected", "cancelled", "failed", "completed", "entered-in-error"} == reading.TERMINAL


def test_the_sides_are_those_of_the_stored_task() -> None:
    stored = task("received")
    assert situation(stored).sides == ("requester",)
    assert situation(stored, agency=HOUSING).sides == ("owner",)
    assert situation(stored, agency="Organization/x").sides == ("stranger",)
    assert situation(stored, agency="").sides == ("stranger",)
    assert situation(task("received", owner=ref(TRUST))).sides == ("requester", "owner")
    assert situation(stored, task(requester=ref(HAL)), agency=HOUSING).sides == ("owner",)


@pytest.mark.parametrize(
    ("stored", "sides"),
    [
        (None, ("stranger",)),
        (task("draft"), ("stranger",)),
        (task("on-hold", extension=[{"url": HELD_FROM, "valueCode": "draft"}]), ("stranger",)),
    ],
)
def test_hov_3_before_it_is_sent_its_owner_has_no_part_in_it(stored: Any, sides: tuple[str, ...]) -> None:
    assert situation(stored, agency=HOUSING).sides == sides


def test_the_stage_of_a_held_task_is_where_it_came_from() -> None:
    held = task("on-hold", extension=[{"url": HELD_FROM, "valueCode": "received"}])
    assert [situation(each).stage for each in (held, task("on-hold"), task("received"), None)] == [
        "received",
        "on-hold",
        "received",
        "none",
    ]


def test_hov_3_a_draft_was_not_sent_though_it_is_held() -> None:
    held = [task("on-hold", extension=[{"url": HELD_FROM, "valueCode": each}]) for each in ("draft", "received")]
    assert [reading.sent(each) for each in (None, task("draft"), *held, task("requested"), task("completed"))] == [
        False, False, False, True, True, True,
    ]  # fmt: skip
    assert [situation(each).sent for each in (held[0], held[1], None)] == [False, True, False]


def test_parties_are_resolved_and_an_organisation_is_itself() -> None:
    found = situation(task(owner=ref("PractitionerRole/unknown")))
    assert (found.sender, found.receiver, found.organization("Organization/z")) == (TRUST, "", "Organization/z")
    calendar = Calendar(zone=AUCKLAND)
    assert situation(calendar=calendar).zone is AUCKLAND
    assert situation(None, task("draft")).current == task("draft")


def test_audit_lines_and_notices_are_about_the_task_and_its_person() -> None:
    found = situation(task(), task(**{"for": ref("Patient/forged")}))
    assert audit(found, "x") == AuditFact("U", "x", TRUST, ANN, "Patient/p", ("Task/t",))
    assert audit(found, "x", "C", "detail") == AuditFact("C", "x", TRUST, ANN, "Patient/p", ("Task/t",), "detail")
    assert notice(found, "topic", HOUSING) == Notice("topic", HOUSING, "Task/t", "Patient/p")
    assert notice(found, "topic", HOUSING, "Task/o") == Notice("topic", HOUSING, "Task/o", "Patient/p")
