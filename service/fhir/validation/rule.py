"""Compiles the constraints of an element: to a function of `service.fhir.invariants` where it has one, else from FHIRPath."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.fhir.invariants import IN_CODE, LEFT_OUT, OF_TEXT
from service.fhir.path import UndecidedError, compile_path
from service.fhir.validation.report import At, Check, Report


def rules(constraints: Iterable[dict[str, Any]]) -> list[Check]:
    """A check for each constraint with an expression, except those in `LEFT_OUT`."""
    return [_rule(item) for item in constraints if item["key"] not in LEFT_OUT and item.get("expression")]


def _rule(constraint: dict[str, Any]) -> Check:
    key, severity = constraint["key"], constraint.get("severity", "error")
    text = _sentence(constraint.get("human", key))
    if key in IN_CODE:
        holds = IN_CODE[key]

        def check(value: Any, at: At, report: Report) -> None:
            if (type(value) is dict or key in OF_TEXT) and not holds(value, report.environment):
                report.add(at, "invariant", text, key, severity)

        return check
    return _expression(constraint["expression"], key, severity, text)


def _expression(expression: str, key: str, severity: str, text: str) -> Check:
    try:
        path = compile_path(expression)
    except ValueError:
        return lambda _value, at, report: _not_evaluated(at, report, key)

    def check(value: Any, at: At, report: Report) -> None:
        try:
            if not path.holds(value, report.environment):
                report.add(at, "invariant", text, key, severity)
        except UndecidedError:
            return
        except Exception:
            _not_evaluated(at, report, key)

    return check


def _not_evaluated(at: At, report: Report, key: str) -> None:
    report.add(at, "not-supported", f"The rule `{key}` could not be evaluated here: look at it yourself.", key, "warning")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
