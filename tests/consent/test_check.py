"""What a Consent must say to be stored, and what an import keeps with a warning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.consent.check import check, imported
from service.consent.supersession import supersession_key
from service.fhir.canonical import ACT_CODE, ACT_REASON, CONSENT_ACTION, PARTICIPATION, RESOURCE_TYPES
from service.problem import Issue


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


def fault(code: str, text: str, place: str) -> Issue:
    """An error that a write is refused with."""
    return Issue(code, text, f"Consent.{place}", "consent-rules 3")


STATUS = "`status` is one of `draft`, `proposed`, `active`, `rejected`, `inactive`, `entered-in-error`."


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (consent(status="on"), fault("code-invalid", STATUS, "status")),
        (consent(status=None), fault("code-invalid", STATUS, "status")),
        (consent(status=["active"]), fault("code-invalid", STATUS, "status")),
        (consent(dateTime=None), fault("required", "An active Consent says when it was given: add `dateTime`.", "dateTime")),
        (
            consent(organization=[]),
            fault("required", "An active Consent says who controls it: add `organization`.", "organization"),
        ),
        (
            consent(scope={}),
            fault("required", "A Consent says what it is about: add `scope`, such as `patient-privacy`.", "scope"),
        ),
        (consent(category=None), fault("required", "A Consent says what kind it is: add `category`.", "category")),
    ],
)
def test_a_fault_of_the_consent_itself_is_told_with_the_mend(resource: dict[str, Any], expected: Issue) -> None:
    """And nothing else is wrong with it."""
    assert check(resource) == (expected,)


def role_fault(code: str, place: str) -> Issue:
    """The finding on a recipient role without its system."""
    return fault("code-invalid", f"A role `{code}` needs its system; recipients are `GRANTEE`, `IRCP`, `PRCP`.", place)


def in_role(system: str | None, *codes: str) -> dict[str, Any]:
    """An actor in a role whose codes are in a system, or in none."""
    coding = [{"code": code, **({"system": system} if system else {})} for code in codes]
    return {"reference": {"reference": "Organization/a"}, "role": {"coding": coding}}


@pytest.mark.parametrize("system", [None, "http://example.org/roles"])
@pytest.mark.parametrize("code", ["IRCP", "PRCP", "GRANTEE"])
def test_a_recipient_s_role_needs_its_system(system: str | None, code: str) -> None:
    """A code of another system may mean something else."""
    resource = consent(provision={"type": "permit", "actor": [in_role(system, code)]})
    assert check(resource) == (role_fault(code, "provision.actor"),)


@pytest.mark.parametrize(
    "actors", [[in_role(PARTICIPATION, "IRCP")], [in_role(PARTICIPATION, "IRCP"), "odd"], [in_role(PARTICIPATION, "IRCP", "X")]]
)
def test_a_role_with_its_system_has_no_such_fault(actors: list[Any]) -> None:
    """Nor has a code that is no recipient's."""
    found = check(consent(provision={"type": "permit", "actor": actors}))
    assert not [issue for issue in found if "needs its system" in issue.text]


def test_a_role_is_looked_at_in_every_provision() -> None:
    """Each at its place, at any depth, beside what is no provision."""
    inner = {"type": "deny", "actor": [in_role(None, "PRCP")]}
    tree = {
        "type": "permit",
        "actor": [in_role(None, "IRCP"), in_role(None, "GRANTEE")],
        "provision": ["odd", inner, {"type": "deny", "provision": [inner]}, inner],
    }
    found = {issue for issue in check(consent(provision=tree)) if "needs its system" in issue.text}
    assert found == {
        role_fault("IRCP", "provision.actor"),
        role_fault("GRANTEE", "provision.actor"),
        role_fault("PRCP", "provision.provision[1].actor"),
        role_fault("PRCP", "provision.provision[2].provision[0].actor"),
        role_fault("PRCP", "provision.provision[3].actor"),
    }


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error"])
def test_a_consent_that_is_not_in_force_is_only_warned_about(status: str) -> None:
    """A draft may be unfinished and an ended Consent is history: the same findings, none of which refuses it."""
    resource = consent(status=status, category=None, provision={"type": "permit", "actor": [in_role(None, "IRCP")]})
    assert check(resource) == imported(resource)
    assert {issue.severity for issue in check(resource)} == {"warning"}


@pytest.mark.parametrize("status", ["active", "on", None, ["draft"]])
def test_a_consent_that_is_or_may_be_in_force_is_refused_for_the_same_findings(status: Any) -> None:
    """Every warning of an import is an error of a write."""
    resource = consent(status=status, category=None, dateTime="yesterday")
    assert check(resource) == tuple(replace(issue, severity="error") for issue in imported(resource))
    assert {issue.severity for issue in imported(resource)} == {"warning"}


def test_what_is_only_worth_knowing_refuses_nothing() -> None:
    """A policy says what its untyped root means by default."""
    resource = consent(policyRule={"coding": [{"code": "OPTIN"}]}, provision={})
    assert [(issue.severity, issue.code) for issue in check(resource)] == [("information", "informational")]


def test_references_under_our_own_base_are_ours() -> None:
    """An absolute reference to the person's record here is a Patient; anywhere else it is a stranger's."""
    base = "https://baton.example/fhir"
    person = {"reference": f"{base}/Patient/p"}
    resource = consent(patient=person, performer=[person])
    assert check(resource, base) == ()
    assert imported(resource, base) == ()
    assert [issue.expression for issue in check(resource)] == ["Consent.patient"]
    assert [issue.expression for issue in imported(resource)] == ["Consent.patient"]


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
