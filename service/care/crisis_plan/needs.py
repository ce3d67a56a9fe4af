"""What the rows of the agreement's table need, and what they look at besides the Task and its parties."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.crisis_plan.content import same
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class AgreementSituation(Situation):
    """An `agree-plan` Task with the plan as it stands, and the version that the Task's focus names."""

    plan: Resource | None = None
    version: Resource | None = None


def this_version(situation: AgreementSituation) -> Issues:
    """What is agreed to is what the plan says now."""
    if situation.plan is not None and same(situation.plan, situation.version):
        return ()
    return (issue("The crisis plan changed since this version: agree to the newest one.", "Task.focus", "E9"),)
