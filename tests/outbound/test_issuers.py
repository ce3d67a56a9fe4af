"""Fetching keys: what is fetched, and what a URL cannot be used for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from service.outbound import issuers
from service.outbound.issuers import Issuers
from service.problem import Problem

KEYS = {"keys": [{"kid": "k1", "kty": "EC"}]}
HOST = "127.0.0.1:9"
URL = f"http://{HOST}/jwks"


def streamed(body: bytes) -> httpx.Response:
    """A response whose body is yet to come, as it is from a network."""

    async def parts() -> AsyncIterator[bytes]:
        yield body

    return httpx.Response(200, content=parts())


def fetcher(answer: Callable[[httpx.Request], httpx.Response], allowed: tuple[str, ...] = (HOST,)) -> Issuers:
    return Issuers(allowed, client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))


def reached(_: httpx.Request) -> httpx.Response:
    return streamed(json.dumps(KEYS).encode())


async def test_keys_are_fetched_once_and_kept() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return reached(request)

    found = fetcher(answer)
    assert await asyncio.gather(found.keys(URL, "k1"), found.keys(URL, "k1")) == [KEYS["keys"]] * 2
    assert asked == [URL]
    await found.close()


async def test_an_unknown_kid_does_not_ask_again_at_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return reached(request)

    found = fetcher(answer)
    for kid in ("a", "b", "c"):
        await found.keys(URL, kid)
    assert len(asked) == 1
    await found.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/jwks",
        "https://localhost/jwks",
        "https://[::1]/jwks",
        "https://[::ffff:127.0.0.1]/jwks",
        "https://[64:ff9b::7f00:1]/jwks",
        "https://[fd00::1]/jwks",
        "https://[fe80::1]/jwks",
        "https://0.0.0.0/jwks",
        "https://10.0.0.1/jwks",
        "https://172.16.0.1/jwks",
        "https://192.168.0.1/jwks",
        "https://100.64.0.1/jwks",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1/jwks",
        "https://2130706433/jwks",
        "https://0x7f000001/jwks",
        "https://user:pass@1.1.1.1/jwks",
        "http://1.1.1.1/jwks",
        "ftp://1.1.1.1/jwks",
        "file:///etc/passwd",
        "https:///jwks",
        "https://1.1.1.1:99999/jwks",
        "not a url",
    ],
)
async def test_an_address_that_is_not_public_https_is_never_asked(url: str) -> None:
    found = fetcher(reached, allowed=())
    assert isinstance(await found.keys(url), Problem)
    await found.close()


async def test_an_allowed_port_does_not_allow_its_neighbour() -> None:
    found = fetcher(reached)
    assert isinstance(await found.keys("http://127.0.0.1:10/jwks"), Problem)
    await found.close()


async def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    async def resolved(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("1.1.1.1", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(loop, "getaddrinfo", resolved)
    found = fetcher(reached, allowed=())
    assert isinstance(await found.keys("https://keys.test/jwks"), Problem)
    await found.close()


async def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    seen: list[httpx.Request] = []

    async def resolved(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("1.1.1.1", 443))]

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reached(request)

    monkeypatch.setattr(loop, "getaddrinfo", resolved)
    found = fetcher(answer, allowed=())
    assert await found.keys("https://keys.test/jwks") == KEYS["keys"]
    assert (seen[0].url.host, seen[0].headers["host"], seen[0].extensions["sni_hostname"]) == (
        "1.1.1.1",
        "keys.test",
        "keys.test",
    )
    await found.close()


async def test_a_redirect_is_not_followed() -> None:
    found = fetcher(lambda _: httpx.Response(302, headers={"Location": "http://169.254.169.254/"}))
    assert "status 302" in str(await found.keys(URL))
    await found.close()


async def test_an_answer_without_end_is_cut_off() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    found = fetcher(lambda _: httpx.Response(200, content=endless()))
    assert "larger than" in str(await found.keys(URL))
    assert sent <= issuers.LARGEST_BYTES + 2 * 65536
    await found.close()


async def test_a_slow_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "LONGEST_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    found = fetcher(lambda _: httpx.Response(200, content=slow()))
    assert "TimeoutError" in str(await found.keys(URL))
    await found.close()


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"keys": 1}', b"[" * 100_000])
async def test_what_is_no_jwk_set_gives_no_key(body: bytes) -> None:
    found = fetcher(lambda _: streamed(body))
    keys = await found.keys(URL)
    assert isinstance(keys, Problem) or keys == []
    await found.close()


async def test_discovery_must_name_the_issuer_it_was_asked_of() -> None:
    issuer = f"http://{HOST}"
    found = fetcher(lambda _: streamed(json.dumps({"issuer": "https://evil.test", "jwks_uri": URL}).encode()))
    assert isinstance(await found.jwks_url(issuer), Problem)
    await found.close()


async def test_discovery_finds_the_keys_of_an_issuer() -> None:
    issuer = f"http://{HOST}"
    found = fetcher(lambda _: streamed(json.dumps({"issuer": issuer, "jwks_uri": URL}).encode()))
    assert await found.jwks_url(issuer) == URL
    await found.close()


async def test_keys_are_fetched_from_a_real_server_by_its_name() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        body = json.dumps(KEYS).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = Issuers([f"127.0.0.1:{port}"])
    assert await found.keys(f"http://127.0.0.1:{port}/jwks") == KEYS["keys"]
    assert f"host: 127.0.0.1:{port}".encode() in asked[0].lower()
    await found.close()
    server.close()
    await server.wait_closed()
