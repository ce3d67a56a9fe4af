"""JSON Patch of a resource (RFC 6902), with the pointers of RFC 6901. Gives a changed copy, or why there is none. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from service.change import Resource
from service.fhir.json import dump, parse
from service.problem import Category, Problem, problem

MEDIA_TYPE = "application/json-patch+json"
MOST = 100
"""How many operations one patch may have."""
ROOM = 1_000_000
"""How many bytes of JSON a resource may have by copies: each may double it."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

Operation = Mapping[str, Any]


class _UnfitError(Exception):
    """An operation that cannot be carried out; the error's text says why."""


def patched(resource: Resource, operations: object, max_depth: int) -> Resource | Problem:
    """The resource after all operations. A Problem MALFORMED when these are no patch, and INVALID when one does not fit the
    resource or leaves none that could be read. Never changes its argument."""
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST:
        text = f"A patch is a list of 1 to {MOST} operations (RFC 6902); send one."
        return problem(Category.MALFORMED, "structure", text, rule="RFC 6902 3")
    root: Resource = {"": deepcopy(resource)}  # so that the pointer to the whole is a place as any other is
    for number, operation in enumerate(operations):
        if not isinstance(operation, dict) or operation.get("op") not in tuple(_OPERATIONS):
            text = f"Operation {number} has none of the `op`s `{'`, `'.join(_OPERATIONS)}`; correct it."
            return problem(Category.MALFORMED, "value", text, rule="RFC 6902 4")
        try:
            _OPERATIONS[operation["op"]](root, operation)
        except _UnfitError as error:
            return problem(Category.INVALID, "value", f"Operation {number} {error}.", rule="RFC 6902 5")
    left: Any = root.get("")
    try:
        return parse(dump(left), max_depth=max_depth)
    except TypeError:
        return problem(Category.INVALID, "structure", "The patch leaves a resource that nests too deep.", rule="RFC 6902 5")


def _add(root: Resource, operation: Operation) -> None:
    _put(root, operation, _value(operation))


def _put(root: Resource, operation: Operation, value: Any) -> None:
    container, name = _place(root, operation, "path")
    if isinstance(container, dict):
        container[name] = value
    elif isinstance(container, list) and name == "-":
        container.append(value)
    elif isinstance(container, list) and _INDEX.fullmatch(name) and int(name) <= len(container):
        container.insert(int(name), value)
    else:
        raise _UnfitError("adds to a place that is not there: add what is above it first")


def _remove(root: Resource, operation: Operation) -> None:
    _taken(root, operation, "path")


def _replace(root: Resource, operation: Operation) -> None:
    container, name = _place(root, operation, "path")
    _under(container, name)
    container[int(name) if isinstance(container, list) else name] = _value(operation)


def _move(root: Resource, operation: Operation) -> None:
    _put(root, operation, _taken(root, operation, "from"))


def _copy(root: Resource, operation: Operation) -> None:
    value = _under(*_place(root, operation, "from"))
    try:
        room = ROOM - len(dump(root)) - len(dump({"": value}))
    except TypeError:
        room = 0
    if room <= 0:
        raise _UnfitError(f"copies to more than {ROOM} bytes, or too deep: send the resource as it is to be")
    _put(root, operation, deepcopy(value))


def _test(root: Resource, operation: Operation) -> None:
    if not _same(_under(*_place(root, operation, "path")), _value(operation)):
        raise _UnfitError("tests for a value that is not there: read the record again")


def _taken(root: Resource, operation: Operation, member: str) -> Any:
    """The value at a pointer, which is removed."""
    container, name = _place(root, operation, member)
    _under(container, name)
    return container.pop(int(name) if isinstance(container, list) else name)


def _place(root: Resource, operation: Operation, member: str) -> tuple[Any, str]:
    """The object or list that a pointer leads into, and the name or index in it."""
    pointer = operation.get(member)
    if not isinstance(pointer, str) or pointer[:1] not in ("", "/"):
        raise _UnfitError(f"has no pointer as its `{member}`: send one such as `/status`")
    *way, last = (token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/"))
    container: Any = root
    for token in way:
        container = _under(container, token)
    return container, last


def _under(container: Any, token: str) -> Any:
    if isinstance(container, dict) and token in container:
        return container[token]
    if isinstance(container, list) and _INDEX.fullmatch(token) and int(token) < len(container):
        return container[int(token)]
    raise _UnfitError("names a place that is not there: read the record again, and correct the pointer")


def _value(operation: Operation) -> Any:
    if "value" not in operation:
        raise _UnfitError("has no `value`: send one")
    return operation["value"]


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal (RFC 6902 section 4.6)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


_OPERATIONS: Mapping[str, Callable[[Resource, Operation], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
