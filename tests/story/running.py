"""A service in processes of its own on a data folder, for tests that kill them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from service.app import Built, build, database_of
from service.settings import Settings
from service.store.mongo import connect
from tests.locality import settle

READY_SECONDS = 180


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """`baton serve` on a data folder: start, kill, start again."""

    data: Path
    workers: int = 1
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    more: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """Its base URL, the same after every start."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        own = {"BATON_DATA": str(self.data), "BATON_ACCESS_TOKEN_SECONDS": "3600", "BATON_MONGODB_CACHE_MB": "256"}
        return {**os.environ, **own, **self.more}

    def start(self) -> None:
        """Starts the processes; `ready` waits for them."""
        command = [
            sys.executable,
            "-m",
            "service",
            "serve",
            "--port",
            str(self.port),
            "--workers",
            str(self.workers),
            *self.options,
        ]
        with (self.data.parent / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    async def ready(self) -> None:
        """Returns when the service answers that it is ready."""
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        async with httpx.AsyncClient(base_url=self.base) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get("/health/ready")).status_code == 200:
                        return
                assert asyncio.get_running_loop().time() < deadline, "the service did not become ready"
                await asyncio.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of the service and all its workers."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def kill_database(self) -> bool:
        """kill -9 of the data folder's mongod; False when none was found."""
        found = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and self._is_database(each)]
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return bool(found)

    def _is_database(self, process: Path) -> bool:
        try:
            return process.joinpath("exe").readlink().name == "mongod" and process.joinpath("cwd").readlink() == self.data
        except OSError:
            return False

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A `baton` command on the same data folder."""
        line = [sys.executable, "-m", "service", *arguments]
        return subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=300, check=False)


@contextlib.asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Built]:
    """The service's use cases over its data folder, for setting up and looking after; closed before it is started."""
    settings = Settings(data=service.data, mongodb_cache_mb=256, access_token_seconds=3600)
    uri, embedded = await database_of(settings)
    mongo = await connect(uri, settings.mongodb_database)
    try:
        yield await build(settings, mongo, service.base)
    finally:
        await mongo.close()
        if embedded:
            await embedded.stop()


async def prepared(service: Service) -> dict[str, str]:
    """Stores the locality, and gives a token for the trust and for the crisis team."""
    async with opened(service) as built:
        await settle(built)
        tokens = {}
        for agency in ("trust", "crisis"):
            client = f"{agency}-{secrets.token_hex(4)}"
            await built.registration.add_client(client, f"Organization/{agency}", "system/*.cruds", secret=True)
            tokens[agency] = (await built.registration.mint(client))["access_token"]
        return tokens
