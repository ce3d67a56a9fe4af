"""What the rules of a data request look at besides the Task and its parties."""

from __future__ import annotations

from dataclasses import dataclass

from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class RequestSituation(Situation):
    """A data request with the directory entry that its `owner` names; None when it is not here."""

    asked: Resource | None = None
