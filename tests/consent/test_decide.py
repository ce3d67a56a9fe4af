"""The layers of a decision, row by row (consent-rules 2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from service.consent.compile import compile_consent
from service.consent.decide import Decision, Evidence, Grant, Request, decide, decide_all
from service.consent.facts import DO_NOT_TELL, INLINE_LABEL, THIRD_PARTY, Facts, facts_of
from service.consent.policy import LEGALLY_BARRED, REVIEW, UK, US, Agreement, Policy
from service.consent.reasons import Redaction
from service.fhir.canonical import ACT_CODE, ACT_REASON, CONFIDENTIALITY, PARTICIPATION, RECORD_MARK

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TRUST, HOUSING = "Organization/trust", "Organization/housing"
PERSON = frozenset({"Patient/p"})
NOTE = Facts("Observation", "1", ("Patient/p",), confidentiality=3, custodian=TRUST)
RESTRICTED = replace(NOTE, confidentiality=5)
UNLABELLED = replace(NOTE, confidentiality=0)


def ask(organization: str = HOUSING, sector: str = "health", **more: Any) -> Request:
    given: dict[str, Any] = {"purposes": ("TREAT",), "action": "access", "now": NOW, "user": "PractitionerRole/r", **more}
    return Request(frozenset({organization, "PractitionerRole/r", "Practitioner/x"}), organization, sector, **given)


def agreement(organization: str = HOUSING, **more: Any) -> Agreement:
    return Agreement(organization, "health", frozenset({"TREAT"}), **more)


def known(*consents: dict[str, Any], **more: Any) -> Evidence:
    compiled = tuple(compile_consent(item, f"Consent/{index}/_history/1") for index, item in enumerate(consents))
    given: dict[str, Any] = {"relationships": frozenset({HOUSING}), "agreement": agreement(), "patients": PERSON, **more}
    return Evidence(compiled, **given)


def consent(provision: dict[str, Any], **more: Any) -> dict[str, Any]:
    person = {"reference": "Patient/p"}
    return {
        "resourceType": "Consent",
        "status": "active",
        "patient": person,
        "performer": [person],
        "provision": provision,
        **more,
    }


def actor(reference: str, role: str = "IRCP") -> dict[str, Any]:
    return {"reference": {"reference": reference}, "role": {"coding": [{"system": PARTICIPATION, "code": role}]}}


def coded(system: str, *codes: str) -> list[dict[str, str]]:
    return [{"system": system, "code": code} for code in codes]


def answer(
    facts: Facts = NOTE, *consents: dict[str, Any], request: Request | None = None, policy: Policy = UK, **more: Any
) -> Decision:
    return decide(request or ask(), facts, known(*consents, **more), policy)


PERMIT = {"type": "permit"}
DENY = {"type": "deny"}


def test_the_custodian_reads_its_own_record() -> None:
    """No agreement, relationship or consent is asked for."""
    assert decide(ask(TRUST), RESTRICTED, None, UK).reasons[0].row == "custodian"


def test_a_person_using_the_custodians_portal_is_not_the_custodian() -> None:
    """Somebody else's record stays shut to a Patient, whoever runs the portal."""
    assert not decide(ask(TRUST, user="Patient/q", self_access=frozenset({"Patient/q"})), NOTE, known(), UK).permit


def test_directory_entries_are_not_subject_to_consent() -> None:
    """IDN-3."""
    assert decide(ask(), Facts("Organization", "1"), None, UK).reasons[0].row == "IDN-3"


def test_a_record_of_nobody_is_denied() -> None:
    """Whose it is cannot be told."""
    assert answer(Facts("Observation", "1")).reasons[0].row == "L6"


def test_without_evidence_the_answer_is_no() -> None:
    """L6: the inputs could not be loaded."""
    assert decide(ask(), NOTE, None, UK).reasons[0].row == "L6"


def test_no_agreement_denies_whatever_the_person_permits() -> None:
    """L0 stands before L4, and both rows are recorded."""
    assert [reason.row for reason in answer(NOTE, consent(PERMIT), agreement=None).reasons] == ["L0", "L4"]


def test_a_lapsed_agreement_denies_from_its_end() -> None:
    """The end is exclusive."""
    assert not answer(agreement=agreement(end=NOW)).permit


