"""What each move of a companion Task asks for, word for word, and what it does, whole (HOV-1, TIM-3, TIM-11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.care.companion.needs import about_started_handover, answer, contacted, still_started, why
from service.care.companion.table import ABORT, AWAITED, CLARIFICATION, COMPANION, COMPANIONS, FOLLOW_UP, MACHINES
from service.care.registry import MACHINES as REGISTERED
from service.care.task.answering import answered
from service.care.task.machine import Move, decide
from service.care.task.situation import AuditFact, Outcome, Staged
from service.change import Notice
from service.fhir.canonical import STATUS_REASON, TASK_CODE, TASK_OUTPUT, TaskCode
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

STRANGER = "Organization/stranger"
OPEN = ("requested", "received", "accepted", "in-progress")
STEPS = [
    ("requested", "received"),
    ("requested", "accepted"),
    ("received", "accepted"),
    *((each, "in-progress") for each in OPEN[:3]),
]


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def output(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": concept(TASK_OUTPUT, kind), **value}


def task(world: Any, kind: str, status: str = "requested", **members: Any) -> Any:
    """A Task about the handover, from the trust to housing."""
    given = {
        "id": "c",
        "code": concept(TASK_CODE, kind),
        "focus": ref("Task/h"),
        "reasonCode": concept(STATUS_REASON, "other"),
        **members,
    }
    made = world.task(status, **given)
    return {name: value for name, value in made.items() if value is not None}


def moved(
    world: Any, kind: str, start: str, end: str, side: str = "owner", *, about: Any = None, change: Any = None, **members: Any
) -> Any:
    before = None if start == "none" else task(world, kind, start)
    after = {**(before or task(world, kind, end)), "status": end, **members}
    found = world.situation(before, after, side, about=about if about is not None else world.task("in-progress"))
    return decide(REGISTERED[kind], replace(found, **(change or {})), world.ids)


def refusal(*issues: tuple[str, str, str]) -> Problem:
    return Problem(Category.RULE, tuple(Issue("business-rule", *each) for each in issues))


def told(recipient: str, focus: str = "Task/c") -> Notice:
    return Notice("handover-task", recipient, focus, "Patient/p")


def fact(event: str, *, agency: str = HOUSING, user: str = HAL, action: str = "U", detail: str = "") -> AuditFact:
    return AuditFact(action, event, agency, user, "Patient/p", ("Task/c",), detail)


# An abort.


def test_an_abort_is_sent(world: Any) -> None:
    made = moved(world, "abort", "none", "requested", "requester")
    sent = Staged({**task(world, "abort"), "lastModified": NOW}, created=True, custodian=TRUST)
    assert made == Outcome(
        (sent,), notices=(told(HOUSING),), audits=(fact("abort-requested", agency=TRUST, user=ANN, action="C"),)
    )


ABOUT = ("An abort is about one handover: set `focus` to it.", "Task.focus", "HOV-1")
SENDER = ("Only the agency that sent the handover asks for its abort.", "Task.requester", "HOV-1")
OWNER = ("An abort goes to the handover's owner: set `owner` to it.", "Task.owner", "HOV-1")
PERSON = ("An abort is for the handover's person: set `for` to them.", "Task.for", "HOV-1")


def about(world: Any, handover: Any, **members: Any) -> tuple[Issue, ...]:
    after = task(world, "abort", **members)
    return about_started_handover(world.situation(None, after, "requester", about=handover))


def issues(*given: tuple[str, str, str]) -> tuple[Issue, ...]:
    return tuple(Issue("business-rule", *each) for each in given)


def test_an_abort_is_about_a_handover(world: Any) -> None:
    started = world.task("in-progress")
    assert about(world, started) == ()
    assert about(world, None) == issues(ABOUT)
    assert about(world, started, focus=ref("Task/other")) == issues(ABOUT)
    assert about(world, {**started, "code": concept(TASK_CODE, "abort")}) == issues(ABOUT)


def test_an_abort_is_of_what_was_started_by_who_sent_it_to_who_owns_it(world: Any) -> None:
    cancel = ("An abort is for a handover that is `in-progress`, this is `accepted`: cancel it instead.", "Task.focus", "HOV-1")
    assert about(world, world.task("accepted")) == issues(cancel)
    assert about(world, world.task("in-progress", requester=ref("PractitionerRole/sue"))) == issues(SENDER)
    assert about(world, world.task("in-progress", owner=ref(STRANGER))) == issues(OWNER)
    assert about(world, world.task("in-progress", owner=ref(HAL))) == ()
    assert about(world, world.task("in-progress", **{"for": ref("Patient/q")})) == issues(PERSON)
    wrong = world.task("accepted", requester=ref("PractitionerRole/sue"), owner=ref(STRANGER), **{"for": ref("Patient/q")})
    assert about(world, wrong) == issues(cancel, SENDER, OWNER, PERSON)


def test_an_abort_says_why(world: Any) -> None:
    text = ("An abort says why: set a coded `reasonCode`.", "Task.reasonCode", "HOV-1")
    assert why(world.situation(None, task(world, "abort", reasonCode=None))) == issues(text)
    assert why(world.situation(None, task(world, "abort", reasonCode={"text": "x"}))) == issues(text)
    assert why(world.situation(None, task(world, "abort", reasonCode=None, statusReason=world.why()))) == ()
    assert why(world.situation(None, task(world, "abort"))) == ()


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"about": {"resourceType": "Task", "id": "x"}}, "Task.focus"),
        ({"reasonCode": {}}, "Task.reasonCode"),
    ],
)
def test_sending_an_abort_asks_for_all_of_it(world: Any, members: Any, place: str) -> None:
    found = moved(world, "abort", "none", "requested", "requester", **members)
    assert place in [issue.expression for issue in found.issues]


@pytest.mark.parametrize("start", ["requested", "received"])
def test_an_abort_that_is_accepted_calls_the_handover_off(world: Any, start: str) -> None:
    made = moved(world, "abort", start, "accepted")
    off = {
        **world.task("in-progress"),
        "status": "cancelled",
        "statusReason": concept(STATUS_REASON, "aborted"),
        "lastModified": NOW,
    }
    assert made == Outcome(
        (Staged({**task(world, "abort", "accepted"), "lastModified": NOW}), Staged(off)),
        cancelled=("TIM-1:Task/h", "TIM-2:Task/h"),
        notices=(told(TRUST), told(TRUST, "Task/h")),
        audits=(fact("abort-accepted"), fact("handover-cancelled", detail="aborted")),
    )


@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize("handover", ["completed", "accepted", "cancelled"])
def test_an_abort_comes_too_late_for_what_is_over(world: Any, start: str, handover: str) -> None:
    text = ("The handover is no longer `in-progress`: reject the abort.", "Task.focus", "HOV-1")
    assert moved(world, "abort", start, "accepted", about=world.task(handover)) == refusal(text)


def test_an_abort_of_nothing_is_no_longer_started(world: Any) -> None:
    assert still_started(world.situation(task(world, "abort"), task(world, "abort"), "owner", about=None)) != ()


# What every companion Task is.

EVERY = [*COMPANIONS, *AWAITED]
DONE: dict[str, dict[str, Any]] = {
    "clarification": {"output": [output("answer", valueString="50 mg")]},
    "follow-up": {"output": [output("first-contact", valueDateTime="2026-10-24")]},
}
REASONED = ("This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1")


def test_the_codes_that_a_rule_makes_and_those_that_none_makes_yet() -> None:
    assert [each.value for each in COMPANIONS] == [
        "escalation", "role", "alert", "stop-use", "welfare-check", "safeguarding-consideration",
    ]  # fmt: skip
    rest = {"handover", "data-request", "agree-plan", "override-review", "identity-review", "abort", "clarification", "follow-up"}
    rest |= {"triage", "approve", "allocation", "action", "confirm-role", "merge-plan"}
    rest |= {"escalation-review", "brief-review", "decision-review", "structured-review"}
    assert {each.value for each in AWAITED} == {each.value for each in TaskCode} - rest - {each.value for each in COMPANIONS}


@pytest.mark.parametrize("kind", ["clarification", "follow-up", *EVERY])
def test_only_an_abort_is_sent_by_clients(world: Any, kind: str) -> None:
    assert (REGISTERED["abort"].sent, REGISTERED[kind].sent) == (True, False)


@pytest.mark.parametrize("kind", ["clarification", "follow-up", "alert"])
@pytest.mark.parametrize(("start", "end"), STEPS)
def test_its_owner_works_on_it(world: Any, kind: str, start: str, end: str) -> None:
    expected = Staged({**task(world, kind, end), "lastModified": NOW})
    assert moved(world, kind, start, end) == Outcome((expected,), notices=(told(TRUST),), audits=(fact(f"{kind}-{end}"),))


@pytest.mark.parametrize("kind", ["clarification", "follow-up", "alert"])
@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize(("end", "side"), [("rejected", "owner"), ("cancelled", "requester")])
def test_it_is_turned_down_or_taken_back_with_a_reason(world: Any, kind: str, start: str, end: str, side: str) -> None:
    assert isinstance(moved(world, kind, start, end, side, statusReason=world.why()), Outcome)
    assert moved(world, kind, start, end, side) == refusal(REASONED)


@pytest.mark.parametrize("start", ["requested", "received"])
@pytest.mark.parametrize(("end", "side"), [("rejected", "owner"), ("cancelled", "requester")])
def test_so_is_an_abort(world: Any, start: str, end: str, side: str) -> None:
    assert moved(world, "abort", start, end, side) == refusal(REASONED)


@pytest.mark.parametrize("kind", ["role", "escalation", "alert", "welfare-check"])
@pytest.mark.parametrize("start", OPEN)
def test_tim_11_doing_it_stops_its_clock(world: Any, kind: str, start: str) -> None:
    made = moved(world, kind, start, "completed")
    expected = Staged({**task(world, kind, "completed"), "lastModified": NOW})
    stopped = ("TIM-11:Task/c",)
    assert made == Outcome((expected,), cancelled=stopped, notices=(told(TRUST),), audits=(fact(f"{kind}-completed"),))


# A clarification.

ANSWER = ("A clarification is done by its answer: add output `answer`.", "Task.output", "HOV-1")


@pytest.mark.parametrize("start", OPEN)
def test_a_clarification_is_done_by_its_answer(world: Any, start: str) -> None:
    assert moved(world, "clarification", start, "completed") == refusal(ANSWER)
    awaiting = world.task("received", businessStatus=world.business("awaiting-information"))
    made = moved(world, "clarification", start, "completed", about=awaiting, **DONE["clarification"])
    done = {**task(world, "clarification", "completed"), **DONE["clarification"], "lastModified": NOW}
    assert made == Outcome(
        (Staged(done), Staged({**world.task("received"), "lastModified": NOW})),
        cancelled=("TIM-11:Task/c",),
        notices=(told(TRUST),),
        audits=(fact("clarification-completed"),),
    )


@pytest.mark.parametrize("status", ["overdue", "authority-withdrawn"])
def test_an_answer_ends_no_other_state_of_a_handover(world: Any, status: str) -> None:
    handover = world.task("received", businessStatus=world.business(status))
    assert len(moved(world, "clarification", "requested", "completed", about=handover, **DONE["clarification"]).writes) == 1


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (output("answer", valueString="50 mg"), True),
        (output("answer", valueReference=ref("MedicationStatement/m")), True),
        (output("answer", valueString=" "), False),
        (output("other", valueString="50 mg"), False),
    ],
)
def test_an_answer_says_something(world: Any, said: Any, answers: bool) -> None:
    assert answer(world.situation(None, task(world, "clarification", output=[said]))) == (() if answers else issues(ANSWER))


def test_what_is_about_no_handover_is_done_all_the_same(world: Any) -> None:
    for kind in ("clarification", "follow-up"):
        before = task(world, kind)
        found = world.situation(before, {**before, "status": "completed", **DONE[kind]}, "owner", about=None)
        made = decide(REGISTERED[kind], found, world.ids)
        assert isinstance(made, Outcome)
        assert (len(made.writes), made.cancelled) == (1, ("TIM-11:Task/c",))


# A follow-up.

CONTACT = (
    "A follow-up is done by a contact, not an attempt: add `first-contact`, or `no-contact-required` with its reason.",
    "Task.output",
    "TIM-3",
)


@pytest.mark.parametrize("start", OPEN)
def test_tim_3_a_follow_up_is_done_by_a_contact(world: Any, start: str) -> None:
    assert moved(world, "follow-up", start, "completed") == refusal(CONTACT)
    made = moved(world, "follow-up", start, "completed", **DONE["follow-up"])
    done = {**task(world, "follow-up", "completed"), **DONE["follow-up"], "lastModified": NOW}
    assert made == Outcome(
        (Staged(done),),
        cancelled=("TIM-11:Task/c", "TIM-3:Task/h"),
        notices=(told(TRUST),),
        audits=(fact("follow-up-completed"),),
    )


@pytest.mark.parametrize(
    ("said", "reached"),
    [
        (output("first-contact", valueDateTime="2026-10-24"), True),
        (output("no-contact-required", valueString="They moved away."), True),
        (output("no-contact-required", valueCodeableConcept={"text": "They moved away."}), True),
        (output("no-contact-required", valueString=" "), False),
        (output("no-contact-required"), False),
        (output("attempt", valueString="Nobody answered."), False),
    ],
)
def test_tim_3_an_attempt_is_no_contact(world: Any, said: Any, reached: bool) -> None:
    assert contacted(world.situation(None, task(world, "follow-up", output=[said]))) == (() if reached else issues(CONTACT))


# The tables, row by row.


def test_the_table_of_an_abort() -> None:
    assert [(row.start, row.end, row.sides, row.needs, row.effect) for row in ABORT] == [
        ("none", "requested", ("requester",), ("about_started_handover", "why"), "move"),
        ("requested", "received", ("owner",), (), "move"),
        ("requested", "accepted", ("owner",), ("still_started",), "abort"),
        ("received", "accepted", ("owner",), ("still_started",), "abort"),
        ("requested", "rejected", ("owner",), ("reason",), "move"),
        ("received", "rejected", ("owner",), ("reason",), "move"),
        ("requested", "cancelled", ("requester",), ("reason",), "move"),
        ("received", "cancelled", ("requester",), ("reason",), "move"),
    ]


def rows(needs: tuple[str, ...], effect: str) -> tuple[Move, ...]:
    """What its owner works on and completes; who asked may take it back."""
    return (
        *(Move(start, end, ("owner",)) for start, end in STEPS),
        *(Move(start, "completed", ("owner",), needs, effect=effect) for start in OPEN),
        *(Move(start, "rejected", ("owner",), ("reason",)) for start in OPEN[:2]),
        *(Move(start, "cancelled", ("requester",), ("reason",)) for start in OPEN[:2]),
    )


@pytest.mark.parametrize(
    ("found", "needs", "effect"),
    [(CLARIFICATION, ("answer",), "inform"), (FOLLOW_UP, ("contacted",), "reach"), (COMPANION, (), "finish")],
)
def test_the_table_of_what_is_worked_on_and_completed(found: tuple[Move, ...], needs: tuple[str, ...], effect: str) -> None:
    assert sorted(found, key=repr) == sorted(rows(needs, effect), key=repr)
    assert answered(needs, effect) == found


def test_without_more_to_say_completing_only_stops_a_clock() -> None:
    assert answered() == COMPANION
    assert {machine.code for machine in MACHINES} == {"abort", "clarification", "follow-up", *EVERY}
