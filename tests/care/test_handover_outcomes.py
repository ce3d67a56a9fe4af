"""What each move of a handover does, whole: what is written, which clocks start and stop, and who is told (HOV-1…HOV-3,
HOV-8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.care.handover import effects
from service.care.handover.table import changed
from service.care.task import reading
from service.care.task.situation import Outcome, Staged
from service.change import Timer
from service.fhir.canonical import HELD_FROM, SCOPE, TASK_CODE
from service.fhir.coding import concept
from service.problem import Problem
from tests.care.changes import CONSENT, DATASET
from tests.care.told import ACCEPT_BY, ANN, HAL, HOUSING, MONDAY, NOW, TRUST, TUESDAY, fact, told


def moved(world: Any, start: str, end: str, side: str = "requester", **members: Any) -> Outcome:
    before = world.stored(start)
    found = world.decide(world.situation(before, world.submitted(before, end, **members), side))
    assert isinstance(found, Outcome), found
    return found


def clocks(at: datetime = MONDAY, accepted: datetime = ACCEPT_BY) -> tuple[Timer, ...]:
    return (Timer("TIM-1:Task/h", "TIM-1", at, "Task/h"), Timer("TIM-2:Task/h", "TIM-2", accepted, "Task/h"))


def test_hov_3_sending_a_new_handover(world: Any) -> None:
    task = world.task("requested")
    made = world.decide(world.situation(None, task))
    assert made == Outcome(
        (Staged({**task, "lastModified": NOW}, created=True, custodian=TRUST),),
        clocks(),
        notices=(told(HOUSING),),
        audits=(fact("handover-sent", action="C"),),
        disclosure=True,
    )


def test_hov_3_sending_a_draft(world: Any) -> None:
    made = moved(world, "draft", "requested")
    sent = {**world.submitted(world.task("draft"), "requested"), "lastModified": NOW}
    expected = Outcome((Staged(sent),), clocks(), notices=(told(HOUSING),), audits=(fact("handover-sent"),), disclosure=True)
    assert made == expected


def test_a_conversation_and_a_date_are_given_where_none_are(world: Any) -> None:
    task = world.task("requested")
    del task["groupIdentifier"], task["authoredOn"]
    written = world.decide(world.situation(None, task)).writes[0].resource
    assert written["groupIdentifier"] == {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:new-0"}
    assert written["authoredOn"] == NOW


@pytest.mark.parametrize(("priority", "hours"), [("urgent", 1), ("asap", 1), ("stat", 1)])
def test_tim_1_an_urgent_handover_is_to_be_received_within_the_hour(world: Any, priority: str, hours: int) -> None:
    made = world.decide(world.situation(None, world.task("requested", priority=priority)))
    assert made.timers[0].due == datetime(2026, 10, 23, 14 + hours, 30, tzinfo=UTC)


@pytest.mark.parametrize(("priority", "due"), [("urgent", datetime(2026, 10, 23, 18, 30, tzinfo=UTC)), ("routine", TUESDAY)])
def test_tim_2_without_an_accept_by_date_the_locality_s_span_counts(world: Any, priority: str, due: datetime) -> None:
    """Which the service's own handovers have: what clients send says until when."""
    task = world.task("requested", priority=priority, restriction={})
    made = effects.send(world.situation(None, task), world.ids)
    assert [timer.due for timer in made.timers][1] == due


def test_hov_8_another_authority_discloses_again_and_leaves_the_clocks(world: Any) -> None:
    before = world.task("received", businessStatus=world.business("authority-withdrawn"))
    after = {**before, "input": [DATASET, CONSENT]}
    made = world.decide(world.situation(before, after))
    written = {name: value for name, value in after.items() if name != "businessStatus"}
    assert made == Outcome(
        (Staged({**written, "lastModified": NOW}),),
        notices=(told(HOUSING),),
        audits=(fact("handover-reauthorised"),),
        disclosure=True,
    )


def test_another_authority_leaves_any_other_business_status(world: Any) -> None:
    before = world.task("received", businessStatus=world.business("overdue"))
    made = world.decide(world.situation(before, {**before, "input": [DATASET, CONSENT]}))
    assert made.writes[0].resource["businessStatus"] == world.business("overdue")


def test_tim_1_receiving_stops_its_clock_alone(world: Any) -> None:
    made = moved(world, "requested", "received", "owner")
    assert made == Outcome(
        (Staged({**world.submitted(world.task("requested"), "received"), "lastModified": NOW}),),
        cancelled=("TIM-1:Task/h",),
        notices=(told(TRUST),),
        audits=(fact("handover-received", agency=HOUSING, user=HAL),),
    )


