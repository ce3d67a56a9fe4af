"""The steps, functions and operators of the FHIRPath subset, over collections of plain JSON values. See `service.fhir.path`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from service.fhir.primitive import order

Values = list[Any]


@dataclass(frozen=True, slots=True)
class Environment:
    """`%resource` and `%rootResource`: the resource an element is in, and the one that contains that."""

    resource: Any
    root: Any


Expression = Callable[[Values, Environment], Values]
Step = Callable[[Values, Values, Environment], Values]


class UndecidedError(Exception):
    """The values cannot be compared, or a collection is where one value must be."""


_TYPE_NAMES = """
Address Age Annotation Attachment Base64Binary Boolean Canonical Code CodeableConcept Coding ContactDetail ContactPoint
Contributor Count DataRequirement Date DateTime Decimal Distance Dosage Duration Expression HumanName Id Identifier Instant
Integer Markdown Money Oid ParameterDefinition Period PositiveInt Quantity Range Ratio Reference RelatedArtifact SampledData
Signature String Time Timing TriggerDefinition UnsignedInt Uri Url UsageContext Uuid
"""
_STEM_NAMES = """
abatement additive age allowed amount answer asNeeded author born bounds characteristic chargeItem code collected content
created date deceased defaultValue definingSubstance definition detail diagnosis dose doseNumber due duration effective
entity event example fastingStatus fixed identified indication instances item legallyBinding location manufacturer maxValue
medication minValue minimumVolume module multipleBirth name occurred occurrence offset onset participantEffective pattern
performed probability procedure product quantity rate reported scheduled seriesDoses serviced source start statusReason
studyEffective subject substance target time timing topic used value when
"""
_TYPES = tuple(_TYPE_NAMES.split())
_STEMS = frozenset(_STEM_NAMES.split())
"""The elements of R4 that are a choice of types, by the name before `[x]`."""


@lru_cache(maxsize=500)
def _choices(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{suffix}" for suffix in _TYPES)


def members(item: dict[str, Any], name: str) -> Values:
    """The values of a member, under any of its choice names; a primitive without a value is its extensions."""
    value = item.get(name)
    if value is None:
        if f"_{name}" in item:
            value = item[f"_{name}"]
        elif name in _STEMS:
            value = next((item[choice] for choice in _choices(name) if choice in item), None)
    if type(value) is list:
        return [part for part in value if part is not None]
    return [] if value is None else [value]


def child(name: str) -> Step:
    upper = name[0].isupper()

    def step(values: Values, _focus: Values, _environment: Environment) -> Values:
        found: Values = []
        for item in values:
            if type(item) is dict:
                if upper and item.get("resourceType") == name:
                    found.append(item)
                else:
                    found.extend(members(item, name))
        return found

    return step


def index(position: int) -> Step:
    return lambda values, _focus, _environment: values[position : position + 1]


def truth(values: Values) -> bool | None:
    """A collection as a boolean: empty is unknown, one value that is not a boolean is true."""
    if not values:
        return None
    if len(values) > 1:
        raise UndecidedError
    return values[0] if type(values[0]) is bool else True


def same(left: Any, right: Any) -> bool:
    """Equality of values; a boolean is never a number."""
    return left == right and (type(left) is bool) is (type(right) is bool)


def _is_value(item: Any) -> bool:
    return type(item) is not dict and item is not None


def _children(item: Any) -> Iterator[Any]:
    if type(item) is dict:
        for name, value in item.items():
            if name != "resourceType" and name[0] != "_":
                yield from (part for part in (value if type(value) is list else [value]) if part is not None)


def _descendants(values: Values) -> Values:
    found: Values = []
    stack = [part for item in values for part in _children(item)]
    while stack:
        part = stack.pop()
        found.append(part)
        stack.extend(_children(part))
    return found


def _distinct(values: Values) -> Values:
    found: Values = []
    for item in values:
        if not any(same(item, other) for other in found):
            found.append(item)
    return found


def _text(values: Values) -> str | None:
    if not values:
        return None
    if len(values) > 1 or type(values[0]) is not str:
        raise UndecidedError
    return values[0]


def _plain(function: Callable[[Values], Values]) -> Callable[[], Step]:
    def make() -> Step:
        return lambda values, _focus, _environment: function(values)

    return make


def _exists(criteria: Expression | None = None) -> Step:
    if criteria is None:
        return lambda values, _focus, _environment: [bool(values)]
    test = criteria
    return lambda values, _focus, environment: [any(truth(test([item], environment)) for item in values)]


def _where(criteria: Expression) -> Step:
    return lambda values, _focus, environment: [item for item in values if truth(criteria([item], environment))]


def _all(criteria: Expression) -> Step:
    return lambda values, _focus, environment: [all(truth(criteria([item], environment)) for item in values)]


def _select(projection: Expression) -> Step:
    return lambda values, _focus, environment: [part for item in values for part in projection([item], environment)]


def _intersect(other: Expression) -> Step:
    def step(values: Values, focus: Values, environment: Environment) -> Values:
        others = other(focus, environment)
        return _distinct([item for item in values if any(same(item, part) for part in others)])

    return step


def _combine(other: Expression) -> Step:
    return lambda values, focus, environment: values + other(focus, environment)


def _textual(test: Callable[[str, str], Any]) -> Callable[[Expression], Step]:
    def make(argument: Expression) -> Step:
        def step(values: Values, focus: Values, environment: Environment) -> Values:
            text, other = _text(values), _text(argument(focus, environment))
            return [] if text is None or other is None else [test(text, other)]

        return step

    return make


def _iif(condition: Expression, then: Expression, otherwise: Expression | None = None) -> Step:
    def step(values: Values, _focus: Values, environment: Environment) -> Values:
        if truth(condition(values, environment)):
            return then(values, environment)
        return otherwise(values, environment) if otherwise else []

    return step


def _substring(start: Expression) -> Step:
    def step(values: Values, focus: Values, environment: Environment) -> Values:
        text = _text(values)
        return [] if text is None else [text[int(start(focus, environment)[0]) :]]

    return step


def _trace(name: Expression, projection: Expression | None = None) -> Step:
    del name, projection
    return lambda values, _focus, _environment: values


def _extension(url: Expression) -> Step:
    def step(values: Values, focus: Values, environment: Environment) -> Values:
        wanted = _text(url(focus, environment))
        held = [part for item in values if type(item) is dict for part in members(item, "extension")]
        return [part for part in held if type(part) is dict and part.get("url") == wanted]

    return step


def _not(values: Values) -> Values:
    known = truth(values)
    return [] if known is None else [not known]


def _to_integer(values: Values) -> Values:
    if len(values) == 1 and re.fullmatch(r"[+-]?\d{1,18}", str(values[0])):
        return [int(values[0])]
    return []


def _to_string(values: Values) -> Values:
    return [getattr(item, "text", None) or str(item) for item in values[:1] if _is_value(item)]


FUNCTIONS: dict[str, Callable[..., Step]] = {
    "exists": _exists,
    "empty": _plain(lambda values: [not values]),
    "not": _plain(_not),
    "hasValue": _plain(lambda values: [len(values) == 1 and _is_value(values[0])]),
    "count": _plain(lambda values: [len(values)]),
    "first": _plain(lambda values: values[:1]),
    "last": _plain(lambda values: values[-1:]),
    "tail": _plain(lambda values: values[1:]),
    "distinct": _plain(_distinct),
    "isDistinct": _plain(lambda values: [len(_distinct(values)) == len(values)]),
    "allTrue": _plain(lambda values: [all(item is True for item in values)]),
    "allFalse": _plain(lambda values: [all(item is False for item in values)]),
    "anyTrue": _plain(lambda values: [any(item is True for item in values)]),
    "children": _plain(lambda values: [part for item in values for part in _children(item)]),
    "descendants": _plain(_descendants),
    "toInteger": _plain(_to_integer),
    "toString": _plain(_to_string),
    "length": _plain(lambda values: [len(_text(values) or "")] if values else []),
    "where": _where,
    "all": _all,
    "select": _select,
    "intersect": _intersect,
    "combine": _combine,
    "union": lambda other: lambda values, focus, environment: _distinct(values + other(focus, environment)),
    "matches": _textual(lambda text, pattern: re.search(pattern, text) is not None),
    "startsWith": _textual(str.startswith),
    "endsWith": _textual(str.endswith),
    "contains": _textual(lambda text, part: part in text),
    "iif": _iif,
    "substring": _substring,
    "trace": _trace,
    "extension": _extension,
}


def type_test(left: Expression, name: str) -> Expression:
    """`is`, for resource types: what else something is cannot be told from its JSON."""
    return lambda focus, environment: [
        item.get("resourceType") == name for item in left(focus, environment) if type(item) is dict
    ]


def type_step(name: str) -> Step:
    """`is(T)` as a function, for resource types."""
    return lambda values, _focus, _environment: [item.get("resourceType") == name for item in values if type(item) is dict]


def _implies(left: Expression, right: Expression) -> Expression:
    def run(focus: Values, environment: Environment) -> Values:
        known = truth(left(focus, environment))
        if known is False:
            return [True]
        then = truth(right(focus, environment))
        if then is True:
            return [True]
        return [False] if known is True and then is False else []

    return run


def _or(left: Expression, right: Expression) -> Expression:
    def run(focus: Values, environment: Environment) -> Values:
        known = truth(left(focus, environment))
        if known is True:
            return [True]
        other = truth(right(focus, environment))
        if other is True:
            return [True]
        return [False] if known is False and other is False else []

    return run


def _and(left: Expression, right: Expression) -> Expression:
    def run(focus: Values, environment: Environment) -> Values:
        known = truth(left(focus, environment))
        if known is False:
            return [False]
        other = truth(right(focus, environment))
        if other is False:
            return [False]
        return [True] if known is True and other is True else []

    return run


def _xor(left: Expression, right: Expression) -> Expression:
    def run(focus: Values, environment: Environment) -> Values:
        known, other = truth(left(focus, environment)), truth(right(focus, environment))
        return [] if known is None or other is None else [known is not other]

    return run


def _equals(left: Values, right: Values) -> bool | None:
    if not left or not right:
        return None
    return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))


def _both(test: Callable[[Values, Values], bool | None]) -> Callable[[Expression, Expression], Expression]:
    def make(left: Expression, right: Expression) -> Expression:
        def run(focus: Values, environment: Environment) -> Values:
            known = test(left(focus, environment), right(focus, environment))
            return [] if known is None else [known]

        return run

    return make


def _differs(left: Values, right: Values) -> bool | None:
    known = _equals(left, right)
    return None if known is None else not known


def _in(left: Values, right: Values) -> bool | None:
    if not left:
        return None
    if len(left) > 1:
        raise UndecidedError
    return any(same(left[0], item) for item in right)


def _compare(test: Callable[[int], bool]) -> Callable[[Expression, Expression], Expression]:
    def judge(left: Values, right: Values) -> bool | None:
        if not left or not right:
            return None
        if len(left) > 1 or len(right) > 1:
            raise UndecidedError
        found = _order(left[0], right[0])
        if found is None:
            raise UndecidedError
        return test(found)

    return _both(judge)


def _order(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None where the two cannot be ordered."""
    if type(left) is dict and type(right) is dict:
        if (left.get("system"), left.get("code"), left.get("unit")) != (
            right.get("system"),
            right.get("code"),
            right.get("unit"),
        ):
            return None
        return _order(left.get("value"), right.get("value"))
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return (left > right) - (left < right)
    return order(left, right) if type(left) is str and type(right) is str else None


def _union(left: Expression, right: Expression) -> Expression:
    return lambda focus, environment: _distinct(left(focus, environment) + right(focus, environment))


def _join(left: Expression, right: Expression) -> Expression:
    return lambda focus, environment: [(_text(left(focus, environment)) or "") + (_text(right(focus, environment)) or "")]


def _plus(left: Values, right: Values) -> Values:
    if not left or not right:
        return []
    if type(left[0]) is not type(right[0]) or type(left[0]) not in (int, str):
        raise UndecidedError
    return [left[0] + right[0]]


OPERATORS: dict[str, Callable[[Expression, Expression], Expression]] = {
    "implies": _implies,
    "or": _or,
    "xor": _xor,
    "and": _and,
    "in": _both(_in),
    "contains": _both(lambda left, right: _in(right, left)),
    "=": _both(_equals),
    "!=": _both(_differs),
    "<": _compare(lambda found: found < 0),
    ">": _compare(lambda found: found > 0),
    "<=": _compare(lambda found: found <= 0),
    ">=": _compare(lambda found: found >= 0),
    "|": _union,
    "&": _join,
    "+": lambda left, right: lambda focus, environment: _plus(left(focus, environment), right(focus, environment)),
}
