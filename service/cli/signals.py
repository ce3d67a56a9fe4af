"""What SIGTERM and SIGINT do to a running service: it stops what it has started, whoever heard the signal."""

from __future__ import annotations

import asyncio
import signal
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGINT)
GRACE_SECONDS = 10
"""How long a server may take to answer what it is at when it is told to stop."""


def cancelled_by_signals() -> None:
    """From now on a signal cancels this task, so that what it has started is stopped on the way out."""
    task = asyncio.current_task()
    assert task is not None
    for each in STOPS:
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)


def left_to_the_server() -> None:
    """From now on uvicorn hears the signals, and raises them again once it has stopped cleanly."""
    for each in STOPS:
        asyncio.get_running_loop().remove_signal_handler(each)
        signal.signal(each, _noted)


def _noted(number: int, frame: FrameType | None) -> None:
    """Nothing more to do: the server has stopped, and what follows it stops the database."""