def test_an_agreement_covers_only_its_purposes() -> None:
    """Treatment was agreed, not research."""
    assert answer(NOTE, consent(PERMIT), request=ask(purposes=("HRESCH",))).reasons[0].row == "L0"


def test_an_agreement_covers_only_its_categories() -> None:
    """Only Tasks were agreed."""
    assert not answer(agreement=agreement(categories=frozenset({"Task"}))).permit


def test_no_relationship_denies() -> None:
    """A partner with an agreement and no tie to this person."""
    assert answer(relationships=frozenset()).reasons[0].source.endswith("L0.relationship")


def test_a_legally_barred_record_is_never_shared() -> None:
    """Not even with consent."""
    assert not answer(replace(NOTE, labels=(LEGALLY_BARRED,)), consent(PERMIT)).permit


def test_a_person_reads_their_own_record() -> None:
    """L1, restricted or not."""
    request = ask(user="Patient/p", self_access=PERSON)
    assert decide(request, RESTRICTED, known(), UK).reasons[0].row == "L1"


def test_marked_records_are_kept_from_the_person() -> None:
    """Third-party content in meta.security."""
    request = ask(user="Patient/p", self_access=PERSON)
    assert not decide(request, replace(NOTE, marks=(THIRD_PARTY,)), known(), UK).permit


def test_marked_parts_are_redacted_for_the_person() -> None:
    """An inline mark takes out its element only."""
    mark = {"url": INLINE_LABEL, "valueCoding": {"system": RECORD_MARK, "code": DO_NOT_TELL}}
    facts = facts_of(
        {
            "resourceType": "Observation",
            "id": "1",
            "subject": {"reference": "Patient/p"},
            "note": [{"text": "x", "extension": [mark]}],
        }
    )
    decision = decide(ask(user="Patient/p", self_access=PERSON), facts, known(), UK)
    assert decision.redactions == (Redaction("label", f"{RECORD_MARK}|{DO_NOT_TELL}"),)


def test_an_unverified_relative_is_a_stranger() -> None:
    """A RelatedPerson without self_access."""
    assert not decide(ask(user="RelatedPerson/r"), NOTE, known(agreement=None), UK).permit


def override(**more: Any) -> Grant:
    given: dict[str, Any] = {"user": "PractitionerRole/r", "until": NOW + timedelta(hours=1), **more}
    return Grant("patient-safety", HOUSING, "Task/1/_history/1", **given)


def test_an_override_opens_what_a_consent_denies() -> None:
    """L2 stands before L3."""
    assert answer(RESTRICTED, consent(DENY), grants=(override(),)).permit


def test_an_override_obliges_to_review() -> None:
    """The privacy officer looks at it."""
    assert REVIEW in answer(RESTRICTED, consent(DENY), grants=(override(),)).obligations


def test_an_override_expires_by_itself() -> None:
    """At its end it is over."""
    assert not answer(RESTRICTED, grants=(override(until=NOW),)).permit


def test_an_override_is_for_one_caller() -> None:
    """A colleague has none."""
    assert not answer(RESTRICTED, grants=(override(user="PractitionerRole/colleague"),)).permit


def test_an_override_never_makes_a_relationship() -> None:
    """It never overrides L0."""
    assert not answer(NOTE, grants=(override(),), relationships=frozenset()).permit


def test_an_override_covers_its_scope_only() -> None:
    """Conditions were claimed, this is an Observation."""
    assert not answer(RESTRICTED, grants=(override(types=frozenset({"Condition"})),)).permit


def lawful(**more: Any) -> Grant:
    return Grant("lawful-basis", HOUSING, "Task/2/_history/1", **more)


def test_a_lawful_basis_covers_exactly_the_records_listed() -> None:
    """Named by version, it is this record."""
    assert answer(RESTRICTED, grants=(lawful(refs=frozenset({"Observation/1/_history/4"})),), relationships=frozenset()).permit


def test_a_lawful_basis_covers_nothing_else() -> None:
    """Another record of the same person."""
    assert not answer(RESTRICTED, grants=(lawful(refs=frozenset({"Observation/2"})),)).permit


