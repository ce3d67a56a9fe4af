"""Consents, records and requests of all kinds, for properties of the consent engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from service.consent.decide import Redaction, Request
from service.fhir.canonical import ACT_CODE, ACT_REASON, CONFIDENTIALITY, PARTICIPATION

ORGS = ("Organization/trust", "Organization/housing")
PEOPLE = ("Practitioner/a", "PractitionerRole/b", "Group/c")
PURPOSES = ("TREAT", "ETREAT", "BTG", "COC", "HOPERAT", "CAREMGT", "HPAYMT", "HRESCH", "PATRQT")
LABELS = ("PSY", "SUD", "ETHUD", "OPIOIDUD", "SDV", "HIV")
RANKS = ("U", "L", "M", "N", "R", "V")
CODES = ("29463-7", "74013-4", "2339-0")
TYPES = ("Observation", "Condition", "Encounter")
REFS = ("Encounter/e", "Observation/1", "Condition/2", "Practitioner/a")
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DATES = ("2019", "2020-05", "2024-02-29", "2026-06-15", "2026-06-15T10:00:00Z", "2031-01-01", "not a date")


def some(items: tuple[str, ...], least: int = 1) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(items), min_size=least, max_size=3, unique=True)


def coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


periods = st.fixed_dictionaries({}, optional={"start": st.sampled_from(DATES), "end": st.sampled_from(DATES)})
labels = st.one_of(
    st.sampled_from(RANKS).map(lambda code: coding(CONFIDENTIALITY, code)),
    st.sampled_from(LABELS).map(lambda code: coding(ACT_CODE, code)),
)
actors = st.builds(
    lambda ref, role: {"reference": {"reference": ref}, "role": {"coding": [coding(PARTICIPATION, role)]}},
    st.sampled_from(ORGS + PEOPLE),
    st.sampled_from(("IRCP", "PRCP", "IRCP", "CST")),
)
data = st.builds(
    lambda meaning, ref: {"meaning": meaning, "reference": {"reference": ref}},
    st.sampled_from(("instance", "related", "dependents", "authoredby")),
    st.sampled_from(REFS),
)
conditions: dict[str, st.SearchStrategy[Any]] = {
    "actor": st.lists(actors, min_size=1, max_size=2),
    "purpose": some(PURPOSES).map(lambda codes: [coding(ACT_REASON, code) for code in codes]),
    "action": some(("access", "use", "disclose")).map(lambda codes: [{"coding": [{"code": code}]} for code in codes]),
    "period": periods,
    "securityLabel": st.lists(labels, min_size=1, max_size=2),
    "class": some(TYPES).map(lambda codes: [coding("http://hl7.org/fhir/resource-types", code) for code in codes]),
    "code": some(CODES).map(lambda codes: [{"coding": [coding("http://loinc.org", code)]} for code in codes]),
    "dataPeriod": periods,
    "data": st.lists(data, min_size=1, max_size=2),
}


def provisions(kinds: tuple[str | None, ...] = ("permit", "deny")) -> st.SearchStrategy[dict[str, Any]]:
    leaf = st.fixed_dictionaries({"type": st.sampled_from(kinds)}, optional=conditions)
    tree = st.recursive(
        leaf,
        lambda inner: st.builds(
            lambda node, nested: {**node, "provision": nested}, leaf, st.lists(inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    )
    return tree.map(_without_none)


def _without_none(tree: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in tree.items() if value is not None}
    if "provision" in kept:
        kept["provision"] = [_without_none(item) for item in kept["provision"]]
    return kept


def consents(kinds: tuple[str | None, ...] = ("permit", "deny", None)) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda provision, rule, performer, status: {
            "resourceType": "Consent",
            "status": status,
            "patient": {"reference": "Patient/p"},
            "performer": [{"reference": performer}],
            **({"policyRule": {"coding": [coding(ACT_CODE, rule)]}} if rule else {}),
            "provision": provision,
        },
        provisions(kinds),
        st.sampled_from(("", "OPTIN", "OPTOUT", "EMRGONLY")),
        st.sampled_from(("Patient/p", "Patient/p", "Patient/p", "RelatedPerson/other")),
        st.sampled_from(("active", "active", "active", "inactive")),
    )


resources = st.builds(
    lambda kind, ident, security, code, when, author, reference: {
        "resourceType": kind,
        "id": ident,
        **({"meta": {"security": security}} if security else {}),
        **({"code": {"coding": [coding("http://loinc.org", code)]}} if code else {}),
        **({"recordedDate": when} if when else {}),
        **({"performer": [{"reference": author}]} if author else {}),
        **({"encounter": {"reference": reference}} if reference else {}),
        "subject": {"reference": "Patient/p"},
    },
    st.sampled_from(TYPES),
    st.sampled_from(("1", "2", "e")),
    st.lists(labels, max_size=2),
    st.sampled_from(("", *CODES)),
    st.sampled_from(("", *DATES)),
    st.sampled_from(("", "Practitioner/a", "Practitioner/z")),
    st.sampled_from(("", "Encounter/e", "Encounter/other")),
)
requests = st.builds(
    lambda principals, organization, sector, purposes, action: Request(
        frozenset((*principals, organization)), organization, sector, tuple(purposes), action, NOW, "PractitionerRole/b"
    ),
    some(ORGS + PEOPLE, 0),
    st.sampled_from(ORGS),
    st.sampled_from(("health", "social-care", "housing", "police")),
    some(PURPOSES, 0),
    st.sampled_from(("access", "disclose")),
)
junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=8),
        st.sampled_from(DATES + REFS + ("permit", "deny")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(
                    (
                        "resourceType",
                        "id",
                        "meta",
                        "security",
                        "tag",
                        "profile",
                        "code",
                        "coding",
                        "system",
                        "subject",
                        "reference",
                        "performer",
                        "provision",
                        "type",
                        "actor",
                        "role",
                        "period",
                        "start",
                        "end",
                        "purpose",
                        "data",
                        "meaning",
                        "securityLabel",
                        "dataPeriod",
                        "extension",
                        "url",
                        "section",
                        "text",
                        "policy",
                        "policyRule",
                        "identifier",
                        "value",
                        "status",
                        "modifierExtension",
                        "class",
                        "action",
                        "valueCoding",
                    )
                ),
                st.text(max_size=3),
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=25,
)
objects = st.dictionaries(st.text(max_size=4), junk, max_size=3).flatmap(
    lambda start: st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "resourceType",
                "id",
                "meta",
                "subject",
                "patient",
                "provision",
                "performer",
                "policy",
                "policyRule",
                "code",
                "category",
                "section",
                "verification",
                "organization",
                "dateTime",
                "scope",
                "status",
                "content",
                "context",
                "participant",
                "effectivePeriod",
                "text",
                "author",
            ),
            junk,
        ),
    ).map(lambda more: {**start, **more})
)
redactions = st.lists(
    st.one_of(
        st.builds(
            Redaction,
            st.just("element"),
            st.sampled_from(("code", "meta", "subject.reference", "code.coding.system", "section.code", "note.text", "x")),
        ),
        st.builds(Redaction, st.just("section"), st.sampled_from(("http://loinc.org|1", "|", "a|b"))),
        st.builds(Redaction, st.just("label"), st.sampled_from(("PSY", f"{CONFIDENTIALITY}|R"))),
    ),
    max_size=3,
)
