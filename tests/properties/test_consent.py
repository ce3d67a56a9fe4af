"""What is true of the consent engine whatever the Consents, the requests and the records (consent-rules 7)."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.consent.applicable import spoken
from service.consent.check import check, imported
from service.consent.compile import compile_consent
from service.consent.decide import Evidence, Grant, Redaction, Request, decide, decide_all
from service.consent.facts import Facts, facts_of
from service.consent.policy import UK, US, Agreement
from service.consent.redact import redact
from service.consent.residual import residual_json
from service.fhir.canonical import ACT_CODE, ACT_REASON, CONFIDENTIALITY, PARTICIPATION
from service.fhir.date import milliseconds
from tests.fakes.enforcement_point import apply, residual

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
quick = settings(max_examples=60, deadline=None)


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


def compiled(items: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(compile_consent(item, f"Consent/{index}/_history/1") for index, item in enumerate(items))


def evidence(request: Request, items: list[dict[str, Any]], **more: Any) -> Evidence:
    agreement = Agreement(request.organization, request.sector, frozenset({"PurposeOfUse"}))
    return Evidence(compiled(items), frozenset({request.organization}), agreement, patients=frozenset({"Patient/p"}), **more)


@quick
@given(requests, resources)
def test_without_consent_only_the_shipped_rows_permit(request: Request, resource: dict[str, Any]) -> None:
    """Default deny: nothing but implied care in the UK policy permits."""
    decision = decide(request, facts_of(resource), evidence(request, []), UK)
    assert not decision.permit or decision.reasons[0].source == "policy/uk-1#L5.implied-care"


@quick
@given(requests, resources, st.lists(consents(), max_size=3))
def test_nothing_is_permitted_without_an_agreement(
    request: Request, resource: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """L0 stands before every Consent."""
    known = Evidence(compiled(items), frozenset({request.organization}), None, patients=frozenset({"Patient/p"}))
    assert not decide(request, facts_of(resource), known, UK).permit


@quick
@given(requests, resources, st.lists(consents(), max_size=3), consents(("deny",)))
def test_adding_a_denial_never_grants(
    request: Request, resource: dict[str, Any], items: list[dict[str, Any]], denial: dict[str, Any]
) -> None:
    """A Consent that holds only denials turns no deny into a permit."""
    denial.pop("policyRule", None)
    before = decide(request, facts_of(resource), evidence(request, items), UK)
    after = decide(request, facts_of(resource), evidence(request, [*items, denial]), UK)
    assert before.permit or not after.permit


@quick
@given(requests, resources, consents(("permit", "deny")), provisions(("deny",)))
def test_nesting_a_denial_never_grants(
    request: Request, resource: dict[str, Any], item: dict[str, Any], denial: dict[str, Any]
) -> None:
    """A denial added inside a Consent turns no deny into a permit."""
    stricter = copy.deepcopy(item)
    stricter["provision"]["provision"] = [*stricter["provision"].get("provision", []), denial]
    before = decide(request, facts_of(resource), evidence(request, [item]), US)
    after = decide(request, facts_of(resource), evidence(request, [stricter]), US)
    assert before.permit or not after.permit


@quick
@given(requests, resources, st.lists(consents(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_consents_never_matters(
    request: Request, resource: dict[str, Any], items: list[dict[str, Any]], chance: Any
) -> None:
    """The whole Decision is the same, reasons and all."""
    known = evidence(request, items)
    shuffled = list(known.consents)
    chance.shuffle(shuffled)
    other = Evidence(tuple(shuffled), known.relationships, known.agreement, patients=known.patients)
    assert decide(request, facts_of(resource), known, UK) == decide(request, facts_of(resource), other, UK)


@quick
@given(requests, resources, st.lists(consents(), max_size=3), st.sampled_from((UK, US)))
def test_every_reason_names_what_exists(
    request: Request, resource: dict[str, Any], items: list[dict[str, Any]], policy: Any
) -> None:
    """A provision path that leads somewhere in that Consent, or a row of the policy or the rules."""
    decision = decide(request, facts_of(resource), evidence(request, items), policy)
    assert decision.reasons
    for reason in decision.reasons:
        origin, _, path = reason.source.partition("#")
        if origin.startswith("Consent/"):
            assert _leads(items[int(origin.split("/")[1])], path), reason
        else:
            assert origin in (f"policy/{policy.name}", "consent-rules", "care-rules")


def _leads(resource: dict[str, Any], path: str) -> bool:
    here: Any = resource
    for step in path.split("."):
        name, _, index = step.partition("[")
        here = here.get(name)
        if here is None:
            return False
        here = here[int(index[:-1])] if index else here
    return True


@settings(max_examples=150, deadline=None)
@given(requests, st.lists(resources, min_size=1, max_size=4), st.lists(consents(), max_size=3))
def test_residual_rules_decide_as_the_consents_do(
    request: Request, items: list[dict[str, Any]], given_: list[dict[str, Any]]
) -> None:
    """Rules applied to a record = the Consents' answer for that record."""
    known = evidence(request, given_)
    rules = residual(request, known, UK)
    for item in items:
        facts = facts_of(item)
        said = [reason.permit for _, reason in spoken(request, facts, known, UK, milliseconds(NOW))]
        assert apply(rules, facts, {}) is (all(said) if said else None)


@quick
@given(requests, resources, st.lists(consents(), max_size=2), st.sampled_from(("direct-care", "vital-interests")))
def test_an_override_never_passes_the_agreement(
    request: Request, resource: dict[str, Any], items: list[dict[str, Any]], kind: str
) -> None:
    """Break-glass and lawful bases need a live agreement all the same."""
    grants = (
        Grant(kind, request.organization, "Task/1"),
        Grant("lawful-basis", request.organization, "Task/2", types=frozenset(TYPES)),
    )
    known = Evidence(compiled(items), frozenset({request.organization}), None, grants, frozenset({"Patient/p"}))
    assert not decide(request, facts_of(resource), known, UK).permit


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


@settings(max_examples=150, deadline=None)
@given(objects, objects, requests)
def test_nothing_raises_whatever_it_is_given(resource: dict[str, Any], consent: dict[str, Any], request: Request) -> None:
    """Facts, compiling, deciding, checking, residual rules and redaction are total."""
    facts = facts_of(resource)
    consent = {"status": "active", "patient": {"reference": facts.patients[0] if facts.patients else "Patient/p"}, **consent}
    known = evidence(request, [consent])
    decision = decide(request, facts, known, UK)
    decide_all(request, facts, {}, UK)
    check(consent)
    imported(consent)
    residual_json(residual(request, known, UK), "https://here.example/fhir")
    redact(resource, decision.redactions)
    assert decision.reasons


@settings(max_examples=100, deadline=None)
@given(objects)
def test_rows_keep_all_facts(resource: dict[str, Any]) -> None:
    """from_row is the inverse of to_row, through JSON."""
    facts = facts_of(resource)
    assert Facts.from_row(json.loads(json.dumps(facts.to_row()))) == facts


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


@settings(max_examples=150, deadline=None)
@given(st.one_of(objects, resources), redactions)
def test_redaction_is_idempotent(resource: dict[str, Any], wanted: list[Redaction]) -> None:
    """Once is as good as twice, and the argument is left alone."""
    before = copy.deepcopy(resource)
    once = redact(resource, wanted)
    assert redact(once, wanted) == once
    assert resource == before
