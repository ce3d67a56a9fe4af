"""The settings as operators give them: listed with their meaning, and told in words when they do not hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from service.cli import main
from service.settings import Settings
from tests.cli.test_commands import Said, one_line

Baton = Callable[..., Said]
Patch = pytest.MonkeyPatch


@pytest.fixture
def baton(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Patch) -> Baton:
    """Runs a command in this process, which needs no database."""
    monkeypatch.setenv("BATON_DATA", str(tmp_path))

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return Said(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_every_setting_is_listed_with_its_meaning(baton: Baton) -> None:
    lines = baton("settings").out.splitlines()
    assert [line.partition("=")[0] for line in lines] == [f"BATON_{name.upper()}" for name in Settings.model_fields]
    assert all("  # " in line for line in lines)


def test_settings_are_listed_when_one_does_not_hold(baton: Baton, monkeypatch: Patch) -> None:
    """Then they are looked up."""
    monkeypatch.setenv("BATON_POLICY", "eu")
    said = baton("settings")
    assert "`BATON_POLICY`" in one_line(said)
    assert "BATON_POLICY=eu  # shipped consent policy: uk or us" in said.out.splitlines()
    assert len(said.out.splitlines()) == len(Settings.model_fields)


@pytest.mark.parametrize("uri", ["mongodb://sam:hunter2@db.example/", "mongodb://sam:hunter2@db.example:x/"])
def test_a_password_in_a_setting_is_not_shown(baton: Baton, monkeypatch: Patch, uri: str) -> None:
    """Whether the setting holds or not."""
    monkeypatch.setenv("BATON_MONGODB_URI", uri)
    monkeypatch.setenv("BATON_BASE_URL", "https://sam:hunter2@baton.example")
    said = baton("settings")
    assert "hunter2" not in said.out + said.err
    assert "BATON_BASE_URL=https://sam:***@baton.example" in said.out


HOLDING = [
    ("BASE_URL", "http://[::1]:8000"),
    ("BASE_URL", "https://baton.example/"),
    ("MONGODB_URI", "mongodb://a%20b:c%40@one:27017,[::1]:27018,%2Ftmp%2Fx.sock/?replicaSet=set&authSource=admin"),
    ("MONGODB_URI", "mongodb+srv://sam@cluster.example/?w=majority"),
    ("MONGODB_URI", "mongodb://one?replicaSet=set"),
    ("MONGODB_DATABASE", "baton_test-2"),
    ("LEDGER_KEY", ""),
]


@pytest.mark.parametrize(("setting", "value"), HOLDING)
def test_a_setting_that_holds_is_taken(baton: Baton, monkeypatch: Patch, setting: str, value: str) -> None:
    monkeypatch.setenv(f"BATON_{setting}", value)
    assert baton("settings").status == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATA", ""),
        ("POLICY", "eu"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.7,proxy"),
        ("TRUSTED_PROXIES", "10.0.0.7/24"),
        ("LOG_LEVEL", "loud"),
        ("MONGO_DRIVER", "mango"),
        *[("BASE_URL", f"https://{each}") for each in ("sam:pw@x.example", "x:99999", "x:0", "x:y", "x:", ":1", "x/fhir", "a b")],
        ("BASE_URL", "baton.example"),
        ("BASE_URL", "http://[::1"),
        ("MONGODB_URI", "localhost:27017"),
        *[
            ("MONGODB_URI", f"mongodb://{each}")
            for each in ("127.0.0.1:999999", "x:0", "a b@:@", "p@ss:w@x", "[::1", ",x", "x:y")
        ],
        *[("MONGODB_DATABASE", each) for each in ("", "/x$", "a b", "a.b", "x" * 64, "é" * 32, "local", "admin", "config")],
        ("MONGODB_PASSWORD_FILE", "/nowhere/password"),
        ("MONGODB_PASSWORD_FILE", "/"),
        ("TIMEZONE", "Europe"),
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "/etc/passwd"),
        ("PAGE_SIZE", "201"),
        ("MONGODB_USER", "sam"),
    ],
)
def test_a_setting_that_does_not_hold_is_named_in_words(baton: Baton, monkeypatch: Patch, setting: str, value: str) -> None:
    monkeypatch.setenv(f"BATON_{setting}", value)
    said = one_line(baton("settings"))
    assert f"`BATON_{setting}`" in said
    assert "pattern" not in said
    assert "pw" not in said


def test_an_empty_password_file_is_told(baton: Baton, monkeypatch: Patch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")
    monkeypatch.setenv("BATON_MONGODB_PASSWORD_FILE", str(tmp_path / "password"))
    assert "empty" in one_line(baton("settings"))


@pytest.mark.parametrize("command", [["settings"], ["check"], ["demo", "--once"]])
def test_an_empty_data_folder_is_not_the_current_one(
    baton: Baton, monkeypatch: Patch, tmp_path: Path, command: list[str]
) -> None:
    """As a shell gives it for a variable that is not set."""
    monkeypatch.chdir(tmp_path)
    assert "`--data` is empty" in one_line(baton(*command, "--data", ""))
    assert list(tmp_path.iterdir()) == []
