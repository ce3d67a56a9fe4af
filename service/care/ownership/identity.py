"""Identity (IDN): checks national identifiers, and gives the key that links one person's records.

An NHS number is ten digits; the last is a check digit, Modulus 11: the first nine digits are weighted 10 down to 2, the sum's
remainder modulo 11 is taken from 11; 11 counts as 0 and 10 is never issued.
"""

from __future__ import annotations

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


def doubtful(patient: Resource) -> bool:
    """IDN-2: whether a Patient has a national identifier with a verification status other than verified, so that a person decides
    about the match.
    """
    return any(not _verified(one) for _, one in _national(patient))


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
