"""Checks R4's own rules of a type: one compiled check for each data type and resource type, made when first met."""

from __future__ import annotations

import re
from typing import Any

from service.fhir.canonical import R4_STRUCTURE
from service.fhir.definitions import Definitions
from service.fhir.narrative import targets, unsafe
from service.fhir.primitive import FITS, TESTS, Fit, Test
from service.fhir.validation import binding, link, member
from service.fhir.validation.member import Member
from service.fhir.validation.report import At, Check, Report, kind
from service.fhir.validation.rule import rules

Element = dict[str, Any]
_PLAIN = frozenset({"Extension.url"})
"""Primitives that have neither id nor extensions, as narrative has none: only a value says anything."""
_QUANTITIES = {"SimpleQuantity": ("sqty-1", "comparator", "A simple quantity has no comparator: leave `comparator` out.")}


def capital(name: str) -> str:
    """A type's name in the form that ends a choice member's name: `DateTime` of `dateTime`."""
    return name[0].upper() + name[1:]


class Structures:
    """Compiles a type when it is first met. `inner` checks a resource inside another, `extended` an Extension by its url."""

    def __init__(self, definitions: Definitions, inner: Check, extended: Check) -> None:
        self._definitions = definitions
        self._inner = inner
        self._extended = extended
        self._checks: dict[str, Check] = {}
        self._parts: dict[str, Check] = {}

    def check(self, name: str) -> Check:
        """The check of a data type or resource type."""
        if name not in self._checks:
            self._checks[name] = lambda value, at, report: self._checks[name](value, at, report)  # the type may contain itself
            self._checks[name] = self._type(name)
        return self._checks[name]

    def _type(self, name: str) -> Check:
        structure = self._definitions.structure(name)
        if structure is None:
            return lambda _value, _at, _report: None
        elements: list[Element] = structure["element"]
        extras = [*self._beyond(name), *rules(elements[0].get("constraint", ()))]
        return self._object(elements, name, extras, resource=structure["kind"] == "resource")

    def _beyond(self, name: str) -> list[Check]:
        """The checks of a type that none of its constraints states."""
        match name:
            case "Extension":
                return [_extension, self._extended]
            case "Coding":
                return [binding.held(self._definitions)]
            case "CodeableConcept":
                return [binding.said(self._definitions)]
            case "Identifier":
                return [binding.identified]
            case "Reference":
                return [link.form(self._definitions.types)]
            case "Bundle":
                return [link.named]
        return []

    def _object(self, elements: list[Element], path: str, extras: list[Check], *, resource: bool = False) -> Check:
        members: dict[str, Member] = {"resourceType": member.literal} if resource else {}
        required: list[tuple[str, str]] = []
        choices: list[tuple[str, frozenset[str], bool]] = []
        depth = path.count(".") + 1
        for element in elements:
            if element["path"].startswith(path + ".") and element["path"].count(".") == depth:
                name = element["path"].rsplit(".", 1)[1]
                if name.endswith("[x]"):
                    made = self._choice(elements, element, name[:-3])
                    choices.append((name[:-3], frozenset(made), element["min"] > 0))
                    members.update(made)
                    continue
                members.update(self._members(elements, element, name))
                if element["min"] > 0:
                    required.append((name, f"_{name}" if f"_{name}" in members else name))
        if not resource and "id" in members:
            members["id"] = member.unique(members["id"])
        return compiled(members, required, choices, extras, path, self._quick(elements, path, members))

    def _quick(self, elements: list[Element], path: str, members: dict[str, Member]) -> dict[str, Fit]:
        """The quick tests of the primitive members that do not repeat and have no constraints of their own."""
        found: dict[str, Fit] = {}
        for element in elements:
            stem, _, name = element["path"].rpartition(".")
            if stem != path or element["max"] != "1" or element.get("constraint"):
                continue
            for item in element.get("type", ()):
                full = name[:-3] + capital(item["code"]) if name.endswith("[x]") else name
                fits = self._fit(element, item["code"])
                if fits is not None and full in members and name != "id":
                    found[full] = fits
        return found

    def _fit(self, element: Element, code: str) -> Fit | None:
        value_set = binding.required(element) if code in ("code", "string", "uri") else ""
        if not value_set:
            return FITS.get(code)
        codes = binding.code_test(self._definitions, value_set)
        if isinstance(codes, re.Pattern):
            return codes.fullmatch
        return codes.__contains__ if codes is not None else None

    def _choice(self, elements: list[Element], element: Element, stem: str) -> dict[str, Member]:
        made: dict[str, Member] = {}
        for kind_ in element["type"]:
            name = stem + capital(kind_["code"])
            made.update(self._members(elements, element | {"type": [kind_]}, name, stem))
        return made

    def _members(self, elements: list[Element], element: Element, name: str, label: str = "") -> dict[str, Member]:
        """The checks of the member `name` and, for a primitive, of its `_name` sibling, by member name."""
        label = label or name
        many = element["max"] != "1"
        code = element.get("type", [{"code": ""}])[0]["code"]
        if (
            element["path"].count(".") == 1
            and name == "id"
            and element["path"][0].isupper()
            and self._is_resource(element["path"])
        ):
            code = "id"
        if code in TESTS:
            return self._primitive(element, name, label, code, many)
        checks = self._complex(elements, element, code)
        return {name: member.many(name, checks) if many else member.once(label, checks)}

    def _is_resource(self, path: str) -> bool:
        return path.split(".")[0] in self._definitions.types

    def _primitive(self, element: Element, name: str, label: str, code: str, many: bool) -> dict[str, Member]:
        test, says, issue, rule = self._test(element, code)
        extras = rules(element.get("constraint", ()))
        if code == "xhtml":
            extras = [_narrative]
        made = (
            member.repeated(name, test, says, issue, rule, extras)
            if many
            else member.single(name, label, test, says, issue, rule, extras)
        )
        if code == "xhtml" or element["path"] in _PLAIN:
            return {name: made}
        beside = member.beside(name, many, self.check("Element"))
        if (name, code) == ("id", "id") or (code == "code" and element.get("binding", {}).get("strength") == "required"):
            beside = member.told(name, beside, f"{R4_STRUCTURE}{element['path'].split('.')[0]}#{element['path']}")
        return {name: made, f"_{name}": beside}

    def _test(self, element: Element, code: str) -> tuple[Test, str, str, str]:
        """The test of a primitive's value, the allowed values in words, the code of the issue if it fails, and the rule."""
        plain = TESTS[code], member.says(code), "value", f"{R4_STRUCTURE}{code}"
        rule = binding.required(element) if code in ("code", "string", "uri") else ""
        codes = binding.code_test(self._definitions, rule) if rule else None
        if codes is None:
            return plain
        if isinstance(codes, re.Pattern):
            match = codes.fullmatch
            return lambda value: type(value) is str and match(value) is not None, binding.says(rule), "code-invalid", rule
        known = codes
        return lambda value: type(value) is str and value in known, binding.says(rule, codes), "code-invalid", rule

    def _complex(self, elements: list[Element], element: Element, code: str) -> list[Check]:
        """Every check of a member that is an object, of which the first checks its shape."""
        own = rules(element.get("constraint", ()))
        if "contentReference" in element:
            return [self._part(elements, element["contentReference"].split("#")[1])]
        if code in ("BackboneElement", "Element") and any(other["path"].startswith(element["path"] + ".") for other in elements):
            return [self._part(elements, element["path"])]
        if code == "Resource":
            return [self._inner, *own]
        checks = [self.check(code), *own]
        for name in element["type"][0].get("profile", ()):
            if name in _QUANTITIES:
                checks += [_without(*_QUANTITIES[name])]
        targets = frozenset(element["type"][0].get("targetProfile", ()))
        if code == "Reference" and targets and "Resource" not in targets:
            checks.append(
                link.towards(
                    targets, f"{R4_STRUCTURE}{element['path'].split('.')[0]}", lambda name: name in self._definitions.types
                )
            )
        bound = element.get("binding", {})
        if bound.get("strength") == "required" and code in ("Coding", "CodeableConcept"):
            made = binding.coded(self._definitions, bound["valueSet"], bound["valueSet"])
            checks += [made] if made else []
        return checks

    def _part(self, elements: list[Element], path: str) -> Check:
        """The check of a backbone element, to which other elements may refer and which may contain itself."""
        if path not in self._parts:
            self._parts[path] = lambda value, at, report: self._parts[path](value, at, report)
            element = next(item for item in elements if item["path"] == path)
            self._parts[path] = self._object(elements, path, rules(element.get("constraint", ())))
        return self._parts[path]


