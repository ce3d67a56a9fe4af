"""Seeded mutations of sound resources. Every kind is drawn by its weight, and strikes a base that was struck the fewest times."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from random import Random
from typing import NamedTuple

from tests.validator import bundles, extensions, narratives, primitives, references, shapes, terms
from tests.validator.places import KINDS, WEIGHTS, Resource

ROOMS = (bundles, extensions, narratives, primitives, references, shapes, terms)
"""The modules that enter their kinds in the table."""


class Mutant(NamedTuple):
    """A resource with one fault, perhaps: `kind` of change at `place`, in a copy of `base`."""

    base: str
    kind: str
    place: str
    resource: Resource

    @property
    def text(self) -> str:
        """The resource as JSON, on one line."""
        return json.dumps(self.resource)


def mutants(bases: dict[str, Resource], seed: int, count: int) -> list[Mutant]:
    """`count` different mutants, the same for the same bases and seed."""
    chance, found, seen = Random(seed), list[Mutant](), {json.dumps(base) for base in bases.values()}
    struck = Counter[str]()
    drawn = [name for name in sorted(KINDS) for _ in range(WEIGHTS[name])]
    for name in cycle(chance.sample(drawn, len(drawn))):
        made = next((each for each in _tries(bases, name, struck, chance) if each.text not in seen), None)
        if made:
            seen.add(made.text)
            struck[made.base] += 1
            found.append(made)
        if len(found) == count:
            return found
    return found


def _tries(bases: dict[str, Resource], name: str, struck: Counter[str], chance: Random) -> Iterator[Mutant]:
    """Mutants of one kind, one of each base, from the base that was struck the fewest times on."""
    for base in sorted(chance.sample(sorted(bases), len(bases)), key=struck.__getitem__):
        resource = copy.deepcopy(bases[base])
        place = KINDS[name](resource, chance)
        if place is not None:
            yield Mutant(base, name, place, resource)
