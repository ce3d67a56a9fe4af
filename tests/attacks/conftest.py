"""The locality over HTTP, as the API tests have it, and an authorization server with a backend service."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.api.conftest import locality, service
from tests.attacks.robot import KEY, RSA_PUBLIC
from tests.fakes.smart import TRUST, Smart, public, started

__all__ = ["locality", "service"]


@pytest_asyncio.fixture
async def smart(mongod: str) -> AsyncIterator[Smart]:
    """A server with a backend service `robot`, whose keys are an EC and an RSA key."""
    async with started(mongod) as made:
        await made.registration.add_client("robot", TRUST, "system/*.cruds", jwks={"keys": [public(KEY), RSA_PUBLIC]})
        yield made
