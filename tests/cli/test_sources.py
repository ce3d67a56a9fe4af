"""Files packed in one another: all that is FHIR JSON is read, and what is not is named."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from service.cli import main
from service.cli.sources import DEEPEST, files, items, unread
from service.fhir.bundle import Sent
from service.problem import Problem


def patient(identity: str) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": identity}).encode()


def archive(**members: bytes) -> bytes:
    """A zip of these members, `__` for `.` and `/` for `___` in their names."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("___", "/").replace("__", "."), content)
    return held.getvalue()


def read(path: Path) -> dict[str, str]:
    """The ids of the records that a file gives, or what is wrong, by their places in it."""
    told = {}
    for item in items(path):
        place = item.source.removeprefix(str(path))
        told[place] = item.sent.resource["id"] if isinstance(item.sent, Sent) else str(item.sent)
    return told


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """All that an archive may hold."""
    inner = archive(c__json=patient("c"), d__NDJSON__gz=gzip.compress(patient("d")), notes__txt=b"not read")
    path = tmp_path / "packed.zip"
    path.write_bytes(
        archive(
            a__json=patient("a"),
            b__json__gz=gzip.compress(patient("b")),
            folder___inner__zip=inner,
            readme__txt=b"not read",
            lost__json__xz=b"not read",
        )
    )
    return path


def test_what_is_packed_in_an_archive_is_read(packed: Path) -> None:
    assert read(packed) == {
        "!a.json": "a",
        "!b.json.gz": "b",
        "!folder/inner.zip!c.json": "c",
        "!folder/inner.zip!d.NDJSON.gz:1": "d",
    }


def test_what_is_not_read_is_named(packed: Path) -> None:
    (packed.parent / "notes.md").write_text("not read")
    expected = ["notes.md", "packed.zip!folder/inner.zip!notes.txt", "packed.zip!lost.json.xz", "packed.zip!readme.txt"]
    assert [each.removeprefix(f"{packed.parent}/") for each in unread([packed.parent])] == expected
    assert [path.name for path in files([packed.parent])] == ["packed.zip"]


def test_the_command_says_what_it_did_not_read(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", str(packed)])
    said = capsys.readouterr().out
    assert "4 resources" in said
    assert "Not read" in said
    assert f"{packed}!readme.txt" in said


def test_a_damaged_member_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "packed.zip"
    path.write_bytes(archive(a__json__gz=gzip.compress(patient("a"))[:-9], b__zip=b"no archive", c__json=patient("c")))
    told = read(path)
    assert told.pop("!c.json") == "c"
    assert set(told) == {"!a.json.gz", "!b.zip"}
    assert all("cannot be read" in each for each in told.values())
    assert unread([path]) == []


def test_an_encrypted_member_is_told(tmp_path: Path) -> None:
    content = bytearray(archive(a__json=patient("a"), b__json=patient("b")))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the first member's flags, in its header and in the directory
        content[content.index(mark) + place] |= 1
    (tmp_path / "packed.zip").write_bytes(content)
    told = read(tmp_path / "packed.zip")
    assert "encrypted" in told["!a.json"]
    assert told["!b.json"] == "b"


def test_archives_in_archives_come_to_an_end(tmp_path: Path) -> None:
    """One may hold itself."""
    content = archive(a__json=patient("a"))
    for _ in range(DEEPEST):
        content = archive(b__zip=content)
    path = tmp_path / "packed.zip"
    path.write_bytes(content)
    (item,) = items(path)
    assert isinstance(item.sent, Problem)
    assert unread([path]) == []
