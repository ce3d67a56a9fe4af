"""The Tasks and notices that follow from writing and from activating a crisis plan."""

from __future__ import annotations

from datetime import datetime

from service.care.crisis_plan.agreements import Agreements, listed, standing, unasked
from service.care.ownership.plan import ENDED
from service.care.task import agreement
from service.care.task.made import task_of
from service.care.task.situation import Ids, Outcome, Staged
from service.change import Notice, Resource
from service.fhir.canonical import TASK_INPUT, TaskCode
from service.fhir.coding import concept
from service.fhir.reference import link, name_of, reference_to, versioned


def ask(plan: Resource, found: Agreements, *, version: int, agency: str, at: datetime, due: datetime, ids: Ids) -> Outcome:
    """Asks every agency that was not asked about the plan as it is, by an `agree-plan` Task; open Tasks about what it was before,
    or about a plan that has ended, are cancelled.

    `version` is the version number that the plan will have, which the Tasks' focus names. `due` is TIM-10's date.
    """
    ended, focus = plan.get("status") in ENDED, versioned(name_of(plan), version)
    current = [] if ended else standing(plan, found)
    outdated = [agreement.reset(one) for one in found.asked if agreement.open_(one) and one not in current]
    inputs = [_pin(one) for one in sorted(found.grounds)]
    person = link(plan, "subject")
    everyone = () if ended else unasked(plan, found, at)
    made = agreement.ask(everyone, requester=agency, version=focus, at=at, due=due, ids=ids, patient=person, inputs=inputs)
    staged = (*outdated, *made)
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


def _pin(ground: str) -> Resource:
    return {"type": concept(TASK_INPUT, "rests-on"), "valueReference": reference_to(ground)}


def _told(plan: Resource, agency: str) -> Notice:
    topic = "crisis-plan-activated" if plan.get("status") == "active" else "handover-task"
    return Notice(topic, agency, name_of(plan), link(plan, "subject"))
