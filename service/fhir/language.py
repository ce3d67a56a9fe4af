"""FHIR as the service speaks it: the definitions, with what checks records by them and what draws their search keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.validate import Validator


@dataclass(frozen=True, slots=True)
class Language:
    """One for the process: all three compile what they meet first, and afterwards only read."""

    definitions: Definitions
    validator: Validator
    indexer: Indexer

    @classmethod
    def load(cls, folder: Path, base: str = "", zone: tzinfo = UTC) -> Language:
        """From `profiles`. `base` is our own FHIR base URL, `zone` that of dates which give none."""
        definitions = Definitions.load(folder)
        return cls(definitions, Validator(definitions), Indexer(definitions, base, zone))

    def prepare(self, types: Iterable[str]) -> None:
        """Compiles what the first record of these types would wait for, and the search parameters of every type."""
        named = frozenset(types)
        self.validator.prepare(named)
        self.indexer.prepare(named)
        for each in self.definitions.types:
            self.indexer.parameters.of(each)
