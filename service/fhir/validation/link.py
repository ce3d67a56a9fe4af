"""Checks References: their form, and the type to which they lead where the reference tells it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from service.fhir import naming
from service.fhir.canonical import R4_STRUCTURE
from service.fhir.naming import full_url_fault
from service.fhir.validation.report import At, Check, Report

_TYPED = re.compile(
    r"(?P<server>[A-Za-z][A-Za-z0-9+.\-]*:[^#]*/)?(?P<type>[A-Z][A-Za-z]{1,63})/[A-Za-z0-9\-.]{1,64}"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?(?(server)(?:#.*)?)"
)
_QUERY = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})\?.+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
RULE = "R4 2.3.0"


@lru_cache(maxsize=8192)
def leads_to(reference: str) -> str | None:
    """The type that a literal reference names; empty for a reference that names none; None for a text that is no reference."""
    found = _TYPED.fullmatch(reference) or _QUERY.fullmatch(reference)
    if found:
        return found["type"]
    return "" if _ABSOLUTE.fullmatch(reference) or reference.startswith("#") else None


def target(value: dict[str, Any], report: Report) -> str:
    """The type to which a Reference leads; empty when neither its `reference` nor its `type` tells it."""
    literal = value.get("reference")
    if type(literal) is str:
        if literal.startswith("#"):
            held = literal[1:]
            return report.contained.get(held, "") if held else str(report.environment.root.get("resourceType", ""))
        found = leads_to(literal)
        if found:
            return found
    named = value.get("type")
    return named if type(named) is str and named.isalpha() else ""


def form(types: frozenset[str]) -> Check:
    """The check that a literal reference has a legal form, `Type/id` of a known type, an absolute URL, `#id` or `urn:`, and that
    `type` is the name of a type; an absolute URL there is that of a logical model.
    """
    names = types | {"Resource", "DomainResource"}

    def check(value: Any, at: At, report: Report) -> None:
        literal, kind = value.get("reference"), value.get("type")
        if type(kind) is str and kind not in names and (":" not in kind or kind.removeprefix(R4_STRUCTURE) in names):
            report.add((at, "type"), "code-invalid", "This is the name of no type of resource: name one, as `Patient`.", RULE)
        if type(literal) is not str:
            return
        found = leads_to(literal)
        named = value.get("type")
        told = report.contained.get(literal[1:]) if literal.startswith("#") else found
        if told and type(named) is str and named.isalpha() and named != told:
            report.add((at, "type"), "value", f"The reference leads to a `{told}`: say that type, or leave `type` out.", RULE)
        if found is None or (found and found not in types and not _ABSOLUTE.match(literal)):
            report.add(
                (at, "reference"),
                "value",
                "A reference is `Type/id`, an absolute URL, `urn:uuid:…` or `#id`: write one of these.",
                RULE,
            )

    return check


def named(value: dict[str, Any], at: At, report: Report) -> None:
    """The check that the fullUrl of each entry of a Bundle is absolute, and the URL of no other record than the entry's."""
    held = value.get("entry")
    for number, entry in enumerate(held if type(held) is list else ()):
        url = entry.get("fullUrl") if type(entry) is dict else None
        fault = full_url_fault(url, entry.get("resource")) if type(url) is str else ""
        if fault:
            report.add((((at, "entry"), number), "fullUrl"), "value", fault, naming.RULE)


def towards(allowed: frozenset[str], rule: str, canonical: Callable[[str], bool]) -> Check:
    """The check that a Reference leads to one of the `allowed` types, if the Reference tells a type that `canonical` knows."""
    listed = ", ".join(f"`{name}`" for name in sorted(allowed))

    def check(value: Any, at: At, report: Report) -> None:
        if type(value) is not dict:
            return
        found = target(value, report)
        if found and found not in allowed and canonical(found):
            report.add(at, "value", f"This refers to a `{found}`: refer to {listed}.", rule)

    return check
