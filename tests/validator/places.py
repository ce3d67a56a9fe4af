"""The places of a resource that a mutation may change, and the table of the kinds of mutation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

Resource = dict[str, Any]
Kind = Callable[[Resource, Random], str | None]
"""Changes a resource in one place and says where and to what; None where the resource has no place for such a change."""

KINDS: dict[str, Kind] = {}
ANYWHERE = 10
"""How often a kind is drawn that may strike any place of a resource; one that strikes certain places is drawn once."""
WEIGHTS: dict[str, int] = {}


class Place(NamedTuple):
    """A member of an object or an item of an array."""

    holder: Any
    key: Any
    path: str

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    @property
    def name(self) -> str:
        """The name of the member, or of the array that the item is in."""
        return self.path.split("[")[0] if "." not in self.path else self.path.rsplit(".", 1)[1].split("[")[0]

    def put(self, value: Any) -> str:
        """Puts a value here, and says so."""
        self.holder[self.key] = value
        return f"{self.path} = {value!r}"


def kind(name: str, weight: int = 1) -> Callable[[Kind], Kind]:
    """Enters a kind of mutation in the table."""

    def entered(made: Kind) -> Kind:
        KINDS[name], WEIGHTS[name] = made, weight
        return made

    return entered


def places(value: Any, path: str = "") -> Iterator[Place]:
    """Every place of a resource, except the names of types."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()):
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
        if key != "resourceType":
            yield Place(value, key, here)
            yield from places(item, here)


def some(resource: Resource, chance: Random, wanted: Callable[[Place], bool]) -> Place | None:
    """One of the places that are wanted; None where there is none. Deep places are as likely as all the shallow ones."""
    found = [place for place in places(resource) if wanted(place)]
    if not found:
        return None
    depth = chance.choice(sorted({place.path.count(".") for place in found}))
    return chance.choice([place for place in found if place.path.count(".") == depth])


def objects(resource: Resource) -> list[Place]:
    """Every place that holds an object."""
    return [place for place in places(resource) if isinstance(place.value, dict)]


def is_text(place: Place) -> bool:
    """Whether a place holds a string that is no narrative."""
    return isinstance(place.value, str) and place.name != "div"
