"""The situation that a data request is decided in: the Task, its parties and the directory entry of its owner."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class RequestSituation(Situation):
    """A data request with the directory entry that its `owner` names; `asked` is None when the entry is not in the store."""

    asked: Resource | None = None
