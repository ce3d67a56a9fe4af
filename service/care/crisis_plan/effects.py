"""The Tasks and notices that follow from writing and from activating a crisis plan."""

from __future__ import annotations

from datetime import datetime

from service.care.crisis_plan.agreements import Agreements, listed
from service.care.task import reading
from service.care.task.made import task_of
from service.care.task.situation import Ids, Outcome, Staged
from service.change import Notice, Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import link, name_of, versioned


def ask(plan: Resource, found: Agreements, *, version: int, agency: str, at: datetime, due: datetime, ids: Ids) -> Outcome:
    """Asks every agency anew to agree to the plan: open `agree-plan` Tasks are cancelled, and each agency gets a new Task.

    `version` is the version number that the plan will have, which the Tasks' focus names. `due` is TIM-10's date.
    """
    reset = [_cancelled(one) for one in found.asked if reading.status(one) in ("requested", "received")]
    tied = versioned(name_of(plan), version)
    everyone = listed(plan, found, at)
    made = [
        task_of(
            ids(), TaskCode.AGREE_PLAN, requester=agency, owner=one, patient=link(plan, "subject"), at=at, focus=tied, due=due
        )
        for one in everyone
    ]
    staged = (*map(Staged, reset), *(Staged(one, created=True, custodian=agency) for one in made))
    return Outcome(staged, notices=tuple(_told(plan, one) for one in everyone))


def activated(plan: Resource, found: Agreements, *, agency: str, at: datetime, ids: Ids) -> Outcome:
    """E9: activation gives every agency a Task for its role, and tells every agency."""
    everyone, person = listed(plan, found, at), link(plan, "subject")
    made = [
        task_of(
            ids(),
            TaskCode.ROLE,
            requester=agency,
            owner=one,
            patient=person,
            at=at,
            focus=name_of(plan),
            text="Role in the crisis plan",
        )
        for one in everyone
    ]
    staged = tuple(Staged(one, created=True, custodian=agency) for one in made)
    return Outcome(staged, notices=tuple(_told(plan, one) for one in everyone))


def _cancelled(task: Resource) -> Resource:
    return {**task, "status": "cancelled", "statusReason": reading.status_reason("superseded")}


def _told(plan: Resource, agency: str) -> Notice:
    topic = "crisis-plan-activated" if plan.get("status") == "active" else "handover-task"
    return Notice(topic, agency, name_of(plan), link(plan, "subject"))
