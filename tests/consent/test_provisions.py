"""What Consents say of a request, layers L3 and L4 of a decision (consent-rules 2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.consent.decide import Decision
from service.consent.policy import UK
from service.fhir.canonical import ACT_CODE, ACT_REASON, CONFIDENTIALITY
from tests.consent.cases import DENY, HOUSING, NOTE, PERMIT, RESTRICTED, TRUST, UNLABELLED, actor, answer, ask, coded, consent


def test_a_denial_beats_a_permit() -> None:
    """No ranking by specificity between Consents."""
    assert not answer(NOTE, consent(DENY), consent({"type": "permit", "actor": [actor("Practitioner/x")]})).permit


def test_a_grant_to_an_organisation_covers_its_staff() -> None:
    """The organisation is among the principals."""
    assert answer(RESTRICTED, consent({"type": "permit", "actor": [actor(HOUSING)]})).permit


def test_a_grant_to_a_person_does_not_cover_the_organisation() -> None:
    """A colleague's request."""
    assert not answer(RESTRICTED, consent({"type": "permit", "actor": [actor("Practitioner/other")]})).permit


def test_a_custodian_actor_never_widens() -> None:
    """CST says where data lies."""
    assert not answer(RESTRICTED, consent({"type": "permit", "actor": [actor(HOUSING, "CST")]})).permit


def test_a_foreign_absolute_reference_is_not_our_organisation() -> None:
    """The same id under another base."""
    assert not answer(
        RESTRICTED, consent({"type": "permit", "actor": [actor(f"https://elsewhere.example/fhir/{HOUSING}")]})
    ).permit


@pytest.mark.parametrize(
    ("bearer", "meant", "matches"),
    [
        ("Organization", "Organization", True),
        ("Organization", "", True),
        ("Organization", "PractitionerRole", False),
        ("PractitionerRole", "Organization", False),
        ("PractitionerRole", "", True),
    ],
)
def test_idn_7_a_business_identifier_names_an_actor_of_the_type_meant(bearer: str, meant: str, matches: bool) -> None:
    """An actor without a literal reference."""
    reference = {"identifier": {"system": "urn:ods", "value": "X1"}, **({"type": meant} if meant else {})}
    who = {"reference": reference, "role": {"coding": [{"code": "IRCP"}]}}
    request = replace(ask(), principals=frozenset({HOUSING, f"{bearer}=urn:ods|X1"}))
    assert answer(RESTRICTED, consent({"type": "permit", "actor": [who]}), request=request).permit is matches


def test_every_purpose_asked_must_be_permitted() -> None:
    """Treatment does not carry research along."""
    request = ask(purposes=("TREAT", "COC"))
    narrow = consent({"type": "permit", "purpose": coded(ACT_REASON, "COC")})
    assert not answer(RESTRICTED, narrow, request=request).permit


def test_a_permit_of_treatment_covers_coordination_of_care() -> None:
    """COC is-a TREAT."""
    assert answer(
        RESTRICTED, consent({"type": "permit", "purpose": coded(ACT_REASON, "TREAT")}), request=ask(purposes=("COC",))
    ).permit


def test_a_permit_at_restricted_covers_normal() -> None:
    """A ceiling."""
    assert answer(NOTE, consent({"type": "permit", "securityLabel": coded(CONFIDENTIALITY, "R")})).permit


def test_a_denial_at_restricted_leaves_normal() -> None:
    """A floor."""
    assert answer(NOTE, consent({"type": "deny", "securityLabel": coded(CONFIDENTIALITY, "R")})).permit


def test_a_denial_at_restricted_hides_the_unlabelled() -> None:
    """Unknown is true for a denial."""
    assert not answer(UNLABELLED, consent({"type": "deny", "securityLabel": coded(CONFIDENTIALITY, "R")})).permit


def test_domestic_violence_is_not_developmental_disability() -> None:
    """DVD is not SDV."""
    assert answer(replace(NOTE, labels=("DVD",)), consent({"type": "deny", "securityLabel": coded(ACT_CODE, "SDV")})).permit


def test_a_denial_of_substance_use_hides_alcohol() -> None:
    """ETHUD is-a SUD."""
    assert not answer(replace(NOTE, labels=("ETHUD",)), consent({"type": "deny", "securityLabel": coded(ACT_CODE, "SUD")})).permit


def test_a_parents_data_never_gates_its_children() -> None:
    """The child denies codes outside the parent's types."""
    child = {"type": "deny", "class": coded("http://hl7.org/fhir/resource-types", "Observation")}
    parent = {"type": "permit", "class": coded("http://hl7.org/fhir/resource-types", "Condition"), "provision": [child]}
    assert answer(NOTE, consent(parent)).reasons[0].source == "Consent/0/_history/1#provision.provision[0]"


