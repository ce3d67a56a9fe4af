"""What a decision withholds goes, with any narrative that could repeat it, and the resource says so."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.facts import facts_of
from service.consent.reasons import Redaction
from service.consent.redact import REDACTED, SUBSETTED, is_redacted, redact, unlabelled, without
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


@pytest.mark.parametrize("wanted", [Redaction("label", "PSY"), Redaction("section", "s|b")])
def test_the_narrative_of_the_whole_goes_with_a_labelled_part_or_a_section(wanted: Redaction) -> None:
    """It may say what they said."""
    document = {
        "resourceType": "Composition",
        "text": DIV,
        "author": [{"display": "x", "extension": [LABEL]}],
        "section": [section("b")],
    }
    assert "text" not in redact(document, [wanted])


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


PSY = [Redaction("label", "PSY")]
MARKED: dict[str, Any] = {"security": [REDACTED], "tag": [SUBSETTED]}


@pytest.mark.parametrize("redactions", [[], PSY, element("telecom"), [Redaction("section", "s|1")], [Redaction("odd", "id")]])
def test_a_resource_without_the_part_is_the_very_same(redactions: list[Redaction]) -> None:
    """Not a copy, and with its narrative."""
    assert redact(PATIENT, redactions) is PATIENT
    assert without(PATIENT, redactions) is PATIENT


def test_an_empty_list_is_nothing_to_take() -> None:
    """It is left as it is."""
    odd: dict[str, Any] = {"resourceType": "Observation", "note": []}
    assert redact(odd, PSY) is odd


def test_a_path_takes_from_its_own_element_only() -> None:
    """Another element may have a member of the same name."""
    period = {"start": "2026"}
    patient = {"resourceType": "Patient", "contact": [{"gender": "male", "period": period}], "address": [{"period": period}]}
    assert without(patient, element("contact.period")) == {
        "resourceType": "Patient",
        "contact": [{"gender": "male"}],
        "address": [{"period": period}],
    }


def test_a_primitive_element_goes_with_its_twin() -> None:
    """`_birthDate` may say what `birthDate` said."""
    patient = {"resourceType": "Patient", "birthDate": "1990", "_birthDate": {"id": "b"}, "gender": "male"}
    assert without(patient, element("birthDate")) == {"resourceType": "Patient", "gender": "male"}


def test_what_has_nothing_left_is_an_empty_object() -> None:
    """Of a fragment without a type."""
    assert without({"birthDate": "1990"}, element("birthDate")) == {}
    assert without({"contact": [{"gender": "male"}]}, element("contact.gender")) == {}


def test_several_elements_go_at_once() -> None:
    """One path is another's parent, and one names a type that the resource is not."""
    wanted = [*element("Patient.contact"), *element("contact.gender"), *element("birthDate"), *element("Person.id")]
    assert redact(PATIENT, wanted) == {"resourceType": "Patient", "id": "p", "meta": MARKED}


@pytest.mark.parametrize("member", ["resourceType", "id", "meta", "meta.versionId"])
def test_neither_identity_nor_meta_is_an_element_to_take(member: str) -> None:
    """A path into them takes nothing."""
    patient = PATIENT | {"meta": {"versionId": "3"}}
    assert redact(patient, element(member)) is patient


def test_a_label_in_meta_takes_nothing() -> None:
    """It would take the resource's version with it."""
    patient = PATIENT | {"meta": {"versionId": "3", "extension": [LABEL]}}
    assert redact(patient, PSY) is patient


def test_a_labelled_element_goes_at_any_depth_and_within_a_section() -> None:
    """The elements above it stay, without their narrative."""
    note = {"valueString": "secret", "extension": [LABEL]}
    document = {
        "resourceType": "Composition",
        "section": [section("a", section=[section("b", author=[note, {"display": "open"}])], title="A"), section("c")],
    }
    assert without(document, PSY) == {
        "resourceType": "Composition",
        "section": [
            {
                "code": section("a")["code"],
                "title": "A",
                "section": [{"code": section("b")["code"], "author": [{"display": "open"}]}],
            },
            section("c"),
        ],
    }


def test_sections_and_labels_go_in_one_walk() -> None:
    """Each by its own name: a section's code is no label, and only a section has a section's code."""
    coded = {"code": section("a")["code"], "text": DIV}
    document = {"resourceType": "Composition", "event": [coded], "section": [section("a"), section("PSY"), section("b")]}
    assert without(document, [Redaction("section", "s|a"), *PSY]) == {
        "resourceType": "Composition",
        "event": [coded],
        "section": [section("PSY"), section("b")],
    }


