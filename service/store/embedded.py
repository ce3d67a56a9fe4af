"""The embedded database: a real mongod, a replica set of one, private to its data folder.

The mongod listens on a Unix socket inside the folder (mode 0700) and on no network port at all, so no other local user can read
health records, and no port can be occupied. Several processes may use one folder at a time: each process holds a shared lock on
`users.lock`, and the keeper (`service.store.keeper`) stops mongod when the last process is gone, whether the process stopped,
crashed or was killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from service.problem import Refused, trace
from service.store.folder import DataFolder, remedy
from service.store.mongo import TRANSACTION_SECONDS, unavailable
from service.store.mongod_log import FULL, NO_ROOM, UNTOLD, cause, last_words
from service.store.socket_path import SOCKET, link_of, reachable

REPLICA_SET = "baton"
START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.01
LAUNCHES = 4
"""How often a mongod that is killed while it starts is started."""
WATCH_SECONDS = 2.0


def find_mongod() -> Path | None:
    """The mongod of the extra `[embedded]`, or else the mongod on PATH; None when neither is installed."""
    spec = importlib.util.find_spec("fiftyone")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        shipped = Path(place) / "db" / "bin" / "mongod"
        if shipped.is_file():
            return shipped
    found = shutil.which("mongod")
    return Path(found) if found else None


def _held(path: Path) -> bool:
    """Whether another process holds the exclusive lock of this file. The test takes a shared lock, so that two processes which
    test at one moment do not take each other for the holder. It writes nothing: the folder may be read-only for a while."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether `holds` became true within `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


