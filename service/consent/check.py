"""Checks a Consent when it is written, so that an author hears of a fault that makes it undecidable while they can correct it.

`check` is for a write through the API: a Consent that cannot be decided is refused, with the fix. `imported` is for Consents
that exist already: they are kept, with the same findings as warnings, and never widen access.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from service.consent.compile import compile_consent
from service.consent.conditions import listed, members
from service.consent.terms import RECIPIENT_ROLES
from service.consent.vocabulary import listed as codes_listed
from service.fhir.canonical import PARTICIPATION
from service.fhir.coding import codings
from service.problem import Issue

RULE = "consent-rules 3"
STATUSES = frozenset({"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"})
ENDED_OR_UNFINISHED = STATUSES - {"active"}
NEEDED = {
    "dateTime": "An active Consent says when it was given: add `dateTime`.",
    "organization": "An active Consent says who controls it: add `organization`.",
    "scope": "A Consent says what it is about: add `scope`, such as `patient-privacy`.",
    "category": "A Consent says what kind it is: add `category`.",
}


def check(resource: Mapping[str, Any], base: str = "") -> tuple[Issue, ...]:
    """Every fault that must be corrected before the Consent is stored. Warnings become errors unless the Consent has a known
    status other than active. Never raises.
    """
    findings = imported(resource, base)
    status = resource.get("status")
    if isinstance(status, str) and status in ENDED_OR_UNFINISHED:
        # A draft may be unfinished and an ended Consent is history: neither permits anything.
        return findings
    return tuple(replace(issue, severity="error") if issue.severity == "warning" else issue for issue in findings)


def imported(resource: Mapping[str, Any], base: str = "") -> tuple[Issue, ...]:
    """Every fault of a Consent, as warnings. Never raises."""
    compiled = compile_consent(resource, "Consent/new", base)
    return (*_status(resource), *_present(resource), *compiled.findings, *_codes(resource))


def _warning(code: str, text: str, name: str) -> Issue:
    return Issue(code, text, f"Consent.{name}", RULE, "warning")


def _status(resource: Mapping[str, Any]) -> tuple[Issue, ...]:
    status = resource.get("status")
    if isinstance(status, str) and status in STATUSES:
        return ()
    return (
        _warning(
            "code-invalid",
            "`status` is one of `draft`, `proposed`, `active`, `rejected`, `inactive`, `entered-in-error`.",
            "status",
        ),
    )


def _present(resource: Mapping[str, Any]) -> tuple[Issue, ...]:
    return tuple(_warning("required", text, name) for name, text in NEEDED.items() if not resource.get(name))


def _codes(resource: Mapping[str, Any]) -> tuple[Issue, ...]:
    """Warnings for recipient roles without their system. Compiling checks every other code."""
    found = []
    todo = [(item, "provision") for item in members(resource.get("provision"))]
    while todo:
        tree, path = todo.pop()
        roles = (pair for actor in members(tree.get("actor")) for pair in codings(actor.get("role")))
        found += [
            _warning(
                "code-invalid",
                f"A role `{code}` needs its system; recipients are {codes_listed(RECIPIENT_ROLES)}.",
                f"{path}.actor",
            )
            for system, code in roles
            if code in RECIPIENT_ROLES and system != PARTICIPATION
        ]
        nested = listed(tree.get("provision"))
        todo += [(item, f"{path}.provision[{index}]") for index, item in enumerate(nested) if isinstance(item, dict)]
    return tuple(found)