def test_a_lawful_basis_without_records_covers_nothing() -> None:
    """Unlike an override it has no whole record."""
    assert not answer(RESTRICTED, grants=(lawful(),)).permit


def test_a_weak_basis_gives_way_to_an_objection() -> None:
    """Direct care does not overrule the person."""
    assert not answer(NOTE, consent(DENY), grants=(lawful(refs=frozenset({"Observation/1"}), weak=True),)).permit


def test_a_weak_basis_counts_where_no_consent_speaks() -> None:
    """Restricted, so nothing is implied; the basis carries it."""
    assert answer(RESTRICTED, grants=(lawful(refs=frozenset({"Observation/1"}), weak=True),)).reasons[0].row == "L2"


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


def test_a_business_identifier_matches() -> None:
    """An actor without a literal reference."""
    who = {"reference": {"identifier": {"system": "urn:ods", "value": "X1"}}, "role": {"coding": [{"code": "IRCP"}]}}
    request = replace(ask(), principals=frozenset({HOUSING, "urn:ods|X1"}))
    assert answer(RESTRICTED, consent({"type": "permit", "actor": [who]}), request=request).permit


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


def test_normal_care_is_implied_in_the_uk() -> None:
    """Health partner, treatment, normal."""
    assert answer().reasons[0].source == "policy/uk-1#L5.implied-care"


def test_restricted_needs_consent_in_the_uk() -> None:
    """R is above the ceiling."""
    assert not answer(RESTRICTED).permit


def test_unlabelled_is_normal_for_a_health_partner() -> None:
    """Care goes on."""
    assert answer(UNLABELLED).permit


def test_unlabelled_is_not_normal_for_social_care() -> None:
    """Automatic labelling under-labels."""
    assert not answer(UNLABELLED, request=ask(sector="social-care")).permit


def test_a_sensitive_record_without_confidentiality_is_not_normal() -> None:
    """A sensitivity label alone says restricted."""
    assert not answer(replace(UNLABELLED, labels=("PSY",))).permit


def test_housing_needs_consent() -> None:
    """Nothing is implied outside health and social care."""
    assert not answer(request=ask(sector="housing")).permit


def test_part_2_records_need_consent_in_the_us() -> None:
    """42 CFR Part 2 stands before treatment, payment and operations."""
    assert not answer(replace(NOTE, labels=("42CFRPart2",)), policy=US).permit


def test_payment_is_permitted_in_the_us() -> None:
    """Restricted or not."""
    agreed = Agreement(HOUSING, "health", frozenset({"HPAYMT"}))
    assert answer(RESTRICTED, request=ask(purposes=("HPAYMT",)), policy=US, agreement=agreed).permit


def test_an_inline_label_is_redacted_from_a_permitted_record() -> None:
    """The part alone would be denied."""
    facts = replace(NOTE, inline=(f"{CONFIDENTIALITY}|R",))
    assert answer(facts).redactions == (Redaction("label", f"{CONFIDENTIALITY}|R"),)


def test_a_denied_section_is_redacted_from_a_document() -> None:
    """The Composition is permitted, its section of that code is not."""
    code = [{"coding": coded("http://loinc.org", "10157-6")}]
    document = replace(NOTE, type="Composition", codes=("http://loinc.org|60591-5",), sections=("http://loinc.org|10157-6",))
    assert answer(document, consent({"type": "deny", "code": code})).redactions == (
        Redaction("section", "http://loinc.org|10157-6"),
    )


def test_a_record_about_two_people_needs_both() -> None:
    """One of them objects."""
    facts = replace(NOTE, patients=("Patient/p", "Patient/q"))
    objection = consent(DENY, patient={"reference": "Patient/q"}, performer=[{"reference": "Patient/q"}])
    evidence = {"Patient/p": known(), "Patient/q": known(objection, patients=frozenset({"Patient/q"}))}
    assert not decide_all(ask(), facts, evidence, UK).permit


def test_a_person_does_not_read_a_record_about_two() -> None:
    """The other person's part is not theirs."""
    facts = replace(NOTE, patients=("Patient/p", "Patient/q"))
    assert not decide(ask(user="Patient/p", self_access=PERSON), facts, known(), UK).permit


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
