"""Slicing: finds the slice to which an item belongs by the slicing's discriminators. Source: R4 5.1.0.13."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from service.fhir.definitions import Codes, Definitions
from service.fhir.path import compile_path
from service.fhir.pathsteps import same
from service.fhir.validation.link import target
from service.fhir.validation.report import At, Check, Report
from service.fhir.validation.tree import Node, code, short

Judge = Callable[[Any, str, Report], bool | None]
"""A function of an item, the item's data type where known, and the report, which tells whether the item is in a slice; None when
that cannot be told.
"""


def fits(pattern: Any, value: Any) -> bool:
    """Whether a value has every member and item of a pattern."""
    if type(pattern) is dict:
        return type(value) is dict and all(name in value and fits(part, value[name]) for name, part in pattern.items())
    if type(pattern) is list:
        return type(value) is list and all(any(fits(part, item) for item in value) for part in pattern)
    return same(pattern, value)


def agrees(rule: tuple[str, Any], value: Any) -> bool:
    """Whether a value meets a rule: ("fixed", value) or ("pattern", value)."""
    return fits(rule[1], value) if rule[0] == "pattern" else same(rule[1], value)


class Slicer:
    """Makes a Judge for each slice. `profile` gives the check of the profile with a canonical."""

    def __init__(self, definitions: Definitions, profile: Callable[[str], Check]) -> None:
        self._definitions = definitions
        self._profile = profile

    def judge(self, slicing: dict[str, Any], node: Node) -> Judge:
        """The Judge of whether an item meets every discriminator of the slicing."""
        judges = [self._discriminator(item["type"], item["path"], node) for item in slicing.get("discriminator", ())]

        def judge(item: Any, kind: str, report: Report) -> bool | None:
            answers = [part(item, kind, report) for part in judges]
            if False in answers:
                return False
            return None if None in answers or not answers else True

        return judge

    def _discriminator(self, kind: str, path: str, node: Node) -> Judge:
        match kind:
            case "value" | "pattern":
                return self._value(path, node)
            case "exists":
                return _exists(path, node)
            case "type":
                return _type(path, node)
            case "profile":
                return self._conforms(path, node)
        return _unknown

    def _value(self, path: str, node: Node) -> Judge:
        if path == "url" and node.types and node.types[0].get("profile"):
            urls = frozenset(url.split("|")[0] for url in node.types[0]["profile"])
            return lambda item, _kind, _report: type(item) is dict and _among(item.get("url"), urls)
        rules = _rules(path, node)
        if not rules:
            bound = _bound(path, node)
            return self._member(path, self._definitions.value_set(bound)) if bound else _unknown
        selectors = [(_selector(below), rule) for below, rule in rules]

        def judge(item: Any, _kind: str, _report: Report) -> bool | None:
            return all(any(agrees(rule, value) for value in select(item)) for select, rule in selectors)

        return judge

    def _member(self, path: str, known: Codes | None) -> Judge:
        if known is None:
            return _unknown
        select = _selector(path)

        def judge(item: Any, _kind: str, _report: Report) -> bool | None:
            found = [part for value in select(item) for part in (value.get("coding", [value]) if type(value) is dict else [])]
            return any(_of(known, part) for part in found if type(part) is dict)

        return judge

    def _conforms(self, path: str, node: Node) -> Judge:
        canonicals = [
            url for item in _at(path.removesuffix("resolve()").rstrip("."), node).types for url in _profiles(item, path)
        ]
        select = _selector(path.removesuffix(".resolve()"))
        if not canonicals or path.endswith("resolve()"):
            return _unknown

        def judge(item: Any, _kind: str, report: Report) -> bool | None:
            del report
            return any(self._passes(url, value) for value in select(item) for url in canonicals)

        return judge

    def _passes(self, canonical: str, value: Any) -> bool:
        trial = Report(value)
        self._profile(canonical)(value, (None, "trial"), trial)
        return not trial.failed


def _among(value: Any, names: Collection[str]) -> bool:
    """Whether a value is text, and one of the names. What is sent for a text may be an object, which no set can be asked for."""
    return type(value) is str and value in names


def _of(known: Codes, coding: dict[str, Any]) -> bool:
    system = coding.get("system", "")
    return type(system) is str and _among(coding.get("code"), known.get(system) or ())


def _unknown(_item: Any, _kind: str, _report: Report) -> bool | None:
    return None


def _profiles(item: dict[str, Any], path: str) -> list[str]:
    listed: list[str] = item.get("targetProfile" if path.endswith("resolve()") else "profile", [])
    return listed


def _selector(path: str) -> Callable[[Any], list[Any]]:
    if path == "$this" or not path:
        return lambda item: [item]
    try:
        compiled = compile_path(path)
    except ValueError:
        return lambda _item: []
    return compiled.values


def _parts(path: str) -> list[str]:
    return [] if path in ("$this", "") else path.split(".")


def _child(node: Node, name: str) -> Node | None:
    return node.children.get(name) or node.children.get(f"{name}[x]")


def _at(path: str, node: Node) -> Node:
    """The node to which a path leads, or an empty node."""
    found: Node | None = node
    for name in _parts(path):
        found = _child(found, name) if found else None
    return found or Node("", {}, {})


def _rules(path: str, node: Node) -> list[tuple[str, tuple[str, Any]]]:
    """Pairs of a path from the item and a rule: a fixed value or pattern on the way along `path`, at its end, or below it."""
    here: Node | None = node
    parts = _parts(path)
    for number in range(len(parts) + 1):
        if here is None:
            return []
        if here.fixed:
            kind, value = here.fixed
            if number == len(parts):
                return [(path, (kind, value))]
            return [(".".join(parts[:number]), ("pattern", _only(value, parts[number:])))]
        if number < len(parts):
            here = _child(here, parts[number])
    return list(_below(path, here)) if here else []


def _only(value: Any, parts: list[str]) -> Any:
    """The part of a pattern that the path `parts` reaches, or the whole pattern when the path leads out of it."""
    if not parts or type(value) is not dict or parts[0] not in value:
        return value
    return {parts[0]: value[parts[0]]}


def _below(path: str, node: Node) -> list[tuple[str, tuple[str, Any]]]:
    found: list[tuple[str, tuple[str, Any]]] = []
    for name, inner in node.children.items():
        below = name.removesuffix("[x]") if path in ("$this", "") else f"{path}.{name.removesuffix('[x]')}"
        found += [(below, inner.fixed)] if inner.fixed else _below(below, inner)
        for part in inner.slices.values():
            found += [(below, part.fixed)] if part.fixed else []
    return found


def _bound(path: str, node: Node) -> str:
    bound = _at(path, node).element.get("binding", {})
    return str(bound.get("valueSet", "")) if bound.get("strength") == "required" else ""


def _exists(path: str, node: Node) -> Judge:
    element = _at(path, node).element
    select = _selector(path)
    if element.get("max") == "0":
        return lambda item, _kind, _report: not select(item)
    if element.get("min", 0) > 0:
        return lambda item, _kind, _report: bool(select(item))
    return _unknown


def _type(path: str, node: Node) -> Judge:
    if path.endswith("resolve()"):
        steps = path.removesuffix("resolve()").rstrip(".")
        listed = _at(steps, node).types
        types = {short(url) for item in listed for url in item.get("targetProfile", ())}
        select = _selector(steps)

        def resolved(item: Any, _kind: str, report: Report) -> bool | None:
            found = [target(value, report) for value in select(item) if type(value) is dict]
            return None if not found or "" in found or not types else any(name in types for name in found)

        return resolved
    codes = {code(item) for item in _at(path, node).types}
    select = _selector(path)

    def typed(item: Any, kind: str, _report: Report) -> bool | None:
        if path == "$this" and kind:
            return kind in codes
        return any(_among(value.get("resourceType"), codes) for value in select(item) if type(value) is dict)

    return typed


__all__ = ["At", "Judge", "Slicer", "agrees", "fits"]
