"""The service, and an authorization server by itself, over a real database and reached over HTTP in process."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from service.app import Built, build, routes, shell
from service.settings import Settings
from service.store.mongo import connect
from service.usecases.register import definitions
from tests.fakes.smart import Smart, started
from tests.locality import BASE, Locality, person, settle, transport
from tests.pathways import with_pathways


@pytest_asyncio.fixture(scope="session")
async def service(mongod: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Built, httpx.AsyncClient]]:
    """One service for the session, with the locality's agencies."""
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    mongo = await connect(mongod, f"service_{secrets.token_hex(6)}")
    built = await build(settings, mongo, BASE)
    app = shell(settings)
    app.router.routes.extend(routes(built, BASE))
    await settle(built)
    await definitions.publish(built.services, BASE)
    async with transport(app) as http:
        yield built, http
    await mongo.close()


@pytest_asyncio.fixture
async def locality(service: tuple[Built, httpx.AsyncClient]) -> Locality:
    """The locality with a person nobody wrote about yet."""
    built, http = service
    return Locality(built, http, await person(built))


@pytest_asyncio.fixture
async def smart(mongod: str) -> AsyncIterator[Smart]:
    """A server with a public app and people who log in."""
    async with started(mongod) as made:
        yield made


@pytest_asyncio.fixture
async def place(built: Built) -> AsyncIterator[Locality]:
    """A locality of its own, with the service's pathways; the trust leads it."""
    async with with_pathways(built) as made:
        yield made
