"""The requirement that the table of an `agree-plan` Task names, and the situation it is checked against."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.crisis_plan.agreements import pinned
from service.care.crisis_plan.content import same
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class AgreementSituation(Situation):
    """An `agree-plan` Task with the plan as stored now, the version of the plan that the Task's focus names, and the records that
    the plan rests on, each in the version that stands now. `shown`: the agency that answers may read that version, or it was
    disclosed to the agency."""

    plan: Resource | None = None
    version: Resource | None = None
    grounds: frozenset[str] = frozenset()
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
    """The version that the agency agrees to has the content that the plan has now, and rests on what stands now."""
    if situation.plan is None or not same(situation.plan, situation.version):
        return (issue("The crisis plan changed since this version: agree to the newest one.", "Task.focus", "E9"),)
    if pinned(situation.before or situation.after) != situation.grounds:
        text = "A record that the crisis plan rests on changed since you were asked: its agency writes the draft again, and asks."
        return (issue(text, "Task.input", "E9"),)
    return ()
