"""Whether a code of a provision can match, and the mend where it cannot (consent rules, sections 2.8 and 6)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.consent.terms import Terminology
from service.consent.vocabulary import (
    INTEGRITY,
    action_fault,
    class_fault,
    code_fault,
    label_fault,
    listed,
    purpose_fault,
    system_fault,
)
from service.fhir.canonical import (
    ACT_CODE,
    ACT_REASON,
    CONFIDENTIALITY,
    CONSENT_ACTION,
    LOINC,
    MEDIA_TYPES,
    OBSERVATION_VALUE,
    PARTICIPATION,
    RECORD_MARK,
    RESOURCE_TYPES,
    SNOMED,
    UCUM,
)

OWN = Terminology.of({"PurposeOfUse": ("GOSSIP",)}, {"TOP": ("HUSH",)})
"""A terminology with a purpose and a label of its own."""


def spelled(system: str, meant: str) -> str:
    """The sentence for a system that records spell otherwise."""
    return f"Records do not spell their system `{system}`; write `{meant}`."


DEFINITIONS = Path(__file__).resolve().parents[2] / "profiles" / "r4" / "code-systems.ndjson"


@pytest.mark.parametrize(
    "system",
    [
        *(ACT_CODE, ACT_REASON, CONFIDENTIALITY, CONSENT_ACTION, OBSERVATION_VALUE, PARTICIPATION, RECORD_MARK, RESOURCE_TYPES),
        *(SNOMED, LOINC, UCUM, MEDIA_TYPES),
        *("http://hl7.org/fhir/sid/icd-9-cm", "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm"),
        *("http://hl7.org/fhir/sid/icpc-2", "http://hl7.org/fhir/sid/cvx", "http://hl7.org/fhir/sid/ndc"),
        *("http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.ama-assn.org/go/cpt"),
        *("https://dmd.nhs.uk", "http://www.whocc.no/atc"),
    ],
)
def test_a_system_matches_only_as_records_spell_it(system: str) -> None:
    """Not with a slash after it, nor in capitals, nor with a version."""
    assert system_fault(system) == ""
    for other in (f"{system}/", system.upper(), f"{system}|2.7", f" {system}"):
        assert system_fault(other) == spelled(other, system)


@pytest.mark.parametrize(
    ("other", "meant"),
    [
        ("https://loinc.org", LOINC),
        ("https://terminology.hl7.org/CodeSystem/v3-ActCode", ACT_CODE),
        ("http://terminology.hl7.org/ValueSet/v3-ActReason", ACT_REASON),
        ("http://terminology.hl7.org/ValueSet/v3-Confidentiality|3.0", CONFIDENTIALITY),
        ("http://hl7.org/fhir/v3/ActCode", ACT_CODE),
        ("http://www.hl7.org/fhir/v3/Confidentiality", CONFIDENTIALITY),
        ("http://hl7.org/fhir/CodeSystem/v3-ActReason", ACT_REASON),
        ("http://hl7.org/fhir/ValueSet/v3-ParticipationType", PARTICIPATION),
        ("http://hl7.org/fhir/CodeSystem/resource-types", RESOURCE_TYPES),
        ("http://hl7.org/fhir/ValueSet/resource-types", RESOURCE_TYPES),
        ("http://www.hl7.org/fhir/CodeSystem/resource-types", RESOURCE_TYPES),
        *((f"urn:oid:2.16.840.1.113883.5.{arc}", meant) for arc, meant in (("4", ACT_CODE), ("8", ACT_REASON))),
        *((f"urn:oid:2.16.840.1.113883.5.{arc}", meant) for arc, meant in (("25", CONFIDENTIALITY), ("90", PARTICIPATION))),
        ("urn:oid:2.16.840.1.113883.5.1063", OBSERVATION_VALUE),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("urn:oid:2.16.840.1.113883.6.96", SNOMED),
        ("2.16.840.1.113883.6.96", SNOMED),
    ],
)
def test_a_system_that_people_spell_otherwise_is_told_as_records_spell_it(other: str, meant: str) -> None:
    """`https`, a value set, the old v3 URL, R4's URL for a code system, an OID."""
    assert system_fault(other) == spelled(other, meant)


@pytest.mark.parametrize("system", ["http://example.org/codes", "urn:oid:1.2.3", "https://fhir.nhs.uk/CodeSystem/x"])
def test_a_system_of_somebody_s_own_can_match(system: str) -> None:
    """We do not know every code system."""
    assert system_fault(system) == ""


@pytest.mark.parametrize("system", ["http://example.org/ValueSet/x", "LOINC-like", "http://example.org/codes|1.0"])
def test_what_is_no_code_system_is_told(system: str) -> None:
    """A value set, a bare name, a version."""
    assert system_fault(system) == (f"`{system}` is no code system; name the system that defines the code, without a version.")


