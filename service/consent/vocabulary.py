"""Whether a code of a provision can ever match a record or a request, and what would make it match (consent rules, sections 2.8
and 6). A code that cannot match would make a permit, or worse a denial, do nothing without a word.

Each function gives a sentence with the mend, or an empty text for a code that can match.

| element | can match |
|---|---|
| `securityLabel` | a confidentiality, a sensitivity or privacy label of v3-ActCode, a mark of ours, an integrity label |
| `class` | an R4 type, a profile, a media type |
| `code` | any code of any code system, but for systems that are spelled otherwise in records |
| `purpose` | a purpose of v3-ActReason, or of a system of the partners' own |
| `action` | an action of Consents |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from service.consent.facts import MARKS
from service.consent.policy import LEGALLY_BARRED
from service.consent.terms import ACTIONS, RANK, STANDARD, Terminology, label_key
from service.fhir.canonical import (
    ACT_CODE,
    ACT_REASON,
    CLINICAL_SYSTEMS,
    CONFIDENTIALITY,
    CONSENT_ACTION,
    HL7,
    LOINC,
    MEDIA_TYPES,
    OBSERVATION_VALUE,
    PARTICIPATION,
    R4,
    R4_STRUCTURE,
    RECORD_MARK,
    RESOURCE_TYPES,
    SNOMED,
)
from service.fhir.types import TYPES

SPELLED = (
    *(ACT_CODE, ACT_REASON, CONFIDENTIALITY, CONSENT_ACTION, OBSERVATION_VALUE, PARTICIPATION, RECORD_MARK, RESOURCE_TYPES),
    *CLINICAL_SYSTEMS,
)
"""Code systems as records spell them."""
OIDS = {
    "2.16.840.1.113883.5.4": ACT_CODE,
    "2.16.840.1.113883.5.8": ACT_REASON,
    "2.16.840.1.113883.5.25": CONFIDENTIALITY,
    "2.16.840.1.113883.5.90": PARTICIPATION,
    "2.16.840.1.113883.5.1063": OBSERVATION_VALUE,
    "2.16.840.1.113883.6.1": LOINC,
    "2.16.840.1.113883.6.96": SNOMED,
}
SHAPES = {SNOMED: re.compile(r"[0-9]{6,18}"), LOINC: re.compile(r"(?:[A-Z]{2})?[0-9]{1,7}-[0-9]")}
"""The form of a code where its system has one."""
LABELS = frozenset({*MARKS, LEGALLY_BARRED, "42CFRPart2"})
"""Labels besides the sensitivities that decisions rest on, as `terms.label_key` spells them."""
INTEGRITY = frozenset(
    """
    ABSTRED AGGRED ANONYED MAPPED MASKED PSEUDED REDACTED SUBSETTED SYNTAC TRSLT VERSIONED CRYTOHASH DIGSIG HRELIABLE RELIABLE
    UNCERTREL UNRELIABLE CLINAST DEVAST HCPAST PACQAST PATAST PAYAST PROAST SDMAST CLINRPT DEVRPT HCPRPT PACQRPT PATRPT PAYRPT
    PRORPT SDMRPT
    """.split()  # noqa: SIM905 - a list that can be read
)
"""The integrity labels of v3-ObservationValue (the codes under `_SECINTOBV` that a record can carry)."""
ABSTRACT = frozenset({"Resource", "DomainResource"})
LOWER: Mapping[str, str] = {each.lower(): each for each in TYPES}
"""Every type by its name in small letters."""


def _plain(system: str) -> str:
    """A system without what people write otherwise: case, `https`, a version, a last slash, a value set's or the old v3 URL."""
    text = system.partition("|")[0].strip().lower().rstrip("/")
    text = text.removeprefix("urn:oid:").replace("https://", "http://").replace("/valueset/", "/codesystem/")
    text = re.sub(r"^http://(?:www\.)?hl7\.org/fhir/(?:v3/|codesystem/v3-)", f"{HL7.lower()}/v3-", text)
    return re.sub(r"^http://(?:www\.)?hl7\.org/fhir/codesystem/", f"{R4}/", text)


