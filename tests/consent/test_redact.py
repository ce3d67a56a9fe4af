"""What a decision withholds goes, with any narrative that could repeat it, and the resource says so."""

from __future__ import annotations

from typing import Any

from service.consent.reasons import Redaction
from service.consent.redact import REDACTED, SUBSETTED, is_redacted, redact
from service.fhir.canonical import ACT_CODE, INLINE_LABEL

LABEL = {"url": INLINE_LABEL, "valueCoding": {"system": ACT_CODE, "code": "PSY"}}
DIV = {"status": "generated", "div": "<div>all of it</div>"}


def section(code: str, **more: Any) -> dict[str, Any]:
    return {"code": {"coding": [{"system": "s", "code": code}]}, "text": DIV, **more}


def element(path: str) -> list[Redaction]:
    return [Redaction("element", path)]


PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "text": DIV,
    "contact": [{"name": {"text": "x"}, "gender": "male"}],
    "birthDate": "1990",
}


def test_an_element_goes_from_every_item() -> None:
    """A dotted path has no indexes."""
    assert redact(PATIENT, element("Patient.contact.name"))["contact"] == [{"gender": "male"}]


def test_what_becomes_empty_goes_too() -> None:
    """No empty objects or lists are left."""
    bare = {"resourceType": "Patient", "contact": [{"name": {"text": "x"}}]}
    assert "contact" not in redact(bare, element("contact.name"))


def test_the_narrative_goes_with_it() -> None:
    """It may say what went."""
    assert "text" not in redact(PATIENT, element("birthDate"))


def test_both_tags_are_set() -> None:
    """REDACTED and SUBSETTED."""
    assert redact(PATIENT, element("birthDate"))["meta"] == {"security": [REDACTED], "tag": [SUBSETTED]}


def test_nothing_to_take_leaves_it_alone() -> None:
    """The very same resource, narrative and all."""
    assert redact(PATIENT, element("telecom")) is PATIENT


def test_identity_is_never_taken() -> None:
    """Without id and meta it is no resource."""
    assert redact(PATIENT, element("id")) is PATIENT


def test_a_section_goes_by_code_at_any_depth() -> None:
    """The outer section stays, without its narrative."""
    document = {"resourceType": "Composition", "section": [section("a", section=[section("b"), section("c")])]}
    kept = redact(document, [Redaction("section", "s|b")])["section"][0]
    assert (len(kept["section"]), "text" in kept) == (1, False)


def test_a_sibling_section_keeps_its_narrative() -> None:
    """Nothing went under it."""
    document = {"resourceType": "Composition", "section": [section("a"), section("b")]}
    assert redact(document, [Redaction("section", "s|b")])["section"] == [section("a")]


def test_a_labelled_element_goes() -> None:
    """By its inline security label."""
    note = {"resourceType": "Observation", "note": [{"text": "secret", "extension": [LABEL]}, {"text": "plain"}]}
    assert redact(note, [Redaction("label", "PSY")])["note"] == [{"text": "plain"}]


def test_a_labelled_primitive_goes_with_its_twin() -> None:
    """The label sits in `_birthDate`, the secret in `birthDate`."""
    labelled = {"resourceType": "Patient", "birthDate": "1990", "_birthDate": {"extension": [LABEL]}, "gender": "male"}
    assert set(redact(labelled, [Redaction("label", "PSY")])) == {"resourceType", "meta", "gender"}


def test_the_text_of_a_concept_stays() -> None:
    """A string is no narrative."""
    concept = {"resourceType": "Observation", "code": {"text": "weight", "coding": [{"code": "x"}]}}
    assert redact(concept, element("code.coding"))["code"] == {"text": "weight"}


def test_a_redacted_resource_is_recognised() -> None:
    """So that a write-back can be refused."""
    assert is_redacted(redact(PATIENT, element("birthDate")))


def test_a_whole_resource_is_not_taken_for_redacted() -> None:
    """No tag, no refusal."""
    assert not is_redacted(PATIENT)


def test_what_only_a_redacted_part_contained_goes_with_it() -> None:
    """A section's entry may be contained: it would say in `contained` what the section said; so may what that refers to."""
    first = {"resourceType": "Observation", "id": "a", "hasMember": [{"reference": "#b"}]}
    second = {"resourceType": "Observation", "id": "b", "derivedFrom": [{"reference": "#a"}]}
    author = {"resourceType": "Practitioner", "id": "c"}
    document = {
        "resourceType": "Composition",
        "contained": [first, second, author],
        "author": [{"reference": "#c"}],
        "section": [section("secret", entry=[{"reference": "#a"}]), section("open")],
    }
    found = redact(document, [Redaction("section", "s|secret")])
    assert found["contained"] == [author]


def test_what_another_part_refers_to_stays_contained() -> None:
    """It is said there, too."""
    author = {"resourceType": "Practitioner", "id": "c"}
    labelled = {"extension": [LABEL], "reference": "#c"}
    note = {"resourceType": "Observation", "contained": [author], "performer": [labelled, {"reference": "#c"}]}
    assert redact(note, [Redaction("label", "PSY")])["contained"] == [author]
