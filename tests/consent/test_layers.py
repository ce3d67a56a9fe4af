"""A decision as a whole (consent-rules, section 1): effect, ordered reasons, redactions, obligations, Consents and policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.consent.decide import Decision, Evidence, Grant, Reason, Request, decide, decide_all, is_public, labelled_as, own
from service.consent.facts import DO_NOT_TELL, SERIOUS_HARM, THIRD_PARTY, Facts
from service.consent.policy import LEGALLY_BARRED, UK
from service.consent.reasons import Redaction
from service.fhir.canonical import CONFIDENTIALITY, RECORD_MARK
from service.fhir.types import TYPES
from tests.consent.cases import (
    DENY,
    HOUSING,
    NOTE,
    PERMIT,
    PERSON,
    RESTRICTED,
    TRUST,
    answer,
    ask,
    coded,
    consent,
    known,
)

CUSTODIAN = Reason("custodian", True, "consent-rules#custodian", "The agency that keeps this record reads its own.")
PUBLIC = Reason("IDN-3", True, "care-rules#IDN-3", "Directory entries and definitions hold no patient.")
OWN = Reason("L1", True, "consent-rules#L1", "A person may read their own record.")
WITHHELD = Reason(
    "L1",
    False,
    "consent-rules#L1.marked",
    "This content is kept from the person's own access: third party, not yet told, or serious harm.",
)
NOT_THEIRS = Reason("L1", False, "consent-rules#L1.not-theirs", "This is not, or not only, this person's own record.")
NOBODYS = Reason("L6", False, "consent-rules#L6.subject", "It cannot be told whose record this is.")
NOT_LOADED = Reason("L6", False, "consent-rules#L6.inputs", "What the decision rests on could not be loaded.")
OVERRIDE = Reason("L2", True, "Task/1", "An override (`patient-safety`) is in force.")
BASIS = Reason("L2", True, "Task/2", "A lawful basis is recorded for this record.")
DENIED = Reason("L3", False, "Consent/0/_history/1#provision", "The person's consent denies this.")
PERMITTED = Reason("L4", True, "Consent/0/_history/1#provision", "The person's consent permits this.")
IMPLIED, NEEDED = UK.sources["implied-care"], UK.sources["consent-needed"]
OBJECTION = ("objection-possible",)
OVERRIDE_DUTIES = ("privacy-officer-review", "tell-person", "record-disclosure", "no-onward-disclosure")
BASIS_DUTIES = ("record-disclosure", "no-onward-disclosure")
FIRST = ("Consent/0/_history/1",)

override = Grant("patient-safety", HOUSING, "Task/1")
basis = Grant("lawful-basis", HOUSING, "Task/2", refs=frozenset({"Observation/1"}))
weak = replace(basis, weak=True)


def person(user: str = "Patient/p", own: frozenset[str] = PERSON, **more: Any) -> Request:
    """A person who asks by an app that the custodian runs."""
    return ask(TRUST, user=user, self_access=own, **more)


def of_principals(*principals: str) -> Request:
    """Housing's request with exactly these principals."""
    return replace(ask(), principals=frozenset(principals))


