"""The processes of one service wait for one word, and one of them alone says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest

from service.cli.gate import Gate

pytestmark = pytest.mark.slow
MADE = """
import sys
from pathlib import Path
from service.cli.processes import Factory, Server
from service.settings import Settings
Server.made(Factory(Settings(data=Path("none")), "http://127.0.0.1", "mongodb://127.0.0.1", True), 2)
print([name for name in ("service.app", "service.worker") if name in sys.modules])
"""


def waiting(gate: Gate, told: Connection) -> None:
    """What each of the processes does."""
    told.send("waits")
    gate.passed()
    told.send(gate.first())


def test_every_process_waits_until_the_gate_is_open_and_one_is_the_first() -> None:
    """Also one that is started when it has been opened."""
    spawn, gate = get_context("spawn"), Gate()
    pipes = [spawn.Pipe(duplex=False) for _ in range(3)]
    processes = [spawn.Process(target=waiting, args=(gate, told)) for _, told in pipes]
    for process, (told, _) in list(zip(processes, pipes, strict=True))[:2]:
        process.start()
        assert told.recv() == "waits"
    assert not any(told.poll(0.2) for told, _ in pipes[:2])
    gate.open()
    processes[2].start()
    assert pipes[2][0].recv() == "waits"
    assert sorted(told.recv() for told, _ in pipes) == [False, False, True]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0


def test_who_starts_several_processes_imports_none_of_what_they_need() -> None:
    """Each of them imports it, so a start would take as long twice."""
    said = subprocess.run([sys.executable, "-c", MADE], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
