"""A sent handover that becomes overdue (HOV-7), or whose authority to share is withdrawn (HOV-8).

Neither event changes the Task's status, and ownership stays with the sender: only a move of the table ends a handover (HOV-10).
"""

from __future__ import annotations

from service.care.handover.situation import HandoverSituation
from service.care.task import reading
from service.care.task.effects import BREACHED, timer_key
from service.care.task.made import task_of
from service.care.task.situation import Ids, Outcome, Staged, audit, notice
from service.care.task.timers import next_level
from service.change import Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, TaskCode
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of

WITHDRAWN = "authority-withdrawn"
"""The businessStatus of a handover whose authority no longer holds."""
LEVELS = 3
"""The number of escalation levels, unless an agency's contacts name more. Configurable per pathway."""


def overdue(situation: HandoverSituation, level: int, ids: Ids, *, levels: int = LEVELS) -> Outcome | None:
    """HOV-7 for a fired TIM-2 timer of `level`; None when the handover was answered in the meantime.

    Writes businessStatus `overdue` and one escalation Task per agency, to the agency's contact of this level (its last contact
    when it names fewer; the agency itself when it names none), and starts the clock of the next level.
    """
    if situation.stage not in ("requested", "received"):
        return None
    task = {**situation.current, "businessStatus": concept(BUSINESS_STATUS, "overdue"), "lastModified": written(situation.at)}
    agencies = tuple(dict.fromkeys(one for one in (situation.sender, situation.receiver) if one))
    made = [_escalation(situation, agency, level, ids) for agency in agencies]
    return Outcome(
        (Staged(task), *(Staged(one, created=True, custodian=agency) for one, agency in zip(made, agencies, strict=True))),
        timers=_next(situation, level, max((levels, *(len(situation.contacts.get(one, ())) for one in agencies)))),
        notices=tuple(notice(situation, BREACHED, agency) for agency in agencies),
        audits=(audit(situation, "handover-overdue", detail=f"level {level}"),),
    )


def withdrawn(situation: HandoverSituation) -> Outcome | None:
    """HOV-8 for an open handover, or another Task with which records were sent, whose authority no longer holds; None when it is
    closed, or still a draft.

    The Task stays visible and says why; the consent decision itself makes dataset and package unreadable to the receiver.
    """
    if situation.stage in ("none", "draft") or situation.stage in reading.TERMINAL:
        return None
    task = {**situation.current, "businessStatus": concept(BUSINESS_STATUS, WITHDRAWN, situation.authority.text)}
    agencies = dict.fromkeys(one for one in (situation.sender, situation.receiver) if one)
    return Outcome(
        (Staged({**task, "lastModified": written(situation.at)}),),
        notices=tuple(notice(situation, "consent-changed", agency) for agency in agencies),
        audits=(audit(situation, f"{reading.code(situation.current)}-authority-withdrawn"),),
    )


def contact(situation: HandoverSituation, agency: str, level: int) -> str:
    """The contact of an agency's escalation level: the agency's last contact when it names fewer levels, the agency itself when
    it names none.
    """
    named = situation.contacts.get(agency, ())
    return named[min(level, len(named) - 1)] if named else agency


def _escalation(situation: HandoverSituation, agency: str, level: int, ids: Ids) -> Resource:
    task = situation.current
    return task_of(
        ids(),
        TaskCode.ESCALATION,
        requester=situation.sender,
        owner=contact(situation, agency, level),
        patient=link(task, "for"),
        at=situation.at,
        focus=name_of(task),
        part_of=name_of(task),
        text=f"The handover is past its accept-by date, escalation level {level + 1}",
        conversation=task.get("groupIdentifier"),
        due=next_level(situation.at, str(task.get("priority", "")), situation.calendar),
    )


def _next(situation: HandoverSituation, level: int, levels: int) -> tuple[Timer, ...]:
    if level + 1 >= levels:
        return ()
    task = situation.current
    when = next_level(situation.at, str(task.get("priority", "")), situation.calendar)
    return (Timer(timer_key("TIM-2", task), "TIM-2", when, name_of(task), level + 1),)
