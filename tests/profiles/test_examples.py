"""Each profile has examples that are valid and examples that are not; the latter name the issue they must produce."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.fhir import validate as validation
from service.fhir.definitions import Definitions

PROFILES = Path(__file__).parents[2] / "profiles"
VALID = sorted((PROFILES / "examples" / "valid").glob("*.json"))
INVALID = sorted(path for path in (PROFILES / "examples" / "invalid").glob("*.json") if not path.name.endswith(".expect.json"))
DATASETS = [path for path in VALID if path.name.startswith("mds-")]
CONSTRAINED = {
    path.stem.removeprefix("StructureDefinition-") for path in (PROFILES / "baton").glob("StructureDefinition-baton-*.json")
}


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


@pytest.fixture(scope="module")
def validator() -> Any:
    return validation.Validator(Definitions.load(PROFILES))


def test_every_profile_has_a_valid_example() -> None:
    """A partner can see what each profile looks like."""
    assert {path.name.split(".")[0] for path in VALID if path not in DATASETS} == CONSTRAINED


def test_every_profile_has_an_invalid_example() -> None:
    """No profile is without a claim that is put to the test."""
    assert {path.name.split(".")[0] for path in INVALID} == CONSTRAINED


@pytest.mark.parametrize("path", [*(path for path in VALID if path not in DATASETS), *INVALID], ids=lambda path: path.stem)
def test_example_claims_the_profile_it_is_named_after(path: Path) -> None:
    """`baton-care-plan.active.json` claims baton-care-plan."""
    assert read(path)["meta"]["profile"] == [f"https://baton.example/fhir/StructureDefinition/{path.name.split('.')[0]}"]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_example_has_no_issue(validator: Any, path: Path) -> None:
    """Neither an error nor a warning."""
    assert validator.check(read(path)) == ()


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_example_has_the_issues_it_names(validator: Any, path: Path) -> None:
    """Exactly these errors, by code, FHIRPath and, for an invariant, its key: nothing else is wrong with the example."""
    expected = read(path.with_suffix(".expect.json"))["issues"]
    found = [issue for issue in validator.check(read(path)) if issue.severity == "error"]
    assert {(issue.code, issue.expression, issue.rule if issue.code == "invariant" else "") for issue in found} == {
        (issue["code"], issue["expression"], issue.get("key", "")) for issue in expected
    }