WHOLE: list[tuple[str, Callable[[], Decision], Decision]] = [
    ("the custodian", lambda: decide(ask(TRUST), RESTRICTED, None, UK), Decision(True, (CUSTODIAN,), "uk-1")),
    (
        "the custodian as the organisation alone",
        lambda: decide(replace(ask(TRUST), principals=frozenset()), NOTE, None, UK),
        Decision(True, (CUSTODIAN,), "uk-1"),
    ),
    (
        "one under the custodian",
        lambda: decide(of_principals(HOUSING, TRUST), NOTE, None, UK),
        Decision(True, (CUSTODIAN,), "uk-1"),
    ),
    ("a directory entry", lambda: decide(ask(), Facts("Organization", "1"), None, UK), Decision(True, (PUBLIC,), "uk-1")),
    ("nobody's record", lambda: answer(Facts("Observation", "1")), Decision(False, (NOBODYS,), "uk-1")),
    ("a record without a keeper", lambda: answer(replace(NOTE, custodian="")), Decision(True, (IMPLIED,), "uk-1", (), OBJECTION)),
    ("their own", lambda: decide(person(), RESTRICTED, None, UK), Decision(True, (OWN,), "uk-1")),
    ("a relative's", lambda: decide(person("RelatedPerson/r"), NOTE, None, UK), Decision(True, (OWN,), "uk-1")),
    (
        "somebody else's",
        lambda: decide(person(own=frozenset({"Patient/q"})), NOTE, None, UK),
        Decision(False, (NOT_THEIRS,), "uk-1"),
    ),
    (
        "of two people",
        lambda: decide(person(), replace(NOTE, patients=("Patient/p", "Patient/q")), None, UK),
        Decision(False, (NOT_THEIRS,), "uk-1"),
    ),
    (
        "third party",
        lambda: decide(person(), replace(NOTE, marks=(THIRD_PARTY,)), None, UK),
        Decision(False, (WITHHELD,), "uk-1"),
    ),
    (
        "not yet told",
        lambda: decide(person(), replace(NOTE, marks=(DO_NOT_TELL,)), None, UK),
        Decision(False, (WITHHELD,), "uk-1"),
    ),
    (
        "serious harm",
        lambda: decide(person(), replace(NOTE, marks=(SERIOUS_HARM,)), None, UK),
        Decision(False, (WITHHELD,), "uk-1"),
    ),
    ("marked, for staff", lambda: answer(replace(NOTE, marks=(THIRD_PARTY,))), Decision(True, (IMPLIED,), "uk-1", (), OBJECTION)),
    ("no evidence", lambda: decide(ask(), NOTE, None, UK), Decision(False, (NOT_LOADED,), "uk-1")),
    (
        "L2 override",
        lambda: answer(RESTRICTED, grants=(override,)),
        Decision(True, (OVERRIDE, NEEDED), "uk-1", (), OVERRIDE_DUTIES),
    ),
    ("L2 basis", lambda: answer(RESTRICTED, grants=(basis,)), Decision(True, (BASIS, NEEDED), "uk-1", (), BASIS_DUTIES)),
    (
        "L2 before an implied consent",
        lambda: answer(NOTE, grants=(override,)),
        Decision(True, (OVERRIDE, IMPLIED), "uk-1", (), OVERRIDE_DUTIES),
    ),
    (
        "L2 before L3",
        lambda: answer(NOTE, consent(DENY), grants=(basis,)),
        Decision(True, (BASIS, DENIED), "uk-1", (), BASIS_DUTIES, FIRST),
    ),
    (
        "the first of two grants says the duties",
        lambda: answer(RESTRICTED, grants=(basis, override)),
        Decision(True, (OVERRIDE, BASIS, NEEDED), "uk-1", (), OVERRIDE_DUTIES),
    ),
    ("a weak basis", lambda: answer(RESTRICTED, grants=(weak,)), Decision(True, (BASIS,), "uk-1", (), BASIS_DUTIES)),
    (
        "a strong and a weak grant",
        lambda: answer(RESTRICTED, grants=(weak, override)),
        Decision(True, (OVERRIDE, BASIS), "uk-1", (), OVERRIDE_DUTIES),
    ),
    (
        "a weak basis and a denial",
        lambda: answer(NOTE, consent(DENY), grants=(weak,)),
        Decision(False, (DENIED,), "uk-1", consents=FIRST),
    ),
    ("L3", lambda: answer(NOTE, consent(DENY)), Decision(False, (DENIED,), "uk-1", consents=FIRST)),
    ("L4", lambda: answer(RESTRICTED, consent(PERMIT)), Decision(True, (PERMITTED,), "uk-1", consents=FIRST)),
    ("L5 permits", lambda: answer(NOTE), Decision(True, (IMPLIED,), "uk-1", (), OBJECTION)),
    ("L5 denies", lambda: answer(RESTRICTED), Decision(False, (NEEDED,), "uk-1")),
]


@pytest.mark.parametrize(("decided", "expected"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE])
def test_a_decision_says_everything_it_rests_on(decided: Callable[[], Decision], expected: Decision) -> None:
    """The first row that fires decides; every row that fired is told in the order of the layers."""
    assert decided() == expected