@pytest.mark.parametrize(
    ("coding", "value"),
    [({"code": "x"}, "|x"), ({"system": "s", "code": "x"}, "s|x")],
)
def test_a_section_is_named_by_system_and_code(coding: dict[str, str], value: str) -> None:
    """A code without a system is named so; either of two codings is enough."""
    code = {"coding": [{"system": "t", "code": "other"}, coding]}
    document = {"resourceType": "Composition", "title": "T", "section": [{"code": code}]}
    assert without(document, [Redaction("section", value)]) == {"resourceType": "Composition", "title": "T"}


def test_only_the_labelled_primitive_goes() -> None:
    """Another one's twin says nothing of it."""
    other = {"extension": [{"url": "http://example.org/x", "valueCode": "y"}]}
    patient = {
        "resourceType": "Patient",
        "birthDate": "1990",
        "_birthDate": {"extension": [LABEL]},
        "gender": "male",
        "_gender": other,
    }
    assert without(patient, PSY) == {"resourceType": "Patient", "gender": "male", "_gender": other}


def test_a_list_of_primitives_goes_whole() -> None:
    """Twins stand by position, so that one cannot be taken without the others."""
    name = {"family": "F", "given": ["open", "secret"], "_given": [{"id": "g"}, {"extension": [LABEL]}]}
    assert without({"resourceType": "Patient", "name": [name]}, PSY) == {"resourceType": "Patient", "name": [{"family": "F"}]}


def test_a_twin_without_its_primitive_goes_alone() -> None:
    """The value was absent for a reason that is labelled."""
    patient = {"resourceType": "Patient", "id": "p", "_birthDate": {"extension": [LABEL]}}
    assert without(patient, PSY) == {"resourceType": "Patient", "id": "p"}


@pytest.mark.parametrize(
    "extension",
    [
        LABEL | {"url": "http://example.org/label"},
        LABEL | {"valueCoding": {"system": "http://example.org", "code": "PSY"}},
        LABEL | {"valueCoding": {"system": ACT_CODE}},
    ],
)
def test_an_element_goes_by_an_inline_label_of_that_name_only(extension: dict[str, Any]) -> None:
    """Another extension, another system and no code are none."""
    note = {"resourceType": "Observation", "note": [{"text": "open", "extension": [extension]}]}
    assert redact(note, PSY) is note


def test_the_last_contained_resource_takes_the_list_with_it() -> None:
    """FHIR has no empty lists; everything else stays."""
    author = {"resourceType": "Practitioner", "id": "c"}
    note = {
        "resourceType": "Observation",
        "id": "o",
        "contained": [author],
        "performer": [{"extension": [LABEL], "reference": "#c"}],
    }
    assert without(note, PSY) == {"resourceType": "Observation", "id": "o"}


def test_what_was_contained_without_being_referred_to_stays() -> None:
    """Only what the taken parts alone referred to is theirs."""
    author, stray = {"resourceType": "Practitioner", "id": "c"}, {"resourceType": "Basic", "id": "s"}
    note = {
        "resourceType": "Observation",
        "status": "final",
        "contained": [author, stray, "odd"],
        "performer": [{"extension": [LABEL], "reference": "#c"}, {"reference": "Practitioner/1"}],
    }
    assert without(note, PSY) == {
        "resourceType": "Observation",
        "status": "final",
        "contained": [stray, "odd"],
        "performer": [{"reference": "Practitioner/1"}],
    }


def test_a_reference_to_nothing_contained_goes_alone() -> None:
    """There is no content in another place."""
    note = {"resourceType": "Observation", "id": "o", "performer": [{"extension": [LABEL], "reference": "#c"}]}
    assert without(note, PSY) == {"resourceType": "Observation", "id": "o"}


def test_every_labelled_part_and_every_section_can_be_taken_at_once() -> None:
    """As for a reader who may see none of them."""
    hiv = LABEL | {"valueCoding": {"system": ACT_CODE, "code": "HIV"}}
    document = {
        "resourceType": "Composition",
        "id": "1",
        "title": "T",
        "author": [{"display": "a", "extension": [LABEL]}, {"display": "b", "extension": [hiv]}, {"display": "c"}],
        "section": [section("a", section=[section("b")]), {"title": "uncoded"}],
    }
    assert unlabelled(document, facts_of(document)) == {
        "resourceType": "Composition",
        "id": "1",
        "title": "T",
        "author": [{"display": "c"}],
        "section": [{"title": "uncoded"}],
    }
    assert unlabelled(PATIENT, facts_of(PATIENT)) is PATIENT
