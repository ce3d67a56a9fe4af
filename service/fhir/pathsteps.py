"""The steps and functions of the FHIRPath subset, over collections of plain JSON values. See `service.fhir.path`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Values = list[Any]


@dataclass(frozen=True, slots=True)
class Environment:
    """The values of `%resource` and `%rootResource`: the resource that an element is in, and the container of that resource.
    `variables` are what the caller gives beside: the `%dataset` and the `%request` of a pathway's threshold.
    """

    resource: Any
    root: Any
    variables: Mapping[str, Any] | None = None


Expression = Callable[[Values, Environment], Values]
Step = Callable[[Values, Values, Environment], Values]


class UndecidedError(Exception):
    """An expression cannot be decided: values cannot be compared, or a collection is where one value must be."""


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
STEMS = frozenset(_STEM_NAMES.split())
"""The names of R4's choice elements, without their `[x]`."""


def is_choice(name: str, stem: str) -> bool:
    """Whether a member is a choice element of this stem in one of its types: `durationQuantity` of `duration`, and not
    `durationMax`, a sibling with a longer name."""
    return name.startswith(stem) and name[len(stem) :] in _TYPES


@lru_cache(maxsize=500)
def choices(name: str) -> tuple[str, ...]:
    """The names of a choice element's members, and of their `_` siblings."""
    return tuple(f"{mark}{name}{suffix}" for mark in ("", "_") for suffix in _TYPES)


def members(item: dict[str, Any], name: str) -> Values:
    """The values of a member, under any of its choice names; a primitive without a value is represented by its extensions."""
    value = item.get(name)
    if value is None:
        if f"_{name}" in item:
            value = item[f"_{name}"]
        elif name in STEMS:
            value = next((item[choice] for choice in choices(name) if choice in item), None)
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
    """A collection as a boolean: None (unknown) for an empty one, true for one value that is not a boolean. Raises UndecidedError
    for several values.
    """
    if not values:
        return None
    if len(values) > 1:
        raise UndecidedError
    return values[0] if type(values[0]) is bool else True


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal; a boolean never equals a number."""
    return left == right and (type(left) is bool) is (type(right) is bool)


def _is_value(item: Any) -> bool:
    return type(item) is not dict and item is not None


def unsaid(item: Any) -> bool:
    """Whether an item is an element without a value: there are only an id and extensions."""
    return type(item) is dict and item.keys() <= {"id", "extension"}


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


def distinct(values: Values) -> Values:
    """The values without repetitions, in order."""
    found: Values = []
    for item in values:
        if not any(same(item, other) for other in found):
            found.append(item)
    return found


def single_text(values: Values) -> str | None:
    """The one string of a collection; None for an empty collection, and for an element without a value. Raises UndecidedError for
    any other.
    """
    if not values or (len(values) == 1 and unsaid(values[0])):
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
        return distinct([item for item in values if any(same(item, part) for part in others)])

    return step


def _combine(other: Expression) -> Step:
    return lambda values, focus, environment: values + other(focus, environment)


def _textual(test: Callable[[str, str], Any]) -> Callable[[Expression], Step]:
    def make(argument: Expression) -> Step:
        def step(values: Values, focus: Values, environment: Environment) -> Values:
            text, other = single_text(values), single_text(argument(focus, environment))
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
        text = single_text(values)
        return [] if text is None else [text[int(start(focus, environment)[0]) :]]

    return step


def _trace(name: Expression, projection: Expression | None = None) -> Step:
    del name, projection
    return lambda values, _focus, _environment: values


def _extension(url: Expression) -> Step:
    def step(values: Values, focus: Values, environment: Environment) -> Values:
        wanted = single_text(url(focus, environment))
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
    "distinct": _plain(distinct),
    "isDistinct": _plain(lambda values: [len(distinct(values)) == len(values)]),
    "allTrue": _plain(lambda values: [all(item is True for item in values)]),
    "allFalse": _plain(lambda values: [all(item is False for item in values)]),
    "anyTrue": _plain(lambda values: [any(item is True for item in values)]),
    "children": _plain(lambda values: [part for item in values for part in _children(item)]),
    "descendants": _plain(_descendants),
    "toInteger": _plain(_to_integer),
    "toString": _plain(_to_string),
    "length": _plain(lambda values: [len(single_text(values) or "")] if values else []),
    "where": _where,
    "all": _all,
    "select": _select,
    "intersect": _intersect,
    "combine": _combine,
    "union": lambda other: lambda values, focus, environment: distinct(values + other(focus, environment)),
    "matches": _textual(lambda text, pattern: re.search(pattern, text) is not None),
    "startsWith": _textual(str.startswith),
    "endsWith": _textual(str.endswith),
    "contains": _textual(lambda text, part: part in text),
    "iif": _iif,
    "substring": _substring,
    "trace": _trace,
    "extension": _extension,
}
