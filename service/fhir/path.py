"""FHIRPath over plain JSON, compiled once: a subset to closures, the whole language through fhirpathpy.

The subset covers the expressions that invariants use and evaluates them exactly, in a few microseconds where the general engine
takes hundreds. An expression outside the subset compiles to the general engine. Source: FHIRPath 2.0.0 and R4 2.9 (the use of
FHIRPath in FHIR).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from types import SimpleNamespace
from typing import Any

from service.fhir.canonical import UCUM
from service.fhir.pathoperators import OPERATORS, type_step, type_test
from service.fhir.pathsteps import FUNCTIONS, STEMS, Environment, Expression, Step, UndecidedError, child, choices, index, truth

__all__ = ["Environment", "Path", "UndecidedError", "compile_path"]

_WORD = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)|`(?P<quoted>[^`]+)`|(?P<variable>[%$]\w+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<mark>!=|<=|>=|!~|[=~<>|+\-*/&().,\[\]{}]))"
)
_TERM = re.compile(r"(\w+)\.(exists|empty)\(\)")
_PRESENCE = re.compile(rf"{_TERM.pattern}(?:(?:\s+or\s+{_TERM.pattern})+|\s+implies\s+{_TERM.pattern})?")
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "!="),
    ("<", ">", "<=", ">="),
    ("|",),
    ("is",),
    ("&", "+"),
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


class _OutsideError(Exception):
    """The expression is not in the subset."""


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled expression. `general` tells whether the general engine runs it; `presence`, where set, answers faster."""

    expression: str
    run: Callable[[list[Any], Environment], list[Any]]
    general: bool = False
    presence: Callable[[dict[str, Any]], bool] | None = None

    def holds(self, item: Any, environment: Environment) -> bool:
        """Whether the expression is true of `item`, as an invariant requires: an empty result is not true.

        Raises UndecidedError when two values cannot be compared, and an exception of any type when the general engine fails.
        """
        if self.presence is not None and type(item) is dict:
            return self.presence(item)
        return truth(self.run([item], environment)) is True

    def values(self, item: Any, environment: Environment | None = None) -> list[Any]:
        """The values that the expression selects from `item`."""
        return self.run([item], environment or Environment(item, item))


@lru_cache(maxsize=2000)
def compile_path(expression: str) -> Path:
    """The compiled expression. An expression that is not FHIRPath raises ValueError here or fails when run, because the general
    engine does not check all of it.
    """
    try:
        return Path(expression, _Parser(_words(expression)).whole(), presence=_presence(expression))
    except _OutsideError:
        return Path(expression, _general(expression), general=True)


def syntax_fault(expression: str) -> str:
    """Why an expression is not FHIRPath, or ''. Checks all of it, which compiling does not: the general engine takes the part of
    an expression that it understands."""
    try:
        _Parser(_words(expression)).whole()
    except _OutsideError:
        return _unparsed(expression)
    return ""


def _unparsed(expression: str) -> str:
    """The first error that the grammar of FHIRPath finds in an expression, or ''. The grammar is imported when first needed."""
    from antlr4 import CommonTokenStream, InputStream
    from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
    from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

    found: list[str] = []

    def fault(*said: Any) -> None:
        _recognizer, _symbol, _line, column, message, _error = said
        found.append(f"at character {column + 1}, {message}")

    quiet = dict.fromkeys(("reportAmbiguity", "reportAttemptingFullContext", "reportContextSensitivity"), lambda *_: None)
    listener = SimpleNamespace(syntaxError=fault, **quiet)
    lexer = FHIRPathLexer(InputStream(expression))
    parser: Any = FHIRPathParser(CommonTokenStream(lexer))
    for each in (lexer, parser):
        each.removeErrorListeners()
        each.addErrorListener(listener)
    parser.entireExpression()
    return next(iter(found), "")


def _presence(expression: str) -> Callable[[dict[str, Any]], bool] | None:
    """A direct test for the commonest shape, `a.empty() or b.exists()`, `a.exists() implies b.exists()`; None for any other."""
    found = _PRESENCE.fullmatch(expression.strip())
    if found is None:
        return None
    terms = [(_held(name), wanted == "exists") for name, wanted in _TERM.findall(expression)]
    if "implies" in expression.split():
        (first, wanted), *rest = terms
        terms = [(first, not wanted), *rest]
    return lambda item: any(held(item) is wanted for held, wanted in terms)


def _held(name: str) -> Callable[[dict[str, Any]], bool]:
    """A test of whether an object has the member `name`, under any of the names of a choice element."""
    sibling = f"_{name}"
    if name in STEMS:
        known = frozenset((name, sibling, *choices(name)))
        return lambda item: not known.isdisjoint(item)
    return lambda item: name in item or sibling in item


def _general(expression: str) -> Callable[[list[Any], Environment], list[Any]]:
    """The expression compiled by fhirpathpy, which is imported when first needed, because the import is slow."""
    from fhirpathpy import compile as compile_general
    from fhirpathpy.models import models

    try:
        compiled = compile_general(expression, models["r4"])
    except Exception as error:
        raise ValueError(f"`{expression}` is not FHIRPath") from error

    def run(focus: list[Any], environment: Environment) -> list[Any]:
        variables = {"resource": environment.resource, "rootResource": environment.root, "ucum": UCUM}
        named = {name: [] if value is None else value for name, value in (environment.variables or {}).items()}
        return list(compiled(focus[0], {**variables, **named}))

    return run


