"""The agreement of one agency to one version of what several agencies make their own: the `agree-plan` Task (E9, GOV-7).

The rules, in prose: the Task names one version in `focus`. The agency of its owner agrees (`completed`) or does not (`rejected`,
with a reason); the agency that asked may cancel. An agency agrees only to what it can read, and only to what still stands.
What is agreed to, and what follows from it, is the rule of a practice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from service.care.task import reading
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.made import task_of
from service.care.task.requirements import Issues, reason
from service.care.task.situation import OWNER, REQUESTER, Ids, Situation, Staged
from service.care.task.timers import Span, Unit
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import target

AGREED_WITHIN = Span(5, Unit.WORKING_DAYS)
"""TIM-10: how long an agency has to agree, where no pathway says."""
_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "completed",   _O, ("shown", "this_version")),
    Move("received",    "completed",   _O, ("shown", "this_version")),
    Move("requested",   "rejected",    _O, ("reason",)),
    Move("received",    "rejected",    _O, ("reason",)),
    Move("requested",   "cancelled",   _R, ("reason",)),
    Move("received",    "cancelled",   _R, ("reason",)),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class AgreementSituation(Situation):
    """An `agree-plan` Task. A practice's own class says what stands against an agreement to its version."""

    def unseen(self) -> Issues:
        """The issues of an agency that may not read what it agrees to."""
        return ()

    def outdated(self) -> Issues:
        """The issues of a version that does not stand any more."""
        return ()


def shown(situation: AgreementSituation) -> Issues:
    """An agency agrees to what it can read: nothing comes about on an agreement that was given blind."""
    return situation.unseen()


def this_version(situation: AgreementSituation) -> Issues:
    """The version that the agency agrees to is what stands now."""
    return situation.outdated()


MACHINE: Machine[AgreementSituation] = Machine(TaskCode.AGREE_PLAN, TABLE, named(shown, this_version, reason), named(move))


def focus(task: Resource) -> str:
    """The version-specific reference that an `agree-plan` Task is about."""
    return target(task.get("focus"))


def open_(task: Resource) -> bool:
    """Whether an `agree-plan` Task still waits for its answer."""
    return reading.status(task) in ("requested", "received")


def ask(
    agencies: Iterable[str], *, requester: str, version: str, at: datetime, due: datetime, ids: Ids,
    patient: str = "", inputs: Iterable[Resource] = (),
) -> tuple[Staged, ...]:  # fmt: skip
    """An `agree-plan` Task to each of the agencies, about one version."""
    code, given = TaskCode.AGREE_PLAN, [*inputs]
    made = [
        task_of(ids(), code, requester=requester, owner=one, patient=patient, at=at, focus=version, due=due, inputs=given)
        for one in agencies
    ]
    return tuple(Staged(one, created=True, custodian=requester) for one in made)


def reset(task: Resource) -> Staged:
    """An open `agree-plan` Task about what was, cancelled."""
    return Staged({**task, "status": "cancelled", "statusReason": reading.status_reason("superseded")})
