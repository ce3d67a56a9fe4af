"""The situation that a merge is decided in: the Task, its parties, both plans with their teams and Goals, and the decision about
sharing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.care.task import reading
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.situation import Situation
from service.change import Resource
from service.fhir.reference import link


@dataclass(frozen=True, slots=True)
class Parallel:
    """One of the two plans; `plan` is None where there is none that the sender may see.

    `keeper` is the Organization that keeps the plan and so leads it. `teams` carry its ownership. `spared`: OWN-6 spares it as a
    part of another active plan.
    """

    plan: Resource | None = None
    keeper: str = ""
    teams: tuple[Resource, ...] = ()
    spared: bool = False


@dataclass(frozen=True, slots=True)
class Aim:
    """A Goal of one of the plans, with the Organization that keeps it. `shared`: both agencies may see it."""

    goal: Resource
    keeper: str
    shared: bool = False


NO_PLAN = Parallel()


@dataclass(frozen=True, slots=True)
class MergeSituation(Situation):
    """A Task `merge-plan` with the plan in its focus and the plan that is to take it in.

    `organizations` resolves the teams' members, too. `patients` are all Patients of the person of the plan in focus. `goals` are
    the Goals of both plans by reference, when the Task is sent those that its sender may see. `opposed` is the open Task by which
    the other plan is to be merged into this one, or ''. `authority` decides whether the receiver may have the whole plan.
    """

    merged: Parallel = NO_PLAN
    into: Parallel = NO_PLAN
    patients: frozenset[str] = frozenset()
    goals: Mapping[str, Aim] = field(default_factory=dict)
    opposed: str = ""
    authority: Authority = NONE_DECIDED

    @property
    def merged_ref(self) -> str:
        """The reference of the plan that is to be merged."""
        return link(self.after, "focus")

    @property
    def into_ref(self) -> str:
        """The reference of the plan that is to take the other in, or ''."""
        return named_into(self.after)


def named_into(task: Resource) -> str:
    """The reference in a Task's input `into`, without a version, or ''."""
    return next((reading.value_reference(one) for one in reading.inputs(task, "into")), "")
