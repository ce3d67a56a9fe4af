"""The question of a data request and its answer, and what its client need not repeat (consent rules, section 4)."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from service.care.data_request import question
from service.care.data_request.situation import RequestSituation
from service.care.data_request.table import MACHINE, TABLE
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Repeat, Situation
from service.problem import Problem
from tests.care.asking import (
    BASIS,
    OUTPUT,
    PURPOSE,
    TYPE,
    WAITS,
    answered,
    put,
    ref,
    request,
    situation,
)
from tests.care.told import HAL, HOUSING, NOW


def test_a_request_asks_in_the_parameters_of_disclose() -> None:
    more = [put("record-category", valueCode="x"), put("record-period", valuePeriod={"start": "2026"})]
    assert question.given(request(input=[TYPE, PURPOSE, BASIS, *more])) == {
        "type": ["CarePlan"],
        "purpose": [{"code": "TREAT"}],
        "category": ["x"],
        "period": [{"start": "2026"}],
        "basis": [BASIS["valueCodeableConcept"]],
        "reason": ["To plan the move."],
    }
    assert question.given(request(reasonCode=None))["reason"] == [""]
    assert question.given(request(reasonCode={}))["reason"] == [""]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("type", "Task.input.where(type.coding.code = 'record-type')"),
        ("recipient", "Task.requester"),
        ("reason", "Task.reasonCode.text"),
        ("for", "Task.for"),
    ],
)
def test_a_fault_is_told_where_it_stands(name: str, place: str) -> None:
    assert question.place(name) == place


def test_an_answer_names_the_disclosures_and_nothing_else() -> None:
    waiting = request(businessStatus=WAITS)
    other = {**OUTPUT, "valueReference": ref("Communication/e")}
    assert question.answered(waiting, ("Communication/c", "Communication/e")) == {
        **request("completed"),
        "output": [OUTPUT, other],
    }
    assert question.answered(waiting, ()) == request("completed")


@pytest.mark.parametrize(("owner", "inputs", "waits"), [(HOUSING, [TYPE], False), (HOUSING, [BASIS], True), (HAL, [TYPE], True)])
def test_what_waits_for_a_person(owner: str, inputs: list[Any], waits: bool) -> None:
    assert question.waits(request(owner=ref(owner), input=inputs)) is waits


# What a client need not repeat.


def test_hov_5_an_answered_request_sent_again_is_answered_again() -> None:
    done = request("completed", owner=ref(HAL), output=[OUTPUT], lastModified=NOW)
    for repeated in (request("completed", owner=ref(HAL)), done):
        assert decide(MACHINE, situation(done, repeated, HOUSING, HAL), lambda: "new") == Repeat(done)
    forged = request("completed", owner=ref(HAL), output=[{**OUTPUT, "valueReference": ref("Communication/x")}])
    assert isinstance(decide(MACHINE, situation(done, forged, HOUSING, HAL), lambda: "new"), Problem)


def test_hov_5_another_status_is_no_repeat() -> None:
    assert isinstance(answered("requested", "received"), Outcome)
    assert answered("received", "received") == Repeat(request("received", businessStatus=WAITS))


def test_the_person_is_the_same_however_they_are_shown() -> None:
    before = request("requested", **{"for": {**ref("Patient/p"), "display": "Ada"}})
    made = answered("requested", "received", before=before, **{"for": ref("Patient/p")})
    assert made.writes[0].resource["for"] == {**ref("Patient/p"), "display": "Ada"}
    found = answered("requested", "received", before=before, **{"for": ref("Patient/q")})
    assert [issue.expression for issue in found.issues] == ["Task.for"]


def test_the_conversation_stays_though_it_is_left_out() -> None:
    before = request("requested", groupIdentifier={"value": "g"}, authoredOn=NOW)
    made = answered("requested", "received", before=before, groupIdentifier=None, authoredOn=None)
    assert (made.writes[0].resource["groupIdentifier"], made.writes[0].resource["authoredOn"]) == ({"value": "g"}, NOW)


def test_the_table_row_by_row() -> None:
    done = ("approver", "inputs", "unanswered")
    assert [(row.start, row.end, row.sides, row.needs, row.effect) for row in TABLE] == [
        ("none", "requested", ("requester",), ("owner", "why", "inputs", "answer_by", "unanswered"), "ask"),
        ("requested", "received", ("owner",), ("unanswered",), "move"),
        ("requested", "rejected", ("owner",), ("reason", "unanswered"), "close"),
        ("received", "rejected", ("owner",), ("reason", "unanswered"), "close"),
        ("requested", "cancelled", ("requester",), ("reason", "unanswered"), "close"),
        ("received", "cancelled", ("requester",), ("reason", "unanswered"), "close"),
        ("requested", "completed", ("owner",), done, "release"),
        ("received", "completed", ("owner",), done, "release"),
    ]
    assert MACHINE.sent
    assert {each.name for each in fields(RequestSituation)} - {each.name for each in fields(Situation)} == {"asked"}