def compiled(
    members: dict[str, Member],
    required: list[tuple[str, str]],
    choices: list[tuple[str, frozenset[str], bool]],
    extras: list[Check],
    path: str,
    texts: dict[str, Fit],
) -> Check:
    """The check of one object: its members must be known and are checked, required members must be there, each choice comes in
    one type, and the object meets its constraints (`extras`).

    `texts` holds quick tests in C for members that are plain strings; a member that fails its quick test is checked in full.
    """
    find = members.get
    quick = texts.get
    rule = f"{R4_STRUCTURE}{path.split('.')[0]}#{path}"

    def check(value: Any, at: At, report: Report) -> None:
        if type(value) is not dict:
            report.add(at, "structure", f"This is {kind(value)}: it must be one JSON object.", member.RULE)
            return
        if not value:
            report.add(at, "structure", "This object is empty: leave the member out.", member.RULE)
        for name, item in value.items():
            fits = quick(name)
            if fits is not None and type(item) is str and item and fits(item):
                continue
            made = find(name)
            if made is None:
                _unknown(name, choices, at, report, rule)
            else:
                made(item, at, report, value)
        for name, sibling in required:
            if name not in value and sibling not in value:
                report.add((at, name), "required", f"`{name}` is missing: send it.", rule)
        for stem, names, needed in choices:
            if needed or not names.isdisjoint(value):
                _one_of(stem, names, needed, value, at, report, rule)
        for extra in extras:
            extra(value, at, report)

    return check


