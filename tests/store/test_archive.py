"""The file of a backup: it gives what was put in, or nothing."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import pytest
import pytest_asyncio
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from service.problem import Refused
from service.store import archive
from service.store.archive import FORM, Manifest, Writer, checked

DOCUMENTS = {"r.Patient": [{"_id": f"p{n}", "text": "x" * n} for n in range(40)], "timers": [{"_id": 1}], "empty": []}


async def documents(*these: dict[str, Any]) -> AsyncIterator[RawBSONDocument]:
    for each in these:
        yield RawBSONDocument(bson.encode(each))


def manifest(form: int = FORM) -> Manifest:
    return Manifest(form, "1", 2, "2026-11-27T12:00:00.000+00:00", "k")


async def filled(writer: Writer, folder: Path) -> None:
    (folder / "ledger.key").write_text("secret")
    writer.file(folder / "ledger.key")
    for name, these in DOCUMENTS.items():
        await writer.collection(name, documents(*these))


@pytest_asyncio.fixture
async def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup in several pieces."""
    monkeypatch.setattr(archive, "PIECE", 200)
    with archive.written(tmp_path / "b.tar.gz", manifest()) as writer:
        await filled(writer, tmp_path)
    return tmp_path / "b.tar.gz"


def content(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The documents that a backup gives, by collection."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, these in checked(path).collections():
        found.setdefault(name, []).extend(bson.decode(each.raw) for each in these)
    return found


async def test_what_was_put_in_comes_out(path: Path, tmp_path: Path) -> None:
    assert content(path) == {name: these for name, these in DOCUMENTS.items() if these}
    (tmp_path / "new").mkdir()
    checked(path).unpack(tmp_path / "new")
    assert (tmp_path / "new" / "ledger.key").read_text() == "secret"
    assert (tmp_path / "new" / "ledger.key").stat().st_mode & 0o777 == 0o600


async def test_it_is_readable_by_its_owner_alone_and_by_any_tar(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        assert tar.getnames()[-1] == "manifest.json"
        assert all(each.mode == 0o600 for each in tar)


async def test_a_file_that_is_there_is_not_overwritten(path: Path) -> None:
    with pytest.raises(Refused, match="there already"), archive.written(path, manifest()):
        pass


async def test_a_backup_that_was_broken_off_leaves_no_file(tmp_path: Path) -> None:
    async def broken_off() -> None:
        with archive.written(tmp_path / "b", manifest()) as writer:
            await filled(writer, tmp_path)
            raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        await broken_off()
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.key"]


@dataclass(frozen=True)
class Whole:
    """A whole backup, and a place for damaged copies of it."""

    data: bytes
    content: dict[str, list[dict[str, Any]]]
    copy: Path


@pytest_asyncio.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("archive")
    with archive.written(folder / "b", manifest()) as writer:
        await filled(writer, folder)
    return Whole((folder / "b").read_bytes(), content(folder / "b"), folder / "copy")


@given(part=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_is_refused_wherever_it_was_cut(whole: Whole, part: float) -> None:
    whole.copy.write_bytes(whole.data[: int(len(whole.data) * part)])
    with pytest.raises(Refused, match=r"no whole backup"):
        checked(whole.copy)


@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_damaged_file_is_refused_or_is_none_the_worse(whole: Whole, place: float, change: int) -> None:
    """A byte of the envelope, such as the time in the head of gzip, says nothing about what is in it."""
    damaged = bytearray(whole.data)
    damaged[int(len(damaged) * place)] ^= change
    whole.copy.write_bytes(damaged)
    found = whole.content
    with contextlib.suppress(Refused):
        found = content(whole.copy)
    assert found == whole.content


def rewritten(path: Path, **members: bytes | None) -> None:
    """The same backup, packed anew by somebody with other members."""
    with tarfile.open(path) as tar:
        kept = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    kept.update({name.replace("__", "/"): data for name, data in members.items() if data is not None})
    with tarfile.open(path, "w:gz") as tar:
        for name, data in kept.items():
            if members.get(name.replace("/", "__"), b"") is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"folder__ledger.key": b"forged"}, "`ledger.key` is not what was put in"),
        ({"database__timers__000001.bson": bson.encode({"_id": 2})}, "`timers` is not what was put in"),
        ({"database__timers__000001.bson": None}, "`timers` is not what was put in"),
        ({"database__timers__000001.bson": b"\x01"}, "no whole backup"),
        ({"database__more__000001.bson": bson.encode({"_id": 2})}, "`more` is not what was put in"),
        ({"manifest.json": None}, "has no `manifest.json`"),
        ({"manifest.json": b"{}"}, "no whole backup"),
    ],
)
async def test_a_changed_member_is_named(path: Path, members: dict[str, bytes | None], said: str) -> None:
    rewritten(path, **members)
    with pytest.raises(Refused, match=said):
        checked(path)


def told(path: Path) -> dict[str, Any]:
    """The manifest as anybody reads it."""
    with tarfile.open(path) as tar:
        return json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"), [("at", "2027-01-01T00:00:00.000+00:00"), ("layout", 1), ("key", "x"), ("version", "9"), ("form", 1)]
)
async def test_an_edited_manifest_is_refused(path: Path, name: str, value: object) -> None:
    """The parts have digests in it, and it has its own."""
    rewritten(path, **{"manifest.json": json.dumps({**told(path), name: value}).encode()})
    with pytest.raises(Refused, match=r"`manifest.json` is not what was put in"):
        checked(path)


async def test_a_manifest_without_a_digest_is_of_the_first_form_alone(path: Path) -> None:
    first = {name: value for name, value in told(path).items() if name != "sha256"}
    rewritten(path, **{"manifest.json": json.dumps(first).encode()})
    with pytest.raises(Refused, match=r"`manifest.json` is not what was put in"):
        checked(path)
    rewritten(path, **{"manifest.json": json.dumps({**first, "form": 1}).encode()})
    assert content(path) == {name: these for name, these in DOCUMENTS.items() if these}


async def test_a_newer_form_says_so(tmp_path: Path) -> None:
    with archive.written(tmp_path / "b", manifest(FORM + 1)) as writer:
        await filled(writer, tmp_path)
    with pytest.raises(Refused, match="newer version"):
        checked(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(Refused, match=r"x`"):
        checked(tmp_path / "x")
