"""What is true of the consent engine whatever the Consents, the requests and the records (consent-rules 7)."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
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
from service.consent.terms import RANK
from service.fhir.date import milliseconds
from tests.fakes.enforcement_point import apply, residual
from tests.properties.consents import NOW, TYPES, consents, objects, provisions, redactions, requests, resources

quick = settings(max_examples=60, deadline=None)


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


@settings(max_examples=150, deadline=None)
@given(st.one_of(objects, resources), redactions)
def test_redaction_is_idempotent(resource: dict[str, Any], wanted: list[Redaction]) -> None:
    """Once is as good as twice, and the argument is left alone."""
    before = copy.deepcopy(resource)
    once = redact(resource, wanted)
    assert redact(once, wanted) == once
    assert resource == before


@settings(max_examples=150, deadline=None)
@given(requests, resources, st.lists(consents(), max_size=2), consents(("permit", "deny")))
def test_a_consent_from_which_its_recorder_gains_opens_nothing_above_normal(
    request: Request, resource: dict[str, Any], items: list[dict[str, Any]], own: dict[str, Any]
) -> None:
    """Whatever it says, whatever other Consents say, a record that is not labelled N or below is open only if it was (2.8)."""
    facts = facts_of(resource)
    before = evidence(request, items)
    (mine,) = compiled([own])
    after = replace(before, consents=(*before.consents, replace(mine, ref="Consent/x/_history/1", recorder=request.organization)))
    opened = decide(request, facts, after, UK).permit and not decide(request, facts, before, UK).permit
    assert not opened or 0 < facts.confidentiality <= RANK["N"]
