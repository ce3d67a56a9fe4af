"""`$moves` and the machines say the same: what is offered free is accepted, and what is not offered is illegal (HOV-1)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.care.handover.situation import Authority
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.machine import Machine, Move, decide, illegal
from service.care.task.moves import NextMove, asking, open_rows, weighed
from service.care.task.situation import Outcome, Situation
from service.change import Resource
from service.fhir.canonical import (
    BUSINESS_STATUS,
    DECISION,
    HELD_FROM,
    IDENTITY_DECISION,
    LAWFUL_BASIS,
    OVERALL_COORDINATION,
    OVERRIDE_DECISION,
    SCOPE,
    STATUS_REASON,
    TASK_CODE,
    TASK_INPUT,
)
from service.fhir.coding import concept
from service.problem import Problem
from tests.care.conftest import AGENCIES, World
from tests.care.test_machines import widest

WORLD = World()
REASONS = ("no-capacity", "did-not-attend", "other")
SAID = [
    WORLD.output("first-contact", valueDateTime="2026-10-23"),
    WORLD.output("no-contact-required", valueString=" "),
    WORLD.output("answer", valueString="Yes"),
    WORLD.output("rationale", valueString="The least that helps"),
    *(
        WORLD.output("decision", valueCodeableConcept=concept(system, code))
        for system, code in ((OVERRIDE_DECISION, "justified"), (IDENTITY_DECISION, "same-person"), (DECISION, "no-action"))
    ),
]
a_reason = st.sampled_from((None, *(concept(STATUS_REASON, code, text) for code in REASONS for text in ("", "Elsewhere"))))
outputs = st.lists(st.sampled_from(SAID), max_size=4, unique_by=str)
owners = st.sampled_from(("Organization/housing", "PractitionerRole/hal", "PractitionerRole/sue", "Organization/trust"))
leads = st.sampled_from(("PractitionerRole/hal", "PractitionerRole/ann"))  # who has accepted is a person
held = st.sampled_from(("draft", "requested", "received", "in-progress"))


@st.composite
def situations(draw: Any, machine: Machine[Any]) -> Any:
    """A stored Task of a machine, as far along and as full as may be, seen by one of three agencies."""
    status = draw(st.sampled_from([*dict.fromkeys(row.start for row in machine.table if row.start != "none"), "completed"]))
    members: Resource = {"owner": {"reference": draw(owners if status in ("draft", "requested", "received") else leads)}}
    if (why := draw(a_reason)) is not None:
        members["statusReason"] = why
    said = [*draw(outputs), *(_answer(members["owner"]) if machine.code == "handover" and status == "accepted" else ())]
    if said:
        members["output"] = said
    if draw(st.booleans()):
        members["note"] = [{"text": "Which of the two?"}]
    if draw(st.booleans()):
        members["businessStatus"] = concept(BUSINESS_STATUS, "overdue")
    if status == "on-hold":
        members["extension"] = [{"url": HELD_FROM, "valueCode": draw(held)}]
    task = WORLD.task(status, code=concept(TASK_CODE, machine.code), **members)
    about = draw(st.sampled_from((None, WORLD.task("in-progress"), WORLD.task("completed"))))
    whole = WORLD.situation(task, task, draw(st.sampled_from(tuple(AGENCIES))), about=about)
    kind = widest(machine.code)
    plain = Situation(**{each.name: getattr(whole, each.name) for each in fields(Situation)})
    return plain.widened(kind, **{each.name: draw(_value(each, whole)) for each in fields(kind) if _more(each)})


def _answer(lead: Resource) -> tuple[Resource, ...]:
    """What acceptance adds to every handover."""
    whole = concept(SCOPE, OVERALL_COORDINATION)
    return WORLD.output("lead", valueReference=lead), WORLD.output("accepted-scope", valueCodeableConcept=whole)


def _more(each: Any) -> bool:
    return each.name not in {one.name for one in fields(Situation)}


def _value(each: Any, whole: Any) -> Any:
    """What a practice looked up: as a world in which all is well has it, or as it is when nothing was found."""
    if each.type == "bool":
        return st.booleans()
    if each.name == "authority":
        return st.sampled_from((Authority(True), Authority()))
    fallback = each.default_factory() if callable(each.default_factory) else each.default
    return st.sampled_from((getattr(whole, each.name, fallback), fallback))


def asked(situation: Any, kind: str) -> Resource:
    """The least submission that asks for an amendment of a kind."""
    task: Resource = situation.before
    if kind == "awaiting-information":
        return {**task, "businessStatus": concept(BUSINESS_STATUS, kind)}
    if kind == "authority":
        basis = {
            "type": concept(TASK_INPUT, "sharing-authority"),
            "valueCodeableConcept": concept(LAWFUL_BASIS, "legal-duty", "x"),
        }
        return {**task, "input": [*reading.inputs(task, "minimum-dataset"), basis]}
    if kind == "edit":
        return {**task, "description": "Another word"}
    return {**task, "note": [*task.get("note", ()), {"text": "One thing more"}]}


def offered(machine: Machine[Any], situation: Any) -> dict[tuple[str, str], NextMove]:
    """What `$moves` answers, by status and kind."""
    rows = open_rows(machine, situation)
    told = [weighed(machine, replace(situation, after=asking(situation.before, row)), row) for row in rows]
    return {(each.status, each.kind): each for each in told}


def submitted(machine: Machine[Any], situation: Any, end: str, kind: str) -> Any:
    """The situation with the submission that asks for a move and adds nothing."""
    after = asked(situation, kind) if end == situation.before["status"] else asking(situation.before, Move("", end, ()))
    found = replace(situation, after=after)
    return replace(found, after=machine.completed(found))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_hov_1_what_is_offered_free_is_accepted_and_nothing_else_is(data: Any) -> None:
    """For every machine, status and kind of amendment, by every side."""
    machine = MACHINES[data.draw(st.sampled_from(sorted(MACHINES)))]
    situation = data.draw(situations(machine))
    told, here = offered(machine, situation), situation.before["status"]
    kinds = {row.kind for row in machine.table if row.kind} | {"note"}
    for end, kind in [*((each, "") for each in reading.STATUSES if each != here), *((here, kind) for kind in sorted(kinds))]:
        asking_for = submitted(machine, situation, end, kind)
        if machine.kind(asking_for) != kind and (end, kind) not in told:
            continue  # no submission is of this kind from here
        found, move = decide(machine, asking_for, WORLD.ids), told.get((end, kind))
        if move is None:
            assert isinstance(found, Problem)
            assert situation.sides == ("stranger",) or found.issues == illegal(machine, asking_for).issues
        else:
            assert isinstance(found, Outcome) is (move.needs == ()), (move, found)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_hov_11_a_stranger_is_offered_nothing(data: Any) -> None:
    """Nor does the table tell a third agency what others may do."""
    machine = MACHINES[data.draw(st.sampled_from(sorted(MACHINES)))]
    situation = replace(data.draw(situations(machine)), agency="Organization/stranger", organizations={})
    assert offered(machine, situation) == {}
