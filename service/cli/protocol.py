"""The HTTP protocol of the server with the patience of one: a connection that sends its headers or its body too slowly is closed,
and one address does not hold more than its share of connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 15.0
BODY_SECONDS = 60.0
MOST_CONNECTIONS = 512


class Patient(HttpToolsProtocol):
    """uvicorn's protocol over httptools, with a limit of time for headers and for a body, and of connections for an address."""

    held: ClassVar[Counter[str]] = Counter()
    patience: asyncio.TimerHandle | None = None
    address = ""

    def connection_made(self, transport: Any) -> None:
        """A connection was opened."""
        super().connection_made(transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self.held[self.address] += 1
        if self.held[self.address] > MOST_CONNECTIONS:
            transport.abort()
        self._wait(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection was closed."""
        self._wait(0)
        self.held[self.address] -= 1
        if not self.held[self.address]:
            del self.held[self.address]
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._wait(HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """A request's headers are there."""
        self._wait(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is there."""
        self._wait(0)
        super().on_message_complete()

    def _wait(self, seconds: float) -> None:
        """Closes the connection unless something comes within this time; 0 waits no longer."""
        if self.patience is not None:
            self.patience.cancel()
        self.patience = self.loop.call_later(seconds, self._impatient) if seconds else None

    def _impatient(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
