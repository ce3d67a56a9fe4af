"""The application as it starts: what it does while its database is away, and when it can never be opened."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service import app
from service.problem import Category, Refused, problem
from service.settings import Settings
from service.store.mongo import unavailable
from tests.locality import transport


@pytest.fixture
def told_to_stop() -> Iterator[threading.Event]:
    """Whether this process was told to stop, which it survives here."""
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    yield told
    signal.signal(signal.SIGTERM, before)


NEVER = Refused(problem(Category.RULE, "business-rule", "A newer version has laid it out."))


@pytest.mark.parametrize("error", [NEVER, ValueError("a fault")], ids=["refused", "fault"])
async def test_a_service_that_can_never_be_opened_says_why_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_to_stop: threading.Event, error: Exception
) -> None:
    """Found once its database answers: left waiting, it would answer 503 for ever and say nothing."""
    met: list[Exception] = [unavailable("away"), unavailable("still away"), error]

    async def opened(*_: Any) -> None:
        raise met.pop(0)

    monkeypatch.setattr(app, "_opened", opened)
    monkeypatch.setattr(app, "WAIT_SECONDS", 0.001)
    made = app.application(Settings(data=tmp_path), "http://127.0.0.1:1", "mongodb://127.0.0.1:9/")

    async def served() -> None:
        async with made.router.lifespan_context(made):
            while not told_to_stop.is_set():
                await asyncio.sleep(0.001)

    with capture_logs() as lines, pytest.raises(type(error)) as raised:
        await served()
    assert raised.value is error  # by which `baton serve` ends with 1
    assert [each["event"] for each in lines] == ["database-awaited", "not-started"]
    assert lines[-1]["reason"] == (str(error) if isinstance(error, Refused) else "ValueError")  # a fault may hold what it met
    assert met == []


async def test_a_service_that_is_long_in_being_opened_answers_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is taken and never answered would leave a proxy in the dark."""

    async def opened(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(app, "_opened", opened)
    monkeypatch.setattr(app, "START_SECONDS", 0.01)
    made = app.application(Settings(data=tmp_path), "http://127.0.0.1:1", "mongodb://me:secret@127.0.0.1:9/")
    with capture_logs() as lines:
        async with made.router.lifespan_context(made), transport(made) as http:
            answer = await http.get("/fhir/metadata")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert [(each["event"], each["at"]) for each in lines] == [("database-awaited", "127.0.0.1:9")]
