"""PyPI's `fhirclient` and `fhirpy` work against the service as they are: discovery, token, read, search, create."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.locality import person
from tests.story.running import Service, opened, prepared

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

REDIRECT = "http://127.0.0.1:9/callback"


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, dict[str, str], str]]:
    """A service with a person, a login of the trust's lead and a public app; the agencies' tokens and the person."""
    service = Service(tmp_path_factory.mktemp("clients") / "data")
    tokens = await prepared(service)
    async with opened(service) as built:
        known = await person(built)
        await built.users.add_user("lead", "PractitionerRole/trust-lead", "correct horse battery staple")
        scope = "openid fhirUser launch/patient user/*.cruds patient/*.cruds patient/*.read user/*.*"
        await built.registration.add_client("app", "Organization/trust", scope, public=True, redirect_uris=(REDIRECT,))
    service.start()
    try:
        await service.ready()
        yield service, tokens, known
        assert service.stop() == 0
    finally:
        service.kill()


async def test_fhirpy(running: tuple[Service, dict[str, str], str]) -> None:
    """fhirpy reads, searches, creates, updates and deletes."""
    from fhirpy import AsyncFHIRClient

    service, tokens, known = running
    client = AsyncFHIRClient(f"{service.base}/fhir", authorization=f"Bearer {tokens['trust']}")
    found = await client.resources("Patient").search(_id=known.partition("/")[2]).fetch_all()
    assert [each.to_reference().reference for each in found] == [known]
    made = client.resource("Observation", status="final", code={"text": "Sleep"}, subject={"reference": known})
    await made.save()
    made["status"] = "amended"
    await made.save()
    read = await client.reference("Observation", made["id"]).to_resource()
    assert (read["status"], read["meta"]["versionId"]) == ("amended", "2")
    await read.delete()


async def test_fhirclient_with_a_token(running: tuple[Service, dict[str, str], str]) -> None:
    """fhirclient finds the server by its metadata, and reads, searches and creates with its models."""
    service, tokens, known = running
    await asyncio.to_thread(_models, service.base, tokens["trust"], known)


def _models(base: str, token: str, known: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fhirclient import client
        from fhirclient.models import observation, patient

        smart = client.FHIRClient(settings={"app_id": "app", "api_base": f"{base}/fhir"})
        smart.server.session.headers["Authorization"] = f"Bearer {token}"
        read = patient.Patient.read(known.partition("/")[2], smart.server)
        assert read.name[0].family == "Example"
        made = observation.Observation({"status": "final", "code": {"text": "Sleep"}, "subject": {"reference": known}})
        answer = made.create(smart.server)
        assert answer["subject"]["reference"] == known
        found = observation.Observation.where({"subject": known}).perform_resources(smart.server)
        assert answer["id"] in [each.id for each in found]


async def test_fhirclient_by_discovery(running: tuple[Service, dict[str, str], str]) -> None:
    """fhirclient, unmodified, discovers the authorization server, sends a person through it, and reads with the token it gets."""
    service, _, known = running
    await asyncio.to_thread(_authorized, service.base, known)


def _authorized(base: str, known: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fhirclient import client
        from fhirclient.models import patient

        settings = {
            "app_id": "app",
            "api_base": f"{base}/fhir",
            "redirect_uri": REDIRECT,
            "scope": "openid fhirUser launch/patient patient/*.read",
        }
        smart = client.FHIRClient(settings=settings)
        assert smart.prepare() is False
        callback = _through_the_pages(smart.authorize_url, known)
        assert smart.handle_callback(callback) is None
        assert smart.ready
        assert smart.patient is not None
        assert patient.Patient.read(known.partition("/")[2], smart.server).as_json()["id"] == known.partition("/")[2]


def _through_the_pages(url: str, known: str) -> str:
    """A person logs in and approves, as a browser would; gives the address the app is called back at."""
    with httpx.Client(follow_redirects=False) as browser:
        page = browser.get(url)
        page = _submitted(browser, page, {"username": "lead", "password": "correct horse battery staple"})
        while page.status_code in (302, 303) and not page.headers["location"].startswith(REDIRECT):
            page = browser.get(httpx.URL(str(page.url)).join(page.headers["location"]))
        page = _submitted(browser, page, {"patient": known, "decision": "allow"})
        assert page.status_code in (302, 303), page.text
        location = page.headers["location"]
    assert "code" in parse_qs(urlsplit(location).query), location
    return location


def _submitted(browser: httpx.Client, page: httpx.Response, given: dict[str, Any]) -> httpx.Response:
    """The page's form, sent with its hidden fields and what the person typed."""
    from html.parser import HTMLParser

    class Form(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.action, self.fields = "", {}

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            if tag == "form" and not self.action:
                self.action = str(named.get("action"))
            if tag == "input" and named.get("type") == "hidden":
                self.fields[str(named.get("name"))] = str(named.get("value") or "")

    assert page.status_code == 200, page.text
    form = Form()
    form.feed(page.text)
    return browser.post(httpx.URL(str(page.url)).join(form.action), data={**form.fields, **given})
