"""The requirement that the table of an `agree-plan` Task names, and the situation it is checked against."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.crisis_plan.content import same
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class AgreementSituation(Situation):
    """An `agree-plan` Task with the plan as stored now, and the version of the plan that the Task's focus names. `shown`: the
    agency that answers may read that version, or it was disclosed to the agency."""

    plan: Resource | None = None
    version: Resource | None = None
    shown: bool = True


def shown(situation: AgreementSituation) -> Issues:
    """An agency agrees to what it can read: a plan does not become active on an agreement that was given blind."""
    if situation.shown:
        return ()
    text = (
        "Your agency may not read the version that it is asked to agree to: ask the plan's lead to disclose it to you "
        "(`$disclose`), by the person's consent or a lawful basis."
    )
    return (issue(text, "Task.focus", "E9"),)


def this_version(situation: AgreementSituation) -> Issues:
    """The version that the agency agrees to has the content that the plan has now."""
    if situation.plan is not None and same(situation.plan, situation.version):
        return ()
    return (issue("The crisis plan changed since this version: agree to the newest one.", "Task.focus", "E9"),)
