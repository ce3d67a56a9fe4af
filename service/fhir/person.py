"""How a person is named to somebody who must choose the right one: by name, date of birth and NHS number."""

from __future__ import annotations

from typing import Any

from service.change import Resource
from service.fhir.canonical import NHS_NUMBER

_FIRST = ("usual", "official", "", "nickname", "temp", "anonymous", "maiden", "old")
"""The uses of a name, the one to call a person by first."""


def named(resource: Resource) -> str:
    """The person's name, date of birth and NHS number, as far as they are told; the reference where there is no name."""
    reference = f"{resource['resourceType']}/{resource.get('id', '')}"
    said = [_name(_items(resource, "name")) or reference]
    if born := resource.get("birthDate"):
        said.append(f"born {born}")
    numbers = [str(each.get("value", "")) for each in _items(resource, "identifier") if each.get("system") == NHS_NUMBER]
    said += [f"NHS number {number[:3]} {number[3:6]} {number[6:]}" for number in numbers[:1] if number]
    return ", ".join(said)


def _name(names: list[Resource]) -> str:
    ranked = sorted(names, key=lambda each: _FIRST.index(use) if (use := each.get("use", "")) in _FIRST else len(_FIRST))
    return next((text for each in ranked if (text := _text(each))), "")


def _text(name: Resource) -> str:
    if isinstance(name.get("text"), str):
        return str(name["text"])
    given = " ".join(str(each) for each in name.get("given", ()) if each)
    return " ".join(part for part in (given, str(name.get("family", "")).upper()) if part)


def _items(resource: Resource, member: str) -> list[Any]:
    held = resource.get(member)
    return [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []
