"""What the processes of one service have in common while they start: they wait for one word, and one of them says what is wrong.

Both are pipes, which leave nothing behind when every process is killed. A byte that nobody reads opens the gate for all, also for
a process that is started later; a byte that can be read once makes its reader the first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any


def _pipe() -> tuple[Connection, Connection]:
    return SpawnContext().Pipe(duplex=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that can be sent to spawned processes, of which each waits in `passed` until the first process calls `open`."""

    _opened: tuple[Any, ...] = field(default_factory=_pipe)
    _unsaid: tuple[Any, ...] = field(default_factory=_pipe)

    def __post_init__(self) -> None:
        if len(self._unsaid) > 1:
            os.write(self._unsaid[1].fileno(), b"1")
            os.set_blocking(self._unsaid[0].fileno(), False)

    def __reduce__(self) -> tuple[Any, ...]:
        """A spawned process has the ends to read from only, so that it is let through when the first process has ended."""
        return Gate, (self._opened[:1], self._unsaid[:1])

    def open(self) -> None:
        """Lets the processes through."""
        os.write(self._opened[1].fileno(), b"1")

    def passed(self) -> None:
        """Returns once the gate is open."""
        self._opened[0].poll(None)

    def first(self) -> bool:
        """Whether no process has asked before."""
        try:
            return bool(os.read(self._unsaid[0].fileno(), 1))
        except BlockingIOError:
            return False
