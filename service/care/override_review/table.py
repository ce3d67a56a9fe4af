"""The table of an `override-review` Task, its requirement and its effects."""

from __future__ import annotations

from dataclasses import replace

from service.care.task import effects, reading
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import Issues, issue
from service.care.task.situation import OWNER, Ids, Outcome, Situation
from service.change import Resource
from service.fhir.canonical import OVERRIDE_DECISION, TaskCode
from service.fhir.coding import code_in

RULE = "consent-rules 5"
DECISIONS = ("justified", "unjustified")
_O = (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "accepted",    _O),
    Move("received",    "accepted",    _O),
    Move("requested",   "in-progress", _O),
    Move("received",    "in-progress", _O),
    Move("accepted",    "in-progress", _O),
    Move("requested",   "completed",   _O, ("decision",), effect="decided"),
    Move("received",    "completed",   _O, ("decision",), effect="decided"),
    Move("accepted",    "completed",   _O, ("decision",), effect="decided"),
    Move("in-progress", "completed",   _O, ("decision",), effect="decided"),
    Move("requested",   "requested",   _O, kind="note"),
    Move("received",    "received",    _O, kind="note"),
    Move("accepted",    "accepted",    _O, kind="note"),
    Move("in-progress", "in-progress", _O, kind="note"),
    Move("completed",   "completed",   _O, ("decision",), kind="note"),
)
# fmt: on


def decision(situation: Situation) -> Issues:
    """A review is completed with its decision, as coded output `decision`."""
    if judgement(situation.after) in DECISIONS:
        return ()
    text = (
        f"A review is completed by a decision: add output `decision` with `{'` or `'.join(DECISIONS)}` of `{OVERRIDE_DECISION}`."
    )
    return (issue(text, "Task.output", RULE),)


def judgement(task: Resource) -> str:
    """The code of the last decision in a review, or ''."""
    said = [code_in(one.get("valueCodeableConcept"), OVERRIDE_DECISION) for one in reading.outputs(task, "decision")]
    return said[-1] if said else ""


def unjustified(task: Resource) -> bool:
    """Whether a review has found its override unjustified."""
    return task.get("status") == "completed" and judgement(task) == DECISIONS[1]


def move(situation: Situation, ids: Ids) -> Outcome:
    """Stores a step of the review; no agency gets a notice of it."""
    del ids
    task = effects.kept(situation)
    return effects.outcome(situation, task, f"{TaskCode.OVERRIDE_REVIEW}-{task['status']}", told_=False)


def decided(situation: Situation, ids: Ids) -> Outcome:
    """Completes a review: the override was judged, so the clock of its review stops (TIM-11)."""
    return replace(move(situation, ids), cancelled=(effects.timer_key("TIM-11", situation.current),))


def noted(situation: Situation) -> str:
    """The kind of amendment that a write without a change of status makes, always `note`; '' for a change of status."""
    return "note" if reading.status(situation.before) == reading.status(situation.after) else ""


MACHINE: Machine[Situation] = Machine(
    TaskCode.OVERRIDE_REVIEW, TABLE, named(decision), named(move, decided), noun="override review", rule=RULE, kind=noted
)
