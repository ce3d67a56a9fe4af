"""The data folder is written when something new is to be kept in it, and what it cannot take is told and leaves no rest."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.problem import Refused
from service.store.folder import DataFolder
from service.store.seal_file import SealFile


@contextmanager
def no_room(free: int = 0) -> Iterator[None]:
    """A file can grow to so many bytes and no further, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_secret_and_a_note_that_are_there_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    secret = folder.secret(begun=False)
    folder.noted()
    with no_room():
        assert folder.secret(begun=False) == folder.secret(begun=True) == secret
        folder.noted()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["layout.json", "ledger.key"]


def test_a_secret_that_the_folder_cannot_take_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with no_room(), pytest.raises(Refused, match="cannot be made: File too large"):
        DataFolder(tmp_path).secret(begun=False)
    assert list(tmp_path.iterdir()) == []


def test_a_note_that_the_folder_cannot_take_leaves_nothing(tmp_path: Path) -> None:
    with no_room():
        DataFolder(tmp_path).noted()
    assert list(tmp_path.iterdir()) == []


def test_a_seal_of_which_the_disk_takes_a_part_is_told(tmp_path: Path) -> None:
    """And is kept once there is room, after the rest of it."""
    seals = SealFile(tmp_path / "seals.ndjson")
    with no_room(30), pytest.raises(Refused, match="Seal `1` cannot be kept"):
        seals.keep(1, "signed")
    seals.keep(1, "signed")
    assert (list(seals.kept()), seals.unreadable()) == ([(1, "signed")], ())
