"""Identity (IDN): checks national identifiers, and gives the key that links one person's records.

An NHS number is ten digits; the last is a check digit, Modulus 11: the first nine digits are weighted 10 down to 2, the sum's
remainder modulo 11 is taken from 11; 11 counts as 0 and 10 is never issued.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from service.change import Resource
from service.fhir.canonical import NHS_NUMBER, NHS_NUMBER_VERIFICATION
from service.fhir.coding import codings
from service.problem import Category, Issue, Problem

_SPACES = str.maketrans("", "", " \u00a0\u2007\u2009\u202f-")
VERIFIED_CODE = "number-present-and-verified"


def normalised(value: str) -> str:
    """An NHS number without the spaces and hyphens with which it is printed."""
    return value.translate(_SPACES)


def nhs_number_fault(value: str) -> str:
    """Why `value` is not an NHS number (IDN-2), or '' when `value` is one. The text never repeats the number."""
    digits = normalised(value)
    if not (digits.isascii() and digits.isdigit()):
        return "an NHS number has digits only"
    if len(digits) != 10:
        return f"an NHS number has 10 digits, this has {len(digits)}"
    if len(set(digits)) == 1:
        return "an NHS number is not one digit ten times"
    if check_digit(digits[:9]) != int(digits[9]):
        return "the check digit (Modulus 11) does not fit: a digit is wrong or two are swapped"
    return ""


def check_digit(nine: str) -> int:
    """The Modulus 11 check digit of nine digits; 10 means that the number is never issued."""
    weighted = sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True))
    return (11 - weighted % 11) % 11


def check(patient: Resource) -> Problem | None:
    """IDN-2: a Problem that names every national identifier of a Patient that does not hold, or None."""
    issues = tuple(
        Issue("value", f"The NHS number is not valid: {fault}.", f"Patient.identifier[{place}].value", "IDN-2")
        for place, identifier in _national(patient)
        if (fault := nhs_number_fault(str(identifier.get("value", ""))))
    )
    return Problem(Category.RULE, issues) if issues else None


def person_keys(patient: Resource, systems: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """IDN-1: keys that two Patients of one person share: `system|value` of each verified national identifier.

    An NHS number counts when its check digit fits, its use is neither `old` nor `temp`, and its verification status, if any, is
    verified. `systems` are further identifier systems that the configuration trusts; their values count without a check.
    """
    national = (f"{NHS_NUMBER}|{normalised(str(one['value']))}" for _, one in _national(patient) if _trusted(one))
    trusted = (one for one in _identifiers(patient) if one.get("system") in systems and one.get("value"))
    other = (f"{one['system']}|{one['value']}" for one in trusted)
    return tuple(dict.fromkeys((*national, *other)))


def families(patient: Resource) -> frozenset[str]:
    """The family names of a Patient, as they are compared: without case, and with single spaces."""
    names = patient.get("name")
    listed = [one for one in (names if isinstance(names, list) else ()) if isinstance(one, dict) and one.get("use") != "old"]
    return frozenset(_plain(one["family"]) for one in listed if isinstance(one.get("family"), str) and _plain(one["family"]))


def birth_date(patient: Resource) -> str:
    """The birth date of a Patient when it names a day, or ''."""
    said = patient.get("birthDate")
    return said if isinstance(said, str) and len(said) == len("2026-11-26") else ""


def agree(one: Resource, other: Resource) -> bool:
    """IDN-1: whether two Patients are known to have a family name and the birth date in common."""
    return birth_date(one) == birth_date(other) != "" and not families(one).isdisjoint(families(other))


def differ(one: Resource, other: Resource) -> bool:
    """Whether two Patients are known to have no family name, or not the birth date, in common."""
    names, dates = (families(one), families(other)), (birth_date(one), birth_date(other))
    return (all(names) and names[0].isdisjoint(names[1])) or (all(dates) and dates[0] != dates[1])


def grounds(patient: Resource) -> tuple[object, ...]:
    """What the links of a Patient rest on: a change of it suspends them (IDN-5)."""
    return frozenset(person_keys(patient)), families(patient), birth_date(patient)


def doubtful(patient: Resource) -> bool:
    """IDN-2: whether a Patient has a national identifier with a verification status other than verified, so that a person decides
    about the match.
    """
    return any(not _verified(one) for _, one in _national(patient))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _identifiers(patient: Resource) -> Iterator[Resource]:
    listed = patient.get("identifier")
    yield from (one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict))


def _national(patient: Resource) -> Iterator[tuple[int, Resource]]:
    yield from ((place, one) for place, one in enumerate(_identifiers(patient)) if one.get("system") == NHS_NUMBER)


def _trusted(identifier: Resource) -> bool:
    fits = not nhs_number_fault(str(identifier.get("value", "")))
    return fits and identifier.get("use") not in ("old", "temp") and _verified(identifier)


def _verified(identifier: Resource) -> bool:
    said = [
        one.get("valueCodeableConcept", {})
        for one in identifier.get("extension", ())
        if one.get("url") == NHS_NUMBER_VERIFICATION
    ]
    codes = [code for _, code in codings(said)]
    return not codes or VERIFIED_CODE in codes or "01" in codes
