"""A light load client in its own process: raw HTTP/1.1 over kept connections, requests prepared beforehand.

Reads one job as JSON on stdin, `{"address", "clients", "seconds", "requests": [base64…], "keep"}`, and prints what came of it as
JSON. Without `seconds` every request is sent once; with them the list is gone through again until they are over. When the server
closes a connection, another is opened; a request that was under way then counts with status 0.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvloop


def body_of(answer: bytes) -> bytes | None:
    """The body of an answer that came whole, by its length or in chunks; None while more of it is to come."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    head = head.lower()
    if b"\r\ntransfer-encoding: chunked" in head:
        return joined(rest) if rest.endswith(b"0\r\n\r\n") else None
    length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r")[0]
    return rest if len(rest) >= int(length or 0) else None


def joined(chunks: bytes) -> bytes | None:
    """What the chunks hold; None when the last of them is not there."""
    parts: list[bytes] = []
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            return b"".join(parts)
        parts.append(chunks[:length])
        chunks = chunks[length + 2 :]
    return None


class Connection(asyncio.Protocol):
    """One client: sends its next request when the last answer is whole."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.buffer = b""
        self.begun = 0.0
        self.number = 0
        self.finished = self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self._next()

    def _next(self) -> None:
        following = self.load.following()
        if following is None:
            self.finished = True
            self.transport.close()
            return
        self.number, request = following
        self.begun, self.waiting = time.perf_counter(), True
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        body = body_of(self.buffer)
        if body is None:
            return
        self.waiting = False
        self.load.answered(self, int(self.buffer[9:12]), body)
        closing = b"\r\nconnection: close" in self.buffer.partition(b"\r\n\r\n")[0].lower()
        self.buffer = b""
        if closing:
            self.transport.close()
        else:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting:
            self.load.answered(self, 0, str(error).encode())
        if self.finished:
            self.load.ended()
        else:
            self.load.again()


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
        self.opening: set[asyncio.Task[None]] = set()

    def following(self) -> tuple[int, bytes] | None:
        if self.job.get("seconds") and time.perf_counter() > self.until:
            return None
        return next(self.queue, None)

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        self.took.append(time.perf_counter() - connection.begun)
        self.statuses[status] += 1
        if self.job.get("keep") or (not 200 <= status < 400 and len(self.bodies) < 3):
            self.bodies[connection.number] = body.decode()

    def again(self) -> None:
        """Opens a connection in place of one that the server has closed."""
        task = asyncio.create_task(self.connect())
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def connect(self) -> None:
        """A client that cannot connect is one less."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: Connection(self), *self.job["address"])
        except OSError:
            self.statuses[0] += 1
            self.ended()

    def ended(self) -> None:
        self.running -= 1
        if not self.running:
            self.done.set()

    async def run(self) -> dict[str, Any]:
        begun, spent = time.perf_counter(), time.process_time()
        self.until = begun + self.job.get("seconds", 0)
        await asyncio.gather(*(self.connect() for _ in range(self.job["clients"])))
        await self.done.wait()
        return {
            "seconds": time.perf_counter() - begun,
            "cpu": time.process_time() - spent,
            "took": self.took,
            "statuses": dict(self.statuses),
            "bodies": self.bodies,
        }


def pinned() -> None:
    """Keeps to the last core, so that what a server gains from a core does not depend on where its load comes from."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


async def main() -> None:
    print(json.dumps(await Load(json.load(sys.stdin)).run()))


if __name__ == "__main__":
    pinned()
    uvloop.run(main())
