"""Whether a refusal points at a place of what was sent: every answer that the tests get is held to it."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"(?P<name>\w+)(?:\[(?P<at>\d+)\])?\Z")


def lost(answer: Any, sent: Any) -> list[str]:
    """The expressions of an outcome that name no place in the resource sent. What is wanting is named where it would be, so the
    last step need not be there."""
    if not isinstance(sent, dict) or "resourceType" not in sent:
        return []
    if not isinstance(answer, dict) or answer.get("resourceType") != "OperationOutcome":
        return []
    issues = [each for each in answer.get("issue", ()) if isinstance(each, dict)]
    return [path for issue in issues for path in issue.get("expression", ()) if not _real(path, sent)]


def _real(path: str, sent: dict[str, Any]) -> bool:
    head, *steps = re.sub(r"\.(?:ofType|extension|where|resolve)\([^)]*\)", "", path).split(".")
    if head != sent.get("resourceType"):
        return False
    held: list[Any] = [sent]
    for step in steps[:-1]:
        found = _STEP.match(step)
        if found is None:
            return False
        held = [item for each in held for item in _members(each, found["name"], found["at"])]
    return bool(held)


def _members(value: Any, name: str, at: str | None) -> list[Any]:
    if not isinstance(value, dict):
        return []
    named = [held for member, held in value.items() if member in (name, f"_{name}") or re.match(rf"{name}[A-Z]", member)]
    items = [item for held in named for item in (held if isinstance(held, list) else [held])]
    return items if at is None else items[int(at) : int(at) + 1]