def test_a_parents_purpose_gates_its_children() -> None:
    """The denial is about research only."""
    parent = {"type": "permit", "purpose": coded(ACT_REASON, "HRESCH"), "provision": [DENY]}
    assert answer(NOTE, consent(parent)).permit


def test_a_nested_permit_within_a_permit_is_legal() -> None:
    """It keeps its own explicit type."""
    child = {"type": "permit", "securityLabel": coded(CONFIDENTIALITY, "R")}
    parent = {"type": "permit", "securityLabel": coded(CONFIDENTIALITY, "N"), "provision": [child]}
    assert answer(RESTRICTED, consent(parent)).permit


def test_a_nested_rule_without_type_denies() -> None:
    """It is flagged, and counts as a denial."""
    assert not answer(NOTE, consent({"type": "permit", "provision": [{}]})).permit


def test_a_permit_root_that_names_data_is_a_closed_world() -> None:
    """What it does not name is denied, though care would imply it."""
    assert not answer(NOTE, consent({"type": "permit", "class": coded("http://hl7.org/fhir/resource-types", "Condition")})).permit


def test_an_unknown_modifier_switches_permits_off() -> None:
    """The Consent may mean something else altogether."""
    assert not answer(RESTRICTED, consent(PERMIT, modifierExtension=[{"url": "x"}])).permit


def test_an_unknown_modifier_leaves_denials_on() -> None:
    """What cannot be understood can only deny."""
    assert not answer(NOTE, consent(DENY, modifierExtension=[{"url": "x"}])).permit


def test_a_consent_of_tomorrow_does_not_speak_today() -> None:
    """dateTime in the future."""
    assert not answer(RESTRICTED, consent(PERMIT, dateTime="2026-06-16")).permit


def test_a_date_only_end_lasts_to_local_midnight() -> None:
    """23:30 in London is 22:30 UTC in June."""
    request = ask(now=datetime(2026, 6, 15, 22, 30, tzinfo=UTC))
    assert answer(RESTRICTED, consent({**PERMIT, "period": {"end": "2026-06-15"}}), request=request).permit


def test_a_date_only_end_is_over_after_local_midnight() -> None:
    """00:30 in London is 23:30 UTC of the same date."""
    request = ask(now=datetime(2026, 6, 15, 23, 30, tzinfo=UTC))
    assert not answer(RESTRICTED, consent({**PERMIT, "period": {"end": "2026-06-15"}}), request=request).permit


def test_a_consent_of_another_person_does_not_speak() -> None:
    """Even if it is handed in."""
    assert not answer(
        RESTRICTED, consent(PERMIT, patient={"reference": "Patient/q"}, performer=[{"reference": "Patient/q"}])
    ).permit


def test_a_consent_on_a_linked_patient_speaks() -> None:
    """One person, two Patients (IDN-1)."""
    linked = consent(PERMIT, patient={"reference": "Patient/q"}, performer=[{"reference": "Patient/q"}])
    assert answer(RESTRICTED, linked, patients=frozenset({"Patient/p", "Patient/q"})).permit


def test_verification_is_asked_where_policy_demands_it() -> None:
    """An unverified permit is off."""
    assert not answer(RESTRICTED, consent(PERMIT), policy=replace(UK, verified=True)).permit


def test_a_controller_outside_the_trust_domain_cannot_permit() -> None:
    """organization is not ours."""
    foreign = consent(PERMIT, organization=[{"reference": "Organization/elsewhere"}])
    assert not answer(RESTRICTED, foreign, policy=replace(UK, controllers=frozenset({TRUST}))).permit


def dependent(links: dict[str, tuple[str, ...]]) -> Decision:
    data = [{"meaning": "dependents", "reference": {"reference": "Encounter/e"}}]
    facts = replace(NOTE, references=("Patient/p", "Procedure/x"))
    return answer(facts, consent({"type": "deny", "data": data}), links=links)


def test_dependents_are_transitive() -> None:
    """The record refers to a procedure that refers to the encounter."""
    assert not dependent({"Procedure/x": ("Encounter/e",)}).permit


def test_a_chain_that_leads_elsewhere_is_no_dependent() -> None:
    """The procedure is of another encounter."""
    assert dependent({"Procedure/x": ("Encounter/other",), "Encounter/other": ()}).permit


def test_a_lost_chain_counts_for_the_denial() -> None:
    """Nobody loaded the procedure: unknown."""
    assert not dependent({}).permit
