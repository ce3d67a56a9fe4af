"""Handles SIGTERM and SIGINT in a running service or command, so that it stops what it has started and takes away what it has
begun."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

STOPS = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 10
"""How long a server that is told to stop may take to answer its open requests."""


def cancelled_by_signals() -> None:
    """Makes a signal cancel the current task from now on, so that the task stops everything that it has started."""
    task = asyncio.current_task()
    assert task is not None
    for each in STOPS:
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)


def ended_by_signals(work: Coroutine[Any, Any, T]) -> T:
    """The result of a command's work. A signal cancels the work, and raises KeyboardInterrupt once the work has cleared away what
    it had begun."""

    async def cancellable() -> T:
        cancelled_by_signals()
        return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def left_to_the_server() -> None:
    """Leaves the signals to uvicorn from now on. Uvicorn stops cleanly on a signal and then raises the signal again."""
    for each in STOPS:
        asyncio.get_running_loop().remove_signal_handler(each)
        signal.signal(each, _noted)


def _noted(number: int, frame: FrameType | None) -> None:
    """Ignores the signal that uvicorn raises again: the server has stopped, and the code after the server stops the database."""
