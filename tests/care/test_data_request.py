"""The data request's table and what its rows need; the table is total (HOV-1)."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.care.data_request.question import answered, waits
from service.care.data_request.situation import RequestSituation
from service.care.data_request.table import MACHINE, TABLE
from service.care.task import machine, reading
from service.care.task.situation import Outcome, Repeat
from service.change import Resource
from service.fhir.canonical import LAWFUL_BASIS, TASK_CODE, TASK_INPUT, TASK_OUTPUT
from service.fhir.coding import concept
from service.fhir.reference import link
from service.problem import Category, Problem
from tests.care.conftest import AGENCIES, AT, HOUSING, TRUST, role

STATUSES = ("none", *reading.STATUSES)
SIDES = ("requester", "owner", "stranger")
DUE = {"period": {"end": "2026-10-27T12:00:00Z"}}
ORGANIZATIONS = {"PractitionerRole/ann": TRUST, "PractitionerRole/hal": HOUSING, "PractitionerRole/sue": "Organization/stranger"}


def put(kind: str, **value: Any) -> Resource:
    """An input."""
    return {"type": concept(TASK_INPUT, kind), **value}


TYPE, PURPOSE = put("record-type", valueCode="CarePlan"), put("purpose", valueCoding={"code": "TREAT"})
BASIS = put("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "safeguarding", "A meeting asked for it."))
OUTPUT = {"type": concept(TASK_OUTPUT, "disclosure"), "valueReference": {"reference": "Communication/forged"}}


def request(status: str = "requested", **members: Any) -> Resource:
    """A request of the trust to housing that claims a lawful basis; a member that is None is left out."""
    made = {
        "resourceType": "Task",
        "id": "d",
        "meta": {"versionId": "1"},
        "status": status,
        "intent": "order",
        "code": concept(TASK_CODE, "data-request"),
        "for": {"reference": "Patient/p"},
        "authoredOn": "2026-10-23T14:00:00.000Z",
        "requester": {"reference": "PractitionerRole/ann"},
        "owner": {"reference": HOUSING},
        "reasonCode": {"text": "To plan the move."},
        "input": [TYPE, PURPOSE, BASIS],
        **members,
    }
    return {name: value for name, value in made.items() if value is not None}


def situation(before: Resource | None, after: Resource, side: str, user: str = "", **members: Any) -> RequestSituation:
    """What one side sends."""
    named = link(after, "owner")
    known = {ref: role(ref.partition("/")[2], agency) for ref, agency in ORGANIZATIONS.items()}
    lead = known.get(named, {"resourceType": "Organization"} if named in (HOUSING, TRUST) else None)
    made = RequestSituation(AT, AGENCIES[side], after, before, user, ORGANIZATIONS, asked=lead)
    return replace(made, **members)


def moved(before: Resource, status: str, **members: Any) -> Resource:
    """The stored request with everything a move to this status needs."""
    owner = {"owner": {"reference": "PractitionerRole/hal"}} if status == "completed" else {}
    return {**before, "status": status, "statusReason": concept("x", "outside-remit"), **owner, **members}


def decide(before: Resource | None, after: Resource, side: str, **more: Any) -> Any:
    """The decision."""
    return machine.decide(MACHINE, situation(before, after, side, **more), lambda: "new")


def refused(found: Any, expression: str, rule: str = "consent-rules 4") -> str:
    """The text of the one issue of a refusal."""
    assert isinstance(found, Problem), found
    (issue,) = found.issues
    assert (found.category, issue.expression, issue.rule) == (Category.RULE, expression, rule)
    return issue.text


@pytest.mark.parametrize(("start", "end", "side"), list(product(STATUSES, reading.STATUSES, SIDES)))
def test_hov_1_the_table_is_total(start: str, end: str, side: str) -> None:
    """A move is made when the table holds it for this side; any other is refused, naming rule, state and side."""
    before = None if start == "none" else moved(request(), start)
    after = request(end) if before is None else moved(before, end)
    found = decide(before, after, side)
    if side == "stranger" and before is not None:
        assert found.category is Category.ABSENT
    elif any((row.start, row.end) == (start, end) and side in row.sides for row in TABLE):
        assert isinstance(found, Outcome), found
    elif start == end and not (start == "draft" and side == "owner"):
        assert isinstance(found, Repeat)
    elif start == "draft" and side == "owner":
        assert found.category is Category.ABSENT
    elif start == "none" and side != "requester":
        assert [issue.expression for issue in found.issues] == ["Task.requester"]
    else:
        assert found.issues[0].rule == "HOV-1"
        assert f"`{start}`" in found.issues[0].text
        assert side in found.issues[0].text


codes = st.sampled_from(["record-type", "purpose", "record-category", "record-period", "sharing-authority", "disclosure", ""])
values = st.sampled_from(
    [{}, {"valueCode": "CarePlan"}, {"valueCoding": {"code": "TREAT"}}, {"valuePeriod": {}}, {"valueReference": {}}]
)
owners = st.sampled_from([*ORGANIZATIONS, HOUSING, TRUST, "Patient/p", "HealthcareService/x", ""])
told = st.builds(
    request,
    st.sampled_from(reading.STATUSES),
    owner=st.one_of(st.none(), st.builds(lambda ref: {"reference": ref}, owners)),
    intent=st.sampled_from(["order", "plan"]),
    reasonCode=st.sampled_from([None, {}, {"text": " "}, {"text": "Because."}]),
    statusReason=st.sampled_from([None, {"text": "x"}, concept("x", "y")]),
    restriction=st.sampled_from([None, {}, {"period": {}}, DUE, {"period": {"end": "soon"}}]),
    output=st.sampled_from([None, [], [OUTPUT]]),
    input=st.lists(st.builds(lambda code, value: put(code, **value), codes, values), max_size=4),
)


@settings(max_examples=300, deadline=None)
@given(before=st.one_of(st.none(), told), after=told, side=st.sampled_from(SIDES), user=st.sampled_from(["", *ORGANIZATIONS]))
def test_hov_1_whatever_is_sent_is_decided(before: Resource | None, after: Resource, side: str, user: str) -> None:
    """Total: an outcome of the table, a repeat, or a refusal whose every issue says where and by which rule."""
    found = decide(before, after, side, user=user)
    if isinstance(found, Outcome):
        moves = [row for row in TABLE if (row.start, row.end) == (reading.status(before), after["status"])]
        assert [row.sides for row in moves] == [(side,)]
        assert "output" not in found.writes[0].resource or not found.writes[0].resource["output"]
    elif isinstance(found, Problem) and found.category is not Category.ABSENT:
        assert all(issue.expression and issue.rule and issue.text for issue in found.issues)


@pytest.mark.parametrize(
    ("members", "waiting"),
    [
        ({"input": [TYPE, PURPOSE]}, False),
        ({}, True),
        ({"input": [TYPE, PURPOSE], "owner": {"reference": "PractitionerRole/hal"}}, True),
    ],
)
def test_a_claimed_basis_or_a_named_person_makes_it_wait(members: Resource, waiting: bool) -> None:
    """And nothing else does: it is told from what was sent."""
    made = decide(None, request(**members), "requester")
    assert (waits(request(**members)), made.disclosure) == (waiting, not waiting)


def test_what_waits_says_so() -> None:
    """businessStatus `awaiting-approval`, until it is answered."""
    waiting = decide(None, request(), "requester").writes[0].resource
    done = decide(waiting, moved(waiting, "completed"), "owner").writes[0].resource
    assert waiting["businessStatus"]["coding"][0]["code"] == "awaiting-approval"
    assert "businessStatus" not in done


def test_the_time_of_asking_is_the_services() -> None:
    """L0: a date of the asker's own would make a tie to the person that lasts."""
    made = decide(None, request(authoredOn="2026"), "requester")
    assert made.writes[0].resource["authoredOn"] == "2026-10-23T14:30:00.000Z"


