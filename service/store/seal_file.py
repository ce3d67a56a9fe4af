"""The file in which a machine keeps the seals that it wrote, outside the database: one line a seal, only ever added to.

Each seal binds all seals before it, so old lines may be moved elsewhere; the last line must stay.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SealFile:
    """The file at `path`, which only its owner may read and write."""

    path: Path

    def keep(self, number: int, signed: str) -> None:
        """Adds a line with a seal. Returns when the line is on the disk."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # A loss of power may have cut the line before short, so this one begins with a line end.
            os.write(handle, b"\n" + json.dumps({"seal": number, "signed": signed}).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    def kept(self) -> Iterator[tuple[int, str]]:
        """The number and signed form of every seal kept, in the order the seals were added. A line that a loss of power cut short
        holds no seal."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            for line in lines:
                try:
                    read = json.loads(line)
                    yield read["seal"], read["signed"]
                except (ValueError, KeyError, TypeError):
                    continue
