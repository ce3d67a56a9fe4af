"""Prints how far the judges agree, for seeds given as arguments: `python -m tests.validator.report 1 2 3`."""

from __future__ import annotations

import sys
from collections import Counter

from tests.validator import hl7
from tests.validator.bases import bases
from tests.validator.differences import named, unexplained
from tests.validator.judges import verdicts
from tests.validator.mutations import Mutant, mutants

COUNT = 1000


def main(seeds: list[int]) -> None:
    """Prints a line for each seed, the differences by their names, and what no difference explains."""
    libraries, seen = hl7.fetched(), Counter[tuple[str, str]]()
    for seed in seeds:
        drawn = mutants(bases(), seed, COUNT)
        said = list(zip(drawn, verdicts(libraries, [mutant.text for mutant in drawn]), strict=True))
        differing = [(mutant, verdict) for mutant, verdict in said if not verdict.agreed]
        accepted = sum(verdict.agreed and not verdict.refused for _, verdict in said)
        print(f"seed {seed}: {len(said) - len(differing)} of {len(said)} agreed, {accepted} accepted by both")
        seen.update((verdict.refuser, named(verdict)) for _, verdict in differing)
        for mutant, verdict in differing:
            _tell(mutant, unexplained(verdict))
    for (refuser, name), count in seen.most_common():
        print(f"{count:5} refused by {refuser}: {name or 'not explained'}")


def _tell(mutant: Mutant, news: list[str]) -> None:
    if news:
        print(f"  {mutant.kind} in {mutant.base}, {mutant.place[:160]}: {news[0][:300]}")


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]])
