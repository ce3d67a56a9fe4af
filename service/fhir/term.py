"""Reads one search parameter with its modifier and values into a Term (R4 search, sections 3.1.1.4 and 3.1.1.5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo

from service.fhir import date, key
from service.fhir.parameter import Parameter, Parameters, Systems
from service.fhir.query import Dated, Identity, Key, Part, Present, Start, Term, Test, Updated
from service.fhir.reference import own
from service.problem import Issue

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_PREFIXED = re.compile(r"([A-Za-z]*)(.*)", re.DOTALL)
_MODIFIERS = {
    "token": ("missing", "not", "of-type", "text"),
    "reference": ("identifier", "missing"),
    "date": ("missing",),
    "string": ("contains", "exact", "missing"),
    "uri": ("below", "missing"),
}
_UPDATED = Parameter("Resource", "_lastUpdated", "date")


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting in which a search is read: our base URL, the zone to which dates without an offset are local, and the present
    in milliseconds since 1970, by which the prefix `ap` widens a date (None: no widening).
    """

    base: str = ""
    zone: tzinfo = UTC
    now: int | None = None


def read(type_: str, asked: str, text: str, parameters: Parameters, setting: Setting) -> Term | Issue:
    """The Term that `asked=text` stands for (`asked` with its modifier), or the Issue that says why it stands for none."""
    name, _, modifier = asked.partition(":")
    if name == "_id":
        return _identity(asked, text, modifier)
    parameter = _UPDATED if name == "_lastUpdated" else parameters.of(type_).get(name)
    if parameter is None:
        return unknown(type_, name, parameters)
    if not _allowed(parameter, modifier, parameters):
        return _bad_modifier(type_, name, modifier, parameter)
    if modifier == "missing":
        return _missing(asked, name, text)
    tests = _tests(parameter, modifier, split(text, ","), parameters, setting)
    return tests if isinstance(tests, Issue) else Term(asked, tests, negated=modifier == "not")


def unknown(type_: str, name: str, parameters: Parameters) -> Issue:
    """The Issue for a parameter by which the type cannot be searched."""
    if "." in name or name == "_has":
        text = f"Chained search (`{name}`) is not supported; search for the other resource first."
    elif name in parameters.unsupported(type_):
        text = f"The search parameter `{name}` of {type_} is not supported here; see the CapabilityStatement for those that are."
    else:
        text = f"{type_} has no search parameter `{name}`; see the CapabilityStatement for those it has."
    return Issue("not-supported", text)


def split(text: str, mark: str) -> list[str]:
    """The pieces of a text between the marks that no backslash escapes; escapes are left in place."""
    if mark not in text:
        return [text]
    if "\\" not in text:
        return text.split(mark)
    pieces, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == mark:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def plain(text: str) -> str:
    """A value without its search escapes `\\,` `\\|` `\\$` `\\\\`."""
    return re.sub(r"\\([,|$\\])", r"\1", text) if "\\" in text else text


def _allowed(parameter: Parameter, modifier: str, parameters: Parameters) -> bool:
    if not modifier:
        return True
    if parameter is _UPDATED:
        return False
    if modifier in _MODIFIERS[parameter.kind]:
        return True
    if parameter.kind != "reference" or modifier not in parameters.types:
        return False
    return not parameter.targets or modifier in parameter.targets


def _bad_modifier(type_: str, name: str, modifier: str, parameter: Parameter) -> Issue:
    if "." in modifier:
        return Issue(
            "not-supported", f"Chained search (`{name}:{modifier}`) is not supported; search for the other resource first."
        )
    known = () if parameter is _UPDATED else _MODIFIERS[parameter.kind]
    others = ", ".join(f"`:{each}`" for each in known) or "none"
    kind = " and the resource types it may refer to" if parameter.kind == "reference" else ""
    return Issue(
        "not-supported",
        f"The search parameter `{name}` of {type_} does not take the modifier `:{modifier}`; it takes {others}{kind}.",
    )


def _malformed(name: str, wanted: str) -> Issue:
    return Issue("value", f"The value of the search parameter `{name}` must be {wanted}.")


def _missing(asked: str, name: str, text: str) -> Term | Issue:
    if text not in ("true", "false"):
        return _malformed(asked, "`true` or `false`")
    return Term(asked, (Present(name),), negated=text == "true")


def _identity(asked: str, text: str, modifier: str) -> Term | Issue:
    if modifier:
        return Issue("not-supported", f"The search parameter `_id` does not take the modifier `:{modifier}`.")
    ids = split(text, ",")
    if not all(_ID.fullmatch(each) for each in ids):
        return _malformed("_id", "resource ids of 1 to 64 letters, digits, `-` and `.`, separated by commas")
    return Term(asked, tuple(Identity(each) for each in ids))


Reader = Callable[[Parameter, str, str, Parameters, Setting], "tuple[Test, ...] | Issue"]


def _tests(
    parameter: Parameter, modifier: str, values: list[str], parameters: Parameters, setting: Setting
) -> tuple[Test, ...] | Issue:
    tests: list[Test] = []
    for value in values:
        if not value.strip():
            return _malformed(parameter.name, "given; leave the parameter out to search for anything")
        found = _READERS[parameter.kind](parameter, modifier, value, parameters, setting)
        if isinstance(found, Issue):
            return found
        tests.extend(found)
    return tuple(dict.fromkeys(tests))


