"""Makes OperationOutcomes, which tell a client in FHIR's form which issues a request has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.change import Resource
from service.fhir.canonical import RULE_ID
from service.fhir.models import literal
from service.problem import Issue


def outcome(issues: Iterable[Issue]) -> Resource:
    """An OperationOutcome with one `issue` for each Issue; without Issues, with one that says "All OK" (R4: `issue` is 1..*)."""
    listed = [_issue(issue) for issue in issues]
    return literal(
        "OperationOutcome", issue=listed or [{"severity": "information", "code": "informational", "details": {"text": "All OK"}}]
    )


def _issue(issue: Issue) -> dict[str, Any]:
    details: dict[str, Any] = {"text": issue.text}
    if issue.rule:
        details = {"coding": [{"system": RULE_ID, "code": _code(issue.rule)}], "text": issue.text}
    found = {"severity": issue.severity, "code": issue.code, "details": details, "diagnostics": issue.text}
    return found | {"expression": [issue.expression]} if issue.expression else found


def _code(rule: str) -> str:
    """A rule id as a FHIR code, which holds single spaces only."""
    return " ".join(rule.split())
