"""The layers of a decision, row by row (consent-rules 2)."""

from __future__ import annotations

from dataclasses import replace

from service.consent.decide import decide, decide_all
from service.consent.facts import DO_NOT_TELL, THIRD_PARTY, Facts, facts_of
from service.consent.policy import LEGALLY_BARRED, UK, US, Agreement
from service.consent.reasons import Redaction
from service.fhir.canonical import CONFIDENTIALITY, INLINE_LABEL, RECORD_MARK
from tests.consent.cases import (
    DENY,
    HOUSING,
    NOTE,
    NOW,
    PERMIT,
    PERSON,
    RESTRICTED,
    TRUST,
    UNLABELLED,
    agreement,
    answer,
    ask,
    coded,
    consent,
    known,
)


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
