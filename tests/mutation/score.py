"""How many small changes of the care and consent rules are noticed by the rules' own tests.

    .venv/bin/python tests/mutation/score.py [SEED …]

mutmut (configured in pyproject.toml) makes the changes: a comparison turned round, a guard left out, a word misspelt. A
change is tried if its number ends in a SEED: one in ten with a digit, one in twenty with five endings of two. Without a seed all
are. What is not noticed is printed with
what was changed, module by module; the command fails when less than `WANTED` of all that was tried is noticed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

WANTED = 0.90
NOTICED = {"killed", "timeout", "segfault", "suspicious"}
MUTMUT = str(Path(sys.executable).with_name("mutmut"))


def main(*seeds: str) -> int:
    """The exit code: 1 when too little was noticed."""
    shutil.rmtree("mutants", ignore_errors=True)
    with Path("mutation.log").open("w") as log:
        subprocess.run([MUTMUT, "run", *(f"*{seed}" for seed in seeds)], check=True, stdout=log, stderr=subprocess.STDOUT)
    fates = [fate for fate in _fates() if fate[1] != "not checked"]
    unnoticed = [name for name, status in fates if status not in NOTICED]
    for name in unnoticed:
        print(_told(name))
    print(_table(fates))
    share = 1 - len(unnoticed) / len(fates)
    print(f"{share:.1%} of {len(fates)} changes noticed; wanted are {WANTED:.0%}")
    return int(share < WANTED)


def _fates() -> list[tuple[str, str]]:
    """Each change by name, with what became of it."""
    said = subprocess.run([MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True).stdout
    return [(name, status) for name, _, status in (line.strip().rpartition(": ") for line in said.splitlines()) if name]


def _told(name: str) -> str:
    """A change by name, with the lines that it takes and gives."""
    shown = subprocess.run([MUTMUT, "show", name], check=True, capture_output=True, text=True).stdout
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "\n  ".join([name, *lines])


def _table(fates: list[tuple[str, str]]) -> str:
    """The modules, with how many changes of each were tried and noticed."""
    tried, noticed = Counter[str](), Counter[str]()
    for name, status in fates:
        module = name.rpartition(".")[0]
        tried[module] += 1
        noticed[module] += status in NOTICED
    return "\n".join(f"{module:50} {noticed[module]:5} of {tried[module]:5}" for module in sorted(tried))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
