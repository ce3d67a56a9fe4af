"""The processes of `baton serve`: uvicorn with the application, in this process or in several spawned processes."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.cli import logs
from service.cli.complaint import complain_of
from service.cli.gate import Gate
from service.cli.protocol import Patient
from service.cli.signals import GRACE_SECONDS, STOPS, left_to_the_server
from service.settings import Settings

ORPHAN_SECONDS = 1.5
FAILED = 1


@dataclass(frozen=True, slots=True)
class Factory:
    """Makes the application in the process that serves it. A Factory is a value that can be sent to a spawned process."""

    settings: Settings
    base: str
    mongo_uri: str
    works: bool
    gate: Gate | None = None
    """What a process among several waits at; None for the only one."""
    faults: list[Exception] = field(default_factory=list)
    """Why this process could not serve, once it could not."""

    def __call__(self) -> ASGIApp:
        """The application of this process. One of several processes is made beside the start of the database, and waits for it
        here; a signal ends it at once. Raises SystemExit for a process that cannot be made."""
        if self.gate is None:
            return self._made()
        _end_with_parent()
        with _ended_at_once():
            try:
                made = self._made()
            except Exception as error:
                self.say(error)
                sys.exit(STARTUP_FAILURE)
            self.gate.passed()
        return made

    def _made(self) -> ASGIApp:
        from service import app, worker  # here, as the process that starts the others needs neither

        logs.configure(self.settings.log_level)
        beside = worker.run if self.works else None
        return Starting(app.application(self.settings, self.base, self.mongo_uri, beside), self)

    def say(self, error: Exception) -> None:
        """Says why this process could not serve, unless another has said it."""
        self.faults.append(error)
        if self.gate is None or self.gate.first():
            complain_of(error)


class Starting:
    """Wraps an application so that its factory says in one line why a start failed, which uvicorn keeps to itself."""

    def __init__(self, inner: ASGIApp, factory: Factory) -> None:
        self.inner = inner
        self.factory = factory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        if scope["type"] != "lifespan":
            await self.inner(scope, receive, send)
            return
        failed: list[Message] = []

        async def held(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                failed.append(message)
            else:
                await send(message)

        try:
            await self.inner(scope, receive, held)
        except Exception as error:
            self.factory.say(error)
        if failed:
            await send({**failed[0], "message": ""})


@dataclass(frozen=True, slots=True)
class Server:
    """The processes of a service, not started yet. A service of one process runs in this process, and its application is loaded
    already."""

    factory: Factory
    config: uvicorn.Config

    @classmethod
    def made(cls, factory: Factory, workers: int) -> Server:
        """A Server of this number of processes. Making it needs no database."""
        if workers > 1:
            factory = replace(factory, gate=Gate())
        config = _config(factory, workers)
        if workers == 1:
            config.load()
        return cls(factory, config)

    async def serve(self, listener: socket.socket, starting: asyncio.Future[Any]) -> None:
        """Serves, once the database has started, until a signal stops the service. Raises SystemExit when a process could not
        start, and why the database did not."""
        if self.factory.gate:
            await self._supervised(listener, starting, self.factory.gate)
            return
        await starting
        left_to_the_server()
        with contextlib.suppress(SystemExit):  # uvicorn's, which has a status of its own
            await uvicorn.Server(self.config).serve(sockets=[listener])
        if self.factory.faults:
            sys.exit(FAILED)

    async def _supervised(self, listener: socket.socket, starting: asyncio.Future[Any], gate: Gate) -> None:
        """Several processes, which are made while the database starts: to make one takes as long."""
        logs.configure(self.factory.settings.log_level)
        left_to_the_server()
        supervisor = Multiprocess(self.config, [listener])
        running = asyncio.ensure_future(asyncio.to_thread(supervisor.run))
        try:
            await asyncio.wait({running, starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                gate.open()
        except BaseException:
            supervisor.should_exit.set()
            raise
        finally:
            await running
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            sys.exit(FAILED)


def _config(factory: Factory, workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        app=factory,
        factory=True,
        loop="uvloop",
        http=Patient,
        ws="none",
        lifespan="on",
        workers=workers,
        log_config=None,
        log_level="critical",
        access_log=False,  # URLs may hold search values
        server_header=False,
        proxy_headers=bool(factory.settings.base_url),  # such headers are trusted only behind a proxy
        forwarded_allow_ips=factory.settings.trusted_proxies,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@contextlib.contextmanager
def _ended_at_once() -> Iterator[None]:
    """A signal ends this process while it has begun nothing. Uvicorn would note it, and act on it after the start."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in STOPS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _end_with_parent() -> None:
    """Ends this process when its supervisor is killed, so that the process does not hold the port any longer: what it is about is
    finished if that takes no longer than `ORPHAN_SECONDS`."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        threading.Timer(ORPHAN_SECONDS, os._exit, [0]).start()
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
