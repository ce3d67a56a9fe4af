"""Reads a Task's code, inputs, outputs and references, and makes copies of a Task with one member changed."""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.change import Resource
from service.fhir import date
from service.fhir.canonical import BUSINESS_STATUS, HELD_FROM, STATUS_REASON, TASK_CODE, TASK_INPUT, TASK_OUTPUT
from service.fhir.coding import code_in, codings, concept
from service.fhir.reference import link

STATUSES = (
    "draft",
    "requested",
    "received",
    "accepted",
    "rejected",
    "ready",
    "cancelled",
    "in-progress",
    "on-hold",
    "failed",
    "completed",
    "entered-in-error",
)
"""Every Task.status of R4 (value set task-status)."""
TERMINAL = frozenset(("rejected", "cancelled", "failed", "completed", "entered-in-error"))
_BOOKKEEPING = frozenset(("meta", "text", "lastModified", "businessStatus", "extension"))


def code(task: Resource) -> str:
    """The task's Baton code (`handover`, `abort`, `clarification` …), or ''."""
    return code_in(task.get("code"), TASK_CODE)


def status(task: Resource | None) -> str:
    """Task.status, or `none` for a Task that does not exist yet."""
    return "none" if task is None else str(task.get("status", ""))


def stage(task: Resource | None) -> str:
    """The Task's status; of a Task on hold, the status from which it is held."""
    here = status(task)
    return held_from(task or {}) or here if here == "on-hold" else here


def sent(task: Resource | None) -> bool:
    """Whether a stored Task was sent, so that it is more than its requester's own draft."""
    return stage(task) not in ("none", "draft")


def worklists(task: Resource, sender: str, receiver: str) -> tuple[str, ...]:
    """The agencies on whose worklist a Task stands while it is open: the requester's and, once the Task was sent, the owner's,
    each an Organization or ''."""
    if status(task) in TERMINAL:
        return ()
    named = (sender, receiver) if sent(task) else (sender,)
    return tuple(dict.fromkeys(each for each in named if each))


def inputs(task: Resource, kind: str) -> list[Resource]:
    """The Task's inputs whose type is the `task-input` code `kind`."""
    return _typed(task, "input", TASK_INPUT, kind)


def outputs(task: Resource, kind: str) -> list[Resource]:
    """The Task's outputs whose type is the `task-output` code `kind`."""
    return _typed(task, "output", TASK_OUTPUT, kind)


def value_reference(element: Resource) -> str:
    """The valueReference of an input or output, without a version, or ''."""
    return link(element, "valueReference")


def lead_reference(task: Resource) -> str:
    """The PractitionerRole that a Task names to lead: output `lead`, else the owner if it is a PractitionerRole, else ''."""
    named = next((value_reference(output) for output in outputs(task, "lead")), "") or link(task, "owner")
    return named if named.startswith("PractitionerRole/") else ""


def scopes(task: Resource, kind: str) -> tuple[str, ...]:
    """Codes of `accepted-scope` or `declined-scope` outputs, in their order; a scope without a code is its text."""
    found = []
    for output in outputs(task, kind):
        element = output.get("valueCodeableConcept", {})
        found.append(
            next((coded for _, coded in codings(element)), "") or str(element.get("text", "") or output.get("valueString", ""))
        )
    return tuple(found)


def reason(task: Resource) -> str:
    """The code of statusReason, any system, or ''."""
    return next((coded for _, coded in codings(task.get("statusReason")) if coded), "")


def business_status(task: Resource) -> str:
    """The Task's businessStatus as a code of Baton's own code system, or ''."""
    return code_in(task.get("businessStatus"), BUSINESS_STATUS)


def awaiting(task: Resource) -> bool:
    """Whether the Task's businessStatus says that the owner's agency waits for information."""
    return business_status(task) == "awaiting-information"


def said(task: Resource) -> Resource:
    """A Task without the members that the service keeps in it, so that two Tasks can be compared by what clients wrote."""
    return {name: value for name, value in task.items() if name not in _BOOKKEEPING}


def due(task: Resource, zone: tzinfo) -> datetime | None:
    """The instant a Task is due by, `restriction.period.end`; a date without a time is due at the local midnight that ends it.
    None when the Task has no readable date.
    """
    period = (task.get("restriction") or {}).get("period") or {}
    return date.due(period.get("end"), zone)


def held_from(task: Resource) -> str:
    """The status from which a Task is held, as the service wrote it on the Task, or ''."""
    return next((str(one.get("valueCode", "")) for one in _listed(task, "extension") if one.get("url") == HELD_FROM), "")


def with_hold(task: Resource, origin: str) -> Resource:
    """A copy of the Task that remembers (or, with '', forgets) the status from which it is held."""
    kept = [one for one in _listed(task, "extension") if one.get("url") != HELD_FROM]
    if origin:
        kept.append({"url": HELD_FROM, "valueCode": origin})
    return with_member(task, "extension", kept or None)


def with_member(resource: Resource, member: str, value: object) -> Resource:
    """A copy of the resource with one member set, or left out when `value` is None."""
    if value is None:
        return {key: kept for key, kept in resource.items() if key != member}
    return {**resource, member: value}


def with_output(task: Resource, kind: str, **value: object) -> Resource:
    """A copy of the Task with one more output, whose type is the `task-output` code `kind`."""
    return {**task, "output": [*_listed(task, "output"), {"type": concept(TASK_OUTPUT, kind), **value}]}


def status_reason(coded: str, text: str = "") -> Resource:
    """A statusReason with a code of Baton's own code system."""
    return concept(STATUS_REASON, coded, text)


def _typed(task: Resource, member: str, system: str, kind: str) -> list[Resource]:
    return [one for one in _listed(task, member) if code_in(one.get("type"), system) == kind]


def _listed(resource: Resource, member: str) -> list[Resource]:
    listed = resource.get(member)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
