"""The `override-review` Task (consent rules, section 5): how a review moves, and what its decision is."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.override_review import table
from service.care.override_review.table import MACHINE, TABLE
from service.care.task.machine import decide
from service.care.task.situation import AuditFact, Outcome, Situation, Staged
from service.fhir.canonical import OVERRIDE_DECISION, TASK_CODE, TASK_OUTPUT
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem
from tests.care.told import NOW, TRUST

CREW = "Organization/crew"
OPEN = ("requested", "received", "accepted", "in-progress")
STEPS = [
    ("requested", "received"),
    ("requested", "accepted"),
    ("received", "accepted"),
    ("requested", "in-progress"),
    ("received", "in-progress"),
    ("accepted", "in-progress"),
]


def task(status: str = "requested", **members: Any) -> dict[str, Any]:
    """A review, by the trust, of what the crew opened."""
    parties = {"for": {"reference": "Patient/p"}, "requester": {"reference": "PractitionerRole/c"}, "owner": {"reference": TRUST}}
    return {
        "resourceType": "Task",
        "id": "r",
        "status": status,
        "code": concept(TASK_CODE, "override-review"),
        **parties,
        **members,
    }


def output(code: str, system: str = OVERRIDE_DECISION) -> dict[str, Any]:
    return {"type": concept(TASK_OUTPUT, "decision"), "valueCodeableConcept": concept(system, code)}


def moved(world: Any, before: Any, end: str, *, agency: str = TRUST, **members: Any) -> Any:
    found = Situation(
        world.at, agency, {**before, "status": end, **members}, before, "PractitionerRole/ann", {"PractitionerRole/c": CREW}
    )
    return decide(MACHINE, found, world.ids)


def fact(event: str) -> AuditFact:
    return AuditFact("U", f"override-review-{event}", TRUST, "PractitionerRole/ann", "Patient/p", ("Task/r",))


@pytest.mark.parametrize(("start", "end"), STEPS)
def test_a_review_goes_forward_and_tells_nobody(world: Any, start: str, end: str) -> None:
    assert moved(world, task(start), end) == Outcome((Staged({**task(end), "lastModified": NOW}),), audits=(fact(end),))


@pytest.mark.parametrize("start", OPEN)
@pytest.mark.parametrize("code", ["justified", "unjustified"])
def test_a_review_is_completed_by_its_decision_which_stops_its_clock(world: Any, start: str, code: str) -> None:
    done = {**task("completed", output=[output(code)]), "lastModified": NOW}
    made = moved(world, task(start), "completed", output=[output(code)])
    assert made == Outcome((Staged(done),), cancelled=("TIM-11:Task/r",), audits=(fact("completed"),))


TEXT = f"A review is completed by a decision: add output `decision` with `justified` or `unjustified` of `{OVERRIDE_DECISION}`."


@pytest.mark.parametrize("start", OPEN)
@pytest.mark.parametrize("said", [[], [output("perhaps")], [output("justified", "urn:s")]])
def test_a_review_is_not_completed_without_one(world: Any, start: str, said: list[Any]) -> None:
    expected = Problem(Category.RULE, (Issue("business-rule", TEXT, "Task.output", "consent-rules 5"),))
    assert moved(world, task(start), "completed", output=said) == expected


@pytest.mark.parametrize("status", OPEN)
def test_a_note_may_be_added(world: Any, status: str) -> None:
    note = [{"text": "Asked the crew."}]
    assert moved(world, task(status), status, note=note) == Outcome(
        (Staged({**task(status, note=note), "lastModified": NOW}),), audits=(fact(status),)
    )


def test_a_decision_may_be_taken_back_but_not_left_open(world: Any) -> None:
    before = task("completed", output=[output("justified")])
    other = [output("justified"), output("unjustified")]
    made = moved(world, before, "completed", output=other)
    assert (made.writes[0].resource["output"], made.cancelled) == (other, ())
    assert isinstance(moved(world, before, "completed", output=[output("justified"), output("perhaps")]), Problem)


def test_the_last_decision_counts() -> None:
    assert table.judgement(task(output=[output("justified"), output("unjustified")])) == "unjustified"
    assert table.judgement(task()) == ""


@pytest.mark.parametrize(
    ("status", "codes", "ends"),
    [
        ("completed", ["unjustified"], True),
        ("completed", ["unjustified", "justified"], False),
        ("completed", ["justified", "unjustified"], True),
        ("in-progress", ["unjustified"], False),
        ("completed", [], False),
    ],
)
def test_an_override_is_unjustified_once_a_review_has_found_it_so(status: str, codes: list[str], ends: bool) -> None:
    assert table.unjustified(task(status, output=[output(code) for code in codes])) is ends


def test_who_overrode_does_not_review(world: Any) -> None:
    found = moved(world, task(), "completed", agency=CREW, output=[output("justified")])
    assert (found.issues[0].rule, found.issues[0].text) == (
        "consent-rules 5",
        "An override review Task that is `requested` cannot be made `completed` by the requester: "
        "from here this side makes no move.",
    )


def test_clients_send_no_review() -> None:
    assert (MACHINE.sent, {row.sides for row in TABLE}) == (False, {("owner",)})
    assert len(TABLE) == len(STEPS) + 2 * len(OPEN) + 1
