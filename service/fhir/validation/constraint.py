"""Compiles the rules that a profile adds to its base from the profile's snapshot. `structure` checks the base itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from service.fhir.definitions import Definitions
from service.fhir.pathsteps import is_choice, members
from service.fhir.validation import binding, link
from service.fhir.validation.report import At, Check, Report
from service.fhir.validation.rule import rules
from service.fhir.validation.slicing import Judge, Slicer, agrees
from service.fhir.validation.structure import capital
from service.fhir.validation.tree import Node, code, short, tree

Item = tuple[Any, At, str]
"""A value, its place, and its data type where the name of a choice member tells it."""

Group = Callable[[list[Item], At, Report], None]
"""A check of all items of one element together, called with the items, the place of the element and the report."""


class Profiles:
    """Compiles a profile when it is first asked for by its canonical."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._checks: dict[str, Check] = {}
        self._slicer = Slicer(definitions, self.check)

    def check(self, canonical: str) -> Check:
        """The check of a resource, element or extension against one profile; the check of an unknown profile finds no issue."""
        canonical = canonical.split("|")[0]
        if canonical not in self._checks:
            self._checks[canonical] = lambda value, at, report: self._checks[canonical](value, at, report)
            self._checks[canonical] = self._profile(canonical)
        return self._checks[canonical]

    def _profile(self, canonical: str) -> Check:
        structure = self._definitions.structure(canonical)
        base = self._definitions.structure(structure["type"]) if structure else None
        root = tree(structure["element"], base["element"]) if structure and base else None
        if root is None:
            return lambda _value, _at, _report: None
        checks = self._item(root, canonical)

        def check(value: Any, at: At, report: Report) -> None:
            for part in checks:
                part((value, at, ""), report)

        return check

    def _item(self, node: Node, rule: str) -> list[Callable[[Item, Report], None]]:
        """The checks of each item of a node."""
        made: list[Callable[[Item, Report], None]] = []
        element = node.element
        rule = f"{rule.split('#')[0]}#{element['id']}" if "id" in element else rule
        if node.fixed and node.fixed[1] != node.base.get(node.fixed[0]):
            made.append(_fixed(node.fixed, rule))
        checks = rules(node.own_constraints)
        if node.own_binding:
            checks += self._binding(node.own_binding)
        if node.tight:
            made += [_typed(frozenset(code(item) for item in node.types), rule)] if node.name.endswith("[x]") else []
            checks += self._targets(node, rule)
        made += [_each(check) for check in checks]
        made += [part for child in node.children.values() for part in self._child(child, rule)]
        return made

    def _binding(self, url: str) -> list[Check]:
        """The check of a required binding to the value set `url`, on an element that is a code, a Coding or a CodeableConcept."""
        codes = binding.code_test(self._definitions, url)
        object_check = binding.coded(self._definitions, url, url)

        def check(value: Any, at: At, report: Report) -> None:
            if type(value) is dict and object_check:
                object_check(value, at, report)
            elif type(value) is str and isinstance(codes, frozenset) and value not in codes:
                report.add(at, "code-invalid", f"This code is not in the required value set: {binding.says(url, codes)}.", url)

        return [check]

    def _targets(self, node: Node, rule: str) -> list[Check]:
        targets = {short(url) for item in node.types if code(item) == "Reference" for url in item.get("targetProfile", ())}
        named = {self._base_of(name) for name in targets}
        if not targets or "Resource" in named:
            return []
        return [link.towards(frozenset(named), rule, lambda name: name in self._definitions.types)]

    def _base_of(self, name: str) -> str:
        structure = self._definitions.structure(name)
        return str(structure["type"]) if structure else name

    def _child(self, node: Node, rule: str) -> list[Callable[[Item, Report], None]]:
        """The check of one member of an object: its count, each of its items, and its slices. Empty if the profile adds nothing
        to the base.
        """
        groups = self._groups(node, rule)
        if not groups:
            return []
        stem = node.name.removesuffix("[x]")
        types = {capital(name): name for name in map(code, node.base.get("type", node.types))} if stem != node.name else None

        def check(item: Item, report: Report) -> None:
            value, at, _ = item
            if type(value) is dict:
                here = (at, stem)
                found = _members(value, stem, here) if types is None else _choices(value, stem, here, types)
                for group in groups:
                    group(found, here, report)

        return [check]

    def _groups(self, node: Node, rule: str) -> list[Group]:
        rule = f"{rule.split('#')[0]}#{node.element.get('id', node.name)}"
        groups: list[Group] = []
        if _counted(node):
            groups.append(_count(node.element.get("min", 0), node.element.get("max", "*"), node.name.removesuffix("[x]"), rule))
        each = self._item(node, rule)
        if each:
            groups.append(_every(each))
        if node.slices:
            groups += self._slices(node, rule)
        return groups

    def _slices(self, node: Node, rule: str) -> list[Group]:
        slicing = node.element.get("slicing") or _implied(node)
        plain = slicing.get("rules", "open") == "open" and not slicing.get("ordered", False)
        made = []
        for name, part in node.slices.items():
            judge = self._slicer.judge(slicing, part)
            mark = f"{rule.split('#')[0]}#{part.element.get('id', name)}"
            group = [
                _count(part.element.get("min", 0), part.element.get("max", "*"), f"{part.name.removesuffix('[x]')}:{name}", mark)
            ]
            each = self._item(part, mark)
            if each or _asks(part) or not plain:
                made.append((name, judge, group[0], each))
        return [_sliced(made, slicing, rule)] if made else []


