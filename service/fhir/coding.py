"""Codes: the only functions that read and write Coding and CodeableConcept (R4 2.24.0.6, 2.24.0.7)."""

from __future__ import annotations

from collections.abc import Iterator

from service.change import Resource


def codings(element: object) -> Iterator[tuple[str, str]]:
    """The pairs (system, code) of a CodeableConcept, a Coding, or a list of either; an absent system is ''. Any other value gives
    no pairs.
    """
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
    """The element's first code in `system`, or ''."""
    return next((code for found, code in codings(element) if found == system), "")


def codes_in(element: object, system: str) -> frozenset[str]:
    """The element's codes in `system`."""
    return frozenset(code for found, code in codings(element) if found == system)


def keys(element: object) -> Iterator[str]:
    """`system|code` of each coding of the element."""
    return (f"{system}|{code}" for system, code in codings(element))


def concept(system: str, code: str, text: str = "") -> Resource:
    """A CodeableConcept with one coding. A code of an enum becomes a plain string, because a resource holds JSON values only."""
    made: Resource = {"coding": [{"system": system, "code": str(code)}]}
    return {**made, "text": text} if text else made
