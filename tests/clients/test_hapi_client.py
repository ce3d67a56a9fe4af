"""The HAPI FHIR client for Java, unmodified, with its checks of the server as they are by default."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import SCRIPTS, Running, had, shown, tool
from tests.clients.row import expected

pytestmark = pytest.mark.slow

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


@pytest.fixture(scope="session")
def jars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client and all that it needs, as Maven Central gives them."""
    folder = tmp_path_factory.mktemp("maven")
    shutil.copy(SCRIPTS / "pom.xml", folder)
    had([tool("mvn"), "-q", "-B", COPY, "-DoutputDirectory=jars"], folder, "HAPI's client")
    return folder / "jars"


def test_the_row(running: Running, jars: Path, given: Callable[[str, str], Path]) -> None:
    """Discovery to delete, with a backend's key."""
    command = [tool("java"), "-cp", f"{jars}/*", str(SCRIPTS / "HapiClient.java"), running.fhir, str(given("backend", "hapi"))]
    assert shown(command, jars) == expected(running.base)
