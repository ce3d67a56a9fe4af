"""What is enforced elsewhere is never wider than what a read here shows (consent-rules 7): the residual rules of a token, as the
JSON they are, and the card of the hook, by an enforcer that trusts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.consent.conditions import Element, whats
from service.consent.decide import Evidence, Request, decide
from service.consent.enforcement import told
from service.consent.facts import Facts, facts_of
from service.consent.match import UNKNOWN, YES, holds
from service.consent.policy import LABELLED_ONLY, SENSITIVE_RESTRICTED, UK, US, Policy
from service.consent.terms import RANK, STANDARD, label_key
from service.fhir.canonical import CONFIDENTIALITY
from service.usecases.consent.cds_consult import ANY, redactions, unlabelled
from service.usecases.consent.evaluate import Enquiry, Matter
from tests.fakes.enforcement_point import residual
from tests.properties.consents import TYPES, consents, requests, resources
from tests.properties.test_consent import compiled, evidence

Rules = list[dict[str, Any]]
quick = settings(max_examples=150, deadline=None)
policies = st.sampled_from((UK, US))
recorders = st.sampled_from(("", "Organization/trust", "Organization/housing"))


def lets(rules: Rules, facts: Facts) -> bool:
    """What an enforcement point does that reads every element as FHIR does: the last rule that matches, else permit."""
    return next((rule["type"] == "permit" for rule in reversed(rules) if matches(rule, facts)), True)


def matches(rule: dict[str, Any], facts: Facts) -> bool:
    """A condition that is unknown for a record holds in a forbid and not in a permit."""
    permit = rule["type"] == "permit"
    for part in rule.get("allOf", (rule,)):
        what = whats(Element({**part}, "", "", UTC, STANDARD), permit)
        if what is not None and holds(what, permit, facts, {}) < (YES if permit else UNKNOWN):
            return False
    return True


def known(request: Request, items: list[dict[str, Any]], recorder: str) -> Evidence:
    """The evidence of these Consents, recorded by this agency."""
    found = evidence(request, items)
    return replace(found, consents=tuple(replace(each, recorder=recorder) for each in compiled(items)))


@quick
@given(requests, st.lists(resources, min_size=1, max_size=4), st.lists(consents(), max_size=3), policies, recorders)
def test_residual_rules_never_let_through_what_a_read_withholds(
    request: Request, items: list[dict[str, Any]], given_: list[dict[str, Any]], policy: Policy, recorder: str
) -> None:
    """Of records of every kind, labelled or not, coded or not."""
    found = known(request, given_, recorder)
    rules, _ = told(request, found, policy, "Patient/p")
    for item in items:
        facts = facts_of(item)
        assert not lets(rules, facts) or decide(request, facts, found, policy).permit


@quick
@given(requests, st.lists(resources, min_size=1, max_size=4), st.lists(consents(("permit", "deny")), max_size=2), policies)
def test_residual_rules_withhold_no_labelled_record_that_a_read_shows(
    request: Request, items: list[dict[str, Any]], given_: list[dict[str, Any]], policy: Policy
) -> None:
    """Rules applied = each record decided, but for data of which the Consents say nothing while they say something of the rest:
    that has no published form, and is withheld."""
    found = known(request, given_, "")
    rules, _ = told(request, found, policy, "Patient/p")
    if any("allOf" in rule for rule in rules) or any(rule.permit is None for rule in residual(request, found, policy)):
        return
    for item in items:
        facts = facts_of(item)
        if facts.confidentiality:
            assert lets(rules, facts) is decide(request, facts, found, policy).permit


def released(matter: Matter, kinds: tuple[str, ...], facts: Facts) -> bool:
    """What an enforcer does that has nothing but the card: it releases what is permitted, less what it is told to redact."""
    if not all(matter.decide(matter.ordinary(kind)).permit for kind in kinds):
        return False
    redact = redactions(matter, kinds)
    duties, rank = unlabelled(matter, kinds, redact), facts.confidentiality
    if not rank and LABELLED_ONLY in duties:
        return False
    if not rank and SENSITIVE_RESTRICTED in duties and facts.labels:
        rank = RANK["R"]
    for coding in redact:
        if coding["system"] == CONFIDENTIALITY and rank == RANK[coding["code"]]:
            return False
        if label_key(coding["system"], coding["code"]) in facts.labels:
            return False
    return kinds == ANY or facts.type in kinds


@quick
@given(
    requests,
    st.lists(resources, min_size=1, max_size=4),
    st.lists(consents(), max_size=2),
    policies,
    recorders,
    st.sampled_from((ANY, *((each,) for each in TYPES))),
)
def test_a_card_never_lets_through_what_a_read_withholds(
    request: Request,
    items: list[dict[str, Any]],
    given_: list[dict[str, Any]],
    policy: Policy,
    recorder: str,
    kinds: tuple[str, ...],
) -> None:
    """With a class or without."""
    found = known(request, given_, recorder)
    patient: Any = SimpleNamespace(reference="Patient/p", custodian="Organization/trust")
    person: Any = SimpleNamespace(
        related=lambda *_: found.relationships,
        heard=lambda _: found.consents,
        representatives=lambda _: found.representatives,
        grants=found.grants,
        patients=found.patients,
        links=found.links,
    )
    matter = Matter(Enquiry("Patient/p", "", (), ""), patient, person, request, found.agreement, policy)
    for item in items:
        facts = facts_of(item)
        assert not released(matter, kinds, facts) or decide(request, facts, found, policy).permit
