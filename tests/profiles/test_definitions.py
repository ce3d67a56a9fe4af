"""The service reads everything that profiles/ ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.fhir.definitions import Definitions

PROFILES = Path(__file__).parents[2] / "profiles"
CANONICALS = {
    kind: sorted(json.loads(path.read_text())["url"] for path in (PROFILES / "baton").glob(f"{kind}-*.json"))
    for kind in ("StructureDefinition", "ValueSet", "CodeSystem", "Questionnaire")
}


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return Definitions.load(PROFILES)


@pytest.mark.parametrize("url", CANONICALS["StructureDefinition"])
def test_structure_loads(definitions: Definitions, url: str) -> None:
    """A profile or extension is found by its canonical, with elements."""
    assert (definitions.structure(url) or {})["element"]


@pytest.mark.parametrize("url", CANONICALS["ValueSet"])
def test_value_set_expands(definitions: Definitions, url: str) -> None:
    """Each of our value sets has codes that can be listed."""
    assert all((definitions.value_set(url) or {"": None}).values())


@pytest.mark.parametrize("url", CANONICALS["CodeSystem"])
def test_code_system_loads(definitions: Definitions, url: str) -> None:
    """Every code has a display."""
    assert all(concept.display for concept in definitions.code_systems[url].values())


@pytest.mark.parametrize("url", CANONICALS["Questionnaire"])
def test_questionnaire_loads(definitions: Definitions, url: str) -> None:
    """A dataset is found by its canonical."""
    assert (definitions.questionnaire(url) or {})["url"] == url


@pytest.mark.parametrize(
    ("type_", "name", "kind"),
    [
        ("CarePlan", "author", "reference"),
        ("CarePlan", "owner-organization", "reference"),
        ("Task", "owner-organization", "reference"),
        ("Task", "worklist", "reference"),
        ("Task", "due", "date"),
        ("Task", "status-reason", "token"),
        ("CareTeam", "participant-role", "token"),
        ("Flag", "status", "token"),
        ("Flag", "category", "token"),
        ("Communication", "authority", "reference"),
    ],
)
def test_own_search_parameter_is_known(definitions: Definitions, type_: str, name: str, kind: str) -> None:
    """What R4 does not let one search by, and the rules need."""
    assert definitions.search_parameters(type_)[name].type == kind
