"""What may be claimed as a lawful basis, and what it gives."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.lawful_basis import OVERRIDING, Basis, claimed, recorded
from service.fhir.canonical import LAWFUL_BASES, LAWFUL_BASIS
from service.problem import Problem

HEALTH = ("health", "social-care")


def concept(*codes: str, text: str = "A strategy meeting asked for it.") -> dict[str, Any]:
    """A CodeableConcept of lawful bases."""
    return {"coding": [{"system": LAWFUL_BASIS, "code": code} for code in codes], **({"text": text} if text else {})}


@pytest.mark.parametrize("code", sorted(LAWFUL_BASES))
def test_every_basis_with_its_justification_may_be_claimed(code: str) -> None:
    """The seven of care rules, section 4."""
    assert claimed(concept(code), ("health", "police")) == Basis(code, concept(code))


@pytest.mark.parametrize("code", sorted(LAWFUL_BASES))
def test_only_direct_care_between_care_services_needs_no_words(code: str) -> None:
    """Between health and adult social care, and nobody else."""
    assert isinstance(claimed(concept(code, text=""), HEALTH), Basis) == (code == "direct-care")
    assert isinstance(claimed(concept(code, text=" "), ("health", "housing")), Problem)


@pytest.mark.parametrize("wrong", [{}, {"text": "Because."}, concept("because"), concept("safeguarding", "legal-duty")])
def test_a_basis_is_one_known_code(wrong: dict[str, Any]) -> None:
    """None, an unknown one and two are refused."""
    assert isinstance(claimed(wrong, HEALTH), Problem)


@pytest.mark.parametrize("code", sorted(LAWFUL_BASES))
def test_what_never_overrides_is_weak(code: str) -> None:
    """Direct care and consent held elsewhere count only where no Consent speaks."""
    assert Basis(code, concept(code)).grant("Organization/x", ["Condition/1"]).weak == (code not in OVERRIDING)


def test_a_claim_covers_what_it_was_made_for() -> None:
    """These records, for this recipient."""
    grant = Basis("legal-duty", concept("legal-duty")).grant("Organization/x", ["Condition/1"])
    assert (grant.organization, grant.refs, grant.types) == ("Organization/x", frozenset({"Condition/1"}), frozenset())


def test_the_basis_of_a_handover_is_found() -> None:
    """Among the Task's inputs."""
    task = {"input": [{"valueReference": {"reference": "Consent/1"}}, {"valueCodeableConcept": concept("direct-care")}]}
    assert (recorded(task), recorded({})) == (concept("direct-care"), None)
