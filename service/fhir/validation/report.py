"""What one validation has found so far, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.fhir.pathsteps import Environment
from service.problem import Issue

At = tuple[Any, ...]
"""A place as (parent place, name or index); the outermost is (None, type). Rendered only where an issue is found."""

Check = Callable[[Any, At, "Report"], None]


def place(at: At) -> str:
    """The FHIRPath of a place, as `Task.input[0].type`."""
    parts: list[str] = []
    here: Any = at
    while here is not None:
        here, segment = here
        parts.append(f"[{segment}]" if type(segment) is int else f".{segment}")
    return "".join(reversed(parts)).removeprefix(".")


class Report:
    """The issues, and the resource they are about. `contained` is id to type of what the outermost resource contains."""

    __slots__ = ("contained", "environment", "found", "strict", "within")

    def __init__(self, resource: Any, strict: bool = False) -> None:
        self.found: dict[Issue, None] = {}
        self.strict = strict
        self.within = False
        self.environment = Environment(resource, resource)
        self.contained: dict[str, str] = contained_in(resource)

    def add(self, at: At, code: str, text: str, rule: str, severity: str = "error") -> None:
        """One more issue; the same one twice is one."""
        self.found[Issue(code, text, place(at), rule, severity)] = None

    @property
    def issues(self) -> tuple[Issue, ...]:
        return tuple(self.found)

    @property
    def failed(self) -> bool:
        return any(issue.severity == "error" for issue in self.found)


def contained_in(resource: Any) -> dict[str, str]:
    """Id to type of the contained resources, as far as they are readable."""
    held = resource.get("contained") if type(resource) is dict else None
    if type(held) is not list:
        return {}
    parts = [item for item in held if type(item) is dict]
    return {item["id"]: str(item.get("resourceType", "")) for item in parts if type(item.get("id")) is str}


def kind(value: Any) -> str:
    """A JSON value's kind in words."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "a boolean"
    if type(value) is str:
        return "a string"
    if type(value) is list:
        return "an array"
    return "an object" if type(value) is dict else "a number"
