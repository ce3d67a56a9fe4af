"""Required bindings: the code must be in the value set."""

from __future__ import annotations

import re
from typing import Any

from service.fhir.definitions import Codes, Definitions
from service.fhir.validation.report import At, Check, Report

_OPEN = {
    "http://hl7.org/fhir/ValueSet/mimetypes": re.compile(
        r"xml|json|ttl|[A-Za-z0-9!#$&^_.+\-]+/[A-Za-z0-9!#$&^_.+*\-]+(?:\s*;.*)?"
    ),
    "http://hl7.org/fhir/ValueSet/currencies": re.compile(r"[A-Z]{3}"),
}
"""Sets too large to write out, but whose codes have a form. R4 also writes `xml`, `json` and `ttl` for FHIR's own formats."""


def code_test(definitions: Definitions, url: str) -> frozenset[str] | re.Pattern[str] | None:
    """The codes an element of type `code` may take under a binding; None where anything goes."""
    known = definitions.value_set(url)
    if known is None or any(codes is None for codes in known.values()):
        return _OPEN.get(url.split("|")[0])
    return frozenset().union(*(codes for codes in known.values() if codes is not None))


def says(url: str, codes: frozenset[str] | None = None) -> str:
    """The end of the sentence: which codes there are, when they are few."""
    if codes and len(codes) <= 16:
        return f"use one of {', '.join(f'`{code}`' for code in sorted(codes))}"
    return f"use a code of `{url.split('|')[0]}`"


def coded(definitions: Definitions, url: str, rule: str) -> Check | None:
    """The check of a Coding or CodeableConcept under a required binding; None where the set cannot be told."""
    known = definitions.value_set(url)
    if known is None:
        return None
    listed = next(iter(known.values())) if len(known) == 1 else None

    def check(value: Any, at: At, report: Report) -> None:
        if type(value) is not dict:
            return
        codings = value.get("coding", [] if "code" not in value and "system" not in value else [value])
        if type(codings) is not list or any(_within(known, item) for item in codings):
            return
        if not codings and "extension" in value and "text" not in value:
            return
        report.add(at, "code-invalid", f"No code here is in the required value set: {says(url, listed)}.", rule)

    return check


def _within(known: Codes, coding: Any) -> bool:
    if type(coding) is not dict or type(coding.get("code")) is not str or type(coding.get("system")) is not str:
        return False
    system = coding["system"]
    if system not in known:
        return False
    codes = known[system]
    return codes is None or coding["code"] in codes
