"""npm's `fhirclient` (SMART JS), unmodified, as an app's server in Node; in a browser it runs in `tests/browser`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.browsing import approved
from tests.clients.conftest import RUN_SECONDS, Running, tool
from tests.clients.row import expected

pytestmark = pytest.mark.slow

PACKAGE = "fhirclient@2.6.3"


def test_the_row(running: Running, npm: Callable[[str, str], Path], given: Callable[[str, str], Path]) -> None:
    """Discovery to delete, for a person who logs in, with the app's key."""
    script = npm(PACKAGE, "smart_js.mjs")
    command = [tool("node"), script.name, running.fhir, str(given("keyed-app", "smart-js"))]
    assert shown(command, script.parent, running) == expected(running.base)


def shown(command: list[str], folder: Path, running: Running) -> dict[str, Any]:
    """The row that the app shows after a person opened it and came back from the login."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as app:
        try:
            assert app.stdout is not None
            assert app.stdout.readline() == "listening\n"
            page = httpx.URL(running.back).join("/launch")
            httpx.get(approved(str(page), running.back, "lee", running.persons["smart-js"]), timeout=RUN_SECONDS)
            said, _ = app.communicate(timeout=RUN_SECONDS)
        finally:
            app.kill()
    assert app.returncode == 0, said
    row: dict[str, Any] = json.loads(said.splitlines()[-1])
    return row
