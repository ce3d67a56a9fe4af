"""npm's `fhir-kit-client`, unmodified, in Node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Running, shown, tool
from tests.clients.row import expected

pytestmark = pytest.mark.slow

PACKAGE = "fhir-kit-client@2.0.3"


def test_the_row(running: Running, npm: Callable[[str, str], Path], given: Callable[[str, str], Path]) -> None:
    """Discovery to delete, with a backend's key."""
    script = npm(PACKAGE, "fhir_kit_client.mjs")
    file = given("backend", "fhir-kit")
    assert shown([tool("node"), script.name, running.fhir, str(file)], script.parent) == expected(running.base)
