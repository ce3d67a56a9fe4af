"""Bindings: a code must be in the required value set, and a code of a system of ours in its code system. The system of rule ids
is open: OperationOutcomes also cite sections of specifications with it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Any

from service.fhir.canonical import LANGUAGES, R4_VALUE_SET, RULE_ID, system
from service.fhir.definitions import Codes, Definitions
from service.fhir.validation.report import At, Check, Report

OURS = system("")
RULE = "R4 4.1"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
KEBAB = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""The form of our codes. An issue repeats a wrong code only in this form: other text could be content of a record."""

_LANGUAGE = re.compile(r"(?:[A-Za-z]{2,3}|[iIxX](?=-))(?:-[A-Za-z0-9]{1,8})*")
_OPEN = {
    f"{R4_VALUE_SET}mimetypes": re.compile(r"xml|json|ttl|[A-Za-z0-9!#$&^_.+\-]+/[A-Za-z0-9!#$&^_.+*\-]+(?:\s*;.*)?"),
    f"{R4_VALUE_SET}currencies": re.compile(r"[A-Z]{3}"),
    f"{R4_VALUE_SET}languages": _LANGUAGE,
}
"""Forms of the codes of value sets that are too large to list. R4 also writes `xml`, `json` and `ttl` for FHIR's own formats."""


def required(element: dict[str, Any]) -> str:
    """The value set that a code of an element must come from, or ''. R4 prefers common languages, and takes every one."""
    bound = element.get("binding", {})
    languages = bound.get("valueSet", "").startswith(f"{R4_VALUE_SET}languages")
    return str(bound["valueSet"]) if bound.get("strength") == "required" or languages else ""


def code_test(definitions: Definitions, url: str) -> frozenset[str] | re.Pattern[str] | None:
    """The codes, or the form of codes, that an element of type `code` may have under a binding; None when any code may be had."""
    known = definitions.value_set(url)
    if known is None or any(codes is None for codes in known.values()):
        return _OPEN.get(url.split("|")[0])
    return frozenset().union(*(codes for codes in known.values() if codes is not None))


def says(url: str, codes: frozenset[str] | None = None) -> str:
    """The end of an issue's sentence: the codes of the value set, if they are at most 16, else its URL."""
    if codes and len(codes) <= 16:
        return f"use one of {', '.join(f'`{code}`' for code in sorted(codes))}"
    return f"use a code of `{url.split('|')[0]}`"


def coded(definitions: Definitions, url: str, rule: str) -> Check | None:
    """The check of a Coding or CodeableConcept under a required binding; None when the value set's codes are not known."""
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
        report.add(at, "code-invalid", f"No code here is in the required value set: {says(url, listed)}.", rule)

    return check


def held(definitions: Definitions) -> Check:
    """The check that a Coding of a code system that is known to its last code has one of the codes, whatever its element is bound
    to: a misspelt code would be kept, and no rule would apply to it.
    """
    systems = {url: frozenset(definitions.code_systems[url]) for url in definitions.own("CodeSystem")}
    told = lru_cache(maxsize=1024)(lambda url: _of_system(url, systems, definitions))

    def check(value: dict[str, Any], at: At, report: Report) -> None:
        url = value.get("system")
        judge = told(url) if type(url) is str else None
        if judge is not None:
            judge(value, at, report)

    return check


def _of_system(url: str, systems: Mapping[str, frozenset[str]], definitions: Definitions) -> Check | None:
    """The check of a Coding of one system; None for a system of others, of which any code may be had."""
    if not absolute(url):
        return _relative
    if url == RULE_ID:
        return None
    if url in systems:
        return _coded_in(url, systems[url], says(url, systems[url]))
    if url.startswith(OURS):
        text = f"There is no such code system: {_one_of(systems.keys() - {RULE_ID})}."
        return lambda _value, at, report: report.add((at, "system"), "code-invalid", text, RULE)
    if url == LANGUAGES:
        return _language
    known = definitions.complete(url)
    more = "correct the code, or send the `version` of the system that has it"
    return _coded_in(url, known, more, known.version) if known is not None else None


def _coded_in(url: str, codes: Container[str], more: str, version: str | None = None) -> Check:
    """The check that a Coding has one of the codes, unless it is of another version of the system than `version`."""

    def check(value: Any, at: At, report: Report) -> None:
        code = value.get("code")
        if type(code) is not str or code in codes or (version is not None and value.get("version", version) != version):
            return
        said = f"`{code}`" if KEBAB.fullmatch(code) else "This"
        report.add((at, "code"), "code-invalid", f"{said} is no code of `{url}`: {more}.", url)

    return check


def _relative(_value: Any, at: At, report: Report) -> None:
    report.add((at, "system"), "value", "A system is an absolute URI: a relative one names nothing elsewhere.", RULE)


def _language(value: Any, at: At, report: Report) -> None:
    code = value.get("code")
    if type(code) is str and not _LANGUAGE.fullmatch(code):
        text = "This is no tag of a language: write it as `en` or `en-GB`."
        report.add((at, "code"), "code-invalid", text, LANGUAGES)


def said(definitions: Definitions) -> Check:
    """The check that a CodeableConcept whose Codings have no code at all names no system that is known to its last code."""

    def known(item: Any) -> bool:
        url = item.get("system") if type(item) is dict else None
        return type(url) is str and (url in definitions.own("CodeSystem") or definitions.complete(url) is not None)

    def check(value: dict[str, Any], at: At, report: Report) -> None:
        codings = value.get("coding")
        if type(codings) is not list:
            return
        for item in codings:
            if type(item) is dict and "code" in item:
                return
        for number, item in enumerate(codings):
            if known(item):
                here = (((at, "coding"), number), "code")
                report.add(here, "required", "`code` is missing: send one of the system, or `text` alone.", item["system"])

    return check


def absolute(uri: str) -> bool:
    """Whether a URI says by itself what it is of: it has a scheme."""
    return _SCHEME.match(uri) is not None


def identified(value: dict[str, Any], at: At, report: Report) -> None:
    """The check that an Identifier's system is an absolute URI."""
    url = value.get("system")
    if type(url) is str and not absolute(url):
        _relative(value, at, report)


def _one_of(systems: Iterable[str]) -> str:
    return f"use one of {', '.join(f'`{system.removeprefix(OURS)}`' for system in sorted(systems))} under `{OURS}`"


def _within(known: Codes, coding: Any) -> bool:
    if type(coding) is not dict or type(coding.get("code")) is not str or type(coding.get("system")) is not str:
        return False
    system = coding["system"]
    if system not in known:
        return False
    codes = known[system]
    return codes is None or coding["code"] in codes
