"""A light load client in its own process: raw HTTP/1.1 over kept connections, requests prepared beforehand.

Reads one job as JSON on stdin, `{"address", "clients", "seconds", "requests": [base64…], "keep"}`, and prints what came of it as
JSON. Without `seconds` every request is sent once; with them the list is gone through again until they are over.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvloop


class Connection(asyncio.Protocol):
    """One client: sends its next request when the last answer is whole."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.buffer = b""
        self.begun = 0.0
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._next()

    def _next(self) -> None:
        following = self.load.following()
        if following is None:
            self.transport.close()
            return
        self.number, request = following
        self.begun = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self.buffer.find(b"content-length: ", 0, head)
        length = int(self.buffer[start + 16 : self.buffer.find(b"\r", start)]) if start >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        self.load.answered(self, int(self.buffer[9:12]), self.buffer[head + 4 :])
        self.buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.ended()


class Load:
    """The requests, shared out to whichever client is free."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        requests = [base64.b64decode(each) for each in job["requests"]]
        once: Iterator[tuple[int, bytes]] = enumerate(requests)
        self.queue = itertools.cycle(list(once)) if job.get("seconds") else once
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.bodies: dict[int, str] = {}
        self.running = job["clients"]
        self.done = asyncio.Event()
        self.until = 0.0

    def following(self) -> tuple[int, bytes] | None:
        if self.job.get("seconds") and time.perf_counter() > self.until:
            return None
        return next(self.queue, None)

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        self.took.append(time.perf_counter() - connection.begun)
        self.statuses[status] += 1
        if self.job.get("keep") or (status >= 400 and len(self.bodies) < 3):
            self.bodies[connection.number] = body.decode()

    def ended(self) -> None:
        self.running -= 1
        if not self.running:
            self.done.set()

    async def run(self) -> dict[str, Any]:
        host, port = self.job["address"]
        begun = time.perf_counter()
        self.until = begun + self.job.get("seconds", 0)
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.create_connection(lambda: Connection(self), host, port) for _ in range(self.job["clients"])))
        await self.done.wait()
        return {
            "seconds": time.perf_counter() - begun,
            "took": self.took,
            "statuses": dict(self.statuses),
            "bodies": self.bodies,
        }


async def main() -> None:
    print(json.dumps(await Load(json.load(sys.stdin)).run()))


if __name__ == "__main__":
    uvloop.run(main())
