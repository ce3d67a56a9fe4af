"""How long a command takes, and a start with its first requests: `python tests/benchmarks/start.py [RUNS]`. Nothing is judged."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from service.cli.opening import opened
from service.settings import Settings
from tests.benchmarks.serving import CHECKOUT, Request, Serving
from tests.locality import EVERYTHING, QUESTIONNAIRE, dataset, handover, person, plan, settle

COMMANDS = ("--help", "settings", "validate profiles/examples/valid")
CLIENT = "measuring"


def shown(name: str, seconds: Sequence[float]) -> None:
    """A line of print: the median in milliseconds, and the range."""
    low, middle, high = (1000 * each for each in (min(seconds), median(seconds), max(seconds)))
    print(f"{name:42} {middle:7.0f} ms  ({low:.0f}-{high:.0f})  load {os.getloadavg()[0]:.1f}", flush=True)


def commands(runs: int) -> None:
    """Each command, from its start to its end, after one run that nobody counts."""
    for line in COMMANDS:
        took = []
        for _ in range(runs + 1):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-m", "service", *line.split()], cwd=CHECKOUT, stdout=subprocess.DEVNULL, check=True)
            took.append(time.perf_counter() - begun)
        shown(f"baton {line}", took[1:])


async def _settled(data: Path, runs: int) -> tuple[list[str], dict[str, Any]]:
    """The locality's directory with a client, a person for each run and one more, and the handover's dataset."""
    async with opened(Settings(data=data)) as built:
        await settle(built)
        await built.registration.add_client(CLIENT, "Organization/trust", EVERYTHING, secret=True)
        questionnaire = built.services.definitions.questionnaire(QUESTIONNAIRE)
        assert questionnaire is not None
        return [await person(built) for _ in range(runs + 1)], questionnaire


async def _token(data: Path, base: str) -> str:
    async with opened(Settings(data=data), base) as built:
        return str((await built.registration.mint(CLIENT, EVERYTHING, "", ""))["access_token"])


def first(serving: Serving, token: str, who: str, questionnaire: Mapping[str, Any]) -> dict[str, float]:
    """The first requests that a service answers, one after the other: what each took."""
    took: dict[str, float] = {}
    made: dict[str, Any] = {}

    def asked(name: str, request: Request, expected: str = "201") -> None:
        figures = serving.load([request], clients=1, keep=True)
        assert set(figures.statuses) == {expected}, figures.bodies
        took[name], made[name] = figures.median / 1000, json.loads(*figures.bodies.values())

    asked("first create of a CarePlan", Request("POST", "CarePlan", token, plan(who)))
    reference = f"CarePlan/{made['first create of a CarePlan']['id']}"
    asked("then read", Request("GET", reference, token), "200")
    asked("create of a dataset", Request("POST", "QuestionnaireResponse", token, dataset(who, dict(questionnaire))))
    answers = f"QuestionnaireResponse/{made['create of a dataset']['id']}"
    asked("first create of a handover", Request("POST", "Task", token, handover(who, reference, answers)))
    return took


def starts(runs: int) -> None:
    """From the start of `baton serve` to its line, the database there already; then its first requests."""
    ready: list[float] = []
    answers: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder))
        people, questionnaire = asyncio.run(_settled(serving.data, runs))
        for who in people:
            ready.append(serving.start())
            token = asyncio.run(_token(serving.data, f"http://127.0.0.1:{serving.port}"))
            for name, seconds in first(serving, token, who, questionnaire).items():
                answers.setdefault(name, []).append(seconds)
            serving.stop()
    shown("baton serve, to ready", ready[1:])
    for name, took in answers.items():
        shown(name, took[1:])


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    commands(count)
    starts(count)