def test_what_the_law_bars_is_kept_from_the_person_too() -> None:
    """L0 stands before L1."""
    barred = replace(NOTE, labels=(LEGALLY_BARRED,))
    decision = decide(person(), barred, None, UK)
    assert (decision.permit, decision.reasons) == (False, (UK.sources["legally-barred"],))


def test_a_denial_obliges_to_nothing() -> None:
    """L0 denies; the override and its duties do not come to bear, and are told all the same."""
    found = answer(RESTRICTED, grants=(override,), agreement=None)
    assert (found.permit, found.obligations, [row.row for row in found.reasons]) == (False, (), ["L0", "L2", "L5"])


def test_denials_are_told_before_permits() -> None:
    """Across Consents a denial overrides a permit, wherever it stands among them."""
    found = answer(NOTE, consent(PERMIT), consent(DENY), consent(PERMIT))
    assert [row.source.partition("/_")[0] for row in found.reasons] == ["Consent/1", "Consent/0", "Consent/2"]
    assert found.consents == ("Consent/0/_history/1", "Consent/1/_history/1", "Consent/2/_history/1")


@pytest.mark.parametrize(
    "kind", ["Organization", "Practitioner", "PractitionerRole", "HealthcareService", "Location", "Endpoint"]
)
def test_idn_3_directory_entries_are_public(kind: str) -> None:
    """Whatever they refer to."""
    assert is_public(Facts(kind, "1"))
    assert is_public(Facts(kind, "1", ("Patient/p",)))


DEFINITIONS = frozenset(
    {
        *("ActivityDefinition", "CapabilityStatement", "ChargeItemDefinition", "CodeSystem", "CompartmentDefinition"),
        *("ConceptMap", "EventDefinition", "EffectEvidenceSynthesis", "Evidence", "EvidenceVariable", "ExampleScenario"),
        *("GraphDefinition", "ImplementationGuide", "Library", "Measure", "MessageDefinition", "NamingSystem"),
        *("OperationDefinition", "PlanDefinition", "Questionnaire", "ResearchDefinition", "ResearchElementDefinition"),
        *("RiskEvidenceSynthesis", "SearchParameter", "StructureDefinition", "StructureMap", "TerminologyCapabilities"),
        *("TestScript", "ValueSet"),
    }
)
"""R4's canonical resources that a registered client reads."""


@pytest.mark.parametrize("kind", sorted(DEFINITIONS))
def test_idn_3_definitions_are_public_as_long_as_they_name_no_patient(kind: str) -> None:
    """A definition about somebody is that person's."""
    assert is_public(Facts(kind, "1"))
    assert not is_public(Facts(kind, "1", ("Patient/p",)))


CLINICAL = sorted(
    kind
    for kind in TYPES
    if kind.startswith(
        ("Care", "Clinical", "Comm", "Cons", "Diag", "Docu", "Enc", "Flag", "Grou", "List", "Obse", "Pati", "Pers")
    )
    and kind != "ObservationDefinition"
)


@pytest.mark.parametrize(
    "kind",
    [
        *CLINICAL,
        "OrganizationAffiliation",
        "TestReport",
        "Task",
        "Provenance",
        "AuditEvent",
        "Bundle",
        "Binary",
        "Basic",
        "Subscription",
        "",
    ],
)
def test_idn_3_no_other_type_is_ever_public(kind: str) -> None:
    """Not even where it names nobody: Groups, Lists and Persons with members included."""
    assert not is_public(Facts(kind, "1"))


@pytest.mark.parametrize(
    ("user", "organization", "custodian", "reads"),
    [
        ("PractitionerRole/r", TRUST, TRUST, True),
        ("", TRUST, TRUST, True),
        ("PractitionerRole/r", HOUSING, TRUST, False),
        ("PractitionerRole/r", "", "", False),
        ("PractitionerRole/r", TRUST, "", False),
        ("Patient/p", TRUST, TRUST, False),
        ("RelatedPerson/r", TRUST, TRUST, False),
    ],
)
def test_an_agency_s_own_record_needs_no_evidence(user: str, organization: str, custodian: str, reads: bool) -> None:
    """Its staff and its systems; a person who uses its app is neither."""
    assert own(user, organization, custodian, UK) == (Decision(True, (CUSTODIAN,), "uk-1") if reads else None)