@pytest.mark.parametrize(
    ("start", "end", "side"),
    [
        ("requested", "rejected", "owner"),
        ("received", "rejected", "owner"),
        ("requested", "cancelled", "requester"),
        ("received", "cancelled", "requester"),
        ("accepted", "cancelled", "requester"),
        ("in-progress", "failed", "owner"),
    ],
)
def test_closing_stops_the_clocks_for_the_answer(world: Any, start: str, end: str, side: str) -> None:
    """A contact that is owed stays owed (TIM-3)."""
    agency, user, other = (TRUST, ANN, HOUSING) if side == "requester" else (HOUSING, HAL, TRUST)
    assert moved(world, start, end, side) == Outcome(
        (Staged({**world.submitted(world.task(start), end), "lastModified": NOW}),),
        cancelled=("TIM-1:Task/h", "TIM-2:Task/h"),
        notices=(told(other),),
        audits=(fact(f"handover-{end}", agency=agency, user=user),),
    )


def test_tim_3_completing_stops_the_contact_s_clock(world: Any) -> None:
    made = moved(world, "in-progress", "completed", "owner")
    assert made == Outcome(
        (Staged({**world.submitted(world.task("in-progress"), "completed"), "lastModified": NOW}),),
        cancelled=("TIM-3:Task/h",),
        notices=(told(TRUST),),
        audits=(fact("handover-completed", agency=HOUSING, user=HAL),),
    )


@pytest.mark.parametrize("start", ["requested", "received", "accepted", "in-progress"])
def test_hov_7_a_hold_stops_no_clock_and_remembers_where_it_came_from(world: Any, start: str) -> None:
    held = {"extension": [{"url": HELD_FROM, "valueCode": start}], "lastModified": NOW}
    assert moved(world, start, "on-hold") == Outcome(
        (Staged({**world.submitted(world.task(start), "on-hold"), **held}),),
        notices=(told(HOUSING),),
        audits=(fact("handover-on-hold"),),
    )


@pytest.mark.parametrize(("origin", "notices"), [("received", (told(HOUSING),)), ("draft", ())])
def test_a_resumed_handover_forgets_its_hold_and_a_draft_is_nobody_s_news(world: Any, origin: str, notices: Any) -> None:
    before = world.stored("on-hold", origin)
    made = world.decide(world.situation(before, world.submitted(before, origin)))
    written = {name: value for name, value in world.submitted(before, origin).items() if name != "extension"}
    assert made == Outcome((Staged({**written, "lastModified": NOW}),), notices=notices, audits=(fact("handover-resumed"),))


def test_a_held_draft_is_nobody_s_news(world: Any) -> None:
    assert moved(world, "draft", "on-hold").notices == ()


def test_tim_11_awaiting_information_asks_the_requester_in_a_task_of_its_own(world: Any) -> None:
    before = world.task("received", priority="urgent", statusReason=world.why("x"))
    after = {**before, "businessStatus": world.business("awaiting-information"), "note": [{"text": "Which medication?"}]}
    made = world.decide(world.situation(before, after, "owner"))
    due = datetime(2026, 10, 23, 15, 30, tzinfo=UTC)
    asked = {
        "resourceType": "Task",
        "id": "new-0",
        "groupIdentifier": {"value": "conversation"},
        "partOf": [{"reference": "Task/h"}],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, "clarification"),
        "description": "Which medication?",
        "focus": {"reference": "Task/h"},
        "for": {"reference": "Patient/p"},
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": {"reference": HAL},
        "owner": {"reference": ANN},
        "restriction": {"period": {"start": NOW, "end": "2026-10-23T16:30:00.000+01:00"}},
    }
    assert made == Outcome(
        (Staged({**after, "lastModified": NOW}), Staged(asked, created=True, custodian=HOUSING)),
        (Timer("TIM-11:Task/new-0", "TIM-11", due, "Task/new-0", 0, {"handover": "Task/h"}),),
        notices=(told(TRUST), told(TRUST, focus="Task/new-0")),
        audits=(fact("handover-awaiting-information", agency=HOUSING, user=HAL),),
    )


def test_a_clarification_of_a_system_is_asked_by_its_agency(world: Any) -> None:
    before = world.task("received")
    after = {**before, "businessStatus": world.business("awaiting-information"), "note": [{"text": "Which medication?"}]}
    made = world.decide(world.situation(before, after, "owner", user=""))
    assert made.writes[1].resource["requester"] == {"reference": HOUSING}
    assert made.timers[0].due == MONDAY
    assert "priority" not in made.writes[1].resource


