"""The data folder: the embedded database, and what is kept outside any database (the ledger's secret, its seals, the layout)."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from service import clock
from service.problem import Category, Refused, problem
from service.store.layout import FIRST, LAYOUT, admitted

KEY, SEALS, NOTE = "ledger.key", "seals.ndjson", "layout.json"
KEPT = (KEY, SEALS)
"""What a backup has of the folder, beside the database."""
REMEDY = "Put it back from the backup of the data folder, or give the secret that the other machines have as `BATON_LEDGER_KEY`."
MACHINERY = frozenset({"db", "keeper.lock", "users.lock", "start.lock", "mongod.log", "mongod.sock", "mongodb-27017.sock", NOTE})
"""What the embedded database makes in its folder."""


_ROOM, _MORE_FILES = "Make room", "Raise the limit of open files (`ulimit -n`)"
_REMEDIES = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EMFILE: _MORE_FILES, errno.ENFILE: _MORE_FILES}


class Note(msgspec.Struct, frozen=True):
    """What a data folder says of itself: its layout, and the release series of the MongoDB that used its files last, such as
    `6.0`; empty when its database is elsewhere."""

    layout: int = FIRST
    mongodb: str = ""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The folder at `path`."""

    path: Path

    @property
    def note(self) -> Note:
        """The folder's note; one of the first layout when it has none. Raises Refused RULE when it cannot be read."""
        file = self.path / NOTE
        try:
            return msgspec.json.decode(file.read_bytes(), type=Note)
        except (FileNotFoundError, NotADirectoryError):
            return Note()
        except (OSError, msgspec.MsgspecError) as error:
            text = f"`{file}` cannot be read ({error}): put it back from the backup, or take it away to have it written anew."
            raise Refused(problem(Category.RULE, "business-rule", text)) from error

    def admit(self) -> None:
        """Raises Refused RULE for a folder that a newer version of the service has laid out."""
        admitted(self.note.layout, f"The data folder `{self.path}`")

    def noted(self, mongodb: str = "") -> None:
        """Notes our layout, and the database's series where one is given. A folder that cannot be written holds nothing that a
        layout could matter to."""
        note = Note(LAYOUT, mongodb or self.note.mongodb)
        if note == self.note:
            return
        with contextlib.suppress(OSError), self._fresh(NOTE, msgspec.json.encode(note) + b"\n") as fresh:
            fresh.replace(self.path / NOTE)

    def secret(self, *, begun: bool) -> bytes:
        """The secret of the ledger's hashes, made at first use and only read from then on. It is kept outside the database, so
        that a person who can only write to the database cannot forge an entry. `begun`: the database has a ledger already, so a
        secret that is missing was lost, which is refused. Raises Refused RULE, too, for one that is empty, cannot be read or
        cannot be made."""
        path = self.path / KEY
        secret = self._read(path)
        if secret is None:
            if begun:
                raise _refused(f"`{path}` is missing, and the database has a ledger that only it can check. {REMEDY}")
            self._make(path)
            secret = self._read(path) or b""
        if not secret.strip():
            raise _refused(f"`{path}` is empty, and has the secret by which alone the ledger can be checked. {REMEDY}")
        return secret

    def _read(self, path: Path) -> bytes | None:
        """The secret that is there; None when there is none."""
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            text = f"`{path}`, the ledger's secret, cannot be read: {error.strerror}. Make it readable for this user."
            raise _refused(text) from error

    def _make(self, path: Path) -> None:
        """Makes a secret, unless another process has made one meanwhile."""
        try:
            with self._fresh(KEY, clock.new_secret().encode()) as fresh, contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # atomic, and never replaces another process's key
        except OSError as error:
            text = f"`{path}`, the ledger's secret, cannot be made: {error.strerror}."
            raise _refused(f"{text} {remedy(error)}, or give a secret as `BATON_LEDGER_KEY`.") from error

    @contextlib.contextmanager
    def _fresh(self, name: str, content: bytes) -> Iterator[Path]:
        """A new file with this content, which only its owner may read. It is gone afterwards, unless it was moved to its place:
        also when the folder could not take all of it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self.path / f"{name}.{clock.new_id()}"
        try:
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # a power cut after the first start must not leave an empty secret
            yield made
        finally:
            with contextlib.suppress(OSError):
                made.unlink(missing_ok=True)

    def others(self) -> list[str]:
        """The names of what is in the folder beside the embedded database's own files."""
        if not self.path.is_dir():
            return []
        return sorted(each.name for each in self.path.iterdir() if each.name not in MACHINERY)


def remedy(error: OSError) -> str:
    """What helps when a folder could not be written: room, or a right."""
    return _REMEDIES.get(error.errno or 0, "Make the folder writable for this user")


def _refused(text: str) -> Refused:
    return Refused(problem(Category.RULE, "business-rule", text, rule="security 4"))
