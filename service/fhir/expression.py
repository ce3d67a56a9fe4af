"""The FHIRPath of R4 SearchParameters, compiled once to closures.

Understood are paths, unions, `as T`, `as(T)`, `ofType(T)`, `where(resolve() is T)`, `where(x='y')`, `[n]`, `extension('url')`,
and `P.exists() and P != false`. Any other expression gives None, and its parameter counts as not supported, so that a search by
it is refused and not answered wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from service.fhir.reference import unversioned

Values = list[Any]
Walk = Callable[[Values], Values]

_WORDS = re.compile(r"\s*([A-Za-z_]\w*|'(?:[^'\\]|\\.)*'|!=|[.()|\[\]=]|\d+)")
_STATED = re.compile(r"^(?P<path>[\w.]+)\.exists\(\) and (?P=path) != false$")
_BASES = frozenset({"Resource", "DomainResource"})

SUFFIXES = {
    "date": ("Date", "DateTime", "Instant", "Period", "Timing"),
    "string": ("String", "Markdown", "HumanName", "Address"),
    "token": ("CodeableConcept", "Coding", "Code", "Boolean", "String", "Identifier", "ContactPoint", "Uri", "Id"),
    "reference": ("Reference", "Canonical", "Uri"),
    "uri": ("Uri", "Url", "Canonical", "Oid", "Uuid"),
}
"""The data types that a parameter of each type may read, in the form that ends a choice element's name (`occurrenceDateTime`)."""


class Step(NamedTuple):
    """One step of a path: `kind` is child, type, resolves, equals, index, extension or stated."""

    kind: str
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """One alternative of an expression: the members of the resource from which it starts, and the walk from their values."""

    keys: tuple[str, ...]
    walk: Walk | None
    stated: bool = False  # the branch gives true or false even when the element is absent


class _UnsupportedError(Exception):
    pass


def compile_expression(expression: str, type_: str, kind: str) -> tuple[Branch, ...] | None:
    """The branches of `expression` that apply to a resource type, for a parameter of type `kind`; None when there are none, or
    the expression is not understood.
    """
    stated = _STATED.match(expression.strip())
    try:
        if stated:
            return _stated(stated["path"], type_)
        paths = [path if path[0].name[:1].isupper() else (Step("child", type_), *path) for path in _paths(expression)]
        branches = [_branch(path, kind) for path in paths if _applies(path[0], type_)]
    except _UnsupportedError:
        return None
    return tuple(branches) or None


@lru_cache(maxsize=2000)
def _paths(expression: str) -> tuple[tuple[Step, ...], ...]:
    """The paths of an expression. Cached, because R4 writes one expression for all types of a parameter. Raises
    _UnsupportedError.
    """
    return tuple(_Parser(_words(expression)).union())


def _words(expression: str) -> list[str]:
    words, at = [], 0
    expression = expression.strip()
    while at < len(expression):
        found = _WORDS.match(expression, at)
        if found is None:
            raise _UnsupportedError(expression)
        words.append(found[1])
        at = found.end()
    return words


def _applies(first: Step, type_: str) -> bool:
    return first.kind == "child" and (first.name == type_ or first.name in _BASES)


