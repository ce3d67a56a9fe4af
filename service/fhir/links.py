"""The places of a resource that lead elsewhere, found by the type of their element, and rewritten (R4 section 2.36.4.1).

| kind | elements |
|---|---|
| REFERENCE | the literal reference of a Reference |
| LOCATION | a `url` or `canonical`: where something is |
| NAME | a `uri`, `oid` or `uuid`: what something is called, which may be nowhere |
| NARRATIVE | `href` and `src` in narrative |

A Bundle that is kept as a record (a document, a message) is not looked into: its entries refer to one another.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from service.change import Resource
from service.fhir.definitions import Definitions


class Place(Enum):
    """The kind of a place that leads elsewhere."""

    REFERENCE = "reference"
    LOCATION = "location"
    NAME = "name"
    NARRATIVE = "narrative"


Change = Callable[[str, Place, str], str]
"""What a place shall say: of the text that it says, its kind, and its path such as `Task.focus`."""

_KINDS = {
    "uri": Place.NAME,
    "oid": Place.NAME,
    "uuid": Place.NAME,
    "url": Place.LOCATION,
    "canonical": Place.LOCATION,
    "xhtml": Place.NARRATIVE,
}
_REFERENCE, _ANY = "Reference", "Resource"
_HREF = re.compile(r"""(\s(?:href|src)\s*=\s*)(?:"([^"]*)"|'([^']*)')""")
_Plan = Mapping[str, "Place | str"]
"""What each member of an element is: a Place, or the name of the plan by which to look into it."""


class Links:
    """Rewrites the places of resources that lead elsewhere. A type's plan is made when first asked for."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._plans: dict[str, _Plan] = {}

    def rewritten(self, resource: Resource, change: Change) -> Resource:
        """A copy of the resource in which every place that leads elsewhere says what `change` makes of it."""
        return self._element(resource, str(resource.get("resourceType")), str(resource.get("resourceType")), change)

    def _element(self, element: Resource, plan: str, path: str, change: Change) -> Resource:
        parts = self._plan(plan)
        made = {name: self._member(parts, name, value, path, change) for name, value in element.items()}
        if plan == _REFERENCE and isinstance(target := element.get("reference"), str):
            made["reference"] = change(target, Place.REFERENCE, path)
        return made

    def _member(self, parts: _Plan, name: str, value: Any, path: str, change: Change) -> Any:
        part = "Element" if name.startswith("_") else parts.get(name)
        return value if part is None else self._value(value, part, f"{path}.{name}", change)

    def _value(self, value: Any, part: Place | str, path: str, change: Change) -> Any:
        if isinstance(value, list):
            return [self._value(item, part, f"{path}[{at}]", change) for at, item in enumerate(value)]
        if isinstance(value, str) and isinstance(part, Place):
            return _narrative(value, path, change) if part is Place.NARRATIVE else change(value, part, path)
        if isinstance(value, dict) and isinstance(part, str):
            return self._element(value, str(value.get("resourceType")) if part == _ANY else part, path, change)
        return value

    def _plan(self, name: str) -> _Plan:
        if name not in self._plans:
            self._plans[name] = self._planned(name)
        return self._plans[name]

    def _planned(self, name: str) -> _Plan:
        found: dict[str, Place | str] = {}
        for element in (self._definitions.structure(name.partition(".")[0]) or {}).get("element", ()):
            parent, _, member = element["path"].rpartition(".")
            if parent != name or (name, member) == ("Bundle", "entry"):
                continue
            if "contentReference" in element:
                found[member] = element["contentReference"].partition("#")[2]
            for code in (each["code"] for each in element.get("type", ())):
                part = _KINDS.get(code) or _within(code, element["path"])
                if part is not None:
                    found[member.replace("[x]", code[0].upper() + code[1:])] = part
        return found


def _within(code: str, path: str) -> str | None:
    """The plan of an element of this type; None for a primitive, which leads nowhere."""
    if code in ("BackboneElement", "Element"):
        return path
    return code if code[0].isupper() else None


def _narrative(text: str, path: str, change: Change) -> str:
    def changed(found: re.Match[str]) -> str:
        said = html.unescape(found[2] if found[2] is not None else found[3])
        told = change(said, Place.NARRATIVE, path)
        return found[0] if told == said else f'{found[1]}"{html.escape(told)}"'

    return _HREF.sub(changed, text)