def _token(parameter: Parameter, modifier: str, value: str, parameters: Parameters, _: Setting) -> tuple[Test, ...] | Issue:
    if modifier == "text":
        return _start(f"{parameter.name}:text=", parameter.name, plain(value))
    pieces = [plain(piece) for piece in split(value, "|")]
    if modifier == "of-type":
        return _of_type(parameter.name, pieces)
    implied = parameters.implied(parameter.type, parameter.name) if len(pieces) == 2 else {}
    if implied and pieces[0]:
        return _plain_code(parameter.name, implied, *pieces)
    return _coded(parameter.name, pieces)


def _plain_code(name: str, implied: Systems, system: str, code: str) -> tuple[Test, ...]:
    """The tests for `system|code` on an element of data type code, whose system is implied, so that its keys hold codes only."""
    if system not in implied:
        return (Key(f"{name}={key.part(system)}|{key.part(code)}"),)  # a key that no record has
    codes = implied[system]
    if not code:
        return tuple(Key(f"{name}={key.part(each)}") for each in sorted(codes)) if codes is not None else (Present(name),)
    return (Key(f"{name}={key.part(code)}" if codes is None or code in codes else f"{name}={key.part(system)}|{key.part(code)}"),)


def _coded(name: str, pieces: list[str]) -> tuple[Test, ...] | Issue:
    if len(pieces) > 2 or not any(pieces):
        return _malformed(name, "`code`, `system|code`, `|code` or `system|`; write a `|` inside a value as `\\|`")
    if len(pieces) == 1:
        return (Key(key.tokens(name, "", pieces[0])[0]),)
    system, code = pieces
    return (Key(key.tokens(name, system, code)[1]),) if code else (Start(f"{name}={key.part(system)}|"),)


def _of_type(name: str, pieces: list[str]) -> tuple[Test, ...] | Issue:
    if len(pieces) != 3 or not (pieces[1] and pieces[2]):
        return _malformed(f"{name}:of-type", "`system|code|value`")
    return (Key(f"{name}:of-type={'|'.join(key.part(piece) for piece in pieces)}"),)


def _start(prefix: str, name: str, text: str) -> tuple[Test, ...] | Issue:
    folded = key.fold(text)
    return (Start(prefix + folded),) if folded else _malformed(name, "text with a letter or digit in it")


def _string(parameter: Parameter, modifier: str, value: str, _: Parameters, __: Setting) -> tuple[Test, ...] | Issue:
    name, text = parameter.name, plain(value)
    if modifier == "exact":
        return (Key(key.string(name, text)),)
    if modifier == "contains":
        folded = key.fold(text)
        return (Part(name, folded),) if folded else _malformed(name, "text with a letter or digit in it")
    return _start(f"{name}=", name, text)


def _uri(parameter: Parameter, modifier: str, value: str, _: Parameters, __: Setting) -> tuple[Test, ...]:
    target = f"{parameter.name}={plain(value)}"
    return (Start(target),) if modifier == "below" else (Key(target),)


def _date(parameter: Parameter, _: str, value: str, __: Parameters, setting: Setting) -> tuple[Test, ...] | Issue:
    found = _PREFIXED.fullmatch(value)
    prefix, text = (found[1], found[2]) if found else ("", value)
    if prefix and prefix not in PREFIXES:
        return Issue(
            "value", f"The search parameter `{parameter.name}` takes the prefixes {', '.join(f'`{p}`' for p in PREFIXES)}."
        )
    asked = date.parse(text.replace(" ", "+"), setting.zone)  # of an offset whose `+` was not escaped in the URL
    if asked is None:
        return _malformed(parameter.name, "a date such as `2026-11-23` or an instant with its offset, `+` written as `%2B`")
    low, high = _widened(asked, setting.now) if prefix == "ap" else asked
    if parameter is _UPDATED:
        return (Updated(prefix or "eq", low, high),)
    return (Dated(parameter.name, prefix or "eq", low, high),)


def _widened(asked: date.Interval, now: int | None) -> date.Interval:
    """The interval, widened on both sides by a tenth of the gap between it and the present (R4 search, prefix ap)."""
    if now is None:
        return asked
    gap = max(asked.low - now, now - asked.high, 0) // 10
    return date.Interval(asked.low - gap, asked.high + gap)


def _reference(
    parameter: Parameter, modifier: str, value: str, parameters: Parameters, setting: Setting
) -> tuple[Test, ...] | Issue:
    name = parameter.name
    if modifier == "identifier":
        return _coded(f"{name}:identifier", [plain(piece) for piece in split(value, "|")])
    target = own(plain(value), setting.base)
    if _ID.fullmatch(target) and not target.startswith("urn:"):
        types = (modifier,) if modifier else parameter.targets or tuple(sorted(parameters.types))
        return tuple(Key(f"{name}={type_}/{target}") for type_ in types)
    if not _reads_as_reference(target, modifier, parameters):
        return _malformed(name, f"`{modifier or 'Type'}/id`, an id, or an absolute URL")
    return (Key(f"{name}={target}"),)


def _reads_as_reference(target: str, modifier: str, parameters: Parameters) -> bool:
    if ":" in target.partition("/")[0]:
        return not modifier
    pieces = target.split("/")
    shaped = len(pieces) == 2 or (len(pieces) == 4 and pieces[2] == "_history")
    return (
        shaped and pieces[0] in parameters.types and modifier in ("", pieces[0]) and all(_ID.fullmatch(p) for p in pieces[1::2])
    )


_READERS: dict[str, Reader] = {"token": _token, "string": _string, "uri": _uri, "date": _date, "reference": _reference}
