"""What is known of the service and of the examples, typed once for all the tests that ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tests.structure.examples import EXAMPLES
from tests.structure.examples_of_use import EXAMPLES_OF_USE
from tests.structure.stores import Stores, stores
from tests.structure.typed import built
from tests.structure.used import unused


@dataclass(frozen=True, slots=True)
class Known:
    """The stores and what is asked of them; the full names of what is not used."""

    stores: Stores
    unused: tuple[str, ...]


@cache
def known() -> Known:
    """As the service is written now."""
    result = built(EXAMPLES | EXAMPLES_OF_USE)
    return Known(stores(result), unused(result, EXAMPLES))