class _Parser:
    """Parses the words of an expression by recursive descent; `union` gives the paths that the expression joins by `|`."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    def peek(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, expected: str = "") -> str:
        word = self.peek()
        if not word or (expected and word != expected):
            raise _UnsupportedError(word)
        self.at += 1
        return word

    def union(self) -> list[tuple[Step, ...]]:
        paths = self.path()
        while self.peek() == "|":
            self.take()
            paths = paths + self.path()
        if self.peek() not in ("", ")"):
            raise _UnsupportedError(self.peek())
        return paths

    def path(self) -> list[tuple[Step, ...]]:
        paths = self.primary()
        while self.peek() in (".", "[", "as"):
            step = self.step()
            paths = [(*path, step) for path in paths]
        return paths

    def primary(self) -> list[tuple[Step, ...]]:
        if self.peek() == "(":
            self.take()
            paths = self.union()
            self.take(")")
            return paths
        return [(Step("child", self.name()),)]

    def name(self) -> str:
        word = self.take()
        if not word[0].isalpha():
            raise _UnsupportedError(word)
        return word

    def step(self) -> Step:
        mark = self.take()
        if mark == "as":
            return Step("type", self.name())
        if mark == "[":
            number = self.take()
            self.take("]")
            return Step("index", number)
        name = self.name()
        return self.function(name) if self.peek() == "(" else Step("child", name)

    def function(self, name: str) -> Step:
        self.take("(")
        if name in ("as", "ofType"):
            step = Step("type", self.name())
        elif name == "extension":
            step = Step("extension", self.quoted())
        elif name == "where":
            step = self.condition()
        else:
            raise _UnsupportedError(name)
        self.take(")")
        return step

    def condition(self) -> Step:
        name = self.name()
        if name == "resolve":
            for word in ("(", ")", "is"):
                self.take(word)
            return Step("resolves", self.name())
        self.take("=")
        return Step("equals", name, self.quoted())

    def quoted(self) -> str:
        word = self.take()
        if word[0] != "'" or "\\" in word:
            raise _UnsupportedError(word)
        return word[1:-1]


def _stated(path: str, type_: str) -> tuple[Branch, ...] | None:
    owner, _, name = path.partition(".")
    if owner != type_ or "." in name:
        return None
    return (Branch((name, *(name + suffix for suffix in ("Boolean", "DateTime"))), None, stated=True),)


def _branch(path: tuple[Step, ...], kind: str) -> Branch:
    """The branch of a path. The path's first child gives the members to start from, so that only members which a resource has are
    walked.
    """
    if len(path) < 2 or path[1].kind not in ("child", "extension"):
        raise _UnsupportedError(str(path))
    if path[1].kind == "extension":
        return Branch(("extension",), _chain([*_walks(path[1:], kind)]))
    return Branch(_keys(path, 1, kind), _chain([*_walks(path[_used(path, 1) :], kind)]))


def _used(path: tuple[Step, ...], at: int) -> int:
    """The position at which the path goes on after the child at `at` and the type to which the child may be narrowed."""
    return at + 2 if at + 1 < len(path) and path[at + 1].kind == "type" else at + 1


def _keys(path: tuple[Step, ...], at: int, kind: str) -> tuple[str, ...]:
    """The JSON members that a child stands for: the member of its own name, and the choice members of the types it may have.

    A narrowed child keeps its own name too, for an element that is no choice (`(X.y as Reference)` over a plain y).
    """
    name = path[at].name
    if _used(path, at) == at + 2:
        narrowed = path[at + 1].name
        return name, name + narrowed[0].upper() + narrowed[1:]
    if at + 1 == len(path):
        return (name, *(name + suffix for suffix in SUFFIXES.get(kind, ())))
    return (name,)


def _walks(path: tuple[Step, ...], kind: str) -> Iterator[Walk]:
    at = 0
    while at < len(path):
        step = path[at]
        if step.kind == "child":
            yield _child(_keys(path, at, kind))
            at = _used(path, at)
            continue
        yield _filter(step)
        at += 1


def _filter(step: Step) -> Walk:
    match step.kind:
        case "resolves":
            return lambda nodes: [node for node in nodes if _target(node) == step.name]
        case "equals":
            return lambda nodes: [node for node in nodes if type(node) is dict and node.get(step.name) == step.value]
        case "index":
            at = int(step.name)
            return lambda nodes: nodes[at : at + 1]
        case "extension":
            return lambda nodes: [node for node in _members(nodes, "extension") if node.get("url") == step.name]
    raise _UnsupportedError(step.kind)


def _members(nodes: Values, name: str) -> Iterator[Any]:
    """The extensions of the nodes, or the nodes themselves where the walk already began at the member `extension`."""
    for node in nodes:
        if type(node) is not dict:
            continue
        if "url" in node:
            yield node
        yield from (each for each in gathered(node.get(name)) if type(each) is dict)


def _child(keys: tuple[str, ...]) -> Walk:
    if len(keys) == 1:
        return _named(keys[0])
    wanted = frozenset(keys)

    def choice(nodes: Values) -> Values:
        found: Values = []
        for node in nodes:
            if type(node) is dict:
                for key in wanted.intersection(node):
                    _gather(node[key], found)
        return found

    return choice


def _named(key: str) -> Walk:
    def child(nodes: Values) -> Values:
        found: Values = []
        for node in nodes:
            if type(node) is dict and key in node:
                _gather(node[key], found)
        return found

    return child


def _gather(value: Any, found: Values) -> None:
    if type(value) is list:
        found.extend(item for item in value if item is not None)
    elif value is not None:
        found.append(value)


def gathered(value: Any) -> Values:
    """A member's value as a list of its items, without the nulls that only stand for extensions."""
    if type(value) is list:
        return [item for item in value if item is not None] if None in value else value
    return [] if value is None else [value]


def _chain(walks: list[Walk]) -> Walk | None:
    if not walks:
        return None
    if len(walks) == 1:
        return walks[0]

    def run(nodes: Values) -> Values:
        for walk in walks:
            nodes = walk(nodes)
        return nodes

    return run


def _target(node: Any) -> str:
    """The resource type to which a Reference points: from its `reference`, else from its `type`. Empty when neither tells it."""
    if type(node) is not dict:
        return ""
    target = node.get("reference")
    if isinstance(target, str) and not target.startswith("#"):
        pieces = unversioned(target).rsplit("/", 2)
        if len(pieces) > 1:
            return pieces[-2]
    named = node.get("type")
    return named if isinstance(named, str) else ""
