"""A real `baton serve` process to measure, and the load put on it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo

from service.store.embedded import Embedded

CHECKOUT = Path(__file__).parents[2]
LOAD = Path(__file__).with_name("load.py")
WATCHING = frozenset({"hello", "isMaster", "ping", "serverStatus", "endSessions", "buildInfo", "saslStart", "saslContinue"})
"""Commands by which drivers keep their connections, and by which these are counted."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, before it has a connection."""

    method: str
    path: str
    token: str
    body: Any = None
    if_match: int = 0

    def raw(self) -> bytes:
        """As it goes over the wire."""
        content = json.dumps(self.body).encode() if self.body is not None else b""
        path = f"/fhir/{self.path}" if not self.path.startswith("../") else self.path[2:]
        lines = [f"{self.method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        lines += [f'If-Match: W/"{self.if_match}"'] if self.if_match else []
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(content)}"] if content else []
        return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass(frozen=True)
class Figures:
    """What a run came to."""

    rate: float
    median: float
    high: float
    count: int
    statuses: dict[str, int]
    bodies: dict[str, str]
    cpu: dict[str, float]
    commands: float = 0.0

    def line(self, name: str) -> str:
        """One line of print."""
        spent = ", ".join(f"{who} {seconds * 1e6:.0f}" for who, seconds in self.cpu.items())
        return (
            f"{name:34} {self.rate:7.0f}/s   p50 {self.median:6.1f} ms   p99 {self.high:6.1f} ms   {self.count:6} requests"
            f"   CPU µs each: {spent}   commands each: {self.commands:.2f}   {self.statuses}   load {os.getloadavg()[0]:.1f}"
        )


def sent(
    address: tuple[str, int], requests: Sequence[Request], *, clients: int, seconds: float = 0, keep: bool = False
) -> dict[str, Any]:
    """What came of requests that a process of their own has put on a server."""
    job = {
        "address": address,
        "clients": clients,
        "seconds": seconds,
        "requests": [base64.b64encode(each.raw()).decode() for each in requests],
        "keep": keep,
    }
    answer = subprocess.run([sys.executable, str(LOAD)], input=json.dumps(job), capture_output=True, text=True, check=True)
    came: dict[str, Any] = json.loads(answer.stdout)
    return came


def cpu_of(process: int) -> float:
    """The CPU seconds a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    return [int(each) for task in Path(f"/proc/{process}/task").iterdir() for each in (task / "children").read_text().split()]


class Serving:
    """`baton serve` on a data folder, from `start` to `stop`."""

    def __init__(self, data: Path, workers: int = 1) -> None:
        self.data = data
        self.workers = workers
        self.port = 0

    def start(self) -> float:
        """Starts it; gives the seconds from there to the line that says it is ready."""
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "service", "serve", "--port", "0", "--workers", str(self.workers)),
                "--data",
                str(self.data),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.port = int(line.partition("/fhir")[0].rpartition(":")[2]) if "/fhir" in line else 0
        assert self.port, line
        return time.perf_counter() - begun

    def resident_mib(self) -> float:
        """The memory of the worker process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def load(self, requests: Sequence[Request], *, clients: int, seconds: float = 0, keep: bool = False) -> Figures:
        """Puts requests on the service from a process of their own."""
        before, asked = self.cpu(), self.commands()
        came = sent(("127.0.0.1", self.port), requests, clients=clients, seconds=seconds, keep=keep)
        took = sorted(came["took"])
        count = len(took)
        return Figures(
            rate=count / came["seconds"],
            median=took[count // 2] * 1000,
            high=took[int(count * 0.99)] * 1000,
            count=count,
            statuses=came["statuses"],
            bodies=came["bodies"],
            cpu={name: (spent - before[name]) / count for name, spent in self.cpu().items()} | {"client": came["cpu"] / count},
            commands=(self.commands() - asked) / count,
        )

    def cpu(self) -> dict[str, float]:
        """The CPU seconds that the service's processes and the database have used."""
        workers = (self.process.pid, *children(self.process.pid))
        used = {"service": sum(map(cpu_of, workers))}
        return used | {name: cpu_of(process) for name, process in self._mongod().items()}

    @property
    def database(self) -> str:
        """The URI of its database."""
        return Embedded(self.data).uri

    def commands(self) -> int:
        """How many commands the database has been sent, but for those that keep connections and watch."""
        with pymongo.MongoClient[dict[str, Any]](self.database) as client:
            counted = client.admin.command("serverStatus")["metrics"]["commands"]
        return sum(each["total"] for name, each in counted.items() if isinstance(each, dict) and name not in WATCHING)

    def _mongod(self) -> dict[str, int]:
        """The embedded database of this data folder."""
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = each.read_bytes().split(b"\0")
                if words[0].endswith(b"mongod") and (each.parent / "cwd").readlink().is_relative_to(self.data.resolve()):
                    return {"database": int(each.parent.name)}
            except OSError:
                continue
        return {}

    def stop(self) -> None:
        """Ends it, its database too."""
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout
        self.process.stdout.close()
