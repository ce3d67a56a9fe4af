"""The FHIR language as one value: the definitions, and the Validator, the Indexer and the Links that work by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

from service.fhir.definitions import Definitions
from service.fhir.index import Indexer
from service.fhir.links import Links
from service.fhir.validate import Validator


@dataclass(frozen=True, slots=True)
class Language:
    """The definitions, the Validator, the Indexer and the Links of a process. Each compiles a type when first met, and then only
    reads."""

    definitions: Definitions
    validator: Validator
    indexer: Indexer
    links: Links

    @classmethod
    def load(cls, folder: Path, base: str = "", zone: tzinfo = UTC) -> Language:
        """Loads the Language from the folder `profiles`. `base` is our own FHIR base URL; dates without an offset are local to
        `zone`.
        """
        definitions = Definitions.load(folder)
        return cls(definitions, Validator(definitions), Indexer(definitions, base, zone), Links(definitions))

    def prepare(self, types: Iterable[str]) -> None:
        """Compiles the rules and search parameters of these types, so that no first record waits, and every type's parameters."""
        named = frozenset(types)
        self.validator.prepare(named)
        self.indexer.prepare(named)
        for each in self.definitions.types:
            self.indexer.parameters.of(each)
