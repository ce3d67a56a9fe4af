"""The one machine of every Task: which move it makes, and its refusals word for word (HOV-1, HOV-5, HOV-11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.care.task import machine
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import creator, reason
from service.care.task.situation import Outcome, Repeat, Situation
from service.problem import Category, Issue, Problem
from tests.care.small import ref, situation, task
from tests.care.told import HOUSING, NOW, TRUST

STEPS = (
    Move("none", "requested", ("requester",), ("creator",)),
    Move("requested", "received", ("owner",)),
    Move("requested", "rejected", ("owner",), ("reason",)),
    Move("requested", "cancelled", ("requester", "owner")),
    Move("requested", "requested", ("owner",), kind="note"),
)
SMALL: Machine[Situation] = Machine("action", STEPS, named(creator, reason))


def decided(before: Any, after: Any, *, agency: str = HOUSING, small: Any = SMALL) -> Any:
    return machine.decide(small, situation(before, after, agency=agency, user=""), lambda: "x")


def refusal(text: str, rule: str = "HOV-1") -> Problem:
    return Problem(Category.RULE, (Issue("business-rule", text, "Task.status", rule),))


def test_hov_1_a_move_that_the_table_does_not_hold_says_which_it_holds() -> None:
    text = "An `action` Task that is `requested` cannot be made `completed` by the owner: from here it makes it "
    assert decided(task(), task("completed")) == refusal(f"{text}`received`, `rejected`, `cancelled`.")
    nothing = "An `action` Task that is `received` cannot be made `completed` by the owner: from here this side makes no move."
    assert decided(task("received"), task("completed")) == refusal(nothing)
    both = "An `action` Task that is `requested` cannot be made `completed` by the requester and owner: from here it makes it "
    mine = task(owner=ref(TRUST))
    assert decided(mine, {**mine, "status": "completed"}, agency=TRUST) == refusal(f"{both}`received`, `rejected`, `cancelled`.")
    change = (
        "An `action` Task that is `requested` cannot be made `requested` with this change by the owner: from here it makes it "
    )
    found = decided(task(), task(note=[{"text": "x"}]))
    assert found == refusal(f"{change}`received`, `rejected`, `cancelled`.")


def test_hov_1_a_machine_has_a_noun_a_rule_and_a_hint_of_its_own() -> None:
    own = replace(SMALL, noun="small task", rule="E9", hint=lambda _: "ask first")
    text = "A small task Task that is `requested` cannot be made `completed` by the owner: ask first."
    assert decided(task(), task("completed"), small=own) == refusal(text, "E9")


def test_hov_1_a_new_task_of_a_stranger_is_told_whose_it_would_be() -> None:
    [found] = decided(None, task("draft"), agency="Organization/x").issues
    assert found.expression == "Task.requester"
    text = "An `action` Task that is `none` cannot be made `draft` by the requester: from here it makes it `requested`."
    assert decided(None, task("draft"), agency=TRUST) == refusal(text)


def test_hov_1_every_unmet_need_and_every_changed_member_is_named_at_once() -> None:
    found = decided(task(), task("rejected", **{"for": ref("Patient/q")}))
    assert [issue.expression for issue in found.issues] == ["Task.for", "Task.statusReason"]


def test_hov_1_a_draft_is_not_yet_fixed() -> None:
    drafts = replace(SMALL, table=(*STEPS, Move("draft", "requested", ("requester",))))
    assert isinstance(decided(task("draft"), task(**{"for": ref("Patient/q")}), agency=TRUST, small=drafts), Outcome)


def test_hov_5_what_says_the_same_is_repeated() -> None:
    stored = task("received", meta={"versionId": "2"}, lastModified=NOW, groupIdentifier={"value": "g"})
    assert decided(stored, task("received")) == Repeat(stored)
    assert decided(None, task(), agency=TRUST).writes[0].created


def test_hov_5_who_comes_too_late_is_told_before_anything_else() -> None:
    late = Problem(Category.CONFLICT, (Issue("conflict", "late", "Task.status", "HOV-5"),))
    assert decided(task(), task(), small=replace(SMALL, raced=lambda _: late)) == late


def test_hov_11_for_a_third_agency_there_is_no_such_task() -> None:
    found = decided(task(), task("received"), agency="Organization/x")
    assert found == Problem(Category.ABSENT, (Issue("not-found", "There is no such Task."),))


def test_an_amendment_is_found_by_its_kind() -> None:
    noting = replace(
        SMALL,
        kind=lambda each: "note" if each.before == each.before and each.after["status"] == "requested" and each.before else "",
    )
    assert isinstance(decided(task(), task(note=[{"text": "x"}]), small=noting), Outcome)
    assert machine.legal(STEPS, "requested", "requested", ("owner",), "note") == STEPS[4]
    assert machine.legal(STEPS, "requested", "requested", ("owner",)) is None
    assert machine.legal(STEPS, "requested", "received", ("requester",)) is None
    assert machine.legal(STEPS, "requested", "cancelled", ("stranger", "owner")) == STEPS[3]


def test_a_table_is_drawn_with_who_moves_and_what_ends() -> None:
    assert machine.diagram(STEPS) == "\n".join(
        (
            "stateDiagram-v2",
            "    [*] --> requested: requester",
            "    requested --> received: owner",
            "    requested --> rejected: owner",
            "    requested --> cancelled: requester or owner",
            "    requested --> requested: owner, note",
            "    rejected --> [*]",
            "    cancelled --> [*]",
        )
    )
    assert machine.diagram([Move("on-hold", "in-progress", ("owner",))]).endswith("on_hold --> in_progress: owner")
