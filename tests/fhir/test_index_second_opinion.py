"""Our reading of search expressions against a full FHIRPath engine, on HL7's own examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from service.fhir.definitions import Definitions
from service.fhir.expression import compile_expression, gathered

TYPES = (
    "CarePlan",
    "CareTeam",
    "Communication",
    "Encounter",
    "EpisodeOfCare",
    "Flag",
    "Patient",
    "RiskAssessment",
    "ServiceRequest",
    "Task",
)
STRINGS_FOR_DATES = {("CarePlan", "activity-date")}
"""Where an example writes a date into a string, which is not a date to search by."""


def examples(checkout: Path, type_: str) -> list[dict[str, Any]]:
    folder = checkout.parent / "shared" / "data" / "hl7-r4"
    if not folder.is_dir():
        pytest.skip("the HL7 examples are not beside the checkout")
    found = (
        json.loads(path.read_text()) for path in sorted(folder.rglob("*.json")) if path.name.lower().startswith(type_.lower())
    )
    return [each for each in found if each.get("resourceType") == type_][:3]


def drawn(expression: str, kind: str, resource: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for branch in compile_expression(expression, resource["resourceType"], kind) or ():
        for key in branch.keys:
            values = gathered(resource.get(key))
            found += branch.walk(values) if branch.walk else values
    return found


def comparable(values: list[Any]) -> list[str]:
    return sorted({json.dumps(value, sort_keys=True, default=str) for value in values})


@pytest.mark.parametrize("type_", TYPES)
def test_both_reach_the_same_elements(checkout: Path, definitions: Definitions, type_: str) -> None:
    resources = examples(checkout, type_)
    assert resources
    for name, parameter in definitions.search_parameters(type_).items():
        pieces = [piece.strip() for piece in parameter.expression.split("|") if f"{type_}." in piece]
        plain = parameter.type in ("token", "reference", "date", "string", "uri") and "resolve()" not in parameter.expression
        if not pieces or not plain or ".exists()" in parameter.expression or (type_, name) in STRINGS_FOR_DATES:
            continue
        engine = fhirpathpy.compile(" | ".join(pieces), models["r4"])
        for resource in resources:
            assert comparable(drawn(parameter.expression, parameter.type, resource)) == comparable(engine(resource)), name