def test_a_code_without_a_system_needs_one() -> None:
    """Nothing says what it means."""
    assert system_fault("") == "A code needs the `system` that defines it; add it."


@pytest.mark.parametrize(
    ("system", "code"),
    [
        *((CONFIDENTIALITY, rank) for rank in "ULMNRV"),
        *((ACT_CODE, code) for code in ("PSY", "SUD", "SDV", "DVD", "ETH", "TBOO", "NOPAT", "42CFRPart2")),
        *((RECORD_MARK, code) for code in ("third-party", "do-not-tell-patient", "serious-harm", "legally-barred")),
        *((OBSERVATION_VALUE, code) for code in sorted(INTEGRITY)),
    ],
)
def test_a_label_we_know_can_match(system: str, code: str) -> None:
    """A confidentiality, a sensitivity or privacy label, a mark of ours, an integrity label."""
    assert label_fault(system, code) == ""


@pytest.mark.parametrize(
    ("system", "code", "meant"),
    [
        (CONFIDENTIALITY, "r", f"{CONFIDENTIALITY}|R"),
        (ACT_CODE, "psy", f"{ACT_CODE}|PSY"),
        (ACT_CODE, "R", f"{CONFIDENTIALITY}|R"),
        (CONFIDENTIALITY, "PSY", f"{ACT_CODE}|PSY"),
        ("", "n", f"{CONFIDENTIALITY}|N"),
        ("http://example.org/x", "hiv", f"{ACT_CODE}|HIV"),
        ("http://terminology.hl7.org/ValueSet/v3-ActCode", "42CFRPart2", f"{ACT_CODE}|42CFRPart2"),
        ("http://baton.example/fhir/CodeSystem/record-mark/", "third-party", f"{RECORD_MARK}|third-party"),
        ("urn:oid:2.16.840.1.113883.5.1063", "PATAST", f"{OBSERVATION_VALUE}|PATAST"),
    ],
)
def test_a_label_that_is_meant_is_told_as_it_is_written(system: str, code: str, meant: str) -> None:
    """The system as records spell it, capitals, the other system of labels."""
    assert label_fault(system, code) == f"`{system}|{code}` is not a label we know; write `{meant}`."


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (ACT_CODE, "XYZ"),
        (CONFIDENTIALITY, "secret"),
        (RECORD_MARK, "gossip"),
        (OBSERVATION_VALUE, "nonsense"),
        (OBSERVATION_VALUE, "_SECINTOBV"),
        (RECORD_MARK, "THIRD-PARTY"),
        (PARTICIPATION, "IRCP"),
        ("", "DOMESTIC"),
        ("http://example.org/marks", "third-party"),
    ],
)
def test_a_label_that_nobody_knows_is_told_with_what_can_be_used(system: str, code: str) -> None:
    """No decision can rest on it."""
    assert label_fault(system, code) == (
        f"`{code}` is not a confidentiality or sensitivity label we know; use `U`, `L`, `M`, `N`, `R`, `V`, or a sensitivity of "
        "`http://terminology.hl7.org/CodeSystem/v3-ActCode`."
    )


@pytest.mark.skipif(not DEFINITIONS.is_file(), reason="the R4 definitions are not built")
def test_the_integrity_labels_are_those_of_the_code_system() -> None:
    """Every code under `_SECINTOBV` that has no code below it."""
    lines = DEFINITIONS.read_text().splitlines()
    concepts = next(json.loads(line)["concepts"] for line in lines if f'"{OBSERVATION_VALUE}"' in line[:200])
    parents = {code: said[1:] for code, said in concepts.items()}
    below = {"_SECINTOBV"}
    while more := {code for code, above in parents.items() if not below.isdisjoint(above)} - below:
        below |= more
    assert {code for code in below if not any(code in above for above in parents.values())} == INTEGRITY


def test_labels_are_those_of_the_policy_s_terminology() -> None:
    """A locality may have its own."""
    assert label_fault(ACT_CODE, "HUSH", OWN) == ""
    assert label_fault(ACT_CODE, "hush", OWN) == f"`{ACT_CODE}|hush` is not a label we know; write `{ACT_CODE}|HUSH`."
    assert label_fault(ACT_CODE, "HUSH") != ""


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (RESOURCE_TYPES, "Observation"),
        (RESOURCE_TYPES, "Resource"),
        (RESOURCE_TYPES, "DomainResource"),
        (MEDIA_TYPES, "text/plain"),
        ("", "http://example.org/StructureDefinition/vital"),
        ("urn:ietf:rfc:3986", "https://baton.example/fhir/StructureDefinition/baton-care-plan"),
        ("urn:ietf:rfc:3986", "urn:uuid:1"),
        ("urn:ietf:rfc:3986", "http://hl7.org/fhir/StructureDefinition/vitalsigns"),
    ],
)
def test_a_class_is_a_type_a_profile_or_a_media_type(system: str, code: str) -> None:
    """Each of which a record says of itself."""
    assert class_fault(system, code) == ""