MEANT: Mapping[str, str] = {_plain(system): system for system in SPELLED} | OIDS


def system_fault(system: str) -> str:
    """Why no record carries codes of this system as it is written."""
    meant = MEANT.get(_plain(system))
    if meant:
        return "" if system == meant else f"Records do not spell their system `{system}`; write `{meant}`."
    if not system:
        return "A code needs the `system` that defines it; add it."
    if "/ValueSet/" in system or ":" not in system or "|" in system:
        return f"`{system}` is no code system; name the system that defines the code, without a version."
    return ""


def label_fault(system: str, code: str, terms: Terminology = STANDARD) -> str:
    """Why no decision can rest on a security label."""
    if system in (CONFIDENTIALITY, ACT_CODE, RECORD_MARK, OBSERVATION_VALUE) and _known(system, code, terms):
        return ""
    meant = MEANT.get(_plain(system))
    for where, spelled in ((meant, code), (CONFIDENTIALITY, code.upper()), (ACT_CODE, code.upper())):
        if where and _known(where, spelled, terms):
            return f"`{system}|{code}` is not a label we know; write `{where}|{spelled}`."
    ranks = ", ".join(f"`{each}`" for each in RANK)
    return f"`{code}` is not a confidentiality or sensitivity label we know; use {ranks}, or a sensitivity of `{ACT_CODE}`."


def _known(system: str, code: str, terms: Terminology) -> bool:
    if system == CONFIDENTIALITY:
        return code in RANK
    if system == ACT_CODE:
        return code in terms.labels or code in LABELS
    return code in INTEGRITY if system == OBSERVATION_VALUE else label_key(system, code) in LABELS


def class_fault(system: str, code: str) -> str:
    """Why a class is neither a type of record, nor a profile, nor a media type."""
    if system == MEDIA_TYPES:
        return "" if "/" in code else f"`{code}` is not a media type; write one as `text/plain`."
    if code.startswith(("http:", "https:", "urn:")):
        kind = code.partition("|")[0].removeprefix(R4_STRUCTURE)
        return f"A type is written as `{RESOURCE_TYPES}|{kind}`." if kind in TYPES else ""
    if system == RESOURCE_TYPES and (code in TYPES or code in ABSTRACT):
        return ""
    meant = LOWER.get(code.lower())
    if meant:
        return f"`{system}|{code}` is not a type we know; write `{RESOURCE_TYPES}|{meant}`."
    return f"`{code}` is in a system we cannot match, or no type of it; use a type of `{RESOURCE_TYPES}`, or a profile's URL."


def code_fault(system: str, code: str) -> str:
    """Why no record can be coded so."""
    shape = SHAPES.get(system)
    if shape is not None and not shape.fullmatch(code):
        return f"`{code}` is no code of `{system}`; write the code itself, not its name."
    return system_fault(system)


def purpose_fault(system: str, code: str, terms: Terminology = STANDARD) -> str:
    """Why nobody can ask for this purpose."""
    if system in ("", ACT_REASON):
        if code in terms.purposes:
            return ""
        meant = f"; write `{code.upper()}`" if code.upper() in terms.purposes else "; use a code under PurposeOfUse"
        return f"`{code}` is not a purpose of use{meant}."
    return system_fault(system)


def action_fault(codes: Iterable[str]) -> str:
    """Why none of the codes of one action is an action."""
    given = tuple(codes)
    if not given:
        return "`action` holds no code; give one."
    if ACTIONS.isdisjoint(given):
        return f"`{given[0]}` is not an action of Consents; use one of {listed(ACTIONS)}."
    return ""


def listed(codes: Iterable[str]) -> str:
    """Codes as a sentence lists them."""
    return ", ".join(f"`{code}`" for code in sorted(codes))
