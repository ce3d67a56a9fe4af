"""`baton backup` and `baton restore` as operators type them, on a replica set of their own."""

from __future__ import annotations

import fcntl
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pymongo
import pytest

from service.cli import main
from service.problem import Refused
from service.store import backup
from service.store.backup import Restore
from service.store.folder import KEY, NOTE
from service.store.layout import LAYOUT
from tests.cli.test_commands import Said, one_line

CHECKOUT = Path(__file__).parents[2]
Baton = Callable[..., Said]


@pytest.fixture
def baton(mongod: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Baton]:
    """Runs a command on a place, which is a database and a data folder of its own."""
    monkeypatch.setenv("BATON_MONGODB_URI", mongod)
    used: set[str] = set()

    def run(place: str, *arguments: str, typed: str = "") -> Said:
        capsys.readouterr()
        used.add(f"{tmp_path.name}_{place}"[-38:])
        monkeypatch.setenv("BATON_MONGODB_DATABASE", f"{tmp_path.name}_{place}"[-38:])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--data", str(tmp_path / place)])
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    yield run
    with pymongo.MongoClient(mongod) as client:
        for name in used:
            client.drop_database(name)


@pytest.fixture
def copy(baton: Baton, tmp_path: Path) -> Path:
    """A backup of a place `one` with a partner, a client and a login."""
    person = tmp_path / "pat.json"
    person.write_text(json.dumps({"resourceType": "Patient", "id": "pat", "name": [{"text": "Pat"}]}))
    baton("one", "partner", "add", "--organization", "Organization/t", "--sector", "health", "--name", "T")
    baton("one", "load", str(person), "--custodian", "Organization/t")
    baton("one", "client", "add", "--id", "c", "--organization", "Organization/t", "--scope", "system/*.rs", "--secret")
    baton("one", "user", "add", "--username", "pat", "--patient", "Patient/pat", typed="correct horse battery\n")
    assert baton("one", "backup", str(tmp_path / "copy.tar.gz")).status == 0
    return tmp_path / "copy.tar.gz"


def test_what_was_registered_is_there_after_a_restore(baton: Baton, copy: Path) -> None:
    """And the check that follows by itself is clean."""
    said = baton("two", "restore", str(copy))
    assert (said.status, said.err) == (0, "")
    assert "All holds" in said.out
    for listed in (("partner", "list"), ("client", "list"), ("user", "list")):
        assert baton("two", *listed).out == baton("one", *listed).out != ""


def test_a_backup_says_which_secrets_it_holds(baton: Baton, copy: Path, tmp_path: Path) -> None:
    said = baton("one", "backup", str(tmp_path / "more"))
    assert "`ledger.key`" in said.out
    assert "signing keys" in said.out
    assert (tmp_path / "more").stat().st_mode & 0o777 == 0o600


def test_a_folder_is_given_a_file_named_after_the_instant_and_gives_its_newest(baton: Baton, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "baton-20200101T000000Z.tar.gz").write_text("an old one")
    baton("one", "backup", str(tmp_path / "kept"))
    assert baton("two", "restore", str(tmp_path / "kept")).status == 0
    assert "name the file" in one_line(baton("three", "restore", str(tmp_path / "one")))


def test_a_restore_overwrites_no_database(baton: Baton, copy: Path, tmp_path: Path) -> None:
    baton("two", "partner", "add", "--organization", "Organization/x", "--sector", "health", "--name", "X")
    before = baton("two", "partner", "list").out
    (tmp_path / "two" / KEY).unlink()
    (tmp_path / "two" / "seals.ndjson").unlink()
    assert "The database is not empty" in one_line(baton("two", "restore", str(copy)))
    assert not (tmp_path / "two" / KEY).exists()
    (tmp_path / "two" / KEY).write_text("x")
    assert before.count("Organization/x") == 1


