"""That what is run before a commit, by hand or by hook, is what CI runs: three lists of the same commands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[1]
TASKS: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["poe"]["tasks"]
HOOKS = re.findall(r"^ +entry: (.+)$", (CHECKOUT / ".pre-commit-config.yaml").read_text(), re.M)


def commands(task: Any) -> Iterator[str]:
    """The commands of a task, in order; a task that is named in another stands for its own."""
    if isinstance(task, str):
        yield from commands(TASKS[task])
    elif "cmd" in task:
        yield f".venv/bin/{task['cmd']}"
    else:
        for each in task["sequence"]:
            yield from commands(each)


def test_the_hooks_are_what_the_task_check_runs() -> None:
    """In the same order, so that the quick ones refuse first."""
    assert list(commands("check")) == HOOKS


@pytest.mark.parametrize("name", ["lint", "types", "contracts", "test", "sample", "demo"])
def test_ci_runs_what_a_task_runs(name: str) -> None:
    """Line by line; of the demo, once."""
    lines = [line.removesuffix(" --once") for line in (CHECKOUT / ".ci" / "run").read_text().splitlines()]
    assert set(commands(name)) <= set(lines)
