"""`baton serve`: runs the service on a port, with its database, until a signal stops the service."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import URLError
from urllib.request import urlopen

import typer
import uvloop

from service.cli.arguments import Data, settings_for
from service.cli.signals import cancelled_by_signals
from service.problem import Category, Refused, problem
from service.settings import Settings, count_together
from service.store.embedded import Embedded

if TYPE_CHECKING:
    from service.cli.processes import Server

BACKLOG = 2048


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
    """Serves in this process until a signal stops the service. Raises Refused when the port or the database is not available."""
    with listening(host, port) as listener, counting_together(workers):
        base = settings.base_url.rstrip("/") or f"http://{_written(host)}:{listener.getsockname()[1]}"
        loop = uvloop.new_event_loop if workers == 1 else None
        with contextlib.suppress(asyncio.CancelledError), asyncio.Runner(loop_factory=loop) as runner:
            runner.run(_serve(settings, base, listener, workers, works=works))


@contextlib.contextmanager
def counting_together(workers: int) -> Iterator[None]:
    """Has several workers count their requests in one folder, so that each of them can tell the counts of all."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="baton-metrics-") as folder:
        count_together(folder)
        yield


async def _serve(settings: Settings, base: str, listener: socket.socket, workers: int, *, works: bool) -> None:
    """Serves until a signal stops the service; a signal also stops a service that is still starting. Raises SystemExit when the
    application could not start."""
    cancelled_by_signals()
    embedded = None if settings.mongodb_uri else Embedded(settings.data, settings.mongodb_cache_mb)
    uri = embedded.uri if embedded else settings.database_uri
    starting = asyncio.ensure_future(embedded.start() if embedded else asyncio.sleep(0))
    try:
        server = await asyncio.to_thread(_server, settings, base, uri, workers, works=works)
        threading.Thread(target=_announce, args=(listener.getsockname(), base), daemon=True).start()
        await server.serve(listener, starting)
    finally:
        starting.cancel()
        await asyncio.wait({starting})
        if embedded:
            await embedded.stop()


def _server(settings: Settings, base: str, uri: str, workers: int, *, works: bool) -> Server:
    """The server of the application. To make one process takes as long as the start of a database, so both are done at the same
    time."""
    from service.cli.processes import Factory, Server

    return Server.made(Factory(settings, base, uri, works), workers)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket that spawned processes share. Refuses a port that is taken, before anything else is started."""
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
    """A host in the form of URLs. A host that stands for every address, such as `0.0.0.0`, becomes the loopback address."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _announce(address: tuple[Any, ...], base: str) -> None:
    """Prints one line with the addresses of the service, once the service is ready."""
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
