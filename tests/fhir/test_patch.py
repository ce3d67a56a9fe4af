"""JSON Patch (RFC 6902), by the examples of its appendix A and at its edges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.json import value
from service.fhir.patch import MOST, patched
from service.problem import Category, Problem

DEPTH = 20


def op(name: str, path: str, **more: Any) -> dict[str, Any]:
    """One operation; `from_` for its `from`."""
    return {"op": name, "path": path, **{key.rstrip("_"): given for key, given in more.items()}}


@pytest.mark.parametrize(
    ("before", "operations", "after"),
    [
        ({"foo": "bar"}, [op("add", "/baz", value="qux")], {"foo": "bar", "baz": "qux"}),
        ({"foo": ["bar", "baz"]}, [op("add", "/foo/1", value="qux")], {"foo": ["bar", "qux", "baz"]}),
        ({"foo": ["bar"]}, [op("add", "/foo/-", value=["abc"])], {"foo": ["bar", ["abc"]]}),
        ({"foo": ["bar"]}, [op("add", "/foo/1", value="baz")], {"foo": ["bar", "baz"]}),
        ({"foo": "bar"}, [op("add", "/foo", value=1)], {"foo": 1}),
        ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [op("remove", "/foo/1")], {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, [op("replace", "/baz", value="boo")], {"baz": "boo"}),
        ({"foo": [1, 2]}, [op("replace", "/foo/0", value=3)], {"foo": [3, 2]}),
        ({"foo": {"a": 1}, "qux": {}}, [op("move", "/qux/b", from_="/foo/a")], {"foo": {}, "qux": {"b": 1}}),
        ({"foo": [1, 2, 3]}, [op("move", "/foo/2", from_="/foo/0")], {"foo": [2, 3, 1]}),
        ({"foo": {"a": [1]}}, [op("copy", "/bar", from_="/foo/a")], {"foo": {"a": [1]}, "bar": [1]}),
        ({"foo": [{"a": 1.0}]}, [op("test", "/foo", value=[{"a": 1}])], {"foo": [{"a": 1.0}]}),
        ({"/": 9, "~1": 10}, [op("test", "/~01", value=10), op("remove", "/~1")], {"~1": 10}),
        ({"foo": 1}, [op("replace", "", value={"bar": 2})], {"bar": 2}),
        ({"foo": 1}, [{**op("replace", "/foo", value=None), "xyz": 1}], {"foo": None}),
    ],
)
def test_operations_change_a_copy(before: Any, operations: Any, after: Any) -> None:
    kept = str(before)
    assert patched(before, operations, DEPTH) == after
    assert str(before) == kept


@pytest.mark.parametrize(
    "operation",
    [
        op("add", "/baz/bat", value="qux"),
        op("add", "/list/4", value=1),
        op("add", "/list/01", value=1),
        op("add", "/list/x", value=1),
        op("add", "/foo"),
        op("add", "foo", value=1),
        {"op": "add", "value": 1},
        op("remove", "/none"),
        op("remove", "/list/-"),
        op("remove", ""),
        op("replace", "/none", value=1),
        op("replace", "/foo"),
        op("replace", "", value="text"),
        op("move", "/foo/bar", from_="/foo"),
        op("move", "/bar"),
        op("copy", "/bar", from_="/none"),
        op("test", "/foo", value=0),
        op("test", "/yes", value=1),
        op("test", "/list", value=[1, 2]),
        op("test", "/foo"),
        op("test", "/foo/-1", value=1),
    ],
)
def test_an_operation_that_does_not_fit_is_invalid(operation: Any) -> None:
    before = {"foo": 1, "yes": True, "list": [1, 2, 3]}
    found = patched(before, [operation], DEPTH)
    assert isinstance(found, Problem)
    assert found.category in (Category.INVALID, Category.MALFORMED)


@pytest.mark.parametrize("operations", [None, {}, [], [1], [{}], [{"op": "spin", "path": ""}], [{"op": []}], "x"])
def test_what_is_no_patch_is_malformed(operations: Any) -> None:
    found = patched({"foo": 1}, operations, DEPTH)
    assert isinstance(found, Problem)
    assert found.category is Category.MALFORMED


def test_a_patch_is_no_longer_than_its_limit() -> None:
    assert isinstance(patched({"foo": 1}, [op("test", "/foo", value=1)] * (MOST + 1), DEPTH), Problem)


@pytest.mark.parametrize("path", ["/list/-", "/more"])
def test_copies_of_copies_come_to_an_end(path: str) -> None:
    """Each may double what is there, in breadth or in depth."""
    from_ = "/list" if path == "/list/-" else ""
    assert isinstance(patched({"list": ["x" * 1000]}, [op("copy", path, from_=from_)] * MOST, DEPTH), Problem)


def test_a_patch_leaves_nothing_that_nests_deeper_than_a_body_may() -> None:
    deep: Any = 1
    for _ in range(DEPTH - 1):
        deep = {"a": deep}
    assert isinstance(patched({"a": {}}, [op("add", "/a/b", value=deep)], DEPTH), Problem)


def test_numbers_keep_their_text() -> None:
    operations = value(b'[{"op":"add","path":"/b","value":1.00}]', max_depth=DEPTH)
    found = patched({"a": value(b"2.50", max_depth=DEPTH)}, operations, DEPTH)
    assert not isinstance(found, Problem)
    assert [found[name].text for name in "ab"] == ["2.50", "1.00"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab~/", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=2), inner, max_size=3),
    max_leaves=8,
)
POINTERS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0", "~1", ""]), max_size=3).map(
    lambda path: "".join(f"/{t}" for t in path)
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": POINTERS},
    optional={"from": POINTERS, "value": JSON},
)


@given(st.dictionaries(st.text("ab", max_size=2), JSON, max_size=3), st.lists(OPERATIONS, min_size=1, max_size=4))
def test_every_patch_gives_a_resource_or_a_reason(before: Any, operations: Any) -> None:
    kept = str(before)
    assert isinstance(patched(before, operations, DEPTH), dict | Problem)
    assert str(before) == kept


@given(st.dictionaries(st.text("ab~/", max_size=2), JSON, min_size=1, max_size=3), JSON, st.data())
def test_an_addition_is_undone_by_its_removal(before: Any, given_: Any, data: Any) -> None:
    name = data.draw(st.text("cd~/", min_size=3, max_size=4))
    path = "/" + name.replace("~", "~0").replace("/", "~1")
    operations = [op("add", path, value=given_), op("test", path, value=given_), op("remove", path)]
    assert patched(before, operations, DEPTH) == before
