"""The file in which a machine keeps the seals that it wrote, outside the database: one line a seal, only ever added to.

Each seal binds all seals before it, so old lines may be moved elsewhere; the last line must stay.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.problem import Category, Refused, problem

TAIL = 8192
"""How many bytes at the end of the file surely hold its last line."""


@dataclass(frozen=True, slots=True)
class KeptSeals:
    """The seals that were kept outside the database at some instant: number and signed form."""

    seals: tuple[tuple[int, str], ...]

    def kept(self) -> tuple[tuple[int, str], ...]:
        """Each of them."""
        return self.seals


@dataclass(frozen=True, slots=True)
class SealFile:
    """The file at `path`, which only its owner may read and write."""

    path: Path

    def keep(self, number: int, signed: str) -> None:
        """Adds a line with a seal. Returns when the line is on the disk. Raises Refused UNAVAILABLE when it cannot be
        written."""
        try:
            self._add(b"\n" + json.dumps({"seal": number, "signed": signed}).encode() + b"\n")
        except OSError as error:
            text = f"Seal `{number}` cannot be kept in `{self.path}`: {error.strerror}. Make the folder writable."
            raise Refused(problem(Category.UNAVAILABLE, "transient", text)) from error

    def _add(self, line: bytes) -> None:
        # A loss of power may have cut the line before short, so each begins with a line end.
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)

    def last(self) -> int:
        """The number of the seal in the last whole line; 0 when there is none."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
            tail = file.read().splitlines()
        return next((number for line in reversed(tail) for number, _ in _read(line)), 0)

    def kept(self) -> Iterator[tuple[int, str]]:
        """The number and signed form of every seal kept, in the order the seals were added. A line that a loss of power cut short
        holds no seal."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for line in lines:
                yield from _read(line)


def _read(line: bytes) -> Iterator[tuple[int, str]]:
    try:
        read = json.loads(line)
        yield read["seal"], read["signed"]
    except (ValueError, KeyError, TypeError):
        return
