"""README lists every Task that the service makes by itself."""

from __future__ import annotations

import re
from pathlib import Path

from service.care.companion.table import AWAITED
from service.care.registry import MACHINES

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_readme_lists_each_task_that_only_the_service_makes() -> None:
    """And no other: those that no rule makes yet are not promised."""
    section = README.partition("\n## What the service makes by itself\n")[2].partition("\n## ")[0]
    first = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    listed = {code for cell in first for code in re.findall("`([a-z-]+)`", cell)}
    assert listed == {code for code, machine in MACHINES.items() if not machine.sent} - set(AWAITED)