def _unknown(name: str, choices: list[tuple[str, frozenset[str], bool]], at: At, report: Report, rule: str) -> None:
    stem = next((stem for stem, _, _ in choices if name.startswith(stem) and name[len(stem) : len(stem) + 1].isupper()), "")
    if stem:
        report.add((at, stem), "structure", f"`{name[:64]}` is not a type that `{stem}[x]` takes here: use one that is.", rule)
    else:
        report.add((at, name[:64]), "structure", f"`{name[:64]}` is not a member here: leave it out or correct its name.", rule)


def _one_of(stem: str, names: frozenset[str], needed: bool, value: dict[str, Any], at: At, report: Report, rule: str) -> None:
    held = names & value.keys()
    if len(held) > 1 and len({name.lstrip("_") for name in held}) > 1:
        report.add((at, stem), "structure", f"`{stem}[x]` is given in two types: keep one.", rule)
    if needed and not held:
        report.add((at, stem), "required", f"`{stem}[x]` is missing: send it in one of its types.", rule)


def _extension(value: dict[str, Any], at: At, report: Report) -> None:
    """ext-1: an extension has a value or extensions, not both."""
    held = any(name.startswith(("value", "_value")) for name in value)
    if held is ("extension" in value):
        report.add(at, "invariant", "An extension has a value or extensions of its own: send exactly one of them.", "ext-1")


def _narrative(value: Any, at: At, report: Report) -> None:
    reason = unsafe(value)
    if reason:
        report.add(at, "invariant", reason, "txt-1")
    elif not report.contained.keys() >= set(targets(value)):
        said = "The narrative leads to an id that is neither in it nor contained: correct the link or the picture's source."
        report.add(at, "value", said, "R4 2.7.1")


def _without(key: str, name: str, text: str) -> Check:
    def check(value: Any, at: At, report: Report) -> None:
        if type(value) is dict and name in value:
            report.add((at, name), "invariant", text, key)

    return check
