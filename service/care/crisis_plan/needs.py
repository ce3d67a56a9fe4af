"""The requirement that the table of an `agree-plan` Task names, and the situation it is checked against."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.crisis_plan.content import same
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class AgreementSituation(Situation):
    """An `agree-plan` Task with the plan as stored now, and the version of the plan that the Task's focus names."""

    plan: Resource | None = None
    version: Resource | None = None


def this_version(situation: AgreementSituation) -> Issues:
    """The version that the agency agrees to has the content that the plan has now."""
    if situation.plan is not None and same(situation.plan, situation.version):
        return ()
    return (issue("The crisis plan changed since this version: agree to the newest one.", "Task.focus", "E9"),)