@pytest.mark.parametrize("name", [KEY, "seals.ndjson", "photo.jpg"])
def test_a_restore_overwrites_no_data_folder(baton: Baton, copy: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / name).write_text("mine")
    assert f"`{name}`" in one_line(baton("two", "restore", str(copy)))
    assert (tmp_path / "two" / name).read_text() == "mine"


def test_a_damaged_backup_writes_nothing(baton: Baton, copy: Path, tmp_path: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-20])
    assert "no whole backup" in one_line(baton("two", "restore", str(copy)))
    assert not (tmp_path / "two").exists()
    assert "empty" in one_line(baton("two", "backup", str(tmp_path / "nothing")))


def test_there_is_nothing_to_back_up_where_no_database_is(baton: Baton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped folder is not made."""
    monkeypatch.setenv("BATON_MONGODB_URI", "")
    assert "--data" in one_line(baton("nowhere", "backup", str(tmp_path / "b")))
    assert not (tmp_path / "nowhere").exists()


def test_a_secret_of_the_environment_is_not_in_the_file_and_is_asked_for(
    baton: Baton, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_LEDGER_KEY", "the secret of all machines")
    baton("three", "partner", "add", "--organization", "Organization/t", "--sector", "health", "--name", "T")
    said = baton("three", "backup", str(tmp_path / "b"))
    assert "not the ledger's secret" in said.out
    assert "BATON_LEDGER_KEY" in one_line(baton("four", "restore", str(copy)))  # written with another
    monkeypatch.delenv("BATON_LEDGER_KEY")
    assert "BATON_LEDGER_KEY" in one_line(baton("four", "restore", str(tmp_path / "b")))
    monkeypatch.setenv("BATON_LEDGER_KEY", "the secret of all machines")
    assert baton("four", "restore", str(tmp_path / "b")).status == 0


def test_no_command_goes_on_with_another_secret(
    baton: Baton, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor copies what could not be checked under it."""
    monkeypatch.setenv("BATON_LEDGER_KEY", "typo")
    for command in (("backup", str(tmp_path / "more")), ("check",), ("partner", "list")):
        assert "`BATON_LEDGER_KEY` is not the secret" in one_line(baton("one", *command))
    assert not (tmp_path / "more").exists()
    monkeypatch.delenv("BATON_LEDGER_KEY")
    assert "All holds" in baton("one", "check").out


@pytest.mark.parametrize("name", [KEY, "seals.ndjson"])
def test_a_file_of_the_folder_that_cannot_be_read_is_told(baton: Baton, copy: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "one" / name).unlink()
    (tmp_path / "one" / name).mkdir()
    said = one_line(baton("one", "backup", str(tmp_path / "more")))
    assert f"{name}`" in said
    assert "Is a directory" in said
    assert not (tmp_path / "more").exists()


def test_a_restore_that_finds_faults_says_so_and_ends_with_1(baton: Baton, copy: Path, tmp_path: Path, mongod: str) -> None:
    """What was edited before the backup is edited after it."""
    with pymongo.MongoClient(mongod) as client:
        client[f"{tmp_path.name}_one"[-38:]]["auth.users"].update_one({}, {"$set": {"reference": "Patient/another"}})
    baton("one", "backup", str(tmp_path / "edited"))
    said = baton("two", "restore", str(tmp_path / "edited"))
    assert (said.status, "1 findings." in said.out) == (1, True)


@pytest.mark.parametrize("moment", ["copy", "end"])
def test_a_restore_that_was_broken_off_is_served_by_nobody_and_repeated(
    baton: Baton, copy: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """With half of the documents there, and with all of them and the folder's files."""
    done = getattr(Restore, moment)

    async def broken(self: Restore) -> None:
        if moment == "copy":
            await done(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Restore, moment, broken)
        assert baton("two", "restore", str(copy)).status == 130
    for command in (("check",), ("token", "--client", "c"), ("backup", "x")):
        assert "repeat `baton restore`" in one_line(baton("two", *command))
    said = baton("two", "restore", str(copy))
    assert (said.status, "All holds" in said.out) == (0, True)
    assert baton("two", "client", "list").out == baton("one", "client", "list").out


def test_a_backup_of_a_newer_layout_is_refused(baton: Baton, copy: Path, tmp_path: Path) -> None:
    """Before a folder or a database is made for it."""
    from service.store import archive

    found = archive.checked(copy).manifest
    assert found.layout == LAYOUT
    found.layout += 1
    newer = archive.Archive(copy, found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "checked", lambda path: newer)
        assert f"layout {LAYOUT + 1}" in one_line(baton("two", "restore", str(copy)))
        patch.setenv("BATON_MONGODB_URI", "")
        assert "Nothing was changed" in one_line(baton("two", "restore", str(copy)))
    assert not (tmp_path / "two").exists()
    assert "empty" in one_line(baton("two", "backup", str(tmp_path / "nothing")))


def test_a_restored_place_has_our_layout_whatever_the_backup_had(baton: Baton, copy: Path, tmp_path: Path, mongod: str) -> None:
    with pymongo.MongoClient(mongod) as client:
        client[f"{tmp_path.name}_one"[-38:]]["installation"].delete_one({"_id": "layout"})
    assert "layout 1," in baton("one", "backup", str(tmp_path / "old")).out
    said = baton("two", "restore", str(tmp_path / "old"))
    assert said.status == 0
    assert json.loads((tmp_path / "two" / NOTE).read_text())["layout"] == LAYOUT
    with pymongo.MongoClient(mongod) as client:
        assert client[f"{tmp_path.name}_two"[-38:]]["installation"].find_one({"_id": "layout"})["number"] == LAYOUT


def test_two_restores_at_once_are_not_mixed(baton: Baton, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused while the first is alive, and touches nothing."""
    monkeypatch.setattr(backup, "PATIENCE", 1)
    said: list[str] = []
    done = Restore.copy

    async def overtaken(self: Restore) -> None:
        await done(self)
        other = Restore(self._mongo, self._folder, self._copy)
        with pytest.raises(Refused, match="Another restore") as refused:
            async with other.alone("another"):
                pass
        said.append(str(refused.value))

    monkeypatch.setattr(Restore, "copy", overtaken)
    assert baton("two", "restore", str(copy)).status == 0
    assert len(said) == 1
    assert baton("two", "client", "list").out == baton("one", "client", "list").out


SLOW = """
import asyncio, sys
from service.cli import main
from service.store.archive import Writer

async def slow(*_):
    print("begun", flush=True)
    await asyncio.sleep(60)

Writer.collection = slow
main(sys.argv[1:])
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_backup_that_is_ended_leaves_nothing(baton: Baton, copy: Path, tmp_path: Path, end: signal.Signals) -> None:
    """What was killed cannot clear away: the next backup does."""
    kept = tmp_path / "kept"
    kept.mkdir()
    baton("one", "user", "list")  # the place that the process finds in its environment
    command = [sys.executable, "-c", SLOW, "backup", str(kept), "--data", str(tmp_path / "one")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        (part,) = kept.iterdir()
        assert baton("one", "backup", str(kept / "other.tar.gz")).status == 0
        assert part.exists(), "it is not another's to take away"
        process.send_signal(end)
        _, said = process.communicate(timeout=30)
    assert part.exists() is (end is signal.SIGKILL)
    assert (process.returncode, said) == (-9 if end is signal.SIGKILL else 130, "")
    assert baton("one", "backup", str(kept / "next.tar.gz")).status == 0
    assert not part.exists()


def test_two_backups_into_one_file_are_one_too_many(baton: Baton, copy: Path, tmp_path: Path) -> None:
    part = tmp_path / ".next.tar.gz.part"
    with part.open("w") as other:
        other.write("of the other")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "give another name" in one_line(baton("one", "backup", str(tmp_path / "next.tar.gz")))
        assert part.read_text() == "of the other"
