"""The effects of companion Tasks' moves: resources to write, timers to set or cancel, and notices to send."""

from __future__ import annotations

from dataclasses import replace

from service.care.task import reading
from service.care.task.effects import answer_keys, kept, move, outcome, timer_key, told
from service.care.task.situation import Ids, Outcome, Situation, Staged, audit, notice
from service.fhir.date import written
from service.fhir.reference import name_of


def abort(situation: Situation, ids: Ids) -> Outcome:
    """Accepts the abort and cancels the handover, in one Outcome. The plan stays with its present lead (OWN-3)."""
    del ids
    handover = situation.about or {}
    cancelled = {
        **handover,
        "status": "cancelled",
        "statusReason": reading.status_reason("aborted"),
        "lastModified": written(situation.at),
    }
    made = outcome(situation, kept(situation), "abort-accepted", Staged(cancelled))
    notices = tuple(notice(situation, one.topic, one.recipient, name_of(handover)) for one in told(situation))
    facts = (*made.audits, audit(situation, "handover-cancelled", detail="aborted"))
    return Outcome(made.writes, cancelled=answer_keys(handover), notices=(*made.notices, *notices), audits=facts)


def finish(situation: Situation, ids: Ids) -> Outcome:
    """Completes a companion Task and stops its clock (TIM-11)."""
    return replace(move(situation, ids), cancelled=(timer_key("TIM-11", situation.current),))


def inform(situation: Situation, ids: Ids) -> Outcome:
    """Completes a clarification: its handover no longer awaits information."""
    made, handover = finish(situation, ids), situation.about
    if handover is None or not reading.awaiting(handover):
        return made
    informed = {**reading.with_member(handover, "businessStatus", None), "lastModified": written(situation.at)}
    return replace(made, writes=(*made.writes, Staged(informed)))


def reach(situation: Situation, ids: Ids) -> Outcome:
    """Completes a follow-up: the person was reached, so the handover's clock for the contact stops (TIM-3)."""
    made, handover = finish(situation, ids), situation.about
    if handover is None:
        return made
    return replace(made, cancelled=(*made.cancelled, timer_key("TIM-3", handover)))
