"""Asking back (HOV-1, E4, E5): what the owner of a Task awaits, and the `clarification` Task that goes to its requester."""

from __future__ import annotations

from datetime import datetime

from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.effects import kept, outcome, timer_key
from service.care.task.made import task_of
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Ids, Outcome, Situation, Staged, notice
from service.change import Timer
from service.fhir.canonical import BUSINESS_STATUS, TaskCode
from service.fhir.coding import concept
from service.fhir.reference import link, name_of


def question_of(situation: Situation) -> str:
    """The question of the owner's agency: the newest note that the stored Task does not have, else `statusReason.text`, or ''."""
    after = situation.after
    new = [str(one.get("text", "")) for one in after.get("note", ()) if one not in situation.current.get("note", ())]
    return new[-1] if new else str((after.get("statusReason") or {}).get("text", ""))


def clarification(situation: Situation) -> Issues:
    """A Task that awaits information says which information: in a new note, or in `statusReason.text`."""
    if not blank(question_of(situation)):
        return ()
    return (issue("Say what information is awaited: add a `note`.", "Task.note", "HOV-1"),)


def ask(situation: Situation, ids: Ids, when: datetime) -> Outcome:
    """Awaits information: a clarification Task goes back to the requester, due at `when`; a TIM-11 timer watches it."""
    task = {**kept(situation), "businessStatus": concept(BUSINESS_STATUS, "awaiting-information")}
    asked = task_of(
        ids(),
        TaskCode.CLARIFICATION,
        requester=situation.user or situation.agency,
        owner=link(situation.current, "requester"),
        patient=link(situation.current, "for"),
        at=situation.at,
        focus=name_of(task),
        part_of=name_of(task),
        due=when,
        text=question_of(situation),
        conversation=task.get("groupIdentifier"),
        priority=str(task.get("priority", "")),
    )
    event = f"{reading.code(task)}-awaiting-information"
    made = outcome(situation, task, event, Staged(asked, created=True, custodian=situation.agency))
    timer = Timer(timer_key("TIM-11", asked), "TIM-11", when, name_of(asked), 0, {"handover": name_of(task)})
    notices = (*made.notices, notice(situation, "handover-task", situation.sender, name_of(asked)))
    return Outcome(made.writes, (timer,), notices=notices, audits=made.audits)
