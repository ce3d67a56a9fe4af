"""The effects of triage, approval and allocation: what each move writes, and who is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from service.care.referral import referral
from service.care.referral.needs import decided_by
from service.care.referral.referral import ALLOCATED, Decision
from service.care.referral.situation import FrontDoorSituation
from service.care.task import reading
from service.care.task.effects import kept, outcome, timer_key
from service.care.task.made import communication, task_of
from service.care.task.situation import Ids, Outcome, Staged, notice
from service.care.task.timers import due
from service.change import Notice, Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, DECISION, TASK_INPUT, TASK_OUTPUT, TRIAGE_OUTCOME, TaskCode
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, reference_to

DECIDING = ("decision", "threshold", "rationale", "receiver", "lead", "redirect", "decided-by", "pathway")
"""The outputs of a decision, which a triage that is open again has no more."""
WAITING = ("awaiting-information", "awaiting-approval")


def complete(situation: FrontDoorSituation, ids: Ids) -> Outcome:
    """Ends a triage with its decision, which is carried out at once, or when a senior has approved it."""
    task = _signed(situation, _unwaiting(kept(situation)))
    made = referral.decision_of(task)
    unlike = made.threshold != made.suggestion != ""
    task = referral.overridden(task) if unlike else task
    request = referral.overridden(situation.referral or {}) if unlike else situation.referral or {}
    stopped = (timer_key("TIM-14", task),)
    if not made.borderline:
        more = carry_out(situation, task, request, ids)
        first = outcome(situation, task, f"triage-{made.kind}", *more.writes)
        return replace(
            first,
            timers=more.timers,
            cancelled=(*stopped, *more.cancelled),
            notices=(*first.notices, *more.notices),
            disclosure=more.disclosure,
        )
    task = {**task, "businessStatus": concept(BUSINESS_STATUS, "awaiting-approval")}
    asked = _approval(situation, task, made, ids)
    tagged = (Staged(request),) if request != situation.referral else ()
    first = outcome(situation, task, "triage-borderline", *tagged, Staged(asked, created=True, custodian=situation.receiver))
    timer = Timer(timer_key("TIM-14", asked), "TIM-14", _decide_by(situation, task), name_of(asked))
    return replace(
        first,
        timers=(timer,),
        cancelled=stopped,
        notices=(*first.notices, notice(situation, "handover-task", situation.receiver, name_of(asked))),
    )


def carry_out(situation: FrontDoorSituation, triage: Resource, request: Resource, ids: Ids) -> Outcome:
    """What a decision that stands leads to: the allocation that its receiver is asked for, or the end of the referral."""
    made = referral.decision_of(triage)
    if made.kind == ALLOCATED:
        asked = allocation(situation, triage, made, ids)
        waits = due("TIM-2", situation.at, situation.calendar, priority=str(triage.get("priority", "")))
        timer = Timer(timer_key("TIM-11", asked), "TIM-11", waits, name_of(asked))
        changed = (Staged(request),) if request != situation.referral else ()
        staged = Staged(asked, created=True, custodian=situation.keeper, keys=(open_key(name_of(request)),))
        return Outcome(
            (*changed, staged),
            (timer,),
            notices=(Notice("handover-task", made.receiver, name_of(asked), link(triage, "for")),),
            disclosure=True,
        )
    told = told_referrer(situation, request, made.kind, ids, made.redirect)
    lapsed, stopped = unasked(situation)
    return Outcome((Staged({**request, "status": "revoked"}), told, *lapsed), cancelled=stopped)


def unasked(situation: FrontDoorSituation) -> tuple[tuple[Staged, ...], tuple[str, ...]]:
    """The open clarification of a referral that has come to its end, cancelled, and the clock that stops with it (TIM-15)."""
    asked, reason = situation.clarification, reading.status_reason("circumstances-changed")
    if asked is None:
        return (), ()
    ended = {**asked, "status": "cancelled", "statusReason": reason, "lastModified": written(situation.at)}
    return (Staged(ended),), (timer_key("TIM-15", asked),)


def open_key(request: str) -> str:
    """MTG-3: the unique key of the open allocation of a referral."""
    return f"rule:MTG-3:{request}"


def allocation(situation: FrontDoorSituation, triage: Resource, made: Decision, ids: Ids) -> Resource:
    """The Task that asks an agency to take the person on, with what it decides on."""
    priority = str(triage.get("priority", ""))
    return task_of(
        ids(),
        TaskCode.ALLOCATION,
        requester=made.decided_by,
        owner=made.receiver,
        patient=link(triage, "for"),
        at=situation.at,
        focus=referral.referred(triage),
        part_of=name_of(triage),
        due=due("TIM-2", situation.at, situation.calendar, priority=priority),
        priority=priority,
        inputs=[*_given(triage, "minimum-dataset", "sharing-authority"), *_said(made)],
    )


def _given(triage: Resource, *kinds: str) -> Iterator[Resource]:
    for kind in kinds:
        yield from reading.inputs(triage, kind)


def _said(made: Decision) -> Iterator[Resource]:
    yield {"type": concept(TASK_INPUT, "decision"), "valueCodeableConcept": concept(DECISION, made.kind)}
    yield {"type": concept(TASK_INPUT, "threshold"), "valueCodeableConcept": concept(TRIAGE_OUTCOME, made.threshold)}
    yield {"type": concept(TASK_INPUT, "rationale"), "valueString": made.rationale}
    if made.pathway:
        yield {"type": concept(TASK_INPUT, "pathway"), "valueCanonical": made.pathway}
    if made.receiver:
        yield {"type": concept(TASK_INPUT, "receiver"), "valueReference": reference_to(made.receiver)}
    if made.lead:
        yield {"type": concept(TASK_INPUT, "lead"), "valueReference": reference_to(made.lead)}


def _approval(situation: FrontDoorSituation, triage: Resource, made: Decision, ids: Ids) -> Resource:
    return task_of(
        ids(),
        TaskCode.APPROVE,
        requester=made.decided_by,
        owner=situation.senior,
        patient=link(triage, "for"),
        at=situation.at,
        focus=name_of(triage),
        part_of=name_of(triage),
        due=_decide_by(situation, triage),
        priority=str(triage.get("priority", "")),
        inputs=list(_said(made)),
    )


def _decide_by(situation: FrontDoorSituation, task: Resource) -> datetime:
    return situation.decide_by or due("TIM-14", situation.at, situation.calendar, priority=str(task.get("priority", "")))


def approve(situation: FrontDoorSituation, ids: Ids) -> Outcome:
    """Approves a borderline decision: it is carried out."""
    task, triage = _signed(situation, kept(situation), pathway=False), _unwaiting(situation.triage or {})
    more = carry_out(situation, triage, situation.referral or {}, ids)
    made = outcome(situation, task, "triage-approved", Staged({**triage, "lastModified": written(situation.at)}), *more.writes)
    return replace(
        made,
        timers=more.timers,
        cancelled=(timer_key("TIM-14", task), *more.cancelled),
        notices=(*made.notices, *more.notices),
        disclosure=more.disclosure,
    )


def refer_back(situation: FrontDoorSituation, ids: Ids) -> Outcome:
    """Sends a borderline decision back: its triage is open again, with the guidance on the approval."""
    del ids
    task = _signed(situation, kept(situation), pathway=False)
    made = outcome(situation, task, "triage-not-approved", Staged(reopened(situation)))
    return replace(made, timers=(_again(situation),), cancelled=(timer_key("TIM-14", task),))


def reopened(situation: FrontDoorSituation) -> Resource:
    """The triage, open again and without the decision that did not stand; its history has that. It awaits what the referrer was
    asked and has not answered."""
    triage = _unwaiting(referral.without(situation.triage or {}, *DECIDING))
    if situation.clarification is not None:
        triage = {**triage, "businessStatus": concept(BUSINESS_STATUS, "awaiting-information")}
    return {**triage, "status": "received", "lastModified": written(situation.at)}


def _again(situation: FrontDoorSituation) -> Timer:
    triage = situation.triage or {}
    return Timer(timer_key("TIM-14", triage), "TIM-14", _decide_by(situation, triage), name_of(triage))


def withdraw(situation: FrontDoorSituation, ids: Ids) -> Outcome:
    """Withdraws an allocation before it was answered: the triage is open again."""
    del ids
    made = outcome(situation, kept(situation), "allocation-cancelled", Staged(reopened(situation)))
    return replace(made, timers=(_again(situation),), cancelled=(timer_key("TIM-11", situation.current),))


def decline(situation: FrontDoorSituation, ids: Ids) -> Outcome:
    """TRI-1: an agency does not take the person on: the triage is open again, and both sides know what should happen instead."""
    del ids
    made = outcome(situation, kept(situation), "allocation-rejected", Staged(reopened(situation)))
    return replace(made, timers=(_again(situation),), cancelled=(timer_key("TIM-11", situation.current),))


def accept(situation: FrontDoorSituation, ids: Ids) -> Outcome:
    """TRI-1: an agency takes the person on. The referral is completed and the referrer told; the plan with its lead, team and
    episode is written in the same transaction by the use case, under the rules of ownership."""
    task = {**kept(situation), "owner": reference_to(reading.lead_reference(situation.after))}
    request = situation.referral or {}
    told = told_referrer(situation, request, "accepted", ids)
    lapsed, stopped = unasked(situation)
    made = outcome(situation, task, "allocation-accepted", Staged({**request, "status": "completed"}), told, *lapsed)
    return replace(made, cancelled=(timer_key("TIM-11", situation.current), *stopped))


_OUTCOMES = {
    "accepted": "The referral was accepted: an agency has taken the person on and leads the plan.",
    "redirected": "The referral was not taken on: another service is signposted to, for the reasons in the response.",
}


def told_referrer(situation: FrontDoorSituation, request: Resource, kind: str, ids: Ids, redirect: str = "") -> Staged:
    """The Communication that tells the referrer what became of a referral: that it was `accepted`, or `redirected` with the
    response `redirect`."""
    sender = situation.user or situation.agency
    told = communication(
        ids(),
        "referral-outcome",
        sender=sender,
        recipients=[link(request, "requester")],
        patient=link(request, "subject"),
        about=name_of(request),
        at=situation.at,
        text=_OUTCOMES[kind],
    )
    if redirect:
        told["about"].append(reference_to(redirect))
    return Staged(told, created=True, custodian=situation.agency)


def _signed(situation: FrontDoorSituation, task: Resource, *, pathway: bool = True) -> Resource:
    """The Task with who decided and, where asked, under which version of the pathway, as the service knows them."""
    made = referral.decision_of(task)
    given = [*task.get("output", ())]
    if not made.decided_by:
        given.append({"type": concept(TASK_OUTPUT, "decided-by"), "valueReference": reference_to(decided_by(situation))})
    if pathway and not made.pathway and situation.suggested.pathway:
        given.append({"type": concept(TASK_OUTPUT, "pathway"), "valueCanonical": situation.suggested.pathway})
    return {**task, "output": given}


def _unwaiting(task: Resource) -> Resource:
    waits = reading.business_status(task) in WAITING
    return reading.with_member(task, "businessStatus", None) if waits else task