def _words(expression: str) -> list[tuple[str, str]]:
    words: list[tuple[str, str]] = []
    at = 0
    text = expression.strip()
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None or found.lastgroup is None:
            raise _OutsideError(text[at:])
        words.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    return words


class _Parser:
    """Parses the words of an expression by precedence climbing, and gives closures."""

    def __init__(self, words: list[tuple[str, str]]) -> None:
        self.words = words
        self.at = 0

    def whole(self) -> Expression:
        made = self.binary(0)
        if self.at != len(self.words):
            raise _OutsideError
        return made

    def peek(self) -> tuple[str, str]:
        return self.words[self.at] if self.at < len(self.words) else ("end", "")

    def take(self, mark: str = "") -> tuple[str, str]:
        word = self.peek()
        if word[0] == "end" or (mark and word != ("mark", mark)):
            raise _OutsideError
        self.at += 1
        return word

    def binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self.chain()
        left = self.binary(level + 1)
        while self.peek()[0] in ("mark", "name") and self.peek()[1] in _LEVELS[level]:
            operator = self.take()[1]
            left = type_test(left, self.type_name()) if operator == "is" else OPERATORS[operator](left, self.binary(level + 1))
        return left

    def type_name(self) -> str:
        kind, name = self.take()
        if kind != "name" or self.peek() == ("mark", "."):
            raise _OutsideError
        if not name[0].isupper():  # the type of a primitive cannot be told from JSON
            raise _OutsideError
        return name

    def chain(self) -> Expression:
        made = self.primary()
        while self.peek() in (("mark", "."), ("mark", "[")):
            made = _then(made, self.step() if self.take()[1] == "." else self.indexed())
        return made

    def indexed(self) -> Step:
        kind, text = self.take()
        self.take("]")
        if kind != "number":
            raise _OutsideError
        return index(int(text))

    def primary(self) -> Expression:
        kind, text = self.peek()
        if kind == "mark" and text == "(":
            self.take()
            inner = self.binary(0)
            self.take(")")
            return inner
        if kind in ("string", "number") or text in ("true", "false", "{"):
            return self.literal()
        if kind == "variable":
            self.take()
            return _variable(text)
        step = self.step()
        return lambda focus, environment: step(focus, focus, environment)

    def literal(self) -> Expression:
        kind, text = self.take()
        if text == "{":
            self.take("}")
            return lambda _focus, _environment: []
        value: Any = text == "true"
        if kind == "string":
            value = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
        elif kind == "number":
            if "." in text:
                raise _OutsideError
            value = int(text)
        return lambda _focus, _environment: [value]

    def step(self) -> Step:
        kind, text = self.take()
        if kind not in ("name", "quoted"):
            raise _OutsideError
        if kind == "quoted" or self.peek() != ("mark", "("):
            return child(self.narrowed(text))
        self.take("(")
        if text == "is":
            name = self.type_name()
            self.take(")")
            return type_step(name)
        arguments = self.arguments()
        if text not in FUNCTIONS:
            raise _OutsideError
        if not _fits(text, len(arguments)):
            raise _OutsideError
        return FUNCTIONS[text](*arguments)

    def narrowed(self, name: str) -> str:
        """The name of a choice element, with the type to which an `ofType` after it narrows it: the JSON member of that type."""
        following = [word[1] for word in self.words[self.at : self.at + 5]]
        if name not in STEMS or len(following) < 5 or following[:3] != [".", "ofType", "("] or following[4] != ")":
            return name
        self.at += 5
        return name + following[3][:1].upper() + following[3][1:]

    def arguments(self) -> list[Expression]:
        found: list[Expression] = []
        while self.peek() != ("mark", ")"):
            found.append(self.binary(0))
            if self.peek() == ("mark", ","):
                self.take()
        self.take(")")
        return found


def _fits(function: str, count: int) -> bool:
    parameters = signature(FUNCTIONS[function]).parameters.values()
    return sum(item.default is item.empty for item in parameters) <= count <= len(parameters)


def _then(before: Expression, step: Step) -> Expression:
    return lambda focus, environment: step(before(focus, environment), focus, environment)


def _variable(name: str) -> Expression:
    match name:
        case "$this":
            return lambda focus, _environment: focus
        case "%resource":
            return lambda _focus, environment: [environment.resource]
        case "%rootResource":
            return lambda _focus, environment: [environment.root]
        case "%ucum":
            return lambda _focus, _environment: [UCUM]
        case "%dataset" | "%request":
            return lambda _focus, environment: _given(environment, name[1:])
    raise _OutsideError


def _given(environment: Environment, name: str) -> list[Any]:
    """The value of a variable that the caller of an expression gives; empty when the caller has none."""
    value = (environment.variables or {}).get(name)
    return [] if value is None else [value]