@pytest.mark.parametrize("status", ["received", "rejected", "cancelled", "completed"])
def test_tim_11_the_clock_runs_until_the_answer(status: str) -> None:
    """It is set with the request, goes on when it is received, and stops with an answer."""
    waiting = decide(None, request(restriction=DUE), "requester")
    side = "requester" if status == "cancelled" else "owner"
    made = decide(waiting.writes[0].resource, moved(waiting.writes[0].resource, status), side)
    assert [(one.key, one.kind) for one in waiting.timers] == [("TIM-11:Task/d", "TIM-11")]
    assert made.cancelled == (() if status == "received" else ("TIM-11:Task/d",))


def test_what_is_answered_at_once_has_no_clock() -> None:
    """There is nothing to wait for."""
    assert decide(None, request(restriction=DUE, input=[TYPE, PURPOSE]), "requester").timers == ()


@pytest.mark.parametrize("end", ["2026-10-23T14:00:00Z", "soon"])
def test_a_date_to_answer_by_is_ahead(end: str) -> None:
    found = decide(None, request(restriction={"period": {"end": end}}), "requester")
    assert "ahead" in refused(found, "Task.restriction.period.end")


@pytest.mark.parametrize("reason", [None, {}, {"text": " "}])
def test_it_says_why(reason: Any) -> None:
    assert "why" in refused(decide(None, request(reasonCode=reason), "requester"), "Task.reasonCode.text")


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        ([PURPOSE], "record-type"),
        ([TYPE], "purpose"),
        ([TYPE, PURPOSE, BASIS, BASIS], "sharing-authority"),
        ([TYPE, PURPOSE, put("record-period", valueString="2026")], "record-period"),
        ([TYPE, PURPOSE, put("sharing-authority", valueReference={"reference": "Consent/c"})], "sharing-authority"),
    ],
)
def test_what_is_asked_is_given_as_it_is_read(inputs: list[Resource], kind: str) -> None:
    """Each by its own input, in its own form, as often as it may come."""
    found = decide(None, request(input=inputs), "requester")
    assert kind in refused(found, f"Task.input.where(type.coding.code = '{kind}')")


