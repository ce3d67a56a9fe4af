"""The first contact that a new lead owes the person: the `follow-up` Task and its clocks (TIM-3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from service.care.task.effects import timer_key
from service.care.task.made import task_of
from service.care.task.situation import Ids
from service.care.task.timers import BY_ID, ROUTINE, Calendar, due
from service.change import Resource, Timer
from service.fhir.canonical import TaskCode
from service.fhir.reference import link, name_of

Due = Callable[..., datetime]
"""`timers.due`, or the `due` of the pathway whose spans apply."""


def owed(task: Resource, plan: str, why: str, *, at: datetime, calendar: Calendar, ids: Ids, by: Due = due) -> Resource:
    """The follow-up Task of an accepted Task: the new lead, its owner, makes the first contact about the plan within the
    limit."""
    return task_of(
        ids(),
        TaskCode.FOLLOW_UP,
        requester=link(task, "requester"),
        owner=link(task, "owner"),
        patient=link(task, "for"),
        at=at,
        focus=plan,
        part_of=name_of(task),
        due=by("TIM-3", at, calendar, level=1),
        text=why,
        conversation=task.get("groupIdentifier"),
        priority=str(task.get("priority", "")),
    )


def clocks(task: Resource, follow: Resource, *, at: datetime, calendar: Calendar, by: Due = due) -> tuple[Timer, ...]:
    """The clocks of the follow-up of an accepted Task: its target, and its limit."""
    key, data = timer_key("TIM-3", task), {"handover": name_of(task)}
    levels = range(len(BY_ID["TIM-3"].spans[ROUTINE]))
    return tuple(Timer(key, "TIM-3", by("TIM-3", at, calendar, level=level), name_of(follow), level, data) for level in levels)
