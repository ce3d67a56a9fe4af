"""The FHIRPath of search parameters."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.expression import compile_expression, gathered


def drawn(expression: str, resource: dict[str, Any], kind: str = "token") -> list[Any]:
    branches = compile_expression(expression, resource["resourceType"], kind)
    assert branches is not None
    found = []
    for branch in branches:
        for key in branch.keys:
            values = gathered(resource.get(key))
            found += branch.walk(values) if branch.walk else values
    return found


@pytest.mark.parametrize(
    ("expression", "members", "expected"),
    [
        ("Task.code", {"code": 1}, [1]),
        ("Task.input.value", {"input": [{"valueString": "a"}, {"valueBoolean": True}, {"valueQuantity": 1}]}, ["a", True]),
        ("Task.a | Other.b | Task.c", {"a": 1, "b": 2, "c": [3, None]}, [1, 3]),
        ("(Task.value as Quantity)", {"valueQuantity": 1, "valueString": 2}, [1]),
        ("Task.value.ofType(Quantity).unit", {"valueQuantity": {"unit": "u"}, "valueString": 2}, ["u"]),
        ("Task.value.as(string)", {"valueString": 2}, [2]),
        ("Task.b.where(system='x').c", {"b": [{"system": "x", "c": 1}, {"system": "y", "c": 2}]}, [1]),
        ("Task.b[1].c", {"b": [{"c": 1}, {"c": 2}]}, [2]),
        ("Task.extension('u').value", {"extension": [{"url": "u", "valueString": 1}, {"url": "v", "valueString": 2}]}, [1]),
        ("Task.b.extension('u').value", {"b": {"extension": [{"url": "u", "valueString": 1}]}}, [1]),
        ("name | alias", {"name": 1, "alias": [2]}, [1, 2]),
    ],
)
def test_paths_reach_their_elements(expression: str, members: dict[str, Any], expected: list[Any]) -> None:
    assert drawn(expression, {"resourceType": "Task", **members}) == expected


@pytest.mark.parametrize(
    ("reference", "kept"),
    [
        ({"reference": "Patient/p"}, True),
        ({"reference": "https://x/fhir/Patient/p/_history/1"}, True),
        ({"reference": "Group/p"}, False),
        ({"type": "Patient", "identifier": {"value": "1"}}, True),
        ({"identifier": {"value": "1"}}, False),
    ],
)
def test_resolve_is_told_from_the_reference_itself(reference: dict[str, Any], kept: bool) -> None:
    found = drawn("Task.for.where(resolve() is Patient)", {"resourceType": "Task", "for": reference})
    assert bool(found) is kept


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "Task.a.first()",
        "Task.a + Task.b",
        "Task.where(a > 1)",
        "Task.a.where(b='1' and c='2')",
        "%resource.a",
        "Task",
        "Task.a[",
        "Task.a.resolve().b",
    ],
)
def test_what_is_not_understood_is_not_supported(expression: str) -> None:
    assert compile_expression(expression, "Task", "token") is None
