"""The report of one validation: the issues found so far, and the places of a resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.fhir.pathsteps import Environment
from service.problem import Issue

At = tuple[Any, ...]
"""A place as (parent place, name or index); the outermost place is (None, type). A place becomes text only for an issue."""

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
    """The issues of a resource while it is validated. `start` is the place of the present resource, and `ids` are those of its
    elements so far; `contained` gives the types of the resources that the present root resource contains, by their ids.
    """

    __slots__ = ("contained", "environment", "found", "ids", "start", "strict")

    def __init__(self, resource: Any, strict: bool = False, start: At = (None, "")) -> None:
        self.found: dict[Issue, None] = {}
        self.strict = strict
        self.start = start
        self.ids: set[str] = set()
        self.environment = Environment(resource, resource)
        self.contained: dict[str, str] = contained_in(resource)

    def add(self, at: At, code: str, text: str, rule: str, severity: str = "error") -> None:
        """Adds an issue; an issue that was added before is not added again."""
        self.found[Issue(code, text, place(at), rule, severity)] = None

    @property
    def issues(self) -> tuple[Issue, ...]:
        return tuple(self.found)

    @property
    def failed(self) -> bool:
        return any(issue.severity == "error" for issue in self.found)


def contained_in(resource: Any) -> dict[str, str]:
    """The types of a resource's contained resources by their ids, as far as these can be read."""
    held = resource.get("contained") if type(resource) is dict else None
    if type(held) is not list:
        return {}
    parts = [item for item in held if type(item) is dict]
    return {item["id"]: str(item.get("resourceType", "")) for item in parts if type(item.get("id")) is str}


def kind(value: Any) -> str:
    """The kind of a JSON value, in words."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "a boolean"
    if type(value) is str:
        return "a string"
    if type(value) is list:
        return "an array"
    return "an object" if type(value) is dict else "a number"
