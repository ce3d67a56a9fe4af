"""A rule on codes: what it is about, what it is not about, and of what that cannot be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.consent.facts import Facts, facts_of
from service.fhir.definitions import Definitions
from service.fhir.types import CODED, TYPES
from tests.consent.cases import answer, consent

SNOMED = "http://snomed.info/sct"
PSYCHOSIS = {"coding": [{"system": SNOMED, "code": "69322001"}]}
ASTHMA = {"coding": [{"system": SNOMED, "code": "195967001"}]}
DENIED = consent({"type": "permit", "provision": [{"type": "deny", "code": [PSYCHOSIS]}]})
KINDS = {"code", "code[x]", "type", "medication[x]", "vaccineCode", "serviceType"}


def about(kind: str, **more: Any) -> Facts:
    """The facts of a record of the person."""
    return facts_of({"resourceType": kind, "id": "1", "subject": {"reference": "Patient/p"}, **more})


@pytest.mark.parametrize("kind", ["Patient", "Goal", "RelatedPerson", "CarePlan", "CareTeam", "QuestionnaireResponse", "Consent"])
def test_a_type_without_a_code_is_not_what_a_code_rule_is_about(kind: str) -> None:
    """It is permitted by the Consent that excepts one code."""
    member = {"id": "p"} if kind == "Patient" else {}
    assert answer(about(kind, **member), DENIED).reasons[0].row == "L4"


@pytest.mark.parametrize(
    "coded",
    [
        {},
        {"code": {"text": "psychosis"}},
        {
            "category": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}
            ]
        },
    ],
    ids=["no code", "words only", "a category only"],
)
def test_a_record_whose_code_is_not_said_may_be_what_the_rule_is_about(coded: dict[str, Any]) -> None:
    """Its type could carry one, so that the denial holds."""
    assert answer(about("Condition", **coded), DENIED).reasons[0].row == "L3"


def test_a_medicine_named_by_a_reference_may_be_what_the_rule_is_about() -> None:
    """The code is in another record."""
    assert not answer(about("MedicationRequest", medicationReference={"reference": "Medication/1"}), DENIED).permit


def test_a_record_of_another_code_is_not_what_the_rule_is_about() -> None:
    """And one of that code is."""
    assert answer(about("Condition", code=ASTHMA), DENIED).permit
    assert not answer(about("Condition", code=PSYCHOSIS), DENIED).permit


def test_a_category_may_be_what_the_rule_is_about() -> None:
    """A crisis plan is a CarePlan by its category."""
    denied = consent({"type": "permit", "provision": [{"type": "deny", "code": [PSYCHOSIS]}]})
    assert not answer(about("CarePlan", category=[PSYCHOSIS]), denied).permit


def test_the_types_that_carry_a_code_are_r4_s() -> None:
    """As the definitions have them."""
    definitions = Definitions.load(Path(__file__).parents[2] / "profiles")

    def carries(kind: str) -> bool:
        elements = (definitions.structure(kind) or {}).get("element", ())
        named = [each for each in elements if each["path"].removeprefix(f"{kind}.") in KINDS]
        return any(type_["code"] in ("CodeableConcept", "Coding") for each in named for type_ in each["type"])

    assert definitions.types == TYPES
    assert {kind for kind in TYPES if carries(kind)} == CODED
