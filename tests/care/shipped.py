"""The pathways as they are shipped, and the datasets that their thresholds are tried on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from service.fhir.canonical import TRIAGE_OUTCOME

PROFILES = Path(__file__).parents[2] / "profiles"
EXAMPLES = tuple(json.loads(path.read_text()) for path in sorted((PROFILES / "examples" / "valid").glob("mds-*.json")))


def shipped(name: str) -> dict[str, Any]:
    """A pathway as it is shipped."""
    loaded: dict[str, Any] = json.loads((PROFILES / "baton" / f"PlanDefinition-pathway-{name}.json").read_text())
    return loaded


def with_threshold(expression: str, code: str = "urgent") -> dict[str, Any]:
    """The front door with one threshold more."""
    made = copy.deepcopy(shipped("front-door"))
    condition = {"kind": "applicability", "expression": {"language": "text/fhirpath", "expression": expression}}
    made["action"].append({"code": [{"coding": [{"system": TRIAGE_OUTCOME, "code": code}]}], "condition": [condition]})
    return made
