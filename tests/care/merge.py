"""A merge as its rules see it: the trust asks housing to take its plan in. Everything is right in what is built here."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from service.care.merge_plan.situation import Aim, MergeSituation, Parallel
from service.care.merge_plan.table import MACHINE
from service.care.task.authority import Authority
from service.care.task.machine import decide
from service.change import Resource
from service.fhir.canonical import (
    CARE_COORDINATOR,
    CARE_PLAN,
    LAWFUL_BASIS,
    PARTICIPANT_AGENCY,
    SNOMED,
    STATUS_REASON,
    STATUS_REASON_EXTENSION,
    TASK_CODE,
    TASK_INPUT,
)
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem
from tests.care.conftest import AT
from tests.care.told import ANN, HAL, HOUSING, TRUST

VOL, VOLUNTARY = "PractitionerRole/vol", "Organization/voluntary"
STAFF = {ANN: TRUST, HAL: HOUSING, VOL: VOLUNTARY}
SENT = "2026-10-23T08:00:00.000Z"
BEGUN = {"start": "2026-01-01T09:00:00.000Z"}
WHY = concept(STATUS_REASON, "disagrees")


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def refs(*to: str) -> list[dict[str, str]]:
    return [ref(each) for each in to]


def put(kind: str, **value: Any) -> Resource:
    return {"type": concept(TASK_INPUT, kind), **value}


def ends(goal: str, **reason: Any) -> Resource:
    """An input that ends a Goal for a reason, a CodeableConcept."""
    said = {"extension": [{"url": STATUS_REASON_EXTENSION, "valueCodeableConcept": reason}]} if reason else {}
    return put("ended-goal", **said, valueReference=ref(goal))


INTO = put("into", valueReference=ref("CarePlan/into"))
BASIS = put("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "direct-care"))


def _made(kind: str, members: dict[str, Any]) -> Resource:
    return {"resourceType": kind, **{name: value for name, value in members.items() if value is not None}}


def plan(name: str = "plan", author: str = ANN, **members: Any) -> Resource:
    given = {
        "id": name,
        "meta": {"versionId": "4"},
        "status": "active",
        "intent": "plan",
        "category": [concept(SNOMED, CARE_PLAN)],
        "subject": ref("Patient/p"),
        "author": ref(author),
        "careTeam": [ref(f"CareTeam/{name}")],
    }
    return _made("CarePlan", {**given, **members})


def coordinator(member: str = ANN, agency: str = TRUST, **members: Any) -> Resource:
    agency_ = [{"url": PARTICIPANT_AGENCY, "valueReference": ref(agency)}]
    return {"extension": agency_, "role": [concept(SNOMED, CARE_COORDINATOR)], "member": ref(member), "period": BEGUN, **members}


def team(name: str, *participants: Resource) -> Resource:
    return _made("CareTeam", {"id": name, "meta": {"versionId": "2"}, "status": "active", "participant": [*participants]})


def goal(name: str, code: str = "", status: str = "active", **members: Any) -> Resource:
    given = {"id": name, "meta": {"versionId": "3"}, "lifecycleStatus": status, "subject": ref("Patient/p")}
    return _made("Goal", {**given, "description": concept(SNOMED, code) if code else {"text": name}, **members})


def aims(*made: Resource, keeper: str = TRUST, shared: bool = True) -> dict[str, Aim]:
    return {f"Goal/{each['id']}": Aim(each, keeper, shared) for each in made}


def task(status: str = "requested", *inputs: Resource, **members: Any) -> Resource:
    given = {
        "id": "m",
        "meta": {"versionId": "1"},
        "status": status,
        "intent": "order",
        "code": concept(TASK_CODE, "merge-plan"),
        "focus": ref("CarePlan/plan"),
        "for": ref("Patient/p"),
        "requester": ref(ANN),
        "owner": ref(HOUSING),
        "authoredOn": SENT,
        "input": [INTO, BASIS, *inputs],
    }
    return _made("Task", {**given, **members})


def situation(before: Resource | None, after: Resource, agency: str = TRUST, **more: Any) -> MergeSituation:
    made = MergeSituation(
        at=AT,
        agency=agency,
        after=after,
        before=before,
        user=ANN if agency == TRUST else HAL,
        organizations=STAFF,
        merged=Parallel(plan(), TRUST, (team("plan", coordinator()),)),
        into=Parallel(plan("into", HAL), HOUSING, (team("into", coordinator(HAL, HOUSING)),)),
        patients=frozenset(("Patient/p",)),
        authority=Authority(True),
    )
    return replace(made, **more)


def with_plan(side: Parallel, **members: Any) -> Parallel:
    """One of the two plans with members changed."""
    return replace(side, plan={**(side.plan or {}), **members})


def decided(found: MergeSituation) -> Any:
    numbers = count(1)
    return decide(MACHINE, found, lambda: f"new-{next(numbers)}")


def sent(*inputs: Resource, agency: str = TRUST, more: Any = None, **members: Any) -> Any:
    """What is decided of a merge that the trust sends."""
    return decided(situation(None, task("requested", *inputs, **members), agency, **(more or {})))


def moved(end: str, before: Resource | None = None, agency: str = HOUSING, more: Any = None, **members: Any) -> Any:
    """What is decided of a move of a merge."""
    stored = before or task()
    return decided(situation(stored, {**stored, "status": end, **members}, agency, **(more or {})))


def refusal(*issues: tuple[str, str, str]) -> Problem:
    return Problem(Category.RULE, tuple(Issue("business-rule", *each) for each in issues))
