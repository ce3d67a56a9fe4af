"""The keeper: the process that runs one embedded mongod until the last worker that uses the mongod has ended.

The keeper is started as a script, `python -I -S keeper.py FOLDER MONGOD ARGUMENT…`, and imports the standard library only, to
stay small. The keeper detaches from its launcher at once. Every process that uses the database holds a shared lock on
FOLDER/users.lock, and the kernel drops the lock when the process ends, however the process ends. The keeper waits for an
exclusive lock on the same file: once the keeper holds the lock no user is left, and the keeper stops mongod. The keeper holds
FOLDER/keeper.lock while it lives. The keeper starts a mongod that crashes again, and gives up a mongod that cannot stay up for
ten seconds.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

SHORTEST_LIFE = 10.0
PR_SET_PDEATHSIG = 1


def die_with_keeper() -> None:
    """Prepares the child process before exec. The child may open as many files as the system allows, since mongod holds one file
    for each collection and index and aborts when no more can be opened. On Linux the kernel sends the child SIGTERM when the
    keeper dies, and mongod then stops cleanly."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Keeper:
    """Runs one mongod while its folder has users."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self.command = command
        self.deserted = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Keeps mongod up until no process uses the folder. Returns the exit code of the last mongod."""
        threading.Thread(target=self.wait_for_the_last, daemon=True).start()
        while True:
            started = time.monotonic()
            with (self.folder / "mongod.log").open("ab") as log:  # a mongod that cannot open its log says why on its output
                self.child = subprocess.Popen(  # noqa: S603 - our own command line
                    self.command,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=die_with_keeper,  # safe beside the other thread, which only waits in flock
                )
            if self.deserted.is_set():
                self.child.terminate()
            code = self.child.wait()
            if self.deserted.is_set() or time.monotonic() - started < SHORTEST_LIFE:
                return code

    def wait_for_the_last(self) -> None:
        """Blocks until no user of the folder holds the shared lock, then stops mongod."""
        users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_EX)
        self.deserted.set()
        if self.child is not None:
            self.child.terminate()


def take(lock: int) -> bool:
    """Whether the keeper's lock could be taken. Other processes test the lock for a moment now and then, so the keeper tries for
    a second."""
    for _ in range(50):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def main(arguments: list[str]) -> int:
    """Becomes the keeper of a folder, unless the folder has a keeper. The keeper's lock is taken before the launcher gets its
    answer."""
    folder = Path(arguments[0])
    if not take(os.open(folder / "keeper.lock", os.O_RDWR | os.O_CREAT, 0o600)):
        return 0
    if os.fork():
        return 0
    os.setsid()  # an interrupt at the terminal must not reach mongod before the workers are done
    return Keeper(folder, arguments[1:]).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
