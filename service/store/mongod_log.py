"""Why a mongod ended, read from its log: in our words and with what helps, where the cause is a known one.

What comes of a cause looks like damage (WiredTiger panics on a full disk and on a file it may not read, too), so the cause that
explains the most is looked for first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

LEAST_FREE = 16 * 1024**2
"""With less room on the disk, in bytes, mongod can start no journal, and often not even say so in its log."""
RESTORE = "put back the last backup of the data folder (`baton restore`)"
NO_ROOM = "No space left on device"
UNTOLD = "mongod ended without a reason."
FULL = "the disk is full; make room and start again."
_CAUSES = (
    (rf"{NO_ROOM}|Disk quota exceeded", FULL),
    (r"Permission denied|Operation not permitted|read-only directory", "this user may not use{file}; give it the right to."),
    (r"Read-only file system", "the disk is read-only; make it writable, or choose another with `--data`."),
    (r"Too many open files", "it may not open as many files as it needs; raise this user's limit (`ulimit -Hn`)."),
    (r"DBPathInUse", "another mongod uses its files; stop that one."),
    (r"IncompatibleServerVersion", "its files come from another version of MongoDB; use that version, or another folder."),
    (
        r"unsupported WiredTiger file version",
        "its files come from a newer MongoDB; use that version, or another folder.",
    ),
    (r"cacheSizeGB|Cannot allocate memory|ENOMEM", "`BATON_MONGODB_CACHE_MB` is more than there can be; lower it."),
    (r"checksum error|WT_TRY_SALVAGE", f"{{damage}}; {RESTORE}."),
    (r"No such file or directory", f"{{missing}}; {RESTORE}."),
    (r"WT_PANIC|WT_ERROR|corruption|--repair|\"msgid\":50853", f"{{damage}}; {RESTORE}."),
)
_HANDLE = re.compile(r'"session_dhandle_name":"(?:file|table):([^":]+)"')
_PATH = re.compile(r"\bdb/([\w./-]+\w)|\b([\w-]+\.wt|WiredTiger\.\w+|storage\.bson|mongod\.lock)\b")


def cause(log: str, free: int) -> str:
    """The known cause for which a mongod ended, as a sentence; empty when there is none. `free` is how many bytes the disk has
    left."""
    grave = [line for line, _ in _grave(log)]
    for words, sentence in _CAUSES:
        found = next((line for line in grave if re.search(words, line)), None)
        if found is not None:
            return _filled(sentence, _file(found))
    return FULL if free < LEAST_FREE else ""


def last_words(log: str) -> str:
    """The last error of a mongod that is no mere sequel of another, as a sentence; `UNTOLD` when it told none."""
    for _, entry in reversed(list(_grave(log))):
        said, error = str(entry.get("msg", "")), entry.get("attr", {}).get("error")
        if "***aborting" not in said:
            more = f": {error['errmsg']}" if isinstance(error, dict) and "errmsg" in error else ""
            return f"mongod says `{' '.join(said.split())}{more}`."
    return UNTOLD


def _grave(log: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The errors, as lines and as what they hold: a mongod that is well warns of much."""
    for line in log.splitlines():
        with suppress(ValueError, AttributeError):
            entry = json.loads(line)
            if entry.get("s") in {"E", "F"}:
                yield line, entry


def _file(line: str) -> str:
    """The file of the database that a line is about; empty when it names none."""
    found = _PATH.search(line.partition('"msg":"WiredTiger')[2].partition('"msg":')[2]) or _PATH.search(line)
    handle = _HANDLE.search(line)
    return handle[1] if handle and handle[1].endswith(".wt") else (found[1] or found[2]) if found else ""


def _filled(sentence: str, file: str) -> str:
    named = f"its file `db/{file}`" if file else "a file of it"
    damage = f"{named} is damaged" if file else "its files are damaged"
    return sentence.format(file=f" {named}", damage=damage, missing=f"{named} is missing")
