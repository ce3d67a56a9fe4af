"""What may be claimed as a lawful basis, and what it gives."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.lawful_basis import OVERRIDING, Basis, claimed, implied, recorded
from service.consent.request import Grant
from service.fhir.canonical import LAWFUL_BASES, LAWFUL_BASIS
from service.problem import Category, Issue, Problem

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


PLACE = "Parameters.parameter.where(name = 'basis')"
ONE_CODE = (
    "A lawful basis is one code of `https://baton.example/fhir/CodeSystem/lawful-basis`: `best-interests`, `direct-care`, "
    "`explicit-consent-elsewhere`, `legal-duty`, `public-interest`, `safeguarding`, `vital-interests`."
)
WORDS = "The basis `safeguarding` needs its justification; write it as the `text` of the CodeableConcept."


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({"text": "Because."}, "code-invalid", ONE_CODE),
        (concept("because"), "code-invalid", ONE_CODE),
        (concept("safeguarding", "legal-duty"), "code-invalid", ONE_CODE),
        ({"coding": [{"system": "http://example.org", "code": "safeguarding"}], "text": "Because."}, "code-invalid", ONE_CODE),
        (concept("safeguarding", text=""), "required", WORDS),
        (concept("safeguarding", text=" "), "required", WORDS),
        (concept("safeguarding", text="") | {"text": 5}, "required", WORDS),
    ],
)
def test_e8_a_claim_that_cannot_stand_is_refused_with_the_mend(given: dict[str, Any], code: str, text: str) -> None:
    """Where the claim was made, and how it is made."""
    assert claimed(given, HEALTH) == Problem(Category.RULE, (Issue(code, text, PLACE, "E8"),))
    assert claimed(given, HEALTH, "Task.input[2]") == Problem(Category.RULE, (Issue(code, text, "Task.input[2]", "E8"),))


@pytest.mark.parametrize(
    ("sectors", "plain"),
    [
        (("health", "health"), True),
        (("social-care", "health"), True),
        (("health", "housing"), False),
        (("police", "social-care"), False),
    ],
)
def test_direct_care_speaks_for_itself_where_both_give_care(sectors: tuple[str, str], plain: bool) -> None:
    """Neither side alone is enough."""
    assert isinstance(claimed(concept("direct-care", text=""), sectors), Basis) is plain


def test_a_coding_of_another_system_is_no_second_basis() -> None:
    """A translation beside the code."""
    given = concept("legal-duty")
    given["coding"].append({"system": "http://example.org", "code": "x"})
    assert claimed(given, HEALTH) == Basis("legal-duty", given)


@pytest.mark.parametrize(
    ("code", "text", "words", "weak"),
    [
        ("legal-duty", "A court asked.", "A court asked.", False),
        ("direct-care", "", "direct-care", True),
        ("explicit-consent-elsewhere", "They said so.", "They said so.", True),
    ],
)
def test_a_basis_grants_in_the_words_of_its_justification(code: str, text: str, words: str, weak: bool) -> None:
    """Or by its code, where it needs none."""
    assert Basis(code, concept(code, text=text)).grant("Organization/x", ["Condition/1", "Flag/2"]) == Grant(
        "lawful-basis",
        "Organization/x",
        f"lawful-basis/{code}",
        refs=frozenset({"Condition/1", "Flag/2"}),
        authority=words,
        weak=weak,
    )


def test_what_a_default_shares_is_shared_for_direct_care() -> None:
    """In the words of the policy row."""
    assert implied("Implied.") == concept("direct-care", text="Implied.")


def test_the_first_basis_of_a_task_is_its_basis() -> None:
    """Other concepts, and what is no input, are passed over."""
    other = {"valueCodeableConcept": {"coding": [{"system": "http://example.org", "code": "x"}]}}
    inputs = [
        "x",
        other,
        {"valueCodeableConcept": concept("legal-duty")},
        {"valueCodeableConcept": concept("direct-care")},
    ]
    assert recorded({"input": inputs}) == concept("legal-duty")
    assert recorded({"input": [other]}) is None
