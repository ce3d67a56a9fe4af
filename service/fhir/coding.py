"""Codes: the one reader of Coding and CodeableConcept, and the one writer (R4 2.24.0.6, 2.24.0.7)."""

from __future__ import annotations

from collections.abc import Iterator

from service.change import Resource


def codings(element: object) -> Iterator[tuple[str, str]]:
    """(system, code) of a CodeableConcept, a Coding, or a list of them; an absent system is ''. Anything else holds none."""
    if type(element) is list:
        for item in element:
            yield from codings(item)
    if type(element) is not dict:
        return
    code = element.get("code")
    if type(code) is str and code:
        system = element.get("system")
        yield system if type(system) is str else "", code
    if "coding" in element:
        yield from codings(element["coding"])


def code_in(element: object, system: str) -> str:
    """The first code of `system`, or ''."""
    return next((code for found, code in codings(element) if found == system), "")


def codes_in(element: object, system: str) -> frozenset[str]:
    """The codes of `system`."""
    return frozenset(code for found, code in codings(element) if found == system)


def keys(element: object) -> Iterator[str]:
    """`system|code` of each coding."""
    return (f"{system}|{code}" for system, code in codings(element))


def concept(system: str, code: str, text: str = "") -> Resource:
    """A CodeableConcept with one coding. A code of an enum becomes a plain string: a resource holds what JSON does."""
    made: Resource = {"coding": [{"system": system, "code": str(code)}]}
    return {**made, "text": text} if text else made
