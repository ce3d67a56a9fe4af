"""Checks Extensions whose definition is known: where they stand, whether they modify, their parts and their value.

Source: R4 2.4. Later packages define extensions under HL7's own address, too: one that is not known is no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from service.fhir.canonical import R4, R4_STRUCTURE
from service.fhir.definitions import Definitions
from service.fhir.path import UndecidedError, compile_path
from service.fhir.pathsteps import is_choice
from service.fhir.validation.binding import absolute
from service.fhir.validation.report import At, Check, Report

RULE = "R4 2.4"
_ANYWHERE = "Element"
_OF_ANY_TYPE = ("fixed", "pattern")
"""Members of an ElementDefinition whose value is an example of some type: whatever fits the type fits here."""


class Extensions:
    """Compiles the definition of an extension when it is first met. `profile` gives the check of what the definition says of its
    parts and its value.
    """

    def __init__(self, definitions: Definitions, profile: Callable[[str], Check]) -> None:
        self._definitions = definitions
        self._profile = profile
        self._places = Places(definitions)
        self._known: dict[str, Check] = {}

    def check(self, value: dict[str, Any], at: At, report: Report) -> None:
        """Checks an Extension against its definition, whichever element it is on."""
        url = value.get("url")
        if type(url) is not str:
            return
        made = self._known.get(url) or self._made(url)
        if made:
            made(value, at, report)
        elif not absolute(url):
            _alone(at, report)
        elif "|" in url and self._definitions.structure(url):
            report.add((at, "url"), "value", "An extension is named without a version: leave `|` and what follows out.", RULE)
        elif url.startswith(f"{R4}/") or _member(at) == "modifierExtension":
            text = "This extension is not known here: it was kept, and not checked."
            report.add((at, "url"), "not-found", text, RULE, "warning")

    def _made(self, url: str) -> Check | None:
        definition = self._definitions.structure(url) if absolute(url) and "|" not in url else None
        if definition is None or definition["type"] != "Extension" or url == f"{R4_STRUCTURE}Extension":
            return None
        self._known[url] = self._compiled(url, definition)
        return self._known[url]

    def _compiled(self, url: str, definition: dict[str, Any]) -> Check:
        content, parts = self._profile(url), _parts(definition["element"])
        modifies = bool(definition.get("isModifier") or definition["element"][0].get("isModifier"))
        allowed = frozenset(_contexts(definition.get("context", ()))) or frozenset((_ANYWHERE,))
        asked = [rule for text in definition.get("contextInvariant", ()) if (rule := _rule(text))]

        def check(value: dict[str, Any], at: At, report: Report) -> None:
            if modifies is not (_member(at) == "modifierExtension"):
                right = "modifierExtension" if modifies else "extension"
                report.add(at, "structure", f"This extension is one of `{right}`: send it there.", url)
            if _ANYWHERE not in allowed or asked:
                self._stands(at, report, allowed, asked, url)
            content(value, at, report)
            for number, part in enumerate(_listed(value)):
                if type(part) is str and not absolute(part) and part not in parts:
                    here = (((at, "extension"), number), "url")
                    report.add(here, "value", f"The extension has no such part: {_one_of(parts)}.", url)

        return check

    def _stands(self, at: At, report: Report, allowed: frozenset[str], asked: list[Callable[..., bool]], url: str) -> None:
        found = self._places.of(_host(at), report)
        if found is None:
            return
        host, names = found
        if _ANYWHERE not in allowed and allowed.isdisjoint(names):
            report.add(at, "structure", f"This extension does not belong here: send it in {_one_of(allowed)}.", url)
        elif not all(rule(host, report) for rule in asked):
            report.add(at, "invariant", "This extension belongs only where the condition of its definition holds.", url)


class Places:
    """Names the places of a resource as contexts of extensions do: by path, and by the data types on the way."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._paths: dict[str, dict[str, dict[str, Any]]] = {}
        self._names = lru_cache(maxsize=4096)(self._named)

    def of(self, at: At, report: Report) -> tuple[Any, frozenset[str]] | None:
        """The value at a place and every name of the place; None where the place has no definition."""
        value = report.environment.resource
        kind, steps = str(value.get("resourceType")), []
        for segment in _segments(at, report.start):
            if type(segment) is int:
                value = value[segment] if type(value) is list and segment < len(value) else None
                continue
            suffix, value = _step(value, segment)
            steps.append((segment, suffix))
        names = self._names(kind, tuple(steps))
        return None if names is None else (value, names)

    def _named(self, kind: str, steps: tuple[tuple[str, str], ...]) -> frozenset[str] | None:
        """The names of the place to which steps, each a member and the end of its name in a choice, lead from a resource."""
        names, structure, path = {*self._bases(kind)}, kind, kind
        for segment, suffix in steps:
            element = self._element(structure, path, segment)
            if element is None or (path == "ElementDefinition" and segment in _OF_ANY_TYPE):
                return None
            structure, path, more = self._next(structure, element, suffix)
            names = {f"{name}.{segment}" for name in names} | more
        return frozenset(names)

    def _next(self, structure: str, element: dict[str, Any], suffix: str) -> tuple[str, str, set[str]]:
        """The structure and path that describe an element's members, and the names that its type gives it."""
        if "contentReference" in element:
            path = element["contentReference"].split("#")[1]
            return structure, path, {path}
        codes = [item["code"] for item in element.get("type", ())]
        chosen = next((code for code in codes if code[0].upper() + code[1:] == suffix), codes[0] if codes else "")
        if chosen in ("BackboneElement", "Element"):
            return structure, element["path"], set()
        return chosen, chosen, set(self._bases(chosen))

    def _element(self, structure: str, path: str, name: str) -> dict[str, Any] | None:
        if structure not in self._paths:
            found = self._definitions.structure(structure)
            if found is None:
                return None
            self._paths[structure] = {item["path"]: item for item in found["element"]}
        known = self._paths[structure]
        return known.get(f"{path}.{name}") or known.get(f"{path}.{name}[x]")

    def _bases(self, name: str) -> Iterator[str]:
        """A type and the types that it is a kind of."""
        while name and (structure := self._definitions.structure(name)):
            yield name
            name = str(structure.get("baseDefinition", "")).removeprefix(R4_STRUCTURE)