@pytest.mark.parametrize(
    ("system", "code", "text"),
    [
        (MEDIA_TYPES, "pdf", "`pdf` is not a media type; write one as `text/plain`."),
        (
            "urn:ietf:rfc:3986",
            "http://hl7.org/fhir/StructureDefinition/Patient",
            "A type is written as `http://hl7.org/fhir/resource-types|Patient`.",
        ),
        (
            "urn:ietf:rfc:3986",
            "http://hl7.org/fhir/StructureDefinition/Flag|4.0.1",
            "A type is written as `http://hl7.org/fhir/resource-types|Flag`.",
        ),
        ("", "Flag", "`|Flag` is not a type we know; write `http://hl7.org/fhir/resource-types|Flag`."),
        (
            RESOURCE_TYPES,
            "careplan",
            "`http://hl7.org/fhir/resource-types|careplan` is not a type we know; write `http://hl7.org/fhir/resource-types|CarePlan`.",
        ),
        (
            RESOURCE_TYPES,
            "Diary",
            "`Diary` is in a system we cannot match, or no type of it; use a type of `http://hl7.org/fhir/resource-types`, "
            "or a profile's URL.",
        ),
        (
            "http://example.org",
            "Resource",
            "`Resource` is in a system we cannot match, or no type of it; use a type of `http://hl7.org/fhir/resource-types`, "
            "or a profile's URL.",
        ),
    ],
)
def test_any_other_class_is_told_with_the_mend(system: str, code: str, text: str) -> None:
    """No record is of it."""
    assert class_fault(system, code) == text


@pytest.mark.parametrize(
    ("system", "code", "sound"),
    [
        (SNOMED, "123456", True),
        (SNOMED, "12345", False),
        (SNOMED, "1" * 18, True),
        (SNOMED, "1" * 19, False),
        (SNOMED, "Asthma", False),
        (SNOMED, "123456 |Asthma|", False),
        (LOINC, "1-8", True),
        (LOINC, "1234567-8", True),
        (LOINC, "12345678-8", False),
        (LOINC, "42828-44", False),
        (LOINC, "42828", False),
        (LOINC, "LP123-4", True),
        (LOINC, "LPX123-4", False),
        (LOINC, "lp123-4", False),
        ("http://example.org/codes", "any words", True),
    ],
)
def test_a_code_has_the_form_of_its_system(system: str, code: str, sound: bool) -> None:
    """Where the system has one: a SNOMED identifier of 6 to 18 digits, a LOINC number or part with its check digit."""
    expected = "" if sound else f"`{code}` is no code of `{system}`; write the code itself, not its name."
    assert code_fault(system, code) == expected


def test_a_code_is_in_a_system_that_can_match() -> None:
    """Else the system's fault is the code's."""
    assert code_fault("http://loinc.org/", "1-8") == spelled("http://loinc.org/", LOINC)
    assert code_fault("", "1-8") == "A code needs the `system` that defines it; add it."


@pytest.mark.parametrize("system", [ACT_REASON, ""])
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("TREAT", ""),
        ("BTG", ""),
        ("treat", "`treat` is not a purpose of use; write `TREAT`."),
        ("COORDINATION", "`COORDINATION` is not a purpose of use; use a code under PurposeOfUse."),
    ],
)
def test_a_purpose_is_a_purpose_of_use(system: str, code: str, text: str) -> None:
    """With the system of HL7's purposes, or without one."""
    assert purpose_fault(system, code) == text


def test_a_purpose_may_be_of_a_partner_s_own_system() -> None:
    """As long as requests can spell it so."""
    assert purpose_fault("http://example.org/purposes", "FooBar") == ""
    assert purpose_fault("http://hl7.org/fhir/v3/ActReason", "TREAT") == spelled("http://hl7.org/fhir/v3/ActReason", ACT_REASON)


def test_purposes_are_those_of_the_policy_s_terminology() -> None:
    """A locality may have its own."""
    assert purpose_fault(ACT_REASON, "GOSSIP", OWN) == ""
    assert purpose_fault(ACT_REASON, "gossip", OWN) == "`gossip` is not a purpose of use; write `GOSSIP`."


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ((), "`action` holds no code; give one."),
        (("access",), ""),
        (("peek", "use"), ""),
        (
            ("peek", "look"),
            "`peek` is not an action of Consents; use one of `access`, `collect`, `correct`, `disclose`, `use`.",
        ),
    ],
)
def test_one_code_of_an_action_is_an_action_of_consents(codes: tuple[str, ...], text: str) -> None:
    """The other codings are its translations."""
    assert action_fault(codes) == text
    assert action_fault(iter(codes)) == text


def test_codes_are_listed_in_order() -> None:
    """Whatever the order of a set."""
    assert listed({"use", "access"}) == "`access`, `use`"