R = f"{CONFIDENTIALITY}|R"
PSY = [{"type": "deny", "securityLabel": coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PSY")}]
SECTION = "http://loinc.org|10157-6"


@pytest.mark.parametrize(
    ("facts", "consents", "redactions"),
    [
        (replace(NOTE, inline=(R, "PSY", "HIV")), (), (Redaction("label", R),)),
        (replace(NOTE, inline=(R,)), (PERMIT,), ()),
        (replace(NOTE, inline=("PSY", "HIV", R)), ({"type": "permit", "provision": PSY},), (Redaction("label", "PSY"),)),
        (replace(NOTE, inline=(f"{CONFIDENTIALITY}|N", f"{CONFIDENTIALITY}|secret")), (), ()),
        (replace(NOTE, inline=("R", "V")), (), ()),
        (replace(NOTE, sections=(SECTION,)), (), ()),
        (RESTRICTED, (), ()),
        (replace(RESTRICTED, inline=(R,), sections=(SECTION,)), (), ()),
        (replace(RESTRICTED, custodian=HOUSING, inline=(R,)), (), ()),
    ],
    ids=[
        "above the ceiling",
        "permitted by consent",
        "denied by consent",
        "below the ceiling, and no confidentiality",
        "no confidentiality, though spelled so",
        "a section like the rest",
        "denied as a whole",
        "denied as a whole, with parts",
        "the custodian's own",
    ],
)
def test_parts_are_redacted_that_would_be_denied_alone(
    facts: Facts, consents: tuple[dict[str, Any], ...], redactions: tuple[Redaction, ...]
) -> None:
    """From a permitted record, and from nothing else."""
    assert answer(facts, *(consent(each) for each in consents)).redactions == redactions


def test_sections_are_redacted_after_labels_and_only_the_denied_ones() -> None:
    """Two sections, of which the person's consent denies one."""
    denied = consent({"type": "deny", "code": [{"coding": coded("http://loinc.org", "10157-6")}]})
    document = replace(NOTE, type="Composition", codes=("http://loinc.org|60591-5",), inline=(R,))
    found = answer(replace(document, sections=(SECTION, "http://loinc.org|48765-2")), denied)
    assert found.redactions == (Redaction("label", R), Redaction("section", SECTION))


@pytest.mark.parametrize("mark", [THIRD_PARTY, DO_NOT_TELL, SERIOUS_HARM])
def test_every_mark_on_a_part_is_redacted_for_the_person_alone(mark: str) -> None:
    """L1: their own record, less that part."""
    facts = replace(NOTE, inline=(f"{RECORD_MARK}|{mark}",))
    assert decide(person(), facts, None, UK) == Decision(True, (OWN,), "uk-1", (Redaction("label", f"{RECORD_MARK}|{mark}"),))
    assert answer(facts).redactions == ()


def objection(patient: str) -> dict[str, Any]:
    """A Consent by which this person denies everything."""
    return consent(DENY, patient={"reference": patient}, performer=[{"reference": patient}])


BOTH = replace(NOTE, patients=("Patient/p", "Patient/q"), inline=(R,))
Q = frozenset({"Patient/q"})


def test_a_record_about_one_person_is_decided_on_their_evidence() -> None:
    """And denied without it."""
    assert decide_all(ask(), NOTE, {"Patient/p": known(), "Patient/q": Evidence()}, UK) == answer()
    assert decide_all(ask(), NOTE, {"Patient/q": known()}, UK) == Decision(False, (NOT_LOADED,), "uk-1")


@pytest.mark.parametrize(("kind", "expected"), [("Observation", NOBODYS), ("Organization", PUBLIC)])
def test_a_record_about_nobody_needs_no_evidence(kind: str, expected: Reason) -> None:
    """It is public, or denied."""
    assert decide_all(ask(), Facts(kind, "1"), {}, UK) == Decision(expected.permit, (expected,), "uk-1")


def test_what_two_people_permit_is_permitted_with_all_that_either_asks() -> None:
    """Reasons, redactions, obligations and Consents of both, each told once."""
    permits = consent({"type": "permit", "securityLabel": coded(CONFIDENTIALITY, "N")})
    evidence = {"Patient/p": known(permits), "Patient/q": known(patients=Q, grants=(override,))}
    assert decide_all(ask(), BOTH, evidence, UK) == Decision(
        True, (PERMITTED, OVERRIDE, IMPLIED), "uk-1", (Redaction("label", R),), OVERRIDE_DUTIES, FIRST
    )
    assert decide_all(ask(), BOTH, {"Patient/p": known(), "Patient/q": known(patients=Q)}, UK) == Decision(
        True, (IMPLIED,), "uk-1", (Redaction("label", R),), OBJECTION
    )


@pytest.mark.parametrize("order", [("Patient/p", "Patient/q"), ("Patient/q", "Patient/p")])
def test_what_either_of_two_people_asks_is_told_whoever_comes_first(order: tuple[str, str]) -> None:
    """One permits everything by consent; for the other it is implied, less a part."""
    evidence = {"Patient/p": known(consent(PERMIT)), "Patient/q": known(patients=Q)}
    reasons = {"Patient/p": PERMITTED, "Patient/q": IMPLIED}
    assert decide_all(ask(), replace(BOTH, patients=order), evidence, UK) == Decision(
        True, tuple(reasons[each] for each in order), "uk-1", (Redaction("label", R),), OBJECTION, FIRST
    )


def test_what_one_of_two_people_denies_is_denied_for_their_reasons() -> None:
    """The other's permit is no reason; nothing is redacted from what is not shown, and nothing is to be done."""
    evidence = {"Patient/p": known(), "Patient/q": known(objection("Patient/q"), patients=Q)}
    assert decide_all(ask(), BOTH, evidence, UK) == Decision(False, (DENIED,), "uk-1", consents=FIRST)


def test_what_both_of_two_people_deny_is_told_once() -> None:
    """The same row from each."""
    evidence = {name: known(objection(name), patients=frozenset({name})) for name in BOTH.patients}
    assert decide_all(ask(), BOTH, evidence, UK) == Decision(False, (DENIED,), "uk-1", consents=FIRST)


def test_a_record_about_two_people_is_denied_when_one_s_evidence_is_missing() -> None:
    """L6."""
    assert decide_all(ask(), BOTH, {"Patient/p": known()}, UK) == Decision(False, (NOT_LOADED,), "uk-1")


@pytest.mark.parametrize(("here", "there"), [(3, 5), (5, 3), (0, 5), (5, 0)])
def test_a_version_is_as_confidential_as_any_other(here: int, there: int) -> None:
    """An older version shows nothing that a newer label shuts, and the other way round."""
    assert labelled_as(replace(NOTE, confidentiality=here), replace(NOTE, confidentiality=there)).confidentiality == 5


def test_a_version_has_the_labels_and_marks_of_the_other_too() -> None:
    """And stays what it is otherwise."""
    here = replace(NOTE, labels=("PSY",), marks=(THIRD_PARTY,), inline=("HIV",), codes=("s|1",))
    other = replace(NOTE, labels=("SUD",), marks=(DO_NOT_TELL,), inline=("HIV",), codes=("s|2",))
    assert labelled_as(here, other) == replace(here, labels=("PSY", "SUD"), marks=(THIRD_PARTY, DO_NOT_TELL))


def test_a_label_on_a_part_that_this_version_does_not_label_labels_the_whole() -> None:
    """Nothing says which part it was: a label, a mark, a confidentiality."""
    mark = f"{RECORD_MARK}|{SERIOUS_HARM}"
    found = labelled_as(replace(NOTE, inline=("HIV",)), replace(NOTE, inline=("PSY", "HIV", mark, R)))
    assert found == replace(NOTE, inline=("HIV",), labels=("PSY", mark), marks=(SERIOUS_HARM,), confidentiality=5)
