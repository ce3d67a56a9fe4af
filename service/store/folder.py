"""The data folder: the embedded database, and what is kept outside any database (the ledger's secret, its seals, the layout)."""

from __future__ import annotations

import contextlib
import os
import tempfile
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
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.path, prefix=NOTE, delete=False) as fresh:
                fresh.write(msgspec.json.encode(note) + b"\n")
            os.replace(fresh.name, self.path / NOTE)  # noqa: PTH105 - the name is a string

    def secret(self, *, begun: bool) -> bytes:
        """The secret of the ledger's hashes, made at first use. It is kept outside the database, so that a person who can only
        write to the database cannot forge an entry. `begun`: the database has a ledger already, so a secret that is missing was
        lost, which is refused. Raises Refused RULE, too, for one that is empty or cannot be read."""
        path = self.path / KEY
        try:
            if begun and not path.exists():
                text = f"`{path}` is missing, and the database has a ledger that only it can check. {REMEDY}"
                raise Refused(problem(Category.RULE, "business-rule", text, rule="security 4"))
            if not path.exists():
                self._make(path)
            secret = path.read_bytes()
        except OSError as error:
            text = f"`{path}`, the ledger's secret, cannot be used: {error.strerror}. Make it readable for this user."
            raise Refused(problem(Category.RULE, "business-rule", text, rule="security 4")) from error
        if not secret.strip():
            text = f"`{path}` is empty, and has the secret by which alone the ledger can be checked. {REMEDY}"
            raise Refused(problem(Category.RULE, "business-rule", text, rule="security 4"))
        return secret

    def _make(self, path: Path) -> None:
        """Makes a secret, unless another process has made one meanwhile."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{clock.new_id()}")
        fresh.touch(mode=0o600)
        fresh.write_text(clock.new_secret())
        try:
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # atomic, and never replaces another process's key
        finally:
            fresh.unlink()

    def others(self) -> list[str]:
        """The names of what is in the folder beside the embedded database's own files."""
        if not self.path.is_dir():
            return []
        return sorted(each.name for each in self.path.iterdir() if each.name not in MACHINERY)
