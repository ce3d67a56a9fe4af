"""A redacted resource says so in `meta`, so that a write-back can be refused (consent rules, section 3)."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.reasons import Redaction
from service.consent.redact import REDACTED, SUBSETTED, is_redacted, redact
from service.fhir.canonical import ACT_CODE, OBSERVATION_VALUE

MARKED: dict[str, Any] = {"security": [REDACTED], "tag": [SUBSETTED]}
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "text": {"status": "generated", "div": "<div>all of it</div>"},
    "contact": [{"name": {"text": "x"}, "gender": "male"}],
    "birthDate": "1990",
}


def element(path: str) -> list[Redaction]:
    return [Redaction("element", path)]


def test_the_tags_are_those_of_hl7() -> None:
    """v3-ObservationValue, REDACTED in meta.security and SUBSETTED in meta.tag."""
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
    assert redact(PATIENT, element("birthDate"))["meta"] == {
        "security": [{"system": system, "code": "REDACTED"}],
        "tag": [{"system": system, "code": "SUBSETTED"}],
    }


def test_a_redacted_resource_is_otherwise_what_it_was() -> None:
    """Less the element and the narrative; `meta` stands where FHIR has it."""
    found = redact(PATIENT, element("Patient.birthDate"))
    assert found == {
        "resourceType": "Patient",
        "id": "p",
        "meta": MARKED,
        "contact": [{"name": {"text": "x"}, "gender": "male"}],
    }
    assert list(found) == ["resourceType", "id", "meta", "contact"]


def test_what_meta_says_already_stays() -> None:
    """Version, labels and tags; ours are added after them, and what is no list is replaced by one."""
    psy, test = {"system": ACT_CODE, "code": "PSY"}, {"system": "http://example.org", "code": "test"}
    meta = {"versionId": "3", "security": [psy, "odd"], "tag": [test]}
    assert redact(PATIENT | {"meta": meta}, element("birthDate"))["meta"] == {
        "versionId": "3",
        "security": [psy, "odd", REDACTED],
        "tag": [test, SUBSETTED],
    }
    assert redact(PATIENT | {"meta": {"security": "odd"}}, element("birthDate"))["meta"] == MARKED
    assert redact(PATIENT | {"meta": "odd"}, element("birthDate"))["meta"] == MARKED


def test_each_tag_is_set_once() -> None:
    """Of a resource that was redacted before."""
    once = redact(PATIENT, element("birthDate"))
    assert redact(once, element("contact")) == {"resourceType": "Patient", "id": "p", "meta": MARKED}
    assert redact(once, element("birthDate")) is once


def test_the_resource_itself_is_never_changed() -> None:
    """Its meta, too."""
    meta: dict[str, Any] = {"security": [], "tag": []}
    redact(PATIENT | {"meta": meta}, element("birthDate"))
    assert meta == {"security": [], "tag": []}


@pytest.mark.parametrize(
    ("security", "redacted"),
    [
        ([REDACTED], True),
        ([{"system": ACT_CODE, "code": "PSY"}, REDACTED | {"display": "redacted"}], True),
        ([{"system": OBSERVATION_VALUE, "code": "SUBSETTED"}], False),
        ([{"system": ACT_CODE, "code": "REDACTED"}], False),
        ([{"code": "REDACTED"}], False),
        (["REDACTED"], False),
        (REDACTED, False),
    ],
)
def test_a_write_back_is_known_by_the_tag(security: Any, redacted: bool) -> None:
    """System and code, both, in meta.security."""
    assert is_redacted(PATIENT | {"meta": {"security": security}}) is redacted


def test_a_tag_is_no_security_label() -> None:
    """Only meta.security says that a resource was redacted."""
    assert not is_redacted(PATIENT | {"meta": {"tag": [REDACTED]}})
