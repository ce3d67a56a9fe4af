"""The tables of an escalation review, and of the reviews that follow it."""

from __future__ import annotations

from service.care.step_up import effects, needs
from service.care.step_up.situation import ReviewSituation
from service.care.task import reading
from service.care.task.answering import answered
from service.care.task.clarification import clarification
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER, Situation
from service.fhir.canonical import TaskCode

_O, _E = (OWNER,), (REQUESTER, OWNER)
_DECIDE = ("reviewer", "threshold", "rationale", "decider")
_ACCEPT = (*_DECIDE, "actions", "cadence", "out_of_hours", "mdt_review")
_REJECT = (*_DECIDE, "reason", "sufficient", "guidance", "formulation")
_COMPLETE = ("contact_attempt", "crisis_plan", "formulation")
_OWNER, _AWAIT = ("owner",), "awaiting-information"

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("requested", "received",  _O, ("reviewer", "outputs_kept"), frees=_OWNER),
    Move("requested", "accepted",  _O, _ACCEPT, effect="accept", frees=_OWNER),
    Move("received",  "accepted",  _O, _ACCEPT, effect="accept", frees=_OWNER),
    Move("requested", "rejected",  _O, _REJECT, effect="reject", frees=_OWNER),
    Move("received",  "rejected",  _O, _REJECT, effect="reject", frees=_OWNER),
    Move("accepted",  "completed", _O, _COMPLETE, effect="complete"),
    Move("requested", "requested", _O, ("clarification", "outputs_kept"), kind=_AWAIT, effect="clarify"),
    Move("received",  "received",  _O, ("clarification", "outputs_kept"), kind=_AWAIT, effect="clarify"),
    Move("accepted",  "accepted",  _O, ("clarification", "outputs_kept"), kind=_AWAIT, effect="clarify"),
    Move("requested", "requested", _E, ("outputs_kept",), kind="note"),
    Move("received",  "received",  _E, ("outputs_kept",), kind="note"),
    Move("accepted",  "accepted",  _E, ("outputs_kept",), kind="note"),
)
# fmt: on
REVIEWED = answered(("rationale",), "finish")


def changed(situation: ReviewSituation) -> str:
    """The kind of amendment that a write without a change of status makes; '' for a change of status."""
    before, after = situation.before, situation.after
    if before is None or reading.status(before) != reading.status(after):
        return ""
    return _AWAIT if reading.awaiting(after) and not reading.awaiting(before) else "note"


def stands(situation: ReviewSituation) -> bool:
    """HOV-5: whether the submitted Task says what the stored Task says."""
    if situation.before is None or changed(situation) == _AWAIT:
        return False
    return reading.said(situation.before) == reading.said(situation.after)


REVIEW: Machine[ReviewSituation] = Machine(
    code=TaskCode.ESCALATION_REVIEW,
    table=TABLE,
    needs=named(
        needs.reviewer,
        needs.threshold,
        needs.rationale,
        needs.decider,
        needs.actions,
        needs.cadence,
        needs.out_of_hours,
        needs.mdt_review,
        needs.sufficient,
        needs.guidance,
        needs.contact_attempt,
        needs.crisis_plan,
        needs.formulation,
        needs.outputs_kept,
        clarification,
        reason,
    ),
    effects=named(move, effects.accept, effects.reject, effects.complete, effects.clarify),
    noun="escalation review",
    rule="E5",
    kind=changed,
    completed=effects.answered_by,
    stands=stands,
)
_FOLLOWING = (TaskCode.BRIEF_REVIEW, TaskCode.DECISION_REVIEW, TaskCode.STRUCTURED_REVIEW)
FOLLOWING: tuple[Machine[Situation], ...] = tuple(
    Machine(code, REVIEWED, named(needs.rationale, reason), named(move, effects.finish)) for code in _FOLLOWING
)
"""The reviews that follow: of the step-up (TIM-6), of the decision (ESC-3), and of a person a sign was noticed of (EWS-1)."""
