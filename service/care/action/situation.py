"""The situation that an action is decided in: the Task, the decision that it comes with, and what its owner may have."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.situation import Situation
from service.change import Resource
from service.fhir.reference import link, links


@dataclass(frozen=True, slots=True)
class ActionSituation(Situation):
    """An action with its decision.

    `decision` is the Task or Encounter that `came_from` names, as the transaction leaves it; None when the caller sees none.
    `moving` says whether the transaction writes it and, of a Task, changes its status. `patients` are the references of all
    Patients of the action's person. `known` says whether the owner's record is here, and `authority` whether the owner's agency
    may know of the person.
    """

    decision: Resource | None = None
    moving: bool = False
    patients: frozenset[str] = frozenset()
    known: bool = False
    authority: Authority = NONE_DECIDED


def came_from(task: Resource) -> str:
    """The reference of an action's decision: the Task that it is part of, else its meeting; '' when it names neither."""
    return next((ref for ref in links(task, "partOf") if ref.startswith("Task/")), "") or link(task, "encounter")
