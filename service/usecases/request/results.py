"""The results that use cases give to the edge (`service.api`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from service.problem import Issue
from service.store.records import Row


@dataclass(frozen=True, slots=True)
class Answer:
    """One record as its reader may see it, or the outcome of a write.

    `body` is the canonical JSON that may leave; empty for a delete. `issues` are warnings and information for the client.
    """

    reference: str
    version: int
    at: datetime
    body: bytes = b""
    created: bool = False
    issues: tuple[Issue, ...] = ()

    @property
    def etag(self) -> str:
        """The weak entity tag of R4 section 3.1.0.1.3."""
        return f'W/"{self.version}"'


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a Bundle in an answer; `mode` is match, include or outcome."""

    answer: Answer
    mode: str = "match"
    method: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a searchset or a history. `cursor` leads to the next page, and is empty on the last page. `total` is the number
    of all matches, None when the client did not ask for the total. `ignored` are the parameters of a lenient search that had no
    effect."""

    entries: tuple[Entry, ...]
    cursor: str = ""
    total: int | None = None
    issues: tuple[Issue, ...] = ()
    ignored: frozenset[str] = frozenset()


def written(rows: Mapping[str, Row], ref: str, before: Row | None = None, issues: tuple[Issue, ...] = ()) -> Answer:
    """The Answer to a write: the version that was written, and what is to be told of it. A write in the place of a record deleted
    `before` creates it (R4 section 3.1.0.7)."""
    row = rows[ref]
    fresh = row.version == 1 or (before is not None and before.deleted)
    return Answer(ref, row.version, row.at, b"" if row.deleted else row.body, created=fresh and not row.deleted, issues=issues)
