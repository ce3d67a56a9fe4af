"""The table of an `identity-review` Task, its requirement and its effects."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.identity_review import review
from service.care.task import effects, reading
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import Issues, issue
from service.care.task.situation import OWNER, Ids, Outcome, Situation
from service.fhir.canonical import IDENTITY_DECISION, TaskCode

RULE = "IDN-1"
_O = (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "in-progress", _O),
    Move("received",    "in-progress", _O),
    Move("requested",   "completed",   _O, ("decision", "current")),
    Move("received",    "completed",   _O, ("decision", "current")),
    Move("in-progress", "completed",   _O, ("decision", "current")),
    Move("completed",   "completed",   _O, ("decision",), kind="decision"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class ReviewSituation(Situation):
    """An `identity-review` Task, and whether its two Patients still carry the identifier and the names that it is about."""

    stands: bool = True


def decision(situation: Situation) -> Issues:
    """A review is completed with its decision, as one coded output `decision`."""
    said = review.decision(situation.after)
    fits = review.DECISIONS[:2] if review.is_review(situation.current) else review.DECISIONS[2:]
    if said in fits:
        return ()
    text = f"A review is completed by a decision: add output `decision` with `{'` or `'.join(fits)}` of `{IDENTITY_DECISION}`."
    return (issue(text, "Task.output", RULE),)


def current(situation: ReviewSituation) -> Issues:
    """What is judged is what the Patients say now (IDN-5)."""
    if situation.stands:
        return ()
    text = "The other record has changed since you were asked: it is proposed to you anew if it still carries the identifier."
    return (issue(text, "Task.focus", "IDN-5"),)


def move(situation: Situation, ids: Ids) -> Outcome:
    """Stores a step of the review; no other agency gets a notice of it."""
    del ids
    task = effects.kept(situation)
    return effects.outcome(situation, task, f"{TaskCode.IDENTITY_REVIEW}-{task['status']}", told_=False)


def revised(situation: Situation) -> str:
    """The kind of amendment that a write without a change of status makes: a new `decision`; '' for a change of status."""
    return "decision" if reading.status(situation.before) == reading.status(situation.after) else ""


MACHINE: Machine[ReviewSituation] = Machine(
    TaskCode.IDENTITY_REVIEW, TABLE, named(decision, current), named(move), noun="identity review", rule=RULE, kind=revised
)
