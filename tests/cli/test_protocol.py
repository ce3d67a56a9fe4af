"""The server's patience: slow connections are closed, an address has no more than its share, what is no HTTP is refused."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from prometheus_client import REGISTRY

from service.cli import logs, protocol


async def answers(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads a body and answers."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/begun":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await asyncio.sleep(0.5)
        return
    read, more = 0, True
    while more:
        message = await receive()
        read, more = read + len(message["body"]), message.get("more_body")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": f"{read:02} ok".encode()})


@pytest.fixture
def proxies() -> str:
    """The proxies that the server trusts: none."""
    return ""


@pytest_asyncio.fixture
async def port(monkeypatch: pytest.MonkeyPatch, proxies: str) -> AsyncIterator[int]:
    """A server that waits a fifth of a second."""
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            answers, http=protocol.Patient, lifespan="off", log_config=None, ws="none", forwarded_allow_ips=proxies
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await running


HEADERS = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEADERS, HEADERS + b"\r\nab"])
async def test_a_connection_that_sends_too_slowly_is_closed(port: int, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_connection_that_sends_in_time_is_answered(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(HEADERS + b"\r\nabcde")
        assert (await asyncio.wait_for(reader.readuntil(b"ok"), 5)).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("offer", [b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk", b"upgrade: websocket"])
async def test_a_body_is_read_beside_an_offer_of_another_protocol(port: int, offer: bytes) -> None:
    """RFC 9110, section 7.8; what `java.net.http.HttpClient` offers with its first request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in (b"abcde", b"Upgrade: x\r\n"):
        head = b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: %d\r\nHost: x\r\n" % len(body)
        writer.write(head + offer + b"\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.write(body)
        assert await asyncio.wait_for(reader.readuntil(b"%02d ok" % len(body)), 5)
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"JONES / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nJones\r\n\r\n",
        b"GET /" + b"Jones" * 14_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /Jon\xe9s HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: Jones\r\n\r\n",
        b"\x16\x03\x01 Jones",
    ],
)
async def test_what_is_no_http_is_refused_as_everything_else(port: int, capsys: pytest.CaptureFixture[str], sent: bytes) -> None:
    """With an OperationOutcome, the headers of every answer, one line that tells nothing of it, and counts."""
    logs.configure("info")
    labels = {"method": "OTHER", "route": "unrouted", "status": "400"}
    before = [REGISTRY.get_sample_value("baton_request_seconds_count", labels) or 0, refusals()]
    status, headers, body = await answered(port, sent)
    outcome = json.loads(body)
    assert (status, headers["content-type"]) == (b"HTTP/1.1 400 Bad Request", "application/fhir+json")
    assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", "structure")
    assert {name: headers[name] for name in ("x-content-type-options", "cache-control", "connection")} == {
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "connection": "close",
    }
    said = capsys.readouterr().err
    (line,) = map(json.loads, said.splitlines())
    assert (line["event"], line["status"], line["request_id"]) == ("request", 400, headers["x-request-id"])
    assert "Jones" not in said
    assert [REGISTRY.get_sample_value("baton_request_seconds_count", labels), refusals()] == [each + 1 for each in before]


def refusals() -> float:
    return REGISTRY.get_sample_value("baton_refusals_total", {"kind": "malformed"}) or 0


async def answered(port: int, sent: bytes) -> tuple[bytes, dict[str, str], bytes]:
    """The status line, headers and body of the answer to some bytes, once the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.split(b"\r\n")
    headers = dict(line.decode().split(": ", 1) for line in lines)
    assert len(headers) == len(lines), "a header is given twice"
    assert int(headers["content-length"]) == len(body)
    return status, headers, body


async def test_an_answer_that_has_begun_is_broken_off(port: int) -> None:
    """Another in the midst of it would be read as part of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /begun HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await reader.readuntil(b"begun")
    writer.write(b"JONES / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_an_address_holds_no_more_than_its_share(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 2)
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises((ConnectionError, AssertionError)):
        assert await asyncio.wait_for(reader.read(), 0.1) != b""
    for _, each in (*held, (reader, writer)):
        each.close()


@pytest.mark.parametrize("proxies", ["127.0.0.0/24,::1/128"])
async def test_a_proxy_holds_the_connections_of_everybody(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clients have limits by their own addresses."""
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 2)
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    for reader, writer in held:
        writer.write(HEADERS + b"\r\nabcde")
        assert (await asyncio.wait_for(reader.readuntil(b"ok"), 5)).startswith(b"HTTP/1.1 200")
        writer.close()