def test_an_amendment_is_of_one_kind(world: Any) -> None:
    """HOV-1: what a write without a change of status is."""

    received, draft = world.task("received"), world.task("draft")
    asking = {**received, "businessStatus": world.business("awaiting-information")}
    pairs = [(None, received), (received, world.task("accepted")), (draft, draft), (received, asking), (asking, asking)]
    pairs += [(received, {**received, "input": [DATASET, CONSENT]}), (received, {**received, "note": [{"text": "x"}]})]
    kinds = ["", "", "edit", "awaiting-information", "note", "authority", "note"]
    assert [changed(world.situation(before, after)) for before, after in pairs] == kinds


def test_a_note_is_written_down_and_nothing_else_happens(world: Any) -> None:
    before = world.task("received")
    made = world.decide(world.situation(before, {**before, "note": [{"text": "x"}]}))
    expected = Staged({**before, "note": [{"text": "x"}], "lastModified": NOW})
    assert made == Outcome((expected,), notices=(told(HOUSING),), audits=(fact("handover-received"),))


def test_starting_the_work_does_nothing_else(world: Any) -> None:
    made = moved(world, "accepted", "in-progress", "owner")
    assert (made.timers, made.cancelled, made.disclosure) == ((), (), False)
    assert reading.status(made.writes[0].resource) == "in-progress"


def test_a_stranger_s_new_handover_is_told_whose_it_would_be(world: Any) -> None:
    found = world.decide(world.situation(None, world.task("requested"), "stranger"))
    assert found.issues[0].text == (
        "A handover Task that is `none` cannot be made `requested` by the stranger: "
        "set `requester` to a PractitionerRole of your agency, which `PractitionerRole/ann` is not."
    )


def test_a_started_handover_is_called_off_by_a_task_of_its_own(world: Any) -> None:
    before = world.stored("in-progress")
    found = world.decide(world.situation(before, world.submitted(before, "cancelled")))
    assert found.issues[0].text == (
        "A handover Task that is `in-progress` cannot be made `cancelled` by the requester: "
        "send a Task with code `abort` whose focus is the handover."
    )


def test_hov_5_the_loser_of_a_race_is_told_to_read_again(world: Any) -> None:
    won = world.accept().writes[0].resource
    late = {
        **won,
        "output": [each for each in won["output"] if "valueReference" in each]
        + [world.output("accepted-scope", valueCodeableConcept=concept(SCOPE, "medication"))],
    }
    found = world.decide(world.situation(won, late, "owner"))
    [issue] = found.issues
    assert (found.category, issue.code, issue.text, issue.expression, issue.rule) == (
        "conflict",
        "conflict",
        "This handover was accepted by another request first: read it again.",
        "Task.status",
        "HOV-5",
    )


@pytest.mark.parametrize("end", ["draft", "requested"])
def test_hov_3_a_draft_goes_to_whom_it_names_when_it_is_sent(world: Any, end: str) -> None:
    """The authority is decided for that agency, whomever an earlier draft named."""
    before = world.task("draft")
    found = world.situation(before, {**before, "status": end, "owner": {"reference": "Organization/stranger"}})
    assert found.receiver == "Organization/stranger"
    sent = world.task("requested")
    assert world.situation(sent, {**sent, "owner": {"reference": "Organization/stranger"}}).receiver == HOUSING


@pytest.mark.parametrize("held", ["draft", "received"])
def test_hov_1_a_held_task_keeps_its_requester(world: Any, held: str) -> None:
    before = world.stored("on-hold", held)
    after = {**before, "requester": {"reference": "PractitionerRole/sue"}, "note": [{"text": "x"}]}
    found = world.decide(world.situation(before, after))
    assert [issue.expression for issue in found.issues] == ["Task.requester"]


def test_hov_3_a_note_on_a_held_draft_is_nobody_s_news(world: Any) -> None:
    before = world.stored("on-hold", "draft")
    made = world.decide(world.situation(before, {**before, "note": [{"text": "x"}]}))
    assert (made.writes[0].resource["note"], made.notices) == ([{"text": "x"}], ())


@pytest.mark.parametrize(("side", "owner"), [("requester", "PractitionerRole/hel"), ("requester", HOUSING), ("owner", TRUST)])
def test_hov_5_another_owner_is_no_repeat_of_an_acceptance(world: Any, side: str, owner: str) -> None:
    """What the receiver sent again is answered again; what names somebody else is refused, not passed over."""
    won = world.accept().writes[0].resource
    found = world.decide(world.situation(won, {**won, "owner": {"reference": owner}}, side))
    assert isinstance(found, Problem)
