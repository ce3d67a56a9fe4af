"""What a Consent must say to be stored, and what an import keeps with a warning."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.check import check, imported
from service.consent.supersession import supersession_key
from service.fhir.canonical import ACT_CODE, ACT_REASON, CONSENT_ACTION, PARTICIPATION, RESOURCE_TYPES


def consent(**more: Any) -> dict[str, Any]:
    person = {"reference": "Patient/p"}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": person,
        "performer": [person],
        "dateTime": "2026-01-01",
        "organization": [{"reference": "Organization/trust"}],
        "provision": {"type": "permit"},
        **more,
    }


def actor(role: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "permit",
        "actor": [
            {
                "reference": {"reference": "Organization/a"},
                "role": {"coding": [{"system": PARTICIPATION, "code": role}]},
                **more,
            }
        ],
    }


def nested(depth: int) -> dict[str, Any]:
    return {"type": "permit", "provision": [nested(depth - 1)]} if depth else {"type": "permit"}


REFUSED = [
    (
        "untyped root with conditions",
        consent(provision={"purpose": [{"system": ACT_REASON, "code": "TREAT"}]}),
        "Consent.provision.type",
    ),
    (
        "nested rule without type",
        consent(provision={"type": "permit", "provision": [{}]}),
        "Consent.provision.provision[0].type",
    ),
    ("unknown modifier", consent(modifierExtension=[{"url": "x"}]), "Consent.modifierExtension"),
    (
        "nested unknown modifier",
        consent(provision={"type": "permit", "modifierExtension": [{"url": "x"}]}),
        "Consent.modifierExtension",
    ),
    ("custodian as actor", consent(provision=actor("CST")), "Consent.provision.actor"),
    ("actor without reference", consent(provision=actor("IRCP", reference={"display": "them"})), "Consent.provision.actor"),
    ("unreadable period", consent(provision={"type": "permit", "period": {"end": "soon"}}), "Consent.provision.period"),
    (
        "period that ends first",
        consent(provision={"type": "permit", "period": {"start": "2026", "end": "2025"}}),
        "Consent.provision.period",
    ),
    ("too deep", consent(provision=nested(33)), "Consent.provision" + ".provision[0]" * 31),
    (
        "unknown purpose",
        consent(provision={"type": "permit", "purpose": [{"system": ACT_REASON, "code": "COORDINATION"}]}),
        "Consent.provision.purpose",
    ),
    (
        "unknown label",
        consent(provision={"type": "deny", "securityLabel": [{"system": ACT_CODE, "code": "XYZ"}]}),
        "Consent.provision.securityLabel",
    ),
    (
        "unknown action",
        consent(provision={"type": "permit", "action": [{"coding": [{"system": CONSENT_ACTION, "code": "peek"}]}]}),
        "Consent.provision.action",
    ),
    ("missing patient", consent(patient=None), "Consent.patient"),
    ("missing performer", consent(performer=[]), "Consent.performer"),
    ("missing date", consent(dateTime=None), "Consent.dateTime"),
    ("unreadable date", consent(dateTime="yesterday"), "Consent.dateTime"),
    ("unknown status", consent(status="on"), "Consent.status"),
    ("not about privacy", consent(scope={"coding": [{"code": "treatment"}]}), "Consent.scope"),
]


@pytest.mark.parametrize(("resource", "expression"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_an_undecidable_form_is_refused_at_its_place(resource: dict[str, Any], expression: str) -> None:
    """An error at the FHIRPath, with a sentence that says what would make it right."""
    assert [issue.text for issue in check(resource) if issue.severity == "error" and issue.expression == expression]


@pytest.mark.parametrize("resource", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_an_import_keeps_it_with_a_warning(resource: dict[str, Any]) -> None:
    """Findings, and no error."""
    assert {issue.severity for issue in imported(resource)} == {"warning"}


def test_a_plain_consent_passes() -> None:
    """Nothing to put right."""
    assert check(consent()) == ()


def test_a_draft_may_be_unfinished() -> None:
    """It permits nothing yet."""
    assert {issue.severity for issue in check(consent(status="draft", performer=[], dateTime=None))} == {"warning"}


def test_a_later_consent_of_the_same_terms_supersedes() -> None:
    """Same subject, controller, policy, category, recipients, purposes and data: one key, whatever it says of them."""
    later = consent(dateTime="2026-02-02", provision={"type": "deny"})
    assert supersession_key(later) == supersession_key(consent())


def test_the_order_of_terms_is_no_other_term() -> None:
    """A key is of what is named, however often and in whichever order."""
    one, other = ({"code": "PSY", "system": ACT_CODE}, {"code": "SUD", "system": ACT_CODE})
    first = consent(provision={"type": "deny", "securityLabel": [one, other]})
    assert supersession_key(first) == supersession_key(consent(provision={"type": "deny", "securityLabel": [other, one, one]}))


@pytest.mark.parametrize(
    "other",
    [
        consent(patient={"reference": "Patient/q"}),
        consent(organization=[{"reference": "Organization/other"}]),
        consent(policy=[{"uri": "http://policy.example"}]),
        consent(category=[{"coding": [{"code": "other"}]}]),
        consent(provision=actor("IRCP")),
        consent(provision={"type": "permit", "purpose": [{"code": "TREAT"}]}),
        consent(provision={"type": "deny", "data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]}),
        consent(provision={"type": "deny", "dataPeriod": {"start": "2020"}}),
        consent(provision={"type": "deny", "period": {"end": "2027"}}),
        consent(provision={"type": "deny", "securityLabel": [{"system": ACT_CODE, "code": "PSY"}]}),
        consent(provision={"type": "deny", "code": [{"coding": [{"system": "http://loinc.org", "code": "1-8"}]}]}),
        consent(provision={"type": "deny", "class": [{"system": RESOURCE_TYPES, "code": "Observation"}]}),
        consent(provision={"type": "permit", "provision": [actor("IRCP") | {"type": "deny"}]}),
    ],
)
def test_a_consent_on_other_terms_stands_beside(other: dict[str, Any]) -> None:
    """Each part of the key counts."""
    assert supersession_key(other) != supersession_key(consent())
