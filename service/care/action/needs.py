"""The requirements that the action's table names. Each gives the issues in its way; none means that it is met."""

from __future__ import annotations

from service.care.action.situation import ActionSituation, came_from
from service.care.task import reading
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import link

RULE = "TIM-11"


def owner(situation: ActionSituation) -> Issues:
    """An action has an owner: an agency that is registered here, or somebody of it."""
    if situation.known and situation.organization(link(situation.after, "owner")):
        return ()
    text = "An action has an owner: set `owner` to an Organization, HealthcareService or PractitionerRole that is here."
    return (issue(text, "Task.owner", RULE),)


def due(situation: ActionSituation) -> Issues:
    """An action has a date that is ahead."""
    when, place = reading.due(situation.after, situation.zone), _date(situation.after)
    if when is None:
        return (issue("An action has a date: set `restriction.period.end` to when it is due.", place, RULE),)
    return () if when > situation.at else (issue("The date of the action has passed: set one that is ahead.", place, RULE),)


def decision(situation: ActionSituation) -> Issues:
    """An action comes with its decision, about the decision's person."""
    named, found = came_from(situation.after), situation.decision
    place = "Task.encounter" if named.startswith("Encounter/") else "Task.partOf"
    if not named:
        text = "An action comes with its decision: set `partOf` to the Task that decides, or `encounter` to the meeting."
        return (issue(text, place, RULE),)
    if not situation.moving or reading.code(found or {}) == TaskCode.ACTION:
        text = f"An action comes with its decision, in one transaction: send it with the write by which `{named}` decides."
        return (issue(text, place, RULE),)
    person = link(found or {}, "for")
    if person and link(situation.after, "for") not in (person, *(situation.patients if person in situation.patients else ())):
        return (issue("An action is for the person of its decision: set `for` to them.", "Task.for", RULE),)
    return ()


def authority(situation: ActionSituation) -> Issues:
    """HOV-3: an action tells its owner's agency of the person, as consent and its sharing agreement permit."""
    if situation.receiver in ("", situation.agency) or situation.authority.permitted:
        return ()
    return (issue(f"Sharing with `{situation.receiver}` is not permitted: {situation.authority.text}.", "Task.owner", "HOV-3"),)


def _date(task: Resource) -> str:
    """The element of a Task's date, or what it would stand in."""
    restriction = task.get("restriction") or {}
    return "Task.restriction.period.end" if "period" in restriction else f"Task.restriction{'.period' if restriction else ''}"
