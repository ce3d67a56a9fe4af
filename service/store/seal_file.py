"""The file in which a machine keeps the seals that it wrote, outside the database: one line a seal, only ever added to.

Each seal binds all seals before it, so old lines may be moved elsewhere; the last line must stay.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.problem import Category, Refused, problem

TAIL = 8192
"""How many bytes at the end of the file surely hold its last line."""
_BEGINNING = b'{"seal": 0, "signed": "'
"""How every line begins, but for the number."""


@dataclass(frozen=True, slots=True)
class KeptSeals:
    """The seals that were kept outside the database at some instant: number and signed form; and the lines that held none."""

    seals: tuple[tuple[int, str], ...]
    unread: tuple[int, ...] = ()

    def kept(self) -> tuple[tuple[int, str], ...]:
        """Each of them."""
        return self.seals

    def unreadable(self) -> tuple[int, ...]:
        """The numbers of the lines that held no seal."""
        return self.unread


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
            while line:  # a disk with less room takes a part of it, and refuses the rest
                line = line[os.write(handle, line) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def last(self) -> int:
        """The number of the seal in the last whole line; 0 when there is none. Raises Refused UNAVAILABLE when the file cannot be
        read."""
        with self._readable():
            if not self.path.exists():
                return 0
            with self.path.open("rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
                tail = file.read().splitlines()
        return next((number for line in reversed(tail) for number, _ in _read(line)), 0)

    def kept(self) -> Iterator[tuple[int, str]]:
        """The number and signed form of every seal kept, in the order the seals were added. Raises Refused UNAVAILABLE when the
        file cannot be read."""
        for _, line in self._lines():
            yield from _read(line)

    def unreadable(self) -> tuple[int, ...]:
        """The numbers of the lines that hold no seal. A line that a loss of power cut short is none of them when it is the last,
        or when the line after it holds a seal, which binds those before it. Raises Refused UNAVAILABLE when the file cannot be
        read."""
        found: list[int] = []
        cut = 0
        for number, line in self._lines():
            whole = any(True for _ in _read(line))
            if cut and not whole:
                found.append(cut)
            cut = number if not whole and _is_cut(line) else 0
            if not whole and not cut:
                found.append(number)
        return tuple(found)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line with anything in it, and its number."""
        with self._readable():
            if not self.path.exists():
                return
            with self.path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield number, line.strip()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            text = f"The seals in `{self.path}` cannot be read: {error.strerror}. Make the file readable."
            raise Refused(problem(Category.UNAVAILABLE, "transient", text)) from error


def _read(line: bytes) -> Iterator[tuple[int, str]]:
    """The seal in a line; nothing when there is none."""
    try:
        read = json.loads(line)
        number, signed = read["seal"], read["signed"]
    except (ValueError, KeyError, TypeError):
        return
    if type(number) is int and isinstance(signed, str):
        yield number, signed


def _is_cut(line: bytes) -> bool:
    """Whether this is a seal's line whose end is missing."""
    shape = re.sub(rb"\d+", b"0", line, count=1)
    begun = re.fullmatch(rb'[\w.-]*"?', shape.removeprefix(_BEGINNING)) is not None
    return _BEGINNING.startswith(shape) or (shape.startswith(_BEGINNING) and begun)
