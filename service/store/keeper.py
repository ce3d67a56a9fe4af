"""The process that runs one embedded mongod and outlives every worker that uses it, but not by long.

It is started as a script, `python -I -S keeper.py FOLDER MONGOD ARGUMENT…`, and imports the standard library only, to
stay small. It leaves its launcher at once. Whoever uses the database holds a shared lock on FOLDER/users.lock, and the
kernel drops that lock when its holder ends, however it ends. The keeper waits for an exclusive lock on the same file:
having it means nobody is left, and mongod is stopped. FOLDER/keeper.lock is held while a keeper lives. A mongod that
crashes is started again; one that cannot stay up for ten seconds is given up.
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
    """In the child before exec: as many open files as are allowed, since mongod holds one for each collection and index and
    aborts when it gets no more; and on Linux, ask for SIGTERM when the keeper dies (mongod then stops cleanly)."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Keeper:
    """Holds one mongod while FOLDER has users."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self.command = command
        self.deserted = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Keep mongod up until nobody uses it; the exit code of the last mongod."""
        threading.Thread(target=self.wait_for_the_last, daemon=True).start()
        while True:
            started = time.monotonic()
            self.child = subprocess.Popen(  # noqa: S603 - our own command line
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=die_with_keeper,  # safe beside the other thread, which only waits in flock
            )
            if self.deserted.is_set():
                self.child.terminate()
            code = self.child.wait()
            if self.deserted.is_set() or time.monotonic() - started < SHORTEST_LIFE:
                return code

    def wait_for_the_last(self) -> None:
        """Blocks until no user holds the shared lock, then stops mongod."""
        users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_EX)
        self.deserted.set()
        if self.child is not None:
            self.child.terminate()


def take(lock: int) -> bool:
    """Whether the keeper's lock could be had. Others look at it for a moment now and then, so it is tried for a second."""
    for _ in range(50):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


def main(arguments: list[str]) -> int:
    """Become the keeper of a folder, unless it has one. The lock is taken before this returns to whoever launched it."""
    folder = Path(arguments[0])
    if not take(os.open(folder / "keeper.lock", os.O_RDWR | os.O_CREAT, 0o600)):
        return 0
    if os.fork():
        return 0
    os.setsid()  # an interrupt at the terminal must not reach mongod before the workers are done
    return Keeper(folder, arguments[1:]).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