class Embedded:
    """One data folder's database. `cache_mb` is mongod's cache in MiB (at least 256)."""

    def __init__(self, folder: Path, cache_mb: int = 512, *, mongod: Path | None = None) -> None:
        self.folder = folder
        self.cache_mb = cache_mb
        self._mongod = mongod
        self._users: int | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._ended: Refused | None = None
        self._told: set[str] = set()

    @property
    def uri(self) -> str:
        """The MongoDB uri of the folder's socket. The uri has `directConnection`, because the replica set names its only member
        by the socket."""
        return f"mongodb://{quote(str(reachable(self.folder / SOCKET)), safe='')}/?directConnection=true"

    async def start(self) -> str:
        """The uri of the folder's database, which is started if it does not run yet.

        Raises Refused UNAVAILABLE, with a remedy, when the folder cannot be written, no mongod is installed, or mongod gives up.
        """
        await asyncio.to_thread(self._prepare)
        try:
            if self._users is None and not await _until(self._enter, STOP_SECONDS):
                raise unavailable(f"The database in `{self.folder}` is still stopping; try again when it has.")
            await self._ensure_running()
        except BaseException as error:
            self._leave()
            if isinstance(error, OSError):
                raise self._hindered(error) from error
            raise
        self._stopping.clear()
        self._watcher = self._watcher or asyncio.create_task(self._watch())
        return self.uri

    async def stop(self) -> None:
        """Stops using the database. The last user's `stop` returns when mongod has written everything and ended."""
        if self._users is None:
            return
        if self._watcher is not None:
            self._stopping.set()
            await self._watcher
            self._watcher = None
        last = self._last()
        self._leave()
        if last:
            with suppress(OSError):  # a folder that cannot be looked at any more is waited for no longer
                await _until(self._unkept, STOP_SECONDS)
                link_of(self.folder.resolve()).unlink()  # the way to the socket, where its path is too long

    def _prepare(self) -> None:
        """Makes the folder, private to this user, and checks that it can be written and that no newer version laid it out."""
        DataFolder(self.folder).admit()
        try:
            (self.folder / "db").mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            for folder in (self.folder, self.folder / "db"):
                with tempfile.TemporaryFile(dir=folder) as probe:
                    probe.write(b"0" * 4096)
        except OSError as error:
            reason = f"The data folder `{self.folder}` cannot be written, its `db` included: {error.strerror}."
            raise unavailable(f"{reason} {remedy(error)}, or choose another with `--data`.") from error

    async def _enter(self) -> bool:
        """Takes the shared lock of a user of the folder. False while a keeper is stopping mongod."""
        handle = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._users = handle
        return True

    def _leave(self) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def _last(self) -> bool:
        """Whether no other process uses the folder. When neither an exclusive nor a shared lock can be had, a keeper holds the
        users' lock: every other user has left."""
        assert self._users is not None
        for kind, answer in ((fcntl.LOCK_EX, True), (fcntl.LOCK_SH, False)):
            with suppress(BlockingIOError):
                fcntl.flock(self._users, kind | fcntl.LOCK_NB)
                return answer
        return True

    async def _unkept(self) -> bool:
        return not _held(self.folder / "keeper.lock")

    async def _watch(self) -> None:
        """Starts mongod again when its keeper was killed or has given up, for as long as this process uses the folder. Why a
        mongod ended, and why it cannot be started, is logged once: who waits for the database sees only that it does not answer.
        Whatever keeps it from being started may pass, a folder that cannot be written for a while too, so it is tried again."""
        pid = self._pid()
        while not await self._stops_within(WATCH_SECONDS):
            try:
                pid = await self._looked_after(pid)
            except Exception as error:
                self._tell(self._hindered(error))

    async def _stops_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _looked_after(self, pid: str) -> str:
        """The process of mongod, which is started again if it has no keeper; `pid` is the one before."""
        if await self._unkept():
            self._tell(self.ended())
            await self._ensure_running()
        elif self._pid() != pid:  # its keeper has started another
            self._tell(self.ended())
            return self._pid()
        self._ended = None
        self._told.clear()
        return self._pid()

    def _tell(self, refusal: Refused | None) -> None:
        reason = str(refusal or "").partition(": ")[2]  # a mongod `ended`, and then `did not start`, for one reason
        if refusal is None or reason in self._told:
            return
        from structlog import get_logger  # here, as a start imports no more than it needs

        self._ended = refusal
        self._told.add(reason)
        get_logger().error("database-ended", reason=str(refusal))

    def _hindered(self, error: Exception) -> Refused:
        """The refusal that says what kept the database from being looked after."""
        if isinstance(error, Refused):
            return error
        reason = f"`{type(error).__name__}` at {trace(error)[-1]}."
        if isinstance(error, OSError):
            named = f" for `{error.filename}`" if error.filename else ""
            reason = f"{error.strerror}{named}. {remedy(error)}."
        return unavailable(f"The database in `{self.folder}` cannot be looked after: {reason}")

    async def _ensure_running(self) -> None:
        """Starts mongod unless it runs, and waits until it accepts writes. One process starts at a time: the first process starts
        mongod, and the next processes find it running."""
        starting = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await _until(lambda: _locked(starting), START_SECONDS)
            await self._bring_up()
            DataFolder(self.folder).noted(_series(self._log()))
        finally:
            os.close(starting)

    async def _bring_up(self) -> None:
        """Starts the keeper unless there is one, and waits until mongod accepts writes. A mongod that ended without a reason was
        killed, or has lost its keeper, and is started again, up to `LAUNCHES` times."""
        for left in reversed(range(LAUNCHES)):
            if await self._unkept():
                await self._stop_orphan()
                await self._launch()
            if await _until(self._answers_or_ended, START_SECONDS) and not await self._unkept():
                return
            reason = self._reason()
            if not left or reason != UNTOLD or not await self._unkept():
                raise unavailable(f"The database in `{self.folder}` did not start: {reason} Its log is `mongod.log` there.")

    async def _stop_orphan(self) -> None:
        """Ends a mongod without a keeper, and waits until its files are free: a mongod that is still ending, or one whose keeper
        died on a kernel without a parent-death signal."""
        if await self._files_free():
            return
        if await self._listening():
            async with self._client() as client:
                with suppress(PyMongoError):
                    await client.admin.command("shutdown", force=True)
        await _until(self._files_free, STOP_SECONDS)

    async def _files_free(self) -> bool:
        """Whether no mongod holds the lock on the database files."""
        return not _held(self.folder / "db" / "mongod.lock")

    async def _launch(self) -> None:
        """Starts the keeper. The keeper holds its lock when `_launch` returns."""
        mongod = self._mongod or find_mongod()
        if mongod is None or not mongod.is_file():
            helps = "install the extra `[embedded]`, put `mongod` on PATH, or set `BATON_MONGODB_URI`."
            raise unavailable(f"There is no `mongod`: {helps}")
        keeper = Path(__file__).with_name("keeper.py")
        command = [sys.executable, "-I", "-S", str(keeper), str(self.folder), str(mongod), *self._arguments()]
        if await asyncio.to_thread(self._kept, command):
            raise unavailable(f"The keeper of the database in `{self.folder}` did not start: its log is `mongod.log` there.")

    def _kept(self, command: list[str]) -> int:
        """Starts the keeper, and gives its status. The keeper outlives who starts it, so it holds none of that process's outputs,
        at whose other end somebody may wait. It runs in a session of its own from its first line on: an interrupt at the terminal
        is for the workers only."""
        log = self.folder / "mongod.log"
        log.unlink(missing_ok=True)
        with log.open("ab") as said:
            return subprocess.run(  # noqa: S603 - our own command line
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, start_new_session=True
            ).returncode

    def _arguments(self) -> list[str]:
        """The arguments of mongod. Paths are relative to the folder, in which mongod runs, and so is mongod's name in the replica
        set: the folder may be moved."""
        return [
            *("--dbpath", "db", "--logpath", "mongod.log", "--logappend"),
            *("--bind_ip", f"./{SOCKET}", "--unixSocketPrefix", ".", "--filePermissions", "0600", "--replSet", REPLICA_SET),
            *("--oplogSize", "256", "--wiredTigerCacheSizeGB", str(self.cache_mb / 1024)),
            # A dropped collection keeps its files open for the history window, five minutes by default. A single node has no
            # reader of old snapshots, so five seconds are enough.
            *("--setParameter", "minSnapshotHistoryWindowInSeconds=5"),
            # A worker that is killed leaves its transaction open, which keeps others from its records until it ends.
            *("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS:.0f}"),
            # A single node has nobody to hand over to, so it need not wait for that when it stops.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
        ]

    async def _listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0.2)  # a local socket answers at once unless its queue is full
            return probe.connect_ex(str(reachable(self.folder / SOCKET))) == 0

    async def _answers_or_ended(self) -> bool:
        """Whether mongod accepts writes, or its keeper has given it up. On the folder's first start this also founds the replica
        set."""
        return await self._primary() if await self._listening() else await self._unkept()

    def _client(self) -> AsyncMongoClient[dict[str, Any]]:
        return AsyncMongoClient(self.uri, serverSelectionTimeoutMS=2000)

    async def _primary(self) -> bool:
        # Each try uses a new client: a client that has seen the set before its founding goes on believing that the set has no
        # sessions.
        async with self._client() as client:
            try:
                state = await client.admin.command("hello")
                if not state.get("setName") and not state.get("isWritablePrimary"):
                    members = [{"_id": 0, "host": f"./{SOCKET}"}]
                    await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
                return bool(state.get("isWritablePrimary"))
            except PyMongoError:
                return False

    def _log(self) -> str:
        with suppress(OSError):
            return (self.folder / "mongod.log").read_text(errors="replace")
        return ""

    def _reason(self) -> str:
        """Why mongod did not start, from the errors of its log."""
        said = self._log()
        before, series = DataFolder(self.folder).note.mongodb, _series(said)
        if before and series and before != series:
            text = (
                f"its files were used by MongoDB {before} last, and this one is {series}; use {before}, or take a backup with it"
            )
            return f"{text} (`baton backup`) and restore that into another folder."
        return self._cause() or last_words(said)

    def _cause(self) -> str:
        with suppress(OSError):
            return cause(self._log(), shutil.disk_usage(self.folder).free)
        return ""

    def ended(self, answered: str = "") -> Refused | None:
        """The refusal that says why mongod has ended, or can do no more, where its log, or the error that it `answered` with, has
        a known cause; None otherwise."""
        if reason := FULL if NO_ROOM in answered else self._cause():
            return unavailable(f"The database in `{self.folder}` ended: {reason} Its log is `mongod.log` there.")
        return self._ended

    def _pid(self) -> str:
        """The process of mongod, as it has written it itself; empty while there is none."""
        with suppress(OSError):
            return (self.folder / "db" / "mongod.lock").read_text().strip()
        return ""


def _series(log: str) -> str:
    """The release series of the mongod that wrote this log, such as `6.0`; empty when it does not say."""
    found = re.search(r'"buildInfo":\{"version":"(\d+\.\d+)\.', log)
    return found[1] if found else ""


async def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
