"""An app with SMART JS in Chromium, unmodified, from an origin of its own: standalone, and started by a record system."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.browser.conftest import SCOPE, App

pytestmark = pytest.mark.slow


async def started(page: Any, app: App, scope: str, launch: str = "") -> None:
    """The app sends the person to log in, and the person does."""
    asked = {"client": app.client, "scope": scope, "iss": f"{app.service}/fhir", **({"launch": launch} if launch else {})}
    await page.goto(f"{app.origin}/launch.html?{urlencode(asked)}")
    await page.wait_for_url(f"{app.service}/auth/authorize*")
    await page.fill("#username", app.username)
    await page.fill("#password", app.password)
    await page.click("button[type=submit]")


async def allowed(page: Any, app: App) -> None:
    """The person allows it, and the app has its token."""
    await page.click("button[value=allow]")
    await page.wait_for_url(f"{app.origin}/index.html*")
    await page.wait_for_function("document.title !== 'An app'")
    assert await page.title() == "ready", await page.text_content("body")


async def test_a_standalone_launch_ends_in_a_crisis_plan_read(page: Any, app: App) -> None:
    """Login, choice, consent, token, the person, the user, the plan, a refresh, and the plan again."""
    await started(page, app, f"launch/patient {SCOPE}")
    await page.fill("#find", "exam")
    await page.click("button[value=find]")
    await page.check(f"input[value='Patient/{app.person}']")
    await allowed(page, app)
    assert await page.evaluate("client.patient.id") == app.person
    assert (await page.evaluate("client.patient.read()"))["id"] == app.person
    assert (await page.evaluate("client.user.read()"))["id"] == "trust-lead"
    plans = await page.evaluate(f"client.request('CarePlan?patient={app.person}')")
    assert [each["resource"]["id"] for each in plans["entry"]] == [app.plan]
    before = await page.evaluate("client.state.tokenResponse.access_token")
    await page.evaluate("client.refresh().then(() => true)")
    assert await page.evaluate("client.state.tokenResponse.access_token") != before
    assert (await page.evaluate(f"client.request('CarePlan/{app.plan}')"))["id"] == app.plan


async def test_what_the_app_may_not_is_told_to_it(page: Any, app: App) -> None:
    """A refusal crosses origins as an answer, and not as a fault of the network."""
    await started(page, app, f"launch/patient {SCOPE}")
    await page.check(f"input[value='Patient/{app.person}']")
    await allowed(page, app)
    said = await page.evaluate("client.request('Patient/none').catch((error) => String(error))")
    assert "404" in said or "no `Patient/none`" in said


async def test_a_record_system_starts_the_app_on_a_person(page: Any, app: App) -> None:
    """Whose name the page shows, and nobody is chosen."""
    await started(page, app, f"launch {SCOPE}", app.launch)
    assert "Ada EXAMPLE" in await page.text_content("main")
    await allowed(page, app)
    assert await page.evaluate("client.patient.id") == app.person


async def test_somebody_else_logs_in(page: Any, app: App) -> None:
    """The session ends, and its cookie with it."""
    await started(page, app, f"launch/patient {SCOPE}")
    await page.click("button.link")
    await page.wait_for_selector("#password")
    assert "Log in" in await page.text_content("main")


async def test_no_page_of_ours_runs_a_script_or_breaks_its_policy(page: Any, app: App) -> None:
    """What the browser would have blocked it says in its console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await started(page, app, f"launch/patient {SCOPE}")
    await page.wait_for_selector("#find")
    await page.goto(f"{app.service}/")
    assert [each for each in said if "Content Security Policy" in each or "Refused" in each] == []
