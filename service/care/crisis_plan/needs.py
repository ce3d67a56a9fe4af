"""What stands against an agency's agreement to a version of a crisis plan (E9)."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.crisis_plan.agreements import pinned
from service.care.crisis_plan.content import same
from service.care.task import agreement
from service.care.task.requirements import Issues, issue
from service.change import Resource


@dataclass(frozen=True, slots=True)
class AgreementSituation(agreement.AgreementSituation):
    """An `agree-plan` Task with the plan as stored now, the version of the plan that the Task's focus names, and the records that
    the plan rests on, each in the version that stands now. `shown`: the agency that answers may read that version, or it was
    disclosed to the agency."""

    plan: Resource | None = None
    version: Resource | None = None
    grounds: frozenset[str] = frozenset()
    shown: bool = True

    def unseen(self) -> Issues:
        """A plan does not become active on an agreement that was given blind."""
        if self.shown:
            return ()
        text = (
            "Your agency may not read the version that it is asked to agree to: ask the plan's lead to disclose it to you "
            "(`$disclose`), by the person's consent or a lawful basis."
        )
        return (issue(text, "Task.focus", "E9"),)

    def outdated(self) -> Issues:
        """The version that the agency agrees to has the content that the plan has now, and rests on what stands now."""
        if self.plan is None or not same(self.plan, self.version):
            return (issue("The crisis plan changed since this version: agree to the newest one.", "Task.focus", "E9"),)
        if pinned(self.before or self.after) != self.grounds:
            said = "A record that the crisis plan rests on changed since you were asked"
            text = f"{said}: its agency writes the draft again, and asks."
            return (issue(text, "Task.input", "E9"),)
        return ()
