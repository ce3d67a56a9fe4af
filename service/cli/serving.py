"""`baton serve`: the processes of a running service."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.error import URLError
from urllib.request import urlopen

import typer
import uvicorn
import uvloop
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service import app, worker
from service.cli import logs
from service.cli.arguments import Data, settings_for
from service.cli.opening import opened
from service.cli.signals import cancelled_by_signals, left_to_the_server
from service.problem import Category, Refused, problem
from service.settings import Settings

GRACE_SECONDS = 10
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Factory:
    """Makes the application in the process that serves it; a value that can be sent to a spawned process."""

    settings: Settings
    base: str
    mongo_uri: str
    works: bool

    def __call__(self) -> ASGIApp:
        """The application of this process."""
        logs.configure(self.settings.log_level)
        _end_with_parent()
        beside = worker.run if self.works else None
        return Starting(app.application(self.settings, self.base, self.mongo_uri, beside))


class Starting:
    """Tells why an application could not start in one line instead of a traceback."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
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
        except Refused as refusal:
            logs.complain(str(refusal))
        if failed:
            await send({**failed[0], "message": ""})


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that answer requests.")] = 1,
    data: Data = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Fire no timers here; `baton worker` does.")] = False,
) -> None:
    """Serve the FHIR API, the authorization server and, unless told otherwise, the worker."""
    present(settings_for(data), host, port, workers, works=not no_worker)


def present(settings: Settings, host: str, port: int, workers: int = 1, *, works: bool = True) -> None:
    """Serves in this process until a signal says to stop. What keeps it from that is one line on standard error."""
    logs.configure(settings.log_level)
    with listening(host, port) as listener:
        base = settings.base_url.rstrip("/") or f"http://{_written(host)}:{listener.getsockname()[1]}"
        loop = uvloop.new_event_loop if workers == 1 else None
        with contextlib.suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=loop) as runner:
            runner.run(_serve(settings, base, listener, workers, works=works))


async def _serve(settings: Settings, base: str, listener: socket.socket, workers: int, *, works: bool) -> None:
    """Serves until a signal says to stop, which ends a start too. Raises SystemExit when the application could not start."""
    cancelled_by_signals()
    uri, embedded = await app.database_of(settings)
    try:
        factory = Factory(settings, base, uri, works)
        if workers > 1:
            async with opened(settings, base):
                pass  # what keeps one worker from starting keeps all of them: it is said once, before any is started
        threading.Thread(target=_announce, args=(listener.getsockname(), base), daemon=True).start()
        config = _config(settings, factory, workers)
        left_to_the_server()
        if workers > 1:
            await _supervised(Multiprocess(config, [listener]))
        else:
            await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        if embedded:
            await embedded.stop()


async def _supervised(supervisor: Multiprocess) -> None:
    """Keeps the worker processes up. Raises SystemExit when one of them could not start."""
    await asyncio.to_thread(supervisor.run)
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


def _config(settings: Settings, factory: Factory, workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        app=factory,
        factory=True,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        workers=workers,
        log_config=None,
        log_level="critical",
        access_log=False,  # URLs may hold what was searched for
        server_header=False,
        proxy_headers=bool(settings.base_url),  # only behind a proxy is there anybody to believe
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket that spawned processes share; refuses a port that is taken, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError as error:
            text = f"`{host}` port `{port}` cannot be listened on ({error.strerror}): choose another with `--host` and `--port`."
            raise Refused(problem(Category.UNAVAILABLE, "transient", text)) from None
        listener.set_inheritable(True)
        yield listener


def ensure_free(host: str, port: int) -> None:
    """Refuses a port that is taken."""
    with listening(host, port):
        return


def _written(host: str) -> str:
    """A host as URLs have it; one that stands for every address is reached by this machine's own."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _announce(address: tuple[Any, ...], base: str) -> None:
    """One line, once the service answers that it is ready."""
    url = f"http://{_written(str(address[0]))}:{address[1]}/health/ready"
    pause = threading.Event()
    while not _ready(url):
        pause.wait(0.05)
    print(f"Baton is ready at {base}: FHIR base {base}/fhir, authorization server {base}/auth.", flush=True)


def _ready(url: str) -> bool:
    try:
        with urlopen(url, timeout=30) as answer:  # noqa: S310 - our own listener
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _end_with_parent() -> None:
    """A worker process whose supervisor was killed must not go on holding its port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
