"""Makes checks of one member of an object: of a primitive and its `_name` sibling, of an object, and of an array of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.fhir.primitive import SAYS, Test
from service.fhir.validation.report import At, Check, Report, kind

Member = Callable[[Any, At, Report, dict[str, Any]], None]
"""A check of a member, called with its value, the place of the object, the report and the object."""

RULE = "R4 2.6.2"


def single(name: str, label: str, test: Test, says: str, code: str, rule: str, extras: list[Check]) -> Member:
    """The check of a primitive that does not repeat. `label` is its name in FHIRPath, `says` finishes "this must be …"."""

    def check(value: Any, at: At, report: Report, _owner: dict[str, Any]) -> None:
        if not test(value):
            return wrong((at, label), value, report, says, code, rule)
        for extra in extras:
            extra(value, (at, label), report)
        return None

    del name
    return check


def repeated(name: str, test: Test, says: str, code: str, rule: str, extras: list[Check]) -> Member:
    """The check of an array of primitives, in which null is legal only where the `_name` sibling has an extension at that index:
    an id alone says nothing (ele-1)."""
    sibling = f"_{name}"

    def check(value: Any, at: At, report: Report, owner: dict[str, Any]) -> None:
        here = (at, name)
        if not listed(value, here, report):
            return
        for number, item in enumerate(value):
            if test(item):
                for extra in extras:
                    extra(item, (here, number), report)
            elif item is not None or not _beside(owner.get(sibling), number):
                wrong((here, number), item, report, says, code, rule)

    return check


def _beside(values: Any, number: int) -> bool:
    if type(values) is not list or number >= len(values):
        return False
    return type(values[number]) is dict and "extension" in values[number]


def wrong(at: At, value: Any, report: Report, says: str, code: str, rule: str) -> None:
    """Adds the issue of a primitive value that its type does not allow."""
    wanted = says if code == "code-invalid" else f"it must be {says}"
    if type(value) in (dict, list) or value is None:
        report.add(at, "structure", f"This is {kind(value)}: {wanted}.", RULE)
    elif value == "":
        report.add(at, "value", f"This is empty: leave the member out; else {wanted}.", RULE)
    elif code == "code-invalid" and type(value) is str:
        report.add(at, code, f"This code is not in the required value set: {says}.", rule)
    else:
        report.add(at, "value", f"This is {kind(value)} that does not fit: {wanted}.", rule)


def beside(name: str, many: bool, element: Check) -> Member:
    """The check of the `_name` sibling of a primitive, which holds id and extensions, aligned with the values of an array."""

    def check(value: Any, at: At, report: Report, owner: dict[str, Any]) -> None:
        here = (at, name)
        values = owner.get(name)
        if not many:
            element(value, here, report)
            if values is None and type(value) is dict and value and "extension" not in value:
                report.add(here, "invariant", "An element has a value or an extension: send one of them.", "ele-1")
            return
        if not listed(value, here, report):
            return
        if type(values) is list and len(values) != len(value):
            report.add(here, "structure", f"`_{name}` and `{name}` must have the same length: align them with null.", RULE)
        for number, item in enumerate(value):
            if item is not None:
                element(item, (here, number), report)
            elif values is None:
                report.add((here, number), "structure", "An element has a value or an extension: send one of them.", RULE)

    return check


def told(name: str, made: Member, rule: str) -> Member:
    """The check of the `_name` sibling of a code from a required value set, as `made` checks every sibling: an extension or an id
    alone is none of the codes.
    """

    def check(value: Any, at: At, report: Report, owner: dict[str, Any]) -> None:
        made(value, at, report, owner)
        values = owner.get(name)
        if values is None and type(value) is dict:
            report.add((at, name), "required", f"`{name}` needs a code: an extension alone is none.", rule)
        for number, item in enumerate(value if type(value) is list else ()):
            if item is not None and (type(values) is not list or number >= len(values) or values[number] is None):
                report.add(((at, name), number), "required", f"`{name}` needs a code: an extension alone is none.", rule)

    return check


def unique(made: Member) -> Member:
    """The check of an element's id, as `made` checks every string: no other element of the resource has it. A StructureDefinition
    has each of its elements twice, in the snapshot and in the differential.
    """

    def check(value: Any, at: At, report: Report, owner: dict[str, Any]) -> None:
        made(value, at, report, owner)
        if type(value) is not str:
            return
        if value in report.ids and report.environment.resource.get("resourceType") != "StructureDefinition":
            report.add((at, "id"), "duplicate", "Another element of the resource has this id: give each its own.", "R4 Element")
        report.ids.add(value)

    return check


def once(label: str, checks: list[Check]) -> Member:
    """The check of an object that does not repeat."""
    if len(checks) == 1:
        (only,) = checks
        return lambda value, at, report, _owner: only(value, (at, label), report)

    def check(value: Any, at: At, report: Report, _owner: dict[str, Any]) -> None:
        here = (at, label)
        for part in checks:
            part(value, here, report)

    return check


def many(name: str, checks: list[Check]) -> Member:
    """The check of an array of objects."""

    def check(value: Any, at: At, report: Report, _owner: dict[str, Any]) -> None:
        here = (at, name)
        if not listed(value, here, report):
            return
        for number, item in enumerate(value):
            spot = (here, number)
            for part in checks:
                part(item, spot, report)

    return check


def listed(value: Any, at: At, report: Report) -> bool:
    """Whether a repeating member is an array that is not empty; else an issue is added."""
    if type(value) is not list:
        report.add(at, "structure", f"This repeats, and is {kind(value)}: send an array.", RULE)
        return False
    if not value:
        report.add(at, "structure", "This array is empty: leave the member out.", RULE)
        return False
    return True


def literal(_value: Any, _at: At, _report: Report, _owner: dict[str, Any]) -> None:
    """The check of a member that needs none here, such as `resourceType`."""


def says(type_code: str) -> str:
    """The values that a primitive type allows, in words."""
    return SAYS[type_code]
