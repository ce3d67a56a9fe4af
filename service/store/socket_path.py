"""The path of mongod's socket: the kernel takes a short one only, so a folder with a longer one is reached through a link."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from service.store.mongo import unavailable

SOCKET = "mongod.sock"
LONGEST = 100
"""The longest path of a socket in bytes. The kernel allows about 104."""


def link_of(folder: Path) -> Path:
    """The link through which a folder with too long a path is reached: in the temporary folder, or in `/tmp` where that has too
    long a path itself."""
    name = f"baton-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    made = Path(tempfile.gettempdir()) / name
    return made if len(os.fsencode(made / SOCKET)) <= LONGEST else Path("/tmp") / name  # noqa: S108 - owner checked


def reachable(path: Path) -> Path:
    """The socket's path. A path too long for the kernel is replaced by a path through a link of ours in the temporary folder.
    Raises Refused UNAVAILABLE when another user owns the link."""
    folder = path.parent.resolve()
    if len(os.fsencode(folder / path.name)) <= LONGEST:
        return folder / path.name
    link = link_of(folder)
    with suppress(FileExistsError):
        link.symlink_to(folder)
    # Another user could have made the link, so that it leads to a database of that user.
    if not link.is_symlink() or link.lstat().st_uid != os.getuid() or link.readlink() != folder:
        reason = f"The path of `{folder}` is too long for a socket, and `{link}` is not ours to use"
        raise unavailable(f"{reason}; choose a shorter `--data`.")
    return link / path.name