def test_an_input_that_would_be_passed_over_is_refused() -> None:
    """Else a restriction that nobody reads would look like one that holds."""
    found = decide(None, request(input=[TYPE, PURPOSE, put("level", valueInteger=1)]), "requester")
    assert "`level`" in refused(found, "Task.input")


@pytest.mark.parametrize("owner", [None, {"reference": TRUST}, {"reference": "Patient/p"}, {"reference": "Organization/unknown"}])
def test_it_goes_to_another_agency(owner: Any) -> None:
    refused(decide(None, request(owner=owner), "requester"), "Task.owner")


def test_a_person_who_left_is_not_asked() -> None:
    """The named person acts for the agency now."""
    gone = {**role("hal", HOUSING), "active": False}
    found = decide(None, request(owner={"reference": "PractitionerRole/hal"}), "requester", asked=gone)
    assert "not active" in refused(found, "Task.owner")


@pytest.mark.parametrize("side", ["owner", "stranger"])
def test_hov_1_the_asker_makes_it(side: str) -> None:
    refused(decide(None, request(), side), "Task.requester", "HOV-1")


def test_an_organization_may_ask_as_such() -> None:
    """Its system need not name a person."""
    assert isinstance(decide(None, request(requester={"reference": TRUST}), "requester"), Outcome)


@pytest.mark.parametrize("status", ["requested", "completed"])
def test_nobody_but_the_service_says_what_was_disclosed(status: str) -> None:
    """A forged output would pass for a release."""
    before = None if status == "requested" else request()
    after = request(output=[OUTPUT]) if before is None else moved(before, "completed", output=[OUTPUT])
    refused(decide(before, after, "requester" if before is None else "owner"), "Task.output")


@pytest.mark.parametrize(
    ("named", "word"),
    [(HOUSING, "named person"), ("PractitionerRole/sue", "does not act"), ("PractitionerRole/ann", "does not act")],
)
def test_a_named_person_of_the_agency_approves(named: str, word: str) -> None:
    """Neither the agency as such nor somebody of another."""
    found = decide(request(), moved(request(), "completed", owner={"reference": named}), "owner")
    assert word in refused(found, "Task.owner")


def test_a_person_who_left_does_not_approve() -> None:
    gone = {**role("hal", HOUSING), "active": False}
    assert "not active" in refused(decide(request(), moved(request(), "completed"), "owner", asked=gone), "Task.owner")


def test_a_user_approves_as_who_they_are() -> None:
    """Nobody signs in another's name."""
    found = decide(request(), moved(request(), "completed"), "owner", user="PractitionerRole/hel")
    assert "your own name" in refused(found, "Task.owner")
    assert isinstance(decide(request(), moved(request(), "completed"), "owner", user="PractitionerRole/hal"), Outcome)


@pytest.mark.parametrize("inputs", [[TYPE, PURPOSE], [TYPE, PURPOSE, put("sharing-authority", valueCodeableConcept={})]])
def test_who_approves_may_replace_or_drop_the_basis(inputs: list[Resource]) -> None:
    """It is judged by the person who approves."""
    assert isinstance(decide(request(), moved(request(), "completed", input=inputs), "owner"), Outcome)


@pytest.mark.parametrize("status", ["received", "rejected"])
def test_nobody_else_changes_the_basis(status: str) -> None:
    found = decide(request(), moved(request(), status, input=[TYPE, PURPOSE]), "owner")
    refused(found, "Task.input", "HOV-1")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("input", [put("record-type", valueCode="Condition"), PURPOSE, BASIS]),
        ("for", {"reference": "Patient/q"}),
        ("requester", {"reference": TRUST}),
        ("reasonCode", {"text": "Because."}),
        ("authoredOn", "2020-01-01T00:00:00Z"),
    ],
)
def test_hov_1_what_was_asked_stays_as_it_was(member: str, value: Any) -> None:
    """Not even who approves asks for something else."""
    refused(decide(request(), moved(request(), "completed", **{member: value}), "owner"), f"Task.{member}", "HOV-1")


@pytest.mark.parametrize(("status", "side"), [("rejected", "owner"), ("cancelled", "requester")])
def test_who_ends_it_says_why(status: str, side: str) -> None:
    refused(decide(request(), moved(request(), status, statusReason=None), side), "Task.statusReason", "HOV-1")


def test_hov_5_the_repeat_of_an_approval_is_one() -> None:
    """Whether or not it sends the outputs along that the service added."""
    done = answered(moved(request(), "completed"), ("Communication/c",))
    bare = {name: value for name, value in done.items() if name != "output"}
    assert [isinstance(decide(done, each, "owner"), Repeat) for each in (done, bare)] == [True, True]


def test_the_answer_names_the_records_of_what_was_disclosed() -> None:
    """And nothing when nothing was."""
    done = answered(request(), ("Communication/c",))
    assert [reading.value_reference(each) for each in reading.outputs(done, "disclosure")] == ["Communication/c"]
    assert "output" not in answered(request(), ())
