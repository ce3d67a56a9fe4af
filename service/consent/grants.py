"""Recorded permissions beside consent, read from the records that carry them, so that there is one place to
look and to end them.

- A break-glass override is its review Task (code `override-review`): the requester is who overrides, `reasonCode` the kind and
  the words, inputs of type `override-scope` the resource types, `restriction.period` its life (consent rules, section 5).
- A handover sent under a lawful basis that needs no consent is its Task: while it is open, the receiving agency may read what
  was handed over: the plan, the dataset and the package (HOV-3). `direct-care` and `explicit-consent-elsewhere` give nothing
  against an objection, so they are weak grants: they count only where no Consent speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from service.change import Resource
from service.consent.period import span
from service.consent.relationship import closed
from service.consent.request import LAWFUL_BASIS, Grant

SYSTEM = "https://baton.example/fhir/CodeSystem"
LONGEST = 4 * 3600 * 1000
"""An override lasts at most four hours (consent rules, section 5), in milliseconds."""
WEAK_BASES = frozenset({"direct-care", "explicit-consent-elsewhere"})


def granted(tasks: Iterable[tuple[Resource, str, tuple[str, ...]]]) -> tuple[Grant, ...]:
    """The grants that Tasks record. Each comes with its custodian, whose override it is, and the other organisations it names."""
    return tuple(grant for task, custodian, others in tasks for grant in _grants(task, custodian, others))


def _grants(task: Resource, custodian: str, organizations: tuple[str, ...]) -> Iterator[Grant]:
    code = _coded(task.get("code"), "task-code")
    if code == "override-review" and task.get("status") not in ("draft", "cancelled", "entered-in-error"):
        yield _override(task, custodian)
    if code == "handover" and task.get("status") != "draft" and not closed(task):
        yield from (grant for each in organizations for grant in _handed_over(task, each))


def _override(task: Resource, organization: str) -> Grant:
    reason = (task.get("reasonCode") or {}) if isinstance(task.get("reasonCode"), dict) else {}
    start, end = span(task.get("restriction", {}).get("period")) or (None, None)
    # INVARIANT: whatever the Task says, an override without a start is none, and one ends LONGEST after it.
    window = (start, min(end or start + LONGEST, start + LONGEST)) if start is not None else (0, 0)
    grant = Grant(
        kind=_coded(reason, "override-kind"),
        organization=organization,
        ref=_versioned(task),
        user=task.get("requester", {}).get("reference", ""),
        types=frozenset(each.get("valueCode", "") for each in _inputs(task, "override-scope")),
        authority=str(reason.get("text", "")),
    )
    return replace(grant, start=_at(window[0]), until=_at(window[1]))


def _handed_over(task: Resource, organization: str) -> Iterator[Grant]:
    given = [
        each["valueReference"].get("reference", "")
        for kind in ("minimum-dataset", "package")
        for each in _inputs(task, kind)
        if "valueReference" in each
    ]
    refs = frozenset(each for each in (task.get("focus", {}).get("reference", ""), *given) if each)
    for each in _inputs(task, "sharing-authority"):
        basis = _coded(each.get("valueCodeableConcept"), "lawful-basis")
        if basis:
            words = str(each["valueCodeableConcept"].get("text", basis))
            yield Grant(LAWFUL_BASIS, organization, _versioned(task), refs=refs, authority=words, weak=basis in WEAK_BASES)


def _inputs(task: Resource, kind: str) -> list[Resource]:
    return [each for each in task.get("input", ()) if _coded(each.get("type"), "task-input") == kind]


def _coded(concept: object, system: str) -> str:
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return next((str(each.get("code", "")) for each in codings if each.get("system") == f"{SYSTEM}/{system}"), "")


def _versioned(task: Resource) -> str:
    return f"Task/{task.get('id', '')}/_history/{task.get('meta', {}).get('versionId', '')}"


def _at(moment: int | None) -> datetime | None:
    return None if moment is None else datetime.fromtimestamp(moment / 1000, UTC)
