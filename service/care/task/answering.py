"""The table of a Task that its owner works on and completes, which several practices fill with their own needs and effect."""

from __future__ import annotations

from service.care.task.machine import Move
from service.care.task.situation import OWNER, REQUESTER

_R, _O = (REQUESTER,), (OWNER,)


# fmt: off
def answered(needs: tuple[str, ...] = (), effect: str = "finish") -> tuple[Move, ...]:
    """The table of a Task that its owner works on and completes. `needs` and `effect` are those of completing the Task."""
    return (
        Move("requested",   "received",    _O),
        Move("requested",   "accepted",    _O),
        Move("received",    "accepted",    _O),
        Move("requested",   "in-progress", _O),
        Move("received",    "in-progress", _O),
        Move("accepted",    "in-progress", _O),
        Move("requested",   "completed",   _O, needs, effect=effect),
        Move("received",    "completed",   _O, needs, effect=effect),
        Move("accepted",    "completed",   _O, needs, effect=effect),
        Move("in-progress", "completed",   _O, needs, effect=effect),
        Move("requested",   "rejected",    _O, ("reason",)),
        Move("received",    "rejected",    _O, ("reason",)),
        Move("requested",   "cancelled",   _R, ("reason",)),
        Move("received",    "cancelled",   _R, ("reason",)),
    )
# fmt: on
