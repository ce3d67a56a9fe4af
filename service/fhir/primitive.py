"""The primitive data types and the JSON values that each allows. Source: R4 2.24.0.1; dates must exist in the calendar."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from service.fhir.date import parse as interval

Test = Callable[[Any], bool]
Fit = Callable[[str], object]
"""A test in C of a string that is not empty: true means that the string fits, false that the full test of `TESTS` must decide."""

_YEAR = r"(?!0000)[0-9]{4}"
_DAY = rf"({_YEAR})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE = re.compile(rf"{_DAY}|{_YEAR}(?:-(?:0[1-9]|1[0-2]))?")
_DATE_TIME = re.compile(rf"{_DAY}(?:T{_CLOCK}{_ZONE})?|{_YEAR}(?:-(?:0[1-9]|1[0-2]))?")
_INSTANT = re.compile(rf"{_DAY}T{_CLOCK}{_ZONE}")
_TEXT = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]+")
_BASE64 = re.compile(r"\s*(?:[A-Za-z0-9+/]{4}\s*)*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=)\s*)?")
_INTEGERS = 1 << 31

SAYS = {
    "boolean": "the JSON value `true` or `false`",
    "integer": "a whole JSON number of 32 bits",
    "unsignedInt": "a whole JSON number, 0 or greater",
    "positiveInt": "a whole JSON number, 1 or greater",
    "decimal": "a JSON number",
    "string": "a JSON string that is not empty",
    "markdown": "a JSON string that is not empty",
    "xhtml": "a JSON string with one XHTML `div`",
    "code": "a code: a JSON string without spaces around or twice within",
    "id": "an id: 1 to 64 of letters, digits, `-` and `.`",
    "uri": "a URI: a JSON string without spaces; with a whole UUID or OID after `urn:uuid:` or `urn:oid:`",
    "url": "a URL: a JSON string without spaces",
    "canonical": "a canonical URL: a JSON string without spaces",
    "oid": "an OID in the form `urn:oid:1.2.3`",
    "uuid": "a UUID in the form `urn:uuid:` and lower-case hexadecimal",
    "base64Binary": "base64 text",
    "date": "a date of the calendar as `YYYY`, `YYYY-MM` or `YYYY-MM-DD`",
    "dateTime": "a date of the calendar, or a date and time with seconds and zone, as `2026-11-23T04:34:00Z`",
    "instant": "a date and time with seconds and zone, as `2026-11-23T04:34:00Z`",
    "time": "a time of day as `hh:mm:ss`",
}
"""The values that each type allows, in words that finish the sentence "this must be …"."""


def _matching(pattern: str) -> Test:
    match = re.compile(pattern).fullmatch
    return lambda value: type(value) is str and match(value) is not None


def _dated(pattern: re.Pattern[str]) -> Test:
    match = pattern.fullmatch

    def test(value: Any) -> bool:
        found = match(value) if type(value) is str else None
        return found is not None and (found[3] is None or found[3] < "29" or _exists(found))

    return test


def _exists(found: re.Match[str]) -> bool:
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True


LONGEST = 1024 * 1024
"""The longest string in bytes (R4 2.24.0.1)."""


def _short(value: str) -> bool:
    """Whether a string is no longer than a string may be."""
    return len(value) * 4 <= LONGEST or len(value.encode("utf-8", "replace")) <= LONGEST


def _long(value: Any) -> bool:
    return type(value) is str and value != "" and (value.isprintable() or _TEXT.fullmatch(value) is not None)


def _text(value: Any) -> bool:
    return _long(value) and _short(value)


def _plain(value: str) -> bool:
    return value.isprintable() and _short(value)


def _whole(low: int) -> Test:
    return lambda value: type(value) is int and low <= value < _INTEGERS


def _base64(value: Any) -> bool:
    return type(value) is str and _BASE64.fullmatch(value) is not None and value.strip() != ""


_OID = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"
_UUID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MARKS = r"[^\s\x00-\x1f\x7f-\x9f]+"
_URI = rf"(?!urn:(?:uuid|oid):){_MARKS}|(?i:{_UUID})|{_OID}"
_CANONICAL = rf"(?!urn:(?:uuid|oid):){_MARKS}|(?:(?i:{_UUID})|{_OID})(?:[|#]{_MARKS})?"
_CODE = r"[^\s\x00-\x1f\x7f-\x9f]+(?: [^\s\x00-\x1f\x7f-\x9f]+)*"
_uri = _matching(_URI)

TESTS: dict[str, Test] = {
    "boolean": lambda value: type(value) is bool,
    "integer": _whole(-_INTEGERS),
    "unsignedInt": _whole(0),
    "positiveInt": _whole(1),
    "decimal": lambda value: isinstance(value, int | Decimal | float) and type(value) is not bool,
    "string": _text,
    "markdown": _text,
    "xhtml": _long,
    "code": _matching(_CODE),
    "id": _matching(r"[A-Za-z0-9\-.]{1,64}"),
    "uri": _uri,
    "url": _uri,
    "canonical": _matching(_CANONICAL),
    "oid": _matching(_OID),
    "uuid": _matching(_UUID),
    "base64Binary": _base64,
    "date": _dated(_DATE),
    "dateTime": _dated(_DATE_TIME),
    "instant": _dated(_INSTANT),
    "time": _matching(_CLOCK),
}
"""The test of each type: whether a JSON value is one of the type's values."""

_EARLY = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
FITS: dict[str, Fit] = {
    "string": _plain,
    "markdown": _plain,
    "code": re.compile(_CODE).fullmatch,
    "id": re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch,
    **dict.fromkeys(("uri", "url"), re.compile(_URI).fullmatch),
    "canonical": re.compile(_CANONICAL).fullmatch,
    "date": re.compile(_EARLY).fullmatch,
    "dateTime": re.compile(rf"{_EARLY}(?:T{_CLOCK}{_ZONE})?").fullmatch,
    "instant": re.compile(rf"{_EARLY}T{_CLOCK}{_ZONE}").fullmatch,
    "time": re.compile(_CLOCK).fullmatch,
}
"""Quick tests for the types that most members have. Dates up to the 28th fit, because they exist in every month."""


def order(left: str, right: str) -> int | None:
    """The order of two dates or times as -1, 0 or 1; None when the two overlap, as a day and an hour of the day do, or when one
    is no date.
    """
    one, other = interval(left), interval(right)
    if one is None or other is None:
        return None
    if one.high <= other.low:
        return -1
    if other.high <= one.low:
        return 1
    return 0 if left == right or one == other else None
