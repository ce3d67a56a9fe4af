"""Parameters: reads the resource that an operation is given, and makes the resource that it answers with (R4 section 3.2.0)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.change import Resource
from service.fhir.primitive import TESTS
from service.fhir.resource import root
from service.problem import Category, Issue, Problem

RULE = "R4 3.2.0"


@dataclass(frozen=True, slots=True)
class Input:
    """One parameter that an operation takes: its name, the `value[x]` members in which it may come (`kinds`), and how often. One
    that is made of `parts` has no value of its own, and comes as `part`."""

    name: str
    kinds: tuple[str, ...] = ()
    required: bool = False
    repeats: bool = False
    parts: tuple[Input, ...] = ()


Given = Mapping[str, Sequence[Any]]
"""The values of each parameter by the parameter's name; empty for a parameter that was not given."""


def given(resource: Resource, inputs: Sequence[Input]) -> Given | Problem:
    """The values of a Parameters resource, or a Problem that names all its faults. An unknown parameter is such a fault."""
    if resource.get("resourceType") != "Parameters":
        return Problem(Category.MALFORMED, (_issue("The operation takes a `Parameters` resource; send one.", root(resource)),))
    listed = resource.get("parameter", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        return Problem(Category.MALFORMED, (_issue("`parameter` is a list of parameters; write it so."),))
    values, issues = _values(listed, inputs, "Parameters.parameter")
    return Problem(Category.MALFORMED, tuple(issues)) if issues else values


def _values(listed: Sequence[Resource], inputs: Sequence[Input], within: str) -> tuple[dict[str, list[Any]], list[Issue]]:
    values: dict[str, list[Any]] = {each.name: [] for each in inputs}
    issues = [*_read(listed, {each.name: each for each in inputs}, values, within)]
    needed = (each.name for each in inputs if each.required and not values[each.name])
    issues += [_issue(f"The parameter `{name}` is needed; add it.", within) for name in needed]
    often = (each.name for each in inputs if not each.repeats and len(values[each.name]) > 1)
    issues += [_issue(f"The parameter `{name}` is given once.", within) for name in often]
    return values, issues


def _read(listed: Iterable[Resource], inputs: Mapping[str, Input], values: dict[str, list[Any]], within: str) -> Iterator[Issue]:
    for place, each in enumerate(listed):
        path = f"{within}[{place}]"
        name = each.get("name")
        known = inputs.get(name) if isinstance(name, str) else None
        if known is None:
            yield _issue(f"There is no parameter `{name}` here; it is one of `{'`, `'.join(inputs)}`.", path)
            continue
        if known.parts:
            inner = each.get("part")
            if not isinstance(inner, list) or not all(isinstance(one, dict) for one in inner) or len(each) != 2:
                yield _issue(f"The parameter `{name}` is made of parts; write it so.", path)
                continue
            found_, issues = _values(inner, known.parts, f"{path}.part")
            yield from issues
            values[known.name].append(found_)
            continue
        found = [each[kind] for kind in known.kinds if _fits(kind, each.get(kind))]
        if len(found) != 1 or len(each) != 2:
            yield _issue(f"The parameter `{name}` comes as `{'` or `'.join(known.kinds)}` and nothing else.", path)
            continue
        values[known.name].append(found[0])


_OBJECTS = frozenset(
    {
        *("valueReference", "valueIdentifier", "valueCoding", "valueCodeableConcept"),
        *("valuePeriod", "valueDuration", "valueQuantity", "resource"),
    }
)


def _fits(kind: str, value: object) -> bool:
    if kind in _OBJECTS:
        return isinstance(value, dict)
    if isinstance(value, str) and not value.strip():
        return False
    primitive = kind.removeprefix("value")
    return TESTS[primitive[0].lower() + primitive[1:]](value)


def _issue(text: str, expression: str = "Parameters.parameter") -> Issue:
    return Issue("invalid", text, expression, RULE)


def parameter(name: str, kind: str, value: Any) -> Resource:
    """One parameter with a value; `kind` is the value's member: `valueCode`, `valueReference` …, or `resource`."""
    return {"name": name, kind: value}


def parts(name: str, *inner: Resource) -> Resource:
    """One parameter made of other parameters, its parts."""
    return {"name": name, "part": list(inner)}


def parameters(*listed: Resource) -> Resource:
    """A Parameters resource of the parameters listed; without any it has no member `parameter`, because R4 has no empty lists."""
    return {"resourceType": "Parameters", **({"parameter": list(listed)} if listed else {})}
