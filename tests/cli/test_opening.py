"""A place that is not there is made by what a place begins with, and by no other command."""

from __future__ import annotations

from pathlib import Path

import pymongo
import pytest

from service.cli import main
from tests.cli.test_commands import Said, one_line

LOOKING = [
    ("check",),
    ("partner", "list"),
    ("partner", "check"),
    ("partner", "compare"),
    ("client", "list"),
    ("client", "remove", "--id", "x"),
    ("client", "add", "--id", "x", "--organization", "Organization/x", "--scope", "system/*.rs", "--secret"),
    ("user", "list"),
    ("user", "remove", "--username", "x"),
    ("token", "--client", "x"),
    ("keys", "rotate"),
    ("backup", "copy.tar.gz"),
]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def baton(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--data", "mistyped"])
    return Said(int(ended.value.code or 0), *capsys.readouterr())


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_a_mistyped_folder_is_told_and_not_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Else a check of it would find that all is sound."""
    assert "There is no database in" in one_line(baton(capsys, *command))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_looked_at_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_dir", denied)
    assert "Make it readable" in one_line(baton(capsys, "check"))


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_a_mistyped_name_of_a_database_is_told_and_not_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mongod: str, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BATON_MONGODB_URI", mongod)
    monkeypatch.setenv("BATON_MONGODB_DATABASE", "mistyped")
    assert "`mistyped` is empty" in one_line(baton(capsys, *command))
    assert list(tmp_path.iterdir()) == []
    with pymongo.MongoClient[dict[str, object]](mongod) as client:
        assert "mistyped" not in client.list_database_names()


@pytest.mark.parametrize(
    "command",
    [("partner", "add", "--organization", "Organization/t", "--sector", "health", "--name", "T"), ("load", "one.json")],
    ids=["partner", "load"],
)
def test_a_new_place_begins_with_an_agency_or_its_records(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mongod: str, command: tuple[str, ...]
) -> None:
    """As README tells it."""
    (tmp_path / "one.json").write_text('{"resourceType": "Organization", "id": "t", "name": "T"}')
    monkeypatch.setenv("BATON_MONGODB_URI", mongod)
    monkeypatch.setenv("BATON_MONGODB_DATABASE", f"begun_{tmp_path.name}"[-38:])
    said = baton(capsys, *command, *(["--custodian", "Organization/t"] if "load" in command else []))
    with pymongo.MongoClient[dict[str, object]](mongod) as client:
        assert client[f"begun_{tmp_path.name}"[-38:]]["r.Organization"].count_documents({}) == 1, said
        client.drop_database(f"begun_{tmp_path.name}"[-38:])
