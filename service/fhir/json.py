"""Reads and writes JSON without loss: an accepted resource is given back byte for byte, less whitespace.

Source: R4 2.6.2 (JSON representation). msgspec reads and orjson writes; this module checks for faults that neither refuses by
itself: duplicate members, too deep nesting, and numbers whose text would change.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import orjson

from service.change import Resource
from service.problem import Category, Problem, problem

MAX_EXPONENT = 400
"""The largest power of ten, up or down, that a number may have. Arithmetic on a number beyond it could exhaust memory."""

_BIG = 1 << 63
_SPACE = b" \t\r\n"


class _UnfitError(Exception):
    """Well-formed JSON that FHIR does not allow; the error's text says why."""


class Number(Decimal):
    """A JSON number that keeps its source text: `1.00` stays `1.00`, `1e2` stays `1e2`, `-0` stays `-0`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        self = super().__new__(cls, text)
        if not -MAX_EXPONENT <= self.adjusted() <= MAX_EXPONENT:
            raise _UnfitError(f"a number lies beyond ten to the power of `{MAX_EXPONENT}`: send a number FHIR can hold")
        self.text = text
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Number, (self.text,)


_decoder = msgspec.json.Decoder(float_hook=Number)


def parse(data: bytes, *, max_depth: int = 64) -> Resource | Problem:
    """The one JSON object in `data`, or why `data` is refused. `max_depth` counts nested objects and arrays."""
    found = value(data, max_depth=max_depth)
    if not isinstance(found, dict | Problem):
        return _malformed("the body is not a JSON object: send one FHIR resource")
    return found


def value(data: bytes, *, max_depth: int) -> Any:
    """The one JSON value in `data`, or a Problem: why `data` is refused."""
    try:
        found = _decoder.decode(data)
        return _parse_slowly(data, max_depth) if _needs_care(found, data, max_depth) else found
    except RecursionError:
        return _malformed(_too_deep(max_depth))
    except UnicodeDecodeError as error:
        return _malformed(f"byte `{error.start}` of a string is not UTF-8: send the body as UTF-8")
    except msgspec.DecodeError as error:
        return _malformed(_syntax(data, str(error)))
    except _UnfitError as error:
        return _malformed(str(error))
    except (ArithmeticError, ValueError):
        return _malformed("a number cannot be read: send numbers FHIR can hold")


def dump(resource: Resource) -> bytes:
    """Canonical JSON: members in their order, numbers in their own text, UTF-8, no whitespace."""
    return orjson.dumps(resource, default=_number)


def pretty(resource: Resource) -> bytes:
    """JSON for people: members and numbers as in `dump`, indented by two spaces."""
    return orjson.dumps(resource, default=_number, option=orjson.OPT_INDENT_2)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.text)
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"`{type(value).__name__}` is not a JSON value")


def _needs_care(resource: object, data: bytes, max_depth: int) -> bool:
    """Whether the slow reader must read the data too. False only when it is certain that reading lost no content and that no
    object or array nests too deep.

    The value is written again, indented, and two facts are read off the written text in C. A line indented further than
    `max_depth` shows too deep nesting. A text that equals the source but for whitespace shows that no duplicate member was
    dropped and that no number changed; where the two differ, an innocent escape may be the reason, and the slow reader decides.
    """
    try:
        copy = orjson.dumps(resource, default=_number, option=orjson.OPT_INDENT_2)
    except TypeError:  # an integer beyond 64 bits, or nesting deeper than orjson goes
        return True
    if b"\n" + b"  " * (max_depth + 1) in copy:
        return True
    return data != copy and data.translate(None, _SPACE) != copy.translate(None, _SPACE)


def _parse_slowly(data: bytes, max_depth: int) -> object:
    """Reads the data again with the standard library, which gives every pair of an object and the text of every number."""
    text = data.decode("utf-8")
    if _depth(text) > max_depth:
        raise _UnfitError(_too_deep(max_depth))
    return json.loads(text, object_pairs_hook=_object, parse_float=Number, parse_int=_integer)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnfitError(f"the member `{twice[:64]}` comes twice in one object: send each member once")
    return found


def _integer(text: str) -> int | Number:
    if text == "-0" or len(text) > 19:
        return Number(text)
    value = int(text)
    return value if -_BIG <= value < _BIG else Number(text)


def _depth(text: str) -> int:
    """The deepest nesting of objects and arrays in JSON that is known to be well-formed."""
    depth = deepest = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _syntax(data: bytes, reason: str) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        return "the body starts with a byte order mark: send plain UTF-8 without one"
    if not data.strip():
        return "the body is empty: send one FHIR resource as a JSON object"
    if "trunc" in reason and b"\\ud" in data.lower():
        return "the body is cut short, or an escape `\\ud…` has no partner: send whole JSON and whole surrogate pairs"
    if "out of range" in reason:
        return "a number has too many digits: send numbers FHIR can hold"
    return f"the body is not JSON ({reason.removeprefix('JSON is malformed: ')}): send one FHIR resource as a JSON object"


def _too_deep(max_depth: int) -> str:
    return f"the body nests deeper than `{max_depth}` levels: send a flatter resource"


def _malformed(text: str) -> Problem:
    return problem(Category.MALFORMED, "structure", f"{text[0].upper()}{text[1:]}.", rule="R4 2.6.2")
