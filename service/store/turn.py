"""Turns: a request with much to look at lets the requests of other clients have theirs (security rules, section 4)."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from service import clock

BUSY_SECONDS = 0.0003
"""A turn of the others that takes longer than this shows that they have work to do."""
SHORT_SECONDS = 0.05
"""A request that has gone on for no longer than this only lets others in."""
OTHERS = 3
"""How much longer than it has worked a long request waits while others have work to do."""
LONGEST_SECONDS = 0.03
_turn: ContextVar[tuple[float, float] | None] = ContextVar("_turn", default=None)
"""When this request first gave way, and when it last went on."""


async def give_way() -> None:
    """Lets others have their turn. A long request waits for `OTHERS` times as long as it has worked since its last turn, while
    others have work to do: however many turns it needs, it leaves them the most of the time."""
    paused = clock.elapsed()
    first, since = _turn.get() or (paused, paused)
    await asyncio.sleep(0)
    if paused - first > SHORT_SECONDS and clock.elapsed() - paused > BUSY_SECONDS:
        await asyncio.sleep(min(OTHERS * (paused - since), LONGEST_SECONDS))
    _turn.set((first, clock.elapsed()))
