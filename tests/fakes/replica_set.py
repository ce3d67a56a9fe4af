"""A replica set of real mongods on loopback, whose members can be killed, stopped and told to step down."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from service.store.embedded import find_mongod
from tests.story.running import free_port

NAME = "chaos"
WAIT_SECONDS = 60.0


@dataclass
class Member:
    """One mongod."""

    folder: Path
    port: int = field(default_factory=free_port)
    more: tuple[str, ...] = ()
    set: str = NAME
    process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; the others find it by themselves."""
        self.folder.mkdir(exist_ok=True)
        command = [
            *(str(find_mongod()), "--dbpath", str(self.folder), "--bind_ip", "127.0.0.1", "--port", str(self.port)),
            *("--replSet", self.set, "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"),
            *("--setParameter", "transactionLifetimeLimitSeconds=10"),
            *self.more,
        ]
        with (self.folder.parent / f"{self.port}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """Ends it, without warning unless told otherwise."""
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait()
            self.process = None


@dataclass
class ReplicaSet:
    """Three members. `election_ms` is how long the others wait for a primary that says nothing."""

    folder: Path
    election_ms: int = 2000
    members: list[Member] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.members = [Member(self.folder / f"member{number}") for number in range(3)]

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(each.host for each in self.members)}/?replicaSet={NAME}"

    def start(self) -> None:
        """Starts the members, founds the set, and returns when it has a primary."""
        for each in self.members:
            each.start()
        config = {
            "_id": NAME,
            "members": [{"_id": number, "host": each.host} for number, each in enumerate(self.members)],
            "settings": {"electionTimeoutMillis": self.election_ms, "heartbeatIntervalMillis": min(2000, self.election_ms // 2)},
        }
        for each in reversed(self.members):  # the first founds the set once the others listen
            with self._client(each) as client:
                client.admin.command("ping")
        with self._client(self.members[0]) as client:
            client.admin.command("replSetInitiate", config)
        self.primary()

    def primary(self) -> Member:
        """The primary; waits until there is one."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for each in self.members:
                if self._hello(each).get("isWritablePrimary"):
                    return each
            time.sleep(0.1)
        raise AssertionError("no member became primary")

    def step_down(self) -> None:
        """Has the primary step down, so that another is elected."""
        with self._client(self.primary()) as client, contextlib.suppress(PyMongoError):
            client.admin.command("replSetStepDown", 10, force=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Has all but the primary write nothing, as with a disk that is stuck: they live, vote, and do not follow."""
        primary = self.primary()
        with contextlib.ExitStack() as stack:
            for each in self.members:
                if each is not primary:
                    client = stack.enter_context(self._client(each))
                    client.admin.command("fsync", lock=True)
                    stack.callback(client.admin.command, "fsyncUnlock")
            yield

    def stop(self) -> None:
        """Ends all members."""
        for each in self.members:
            each.kill()

    def _hello(self, member: Member) -> dict[str, Any]:
        if member.process is None:
            return {}
        with self._client(member) as client:
            try:
                return dict(client.admin.command("hello"))
            except PyMongoError:
                return {}

    def _client(self, member: Member) -> MongoClient[dict[str, Any]]:
        return MongoClient(member.host, directConnection=True, serverSelectionTimeoutMS=10_000, connectTimeoutMS=2000)