def _member(at: At) -> Any:
    """The name of the member that an Extension is in."""
    return at[0][1] if type(at[1]) is int and at[0] else at[1]


def _host(at: At) -> At:
    """The place of the element that an Extension is on."""
    host: At = at[0][0] if type(at[1]) is int else at[0]
    return host


def _alone(at: At, report: Report) -> None:
    """Adds an issue for a relative url outside of an extension: only the parts of an extension are named so."""
    if _host(at)[0] is None or _member(_host(at)) not in ("extension", "modifierExtension"):
        report.add((at, "url"), "value", "The url of an extension is absolute: a relative one names a part of another.", RULE)


def _segments(at: At, start: At) -> list[Any]:
    """The names and indexes from the place `start` to the place `at`."""
    found: list[Any] = []
    here: Any = at
    while here is not start and here is not None and here[0] is not None:
        found.append(here[1])
        here = here[0]
    return found[::-1]


def _step(value: Any, name: str) -> tuple[str, Any]:
    """The member `name` of an object and, for a choice, the end of its name that tells its type."""
    if type(value) is not dict:
        return "", None
    if name in value or f"_{name}" in value:
        return "", value.get(name, value.get(f"_{name}"))
    for full, held in value.items():
        if is_choice(full, name) or is_choice(full.removeprefix("_"), name):
            return full.removeprefix("_")[len(name) :], held
    return "", None


def _contexts(listed: Iterable[Any]) -> Iterator[str]:
    """The places of a definition; a place that is told otherwise than by an element counts as any."""
    for item in listed:
        if type(item) is str:
            yield item
        else:
            yield item["expression"] if item.get("type") == "element" else _ANYWHERE


def _parts(elements: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(
        str(item["fixedUri"]) for item in elements if item["path"] == "Extension.extension.url" and "fixedUri" in item
    )


def _listed(value: dict[str, Any]) -> list[Any]:
    held = value.get("extension")
    return [item.get("url") if type(item) is dict else None for item in held] if type(held) is list else []


def _rule(text: str) -> Callable[[Any, Report], bool] | None:
    """The condition of a definition on the element that the extension is on; None for one that asks for the extension itself."""
    if "%" in text:
        return None
    path = compile_path(text)

    def holds(host: Any, report: Report) -> bool:
        try:
            return path.holds(host, report.environment)
        except UndecidedError:
            return True

    return holds


def _one_of(names: Iterable[str]) -> str:
    listed = sorted(names)
    said = ", ".join(f"`{name}`" for name in listed[:16])
    return f"{said} and others" if len(listed) > 16 else said