Sliced = tuple[str, Judge, Group, list[Callable[[Item, Report], None]]]


def _every(each: list[Callable[[Item, Report], None]]) -> Group:
    def check(items: list[Item], _at: At, report: Report) -> None:
        for item in items:
            for part in each:
                part(item, report)

    return check


def _implied(node: Node) -> dict[str, Any]:
    """The slicing of an element whose snapshot leaves the discriminator out: slices of a choice are told apart by type, slices of
    extensions by url.
    """
    kind, path = ("type", "$this") if node.name.endswith("[x]") else ("value", "url")
    return {"discriminator": [{"type": kind, "path": path}], "rules": "open"}


def _asks(node: Node) -> bool:
    return bool(node.element.get("min", 0) > 0 or node.element.get("max", "*") != "*")


def _counted(node: Node) -> bool:
    """Whether the profile's cardinality differs from the base's; for an element that the base does not list, only a minimum."""
    element, base = node.element, node.base
    if not element:
        return False
    return (element.get("min", 0), element.get("max")) != (base.get("min", 0), base.get("max", element.get("max")))


def _members(value: dict[str, Any], name: str, here: At) -> list[Item]:
    held = value.get(name)
    if type(held) is list:
        return [(item, (here, number), "") for number, item in enumerate(held) if item is not None]
    return [(item, here, "") for item in members(value, name)] if name in value or f"_{name}" in value else []


def _choices(value: dict[str, Any], stem: str, here: At, types: dict[str, str]) -> list[Item]:
    """The values of a choice with their types, which `types` gives by the ends of the members' names. A primitive without a value
    is represented by its extensions.
    """
    found: list[Item] = []
    for name, item in value.items():
        full = name.removeprefix("_")
        if is_choice(full, stem) and (full == name or full not in value):
            end = full[len(stem) :]
            found.append((item, here, types.get(end, end)))
    return found


def _count(least: int, most: str, name: str, rule: str) -> Group:
    limit = None if most == "*" else int(most)

    def check(items: list[Item], at: At, report: Report) -> None:
        if len(items) < least:
            report.add(at, "required", f"`{name}` comes {len(items)} times: this profile needs at least {least}.", rule)
        if limit is not None and len(items) > limit:
            report.add(at, "structure", f"`{name}` comes {len(items)} times: this profile allows at most {limit}.", rule)

    return check


def _each(check: Check) -> Callable[[Item, Report], None]:
    return lambda item, report: check(item[0], item[1], report)


def _fixed(rule_value: tuple[str, Any], rule: str) -> Callable[[Item, Report], None]:
    wanted = orjson.dumps(rule_value[1]).decode()

    def check(item: Item, report: Report) -> None:
        if not agrees(rule_value, item[0]):
            verb = "equal" if rule_value[0] == "fixed" else "hold"
            report.add(item[1], "value", f"This must {verb} `{wanted}`: set it so.", rule)

    return check


def _typed(codes: frozenset[str], rule: str) -> Callable[[Item, Report], None]:
    listed = ", ".join(f"`{name}`" for name in sorted(codes))

    def check(item: Item, report: Report) -> None:
        if item[2] and item[2] not in codes:
            report.add(item[1], "structure", f"This is of type `{item[2]}`: this profile takes {listed}.", rule)

    return check


def _sliced(slices: list[Sliced], slicing: dict[str, Any], rule: str) -> Group:
    """A check that puts every item into its slice, then checks each slice's count and rules, the order of the slices, and that a
    closed slicing has no other items.
    """
    closed, ordered = slicing.get("rules") in ("closed", "openAtEnd"), bool(slicing.get("ordered", False))

    def check(items: list[Item], at: At, report: Report) -> None:
        held: list[list[Item]] = [[] for _ in slices]
        order: list[int | None] = []
        for item in items:
            answers = [judge(item[0], item[2], report) for _, judge, _, _ in slices]
            found = next((number for number, answer in enumerate(answers) if answer), None)
            if found is not None:
                held[found].append(item)
            elif closed and slicing["rules"] == "closed" and None not in answers:
                report.add(
                    item[1], "structure", "This belongs to none of the slices, and no others are allowed: leave it out.", rule
                )
            order.append(found)
        for (_, _, count, each), chosen in zip(slices, held, strict=True):
            count(chosen, at, report)
            for item in chosen:
                for part in each:
                    part(item, report)
        if not _in_order(order, ordered, closed and slicing["rules"] == "openAtEnd"):
            report.add(at, "structure", "The slices are out of order: keep the order of the profile.", rule)

    return check


def _in_order(found: list[int | None], ordered: bool, open_at_end: bool) -> bool:
    known = [number for number in found if number is not None]
    if ordered and known != sorted(known):
        return False
    return not open_at_end or found[: len(known)] == known
