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
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service import app, worker
from service.cli import logs
from service.cli.complaint import complain_of
from service.cli.opening import opened
from service.cli.protocol import Patient
from service.cli.signals import GRACE_SECONDS
from service.problem import Category, Refused
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
    faults: list[Exception] = field(default_factory=list)
    """Why this process could not serve, once it could not."""

    def __call__(self) -> ASGIApp:
        """The application of this process."""
        logs.configure(self.settings.log_level)
        _end_with_parent()
        beside = worker.run if self.works else None
        return Starting(app.application(self.settings, self.base, self.mongo_uri, beside), self.faults)


class Starting:
    """Wraps an application so that a failed start writes one line with the reason, which uvicorn keeps to itself, and adds the
    reason to `faults`."""

    def __init__(self, inner: ASGIApp, faults: list[Exception]) -> None:
        self.inner = inner
        self.faults = faults

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
            self.faults.append(error)
            complain_of(error)
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
        config = _config(factory, workers)
        if workers == 1:
            config.load()
        return cls(factory, config)

    async def tried(self) -> None:
        """Opens the service once before several processes are started, so that a reason why they cannot start is reported once.
        Raises Refused."""
        if self.config.workers > 1:
            logs.configure(self.factory.settings.log_level)
            try:
                async with opened(self.factory.settings, self.factory.base):
                    return
            except Refused as refusal:
                if refusal.problem.category is not Category.UNAVAILABLE:
                    raise  # a database that is away is waited for by each process

    async def serve(self, listener: socket.socket) -> None:
        """Serves until a signal stops the service. Raises SystemExit when a process could not start."""
        if self.config.workers == 1:
            with contextlib.suppress(SystemExit):  # uvicorn's, which has a status of its own
                await uvicorn.Server(self.config).serve(sockets=[listener])
            if self.factory.faults:
                sys.exit(FAILED)
            return
        supervisor = Multiprocess(self.config, [listener])
        await asyncio.to_thread(supervisor.run)
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
