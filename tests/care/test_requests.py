"""What each move of a data request asks for, word for word, and what it does, whole (consent rules, section 4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.care.data_request import needs, question
from service.care.task.situation import Outcome, Staged
from service.change import Timer
from service.fhir.canonical import LAWFUL_BASIS
from service.fhir.coding import concept
from tests.care.asking import (
    BASIS,
    NOBODY,
    OUTPUT,
    PURPOSE,
    TYPE,
    WAITS,
    WHY,
    answered,
    asked,
    fact,
    put,
    ref,
    refusal,
    request,
    situation,
    told,
)
from tests.care.conftest import role
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST


def test_a_request_that_waits_says_so_and_has_its_clock() -> None:
    restriction = {"restriction": {"period": {"end": "2026-10-27T12:00:00Z"}}}
    due = datetime(2026, 10, 27, 12, tzinfo=UTC)
    written = {**request(**restriction), "lastModified": NOW, "authoredOn": NOW, "businessStatus": WAITS}
    assert asked(request(authoredOn="2020", **restriction)) == Outcome(
        (Staged(written, created=True, custodian=TRUST),),
        (Timer("TIM-11:Task/d", "TIM-11", due, "Task/d"),),
        notices=(told(HOUSING),),
        audits=(fact("requested", action="C", agency=TRUST, user=ANN),),
    )
    assert asked(request()).timers == ()


def test_a_request_that_need_not_wait_is_answered_at_once() -> None:
    plain = request(input=[TYPE, PURPOSE])
    assert asked(plain) == Outcome(
        (Staged({**plain, "lastModified": NOW, "authoredOn": NOW}, created=True, custodian=TRUST),),
        notices=(told(HOUSING),),
        audits=(fact("requested", action="C", agency=TRUST, user=ANN),),
        disclosure=True,
    )


def test_its_owner_says_that_it_came() -> None:
    assert answered("requested", "received") == Outcome(
        (Staged({**request("received", businessStatus=WAITS), "lastModified": NOW}),),
        notices=(told(TRUST),),
        audits=(fact("received"),),
    )


@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize(
    ("end", "agency", "user", "other"), [("rejected", HOUSING, HAL, TRUST), ("cancelled", TRUST, ANN, HOUSING)]
)
def test_a_request_is_turned_down_or_taken_back(start: str, end: str, agency: str, user: str, other: str) -> None:
    assert answered(start, end, agency=agency, user=user) == Outcome(
        (Staged({**request(end), "statusReason": WHY, "lastModified": NOW}),),
        cancelled=("TIM-11:Task/d",),
        notices=(told(other),),
        audits=(fact(end, agency=agency, user=user),),
    )
    needs_reason = "This move needs a coded `statusReason`."
    found = answered(start, end, agency=agency, user=user, statusReason=None)
    assert found == refusal(needs_reason, "Task.statusReason", "HOV-1")


@pytest.mark.parametrize("start", ["requested", "received"])
def test_a_named_person_releases(start: str) -> None:
    assert answered(start, "completed") == Outcome(
        (Staged({**request("completed", owner=ref(HAL)), "lastModified": NOW}),),
        cancelled=("TIM-11:Task/d",),
        notices=(told(TRUST),),
        audits=(fact("completed"),),
        disclosure=True,
    )


@pytest.mark.parametrize("start", ["requested", "received"])
def test_who_releases_judges_the_basis_and_changes_nothing_else(start: str) -> None:
    other = put("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "legal-duty", "A court asked for it."))
    assert isinstance(answered(start, "completed", input=[TYPE, PURPOSE, other]), Outcome)
    assert isinstance(answered(start, "completed", input=[TYPE, PURPOSE]), Outcome)
    found = answered(start, "completed", input=[put("record-type", valueCode="Goal"), PURPOSE, BASIS])
    assert [(issue.expression, issue.rule) for issue in found.issues] == [("Task.input", "HOV-1")]
    found = answered(start, "completed", reasonCode={"text": "x"})
    assert [issue.expression for issue in found.issues] == ["Task.reasonCode"]


OWN = "The outputs of a data request are written by the service: send none."


@pytest.mark.parametrize(
    ("start", "end", "agency"),
    [
        ("requested", "received", HOUSING),
        *(
            (start, end, agency)
            for start in ("requested", "received")
            for end, agency in (("rejected", HOUSING), ("cancelled", TRUST), ("completed", HOUSING))
        ),
    ],
)
def test_nobody_writes_what_was_disclosed(start: str, end: str, agency: str) -> None:
    user = HAL if agency == HOUSING else ANN
    assert answered(start, end, agency=agency, user=user, output=[OUTPUT]) == refusal(OWN, "Task.output")
    assert isinstance(answered(start, end, agency=agency, user=user, output=[]), Outcome)


GOES = "A data request goes to an Organization or PractitionerRole that is registered here: set `owner`."
MINE = "Your own agency needs no request to read its own records: set `owner` to another."


@pytest.mark.parametrize(
    ("members", "entry", "text", "place"),
    [
        ({"intent": "plan"}, NOBODY, "A data request is an order: set `intent` to `order`.", "Task.intent"),
        ({"owner": ref("Patient/p")}, NOBODY, GOES, "Task.owner"),
        ({"owner": None}, NOBODY, GOES, "Task.owner"),
        ({}, None, GOES, "Task.owner"),
        ({"owner": ref(TRUST)}, NOBODY, MINE, "Task.owner"),
        ({"owner": ref(ANN)}, NOBODY, MINE, "Task.owner"),
        (
            {"owner": ref(HAL)},
            {**role("hal", HOUSING), "active": False},
            f"`{HAL}` cannot answer: the PractitionerRole is not active. Set `owner` to another, or to the Organization.",
            "Task.owner",
        ),
        (
            {"reasonCode": {"text": " "}},
            NOBODY,
            "A data request says why: write it as `reasonCode.text`.",
            "Task.reasonCode.text",
        ),
        ({"reasonCode": "x"}, NOBODY, "A data request says why: write it as `reasonCode.text`.", "Task.reasonCode.text"),
        ({"output": [OUTPUT]}, NOBODY, OWN, "Task.output"),
        (
            {"restriction": {"period": {"end": NOW}}},
            NOBODY,
            "The date to answer by is an instant ahead: correct `restriction.period.end`, or leave it out.",
            "Task.restriction.period.end",
        ),
        (
            {"input": [TYPE, PURPOSE, put("level", valueInteger=1)]},
            NOBODY,
            "A data request has no input `level`: it is one of `purpose`, `record-category`, `record-period`, `record-type`, "
            "`sharing-authority` of `task-input`.",
            "Task.input",
        ),
        (
            {"input": [PURPOSE]},
            NOBODY,
            "A data request says its `record-type`: add an input of that type.",
            "Task.input.where(type.coding.code = 'record-type')",
        ),
        (
            {"input": [TYPE]},
            NOBODY,
            "A data request says its `purpose`: add an input of that type.",
            "Task.input.where(type.coding.code = 'purpose')",
        ),
        (
            {"input": [TYPE, PURPOSE, BASIS, BASIS]},
            NOBODY,
            "A data request has one input `sharing-authority` at most: send one.",
            "Task.input.where(type.coding.code = 'sharing-authority')",
        ),
        (
            {"input": [TYPE, PURPOSE, put("record-period", valuePeriod={}), put("record-period", valuePeriod={})]},
            NOBODY,
            "A data request has one input `record-period` at most: send one.",
            "Task.input.where(type.coding.code = 'record-period')",
        ),
        (
            {"input": [TYPE, PURPOSE, put("record-category", valueString="x")]},
            NOBODY,
            "The input `record-category` comes as `valueCode` or `valueCoding` or `valueCodeableConcept`: send it so.",
            "Task.input.where(type.coding.code = 'record-category')",
        ),
    ],
)
def test_what_a_request_must_say(members: Any, entry: Any, text: str, place: str) -> None:
    assert asked(request(**members), asked=entry) == refusal(text, place)


@pytest.mark.parametrize(
    "inputs",
    [
        [TYPE, put("record-type", valueCode="Goal"), PURPOSE, put("purpose", valueCoding={"code": "COC"})],
        [TYPE, PURPOSE, put("record-category", valueCode="x"), put("record-category", valueCoding={"code": "x"})],
        [TYPE, PURPOSE, put("record-category", valueCodeableConcept={}), put("record-period", valuePeriod={})],
    ],
)
def test_what_a_request_may_say(inputs: list[Any]) -> None:
    assert isinstance(asked(request(input=inputs)), Outcome)


def test_a_request_without_inputs_is_told_of_all_that_is_missing() -> None:
    found = asked(request(input=None))
    assert [issue.expression for issue in found.issues] == [question.place("type"), question.place("purpose")]


def test_a_person_is_asked_where_they_act() -> None:
    assert isinstance(asked(request(owner=ref(HAL))), Outcome)


def test_a_date_to_answer_by_may_be_left_out() -> None:
    restrictions: list[dict[str, Any]] = [
        {},
        {"period": {}},
        {"period": {"start": "2026"}},
        {"period": {"end": "2026-10-23T14:30:00.001Z"}},
    ]
    for restriction in restrictions:
        assert isinstance(asked(request(restriction=restriction)), Outcome)
    assert needs.answer_by(situation(None, request(restriction={"period": {"end": None}}))) != ()


NAMED = "A named person approves: {}. Set `owner` to an active PractitionerRole of your agency."


@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize(
    ("owner", "user", "entry", "text"),
    [
        (HOUSING, HAL, NOBODY, NAMED.format("it is not a PractitionerRole that this service knows")),
        (HAL, HAL, None, NAMED.format("it is not a PractitionerRole that this service knows")),
        (HAL, HAL, {**role("hal", HOUSING), "active": False}, NAMED.format("the PractitionerRole is not active")),
        (
            "PractitionerRole/sue",
            "",
            NOBODY,
            "`PractitionerRole/sue` does not act for the agency that was asked: set `owner` to one of its own.",
        ),
        ("PractitionerRole/hel", HAL, NOBODY, f"You approve in your own name: set `owner` to `{HAL}`."),
    ],
)
def test_a_named_person_answers_for_a_release(start: str, owner: str, user: str, entry: Any, text: str) -> None:
    assert answered(start, "completed", owner=ref(owner), user=user, entry=entry) == refusal(text, "Task.owner")


def test_a_system_names_who_releases() -> None:
    assert isinstance(answered("requested", "completed", user="", owner=ref("PractitionerRole/hel")), Outcome)


@pytest.mark.parametrize("start", ["requested", "received"])
def test_what_is_released_is_what_was_asked_for_in_its_form(start: str) -> None:
    found = answered(start, "completed", input=[TYPE, PURPOSE, BASIS, BASIS])
    assert question.place("basis") in [issue.expression for issue in found.issues]
