"""Counts of what was decided, for operators: how often each layer of the consent rules let a record be seen, or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """The decisions of this process by (layer, permitted)."""

    decisions: Counter[tuple[str, bool]] = field(default_factory=Counter)
