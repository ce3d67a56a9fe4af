"""The table of a data request, and the parts of its machine that differ from `Machine`'s defaults."""

from __future__ import annotations

from service.care.data_request import needs
from service.care.data_request.effects import ask, close, release
from service.care.data_request.situation import RequestSituation
from service.care.task import effects, reading
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import link

_R, _O = (REQUESTER,), (OWNER,)
_FREES = ("owner", "input.sharing-authority")

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("none",      "requested", _R, ("owner", "why", "inputs", "answer_by", "unanswered"), effect="ask"),
    Move("requested", "received",  _O, ("unanswered",)),
    Move("requested", "rejected",  _O, ("reason", "unanswered"), effect="close"),
    Move("received",  "rejected",  _O, ("reason", "unanswered"), effect="close"),
    Move("requested", "cancelled", _R, ("reason", "unanswered"), effect="close"),
    Move("received",  "cancelled", _R, ("reason", "unanswered"), effect="close"),
    Move("requested", "completed", _O, ("approver", "inputs", "unanswered"), effect="release", frees=_FREES),
    Move("received",  "completed", _O, ("approver", "inputs", "unanswered"), effect="release", frees=_FREES),
)
# fmt: on


def stands(situation: RequestSituation) -> bool:
    """HOV-5: whether the submitted Task says what the stored Task says; it may leave out the outputs, which the service adds."""
    before, after = situation.before, situation.after
    if before is None or reading.status(before) != reading.status(after):
        return False
    told = after.get("output") in (None, before.get("output"))
    return told and _said(before) == _said(after)


def completed(situation: RequestSituation) -> Resource:
    """The submitted Task with the members that the service wrote on it and a client need not repeat."""
    before, after = situation.before or {}, effects.completed(situation)
    same = before.get("for") if link(before, "for") == link(after, "for") else None
    return {**after, "for": same} if same else after


def _said(task: Resource) -> Resource:
    return {name: value for name, value in reading.said(task).items() if name != "output"}


MACHINE: Machine[RequestSituation] = Machine(
    code=TaskCode.DATA_REQUEST,
    table=TABLE,
    needs=named(needs.owner, needs.why, needs.inputs, needs.answer_by, needs.unanswered, needs.approver, reason),
    effects=named(move, ask, close, release),
    sent=True,
    completed=completed,
    stands=stands,
)
