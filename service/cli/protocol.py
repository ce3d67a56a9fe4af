"""The HTTP protocol of the server with the patience of one: a connection that sends its headers or its body too slowly is closed,
and one address does not hold more than its share of connections. An offer to speak another protocol is passed over, and what is
no HTTP is answered as every other request that cannot be read."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.api import unreadable

HEADER_SECONDS = 15.0
BODY_SECONDS = 60.0
MOST_CONNECTIONS = 512
OFFER = re.compile(rb"\r\nUpgrade:[^\r\n]*", re.IGNORECASE)


class Patient(HttpToolsProtocol):
    """uvicorn's protocol over httptools, with a limit of time for headers and for a body, and of connections for an address, a
    proxy's aside."""

    held: ClassVar[Counter[str]] = Counter()
    patience: asyncio.TimerHandle | None = None
    address = ""
    in_body = False

    def connection_made(self, transport: Any) -> None:
        """A connection was opened."""
        super().connection_made(transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self.held[self.address] += 1
        if self.held[self.address] > MOST_CONNECTIONS and not self._proxied():
            transport.abort()
        self._wait(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection was closed."""
        self._wait(0)
        self.held[self.address] -= 1
        if not self.held[self.address]:
            del self.held[self.address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come. A server may ignore Upgrade (RFC 9110 section 7.8); httptools would skip the body of a request that
        has it, as Java's client has by default."""
        if not self.in_body and b"pgrade" in data:
            head, end, rest = data.partition(b"\r\n\r\n")
            data = OFFER.sub(b"", head) + end + rest
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, and closes the connection. An answer that has begun is broken off: another in the midst of it
        would be read as part of it."""
        answer = unreadable.refused()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(answer)
        self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._wait(HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """A request's headers are there."""
        self._wait(BODY_SECONDS)
        self.in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is there."""
        self._wait(0)
        self.in_body = False
        super().on_message_complete()

    def _proxied(self) -> bool:
        """Whether this is a connection of a proxy of ours, which holds those of everybody."""
        trusted = self.config.forwarded_allow_ips if self.config.proxy_headers else ""
        return any(ip_address(self.address) in each for each in _networks(str(trusted)))

    def _wait(self, seconds: float) -> None:
        """Closes the connection unless something comes within this time; 0 waits no longer."""
        if self.patience is not None:
            self.patience.cancel()
        self.patience = self.loop.call_later(seconds, self._impatient) if seconds else None

    def _impatient(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


@cache
def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each) for each in text.split(",") if each)
