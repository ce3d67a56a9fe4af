"""The tables of triage, approval and allocation, and their machines."""

from __future__ import annotations

from typing import Any

from service.care.referral import effects, needs
from service.care.referral.situation import FrontDoorSituation
from service.care.task import effects as shared
from service.care.task import reading
from service.care.task.effects import move
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import reason
from service.care.task.situation import OWNER, REQUESTER
from service.change import Resource
from service.fhir.canonical import TaskCode
from service.fhir.reference import reference_to

_R, _O, _E = (REQUESTER,), (OWNER,), (REQUESTER, OWNER)
_SAID = ("outputs",)
_DECIDE = ("still_open", "decided", "carried", "senior", "outputs")
_APPROVE = ("still_open", "approver", "still_carried")
_ACCEPT = ("still_open", "named_lead", "aims", "permitted")

# fmt: off
TRIAGE: tuple[Move, ...] = (
    Move("requested",   "received",    _O, _SAID),
    Move("requested",   "in-progress", _O, _SAID),
    Move("received",    "in-progress", _O, _SAID),
    Move("requested",   "completed",   _O, _DECIDE, effect="complete"),
    Move("received",    "completed",   _O, _DECIDE, effect="complete"),
    Move("in-progress", "completed",   _O, _DECIDE, effect="complete"),
    Move("requested",   "requested",   _E, _SAID, kind="note"),
    Move("received",    "received",    _E, _SAID, kind="note"),
    Move("in-progress", "in-progress", _E, _SAID, kind="note"),
)

APPROVE: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "completed",   _O, _APPROVE, effect="approve"),
    Move("received",    "completed",   _O, _APPROVE, effect="approve"),
    Move("requested",   "rejected",    _O, ("reason", "guidance", "approver"), effect="refer_back"),
    Move("received",    "rejected",    _O, ("reason", "guidance", "approver"), effect="refer_back"),
)

ALLOCATION: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "accepted",    _O, _ACCEPT, effect="accept", frees=("owner",)),
    Move("received",    "accepted",    _O, _ACCEPT, effect="accept", frees=("owner",)),
    Move("requested",   "rejected",    _O, ("reason", "alternative"), effect="decline"),
    Move("received",    "rejected",    _O, ("reason", "alternative"), effect="decline"),
    Move("requested",   "cancelled",   _R, ("reason",), effect="withdraw"),
    Move("received",    "cancelled",   _R, ("reason",), effect="withdraw"),
    Move("accepted",    "completed",   _O),
)
# fmt: on


def noted(situation: FrontDoorSituation) -> str:
    """The kind of a write that leaves the status as it is: a note, or an output that is prepared."""
    before = situation.before
    return "note" if before is not None and reading.status(before) == reading.status(situation.after) else ""


def completed(situation: FrontDoorSituation) -> Resource:
    """The submitted Task with what a client need not repeat; the earlier referral, too, which its writer may not see any more."""
    before, after = situation.before or {}, shared.completed(situation)
    return after if "basedOn" in after or "basedOn" not in before else {**after, "basedOn": before["basedOn"]}


def stands(situation: FrontDoorSituation) -> bool:
    """HOV-5: whether a submission repeats the stored Task, once what the service added is taken from it."""
    before, after = situation.before, situation.after
    if before is None or reading.status(before) != reading.status(after):
        return False
    return _said(before, after) == _said(after, after)


def _said(task: Resource, after: Resource) -> Resource:
    """What clients wrote in a Task: of the outputs those that the submission has, too, and of the owners any that leads."""
    given = [one for one in task.get("output", ()) if one in after.get("output", ())]
    lead = reading.lead_reference(task)
    return {**reading.said(task), "output": given, **({"owner": reference_to(lead)} if lead else {})}


COMMON: dict[str, Any] = {"rule": "E4", "kind": noted, "completed": completed, "stands": stands}
MACHINES: tuple[Machine[FrontDoorSituation], ...] = (
    Machine(
        TaskCode.TRIAGE,
        TRIAGE,
        named(needs.still_open, needs.decided, needs.carried, needs.senior, needs.outputs),
        named(move, effects.complete),
        **COMMON,
    ),
    Machine(
        TaskCode.APPROVE,
        APPROVE,
        named(needs.still_open, needs.approver, needs.still_carried, needs.guidance, reason),
        named(move, effects.approve, effects.refer_back),
        **COMMON,
    ),
    Machine(
        TaskCode.ALLOCATION,
        ALLOCATION,
        named(needs.still_open, needs.named_lead, needs.aims, needs.permitted, needs.alternative, reason),
        named(move, effects.accept, effects.decline, effects.withdraw),
        **COMMON,
    ),
)
