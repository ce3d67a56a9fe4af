"""What is compiled before the first record comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.fhir import parameter
from service.fhir.language import Language
from service.fhir.validation import constraint, structure

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
COMPILERS = ((structure, "compiled"), (constraint, "tree"), (parameter, "compile_expression"))
HANDOVER = {
    "resourceType": "Task",
    "status": "requested",
    "intent": "order",
    "code": {"coding": [{"system": "https://baton.example/fhir/CodeSystem/task-code", "code": "handover"}]},
    "extension": [{"url": "https://baton.example/fhir/StructureDefinition/review-date", "valueDate": "2027-01-01"}],
}


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been compiled: types with their parts, profiles, search expressions."""
    seen: list[str] = []

    def noting(name: str, original: Any) -> Any:
        return lambda *given: [seen.append(name), original(*given)][1]

    for module, name in COMPILERS:
        monkeypatch.setattr(module, name, noting(name, getattr(module, name)))
    return seen


def test_the_first_record_of_a_prepared_type_compiles_nothing(compiling: list[str]) -> None:
    """Neither its rules, nor our profiles of it, nor our extensions, nor what it is found by."""
    language = Language.load(PROFILES)
    language.prepare(["Task"])
    assert set(compiling) == {name for _, name in COMPILERS}
    compiling.clear()
    assert language.validator.check(HANDOVER)
    assert language.indexer.index(HANDOVER).keys
    assert compiling == []


def test_a_type_that_is_not_prepared_is_compiled_when_it_comes(compiling: list[str]) -> None:
    language = Language.load(PROFILES)
    language.prepare(["Task"])
    compiling.clear()
    language.validator.check({"resourceType": "Flag"})
    assert "compiled" in compiling
