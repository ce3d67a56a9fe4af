"""The operators of the FHIRPath subset. See `service.fhir.path`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from service.fhir.pathsteps import (
    Environment,
    Expression,
    Step,
    UndecidedError,
    Values,
    distinct,
    same,
    single_text,
    truth,
    unsaid,
)
from service.fhir.primitive import order


def type_test(left: Expression, name: str) -> Expression:
    """The operator `is` for resource types; the JSON of a value of any other type does not tell its type."""
    return lambda focus, environment: [
        item.get("resourceType") == name for item in left(focus, environment) if type(item) is dict
    ]


def type_step(name: str) -> Step:
    """The function `is(T)` for resource types."""
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
        if unsaid(left[0]) or unsaid(right[0]):
            return None
        found = _order(left[0], right[0])
        if found is None:
            raise UndecidedError
        return test(found)

    return _both(judge)


def _order(left: Any, right: Any) -> int | None:
    """The order of two values as -1, 0 or 1; None when the two cannot be ordered."""
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
    return lambda focus, environment: distinct(left(focus, environment) + right(focus, environment))


def _join(left: Expression, right: Expression) -> Expression:
    return lambda focus, environment: [
        (single_text(left(focus, environment)) or "") + (single_text(right(focus, environment)) or "")
    ]


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
