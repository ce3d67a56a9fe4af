"""Reads the elements of one provision into sets. An element that cannot be read is `vague`: its condition is unknown, and so
true for a denial and false for a permit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from service.consent.provision import What
from service.consent.terms import RANK, RECIPIENT_ROLES, Terminology, label_key
from service.consent.vocabulary import class_fault, code_fault, label_fault
from service.consent.vocabulary import listed as codes_listed
from service.fhir.canonical import CONFIDENTIALITY, MEDIA_TYPES
from service.fhir.coding import codings
from service.fhir.date import period
from service.fhir.reference import relative, resolved, target, type_of
from service.fhir.types import TYPES

RECIPIENTS = frozenset({"CareTeam", "Group", "Organization", "Practitioner", "PractitionerRole"})
"""The types of whom a Consent decides about: people read their own records by layer L1, and devices act for nobody."""
WHAT = ("securityLabel", "class", "code", "dataPeriod", "data")


ACTORS = (
    "Organization", "PractitionerRole", "Practitioner", "HealthcareService", "CareTeam", "Group", "RelatedPerson", "Patient",
    "Device",
)  # fmt: skip
"""The types of resource that an actor of a Consent may be (R4 Consent.provision.actor.reference)."""


@dataclass(slots=True)
class Element:
    """A provision while its elements are read. `findings` are pairs of a member's name and a sentence on its fault; `vague`
    names the members that cannot be decided.
    """

    tree: Mapping[str, Any]
    path: str
    base: str
    zone: tzinfo
    terms: Terminology
    vague: set[str] = field(default_factory=set)
    findings: list[tuple[str, str]] = field(default_factory=list)

    def unclear(self, name: str, text: str) -> None:
        """Records that the condition `name` cannot be decided, with the sentence that says why."""
        self.vague.add(name)
        self.note(name, text)

    def note(self, name: str, text: str) -> None:
        """Records a finding about the condition `name`, which can still be decided."""
        if (name, text) not in self.findings:
            self.findings.append((name, text))


def listed(value: object) -> list[Any]:
    """`value` if it is a list, an empty list for None, else a list of the one value."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def members(value: object) -> list[dict[str, Any]]:
    """The JSON objects in a list, or the one object `value` is."""
    return [item for item in listed(value) if isinstance(item, dict)]


def ref_of(value: object, base: str) -> str:
    """The literal reference of a Reference, else its identifier as `system|value`, else an empty text."""
    if not isinstance(value, dict):
        return ""
    if found := target(value):
        return resolved(found, base)
    identifier = value.get("identifier")
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        system = identifier.get("system")
        return f"{system if isinstance(system, str) else ''}|{identifier['value']}"
    return ""


def names_of(reference: object, base: str) -> frozenset[str]:
    """The names of the actor that a Reference means: its literal reference, or its business identifier as an actor of the type
    that the Reference gives, of any type where it gives none (IDN-7).
    """
    ref = ref_of(reference, base)
    if not ref or "|" not in ref or not isinstance(reference, dict) or target(reference):
        return frozenset((ref,) if ref else ())
    kind = reference.get("type")
    return frozenset(business(each, ref) for each in ((kind,) if isinstance(kind, str) else ACTORS))


def business(kind: str, identifier: str) -> str:
    """The name of an actor of a type by its business identifier `system|value`."""
    return f"{kind}={identifier}"


def actors(element: Element) -> frozenset[str] | None:
    """The principals that a provision's `actor` names; None when it has none. Only recipients count: an actor in the role of a
    custodian says where data lies, not who may have them.
    """
    if "actor" not in element.tree:
        return None
    found: set[str] = set()
    for actor in listed(element.tree["actor"]):
        roles = {code for _, code in codings(actor.get("role"))} if isinstance(actor, dict) else set()
        if not roles & RECIPIENT_ROLES:
            element.note(
                "actor",
                "An actor here is who receives: its `role` is `PRCP` or `IRCP`; a custodian is the Consent's `organization`.",
            )
            continue
        named = names_of(actor.get("reference"), element.base)
        if not named or "#" in {ref[:1] for ref in named}:
            element.unclear("actor", "An actor needs a reference or an identifier.")
        else:
            found |= named
            for ref in sorted(named):
                if "|" not in ref and not (relative(ref) and type_of(ref) in RECIPIENTS):
                    element.note(
                        "actor", f"`{ref}` receives nothing here by consent; name one of {codes_listed(RECIPIENTS)} kept here."
                    )
    if not found:
        element.vague.add("actor")
    return frozenset(found)


def whats(element: Element, permit: bool) -> What | None:
    """The provision's conditions on data; None when it has none. Of several confidentialities the highest counts for a
    permit, the lowest for a denial.
    """
    tree = element.tree
    source = {name: tree[name] for name in WHAT if name in tree}
    if not source:
        return None
    rank, labels = _labels(element, permit)
    data = _data(element)
    during = period(tree["dataPeriod"], element.zone) if "dataPeriod" in tree else None
    if "dataPeriod" in tree and during is None:
        element.unclear("dataPeriod", "`dataPeriod` cannot be read; write FHIR dates, the end not before the start.")
    kinds, codes = _kinds(element), _codes(element)
    return What(
        rank,
        labels,
        kinds,
        codes,
        during,
        instances=frozenset(data["instance"]),
        related=frozenset(data["related"]),
        dependents=frozenset(data["dependents"]),
        authors=frozenset(data["authoredby"]),
        named=frozenset(data["related"] | data["dependents"]),
        vague=frozenset(element.vague & set(WHAT)),
        source=source,
    )


def _labels(element: Element, permit: bool) -> tuple[int, frozenset[str]]:
    ranks: list[int] = []
    labels: set[str] = set()
    for coding in listed(element.tree.get("securityLabel")):
        pairs = list(codings(coding))
        if not pairs:
            element.unclear("securityLabel", "`securityLabel` holds no code; give one.")
        for system, code in pairs:
            if system == CONFIDENTIALITY and code in RANK:
                ranks.append(RANK[code])
                continue
            labels |= element.terms.label(label_key(system, code))
            if fault := label_fault(system, code, element.terms):
                element.unclear("securityLabel", fault)
    return (max if permit else min)(ranks, default=0), frozenset(labels)


def _kinds(element: Element) -> frozenset[str]:
    found: set[str] = set()
    for coding in listed(element.tree.get("class")):
        pairs = list(codings(coding))
        for system, code in pairs:
            if fault := class_fault(system, code):
                element.unclear("class", fault)
            else:
                found.add(f"{system}|{code}" if system == MEDIA_TYPES else code.partition("|")[0])
        if not pairs:
            element.unclear("class", "`class` holds no code; give one.")
    return frozenset(found)


def _codes(element: Element) -> frozenset[str]:
    found: set[str] = set()
    for concept in listed(element.tree.get("code")):
        pairs = list(codings(concept))
        found.update(f"{system}|{code}" for system, code in pairs if system)
        if not pairs or any(not system for system, _ in pairs):
            element.unclear("code", "`code` needs codings with system and code; text alone cannot be matched.")
        faults = [code_fault(system, code) for system, code in pairs if system]
        if faults and all(faults):  # a coding beside one that matches is its translation
            element.unclear("code", faults[0])
    return frozenset(found)


def _may_be_there(meaning: str, ref: str) -> bool:
    """Whether records that are kept here can be this record, or can refer to it."""
    if relative(ref):
        return type_of(ref) in TYPES
    return meaning != "instance" and ref.startswith(("http:", "https:", "urn:"))


def _data(element: Element) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"instance": set(), "related": set(), "dependents": set(), "authoredby": set()}
    for item in listed(element.tree.get("data")):
        meaning = item.get("meaning") if isinstance(item, dict) else None
        ref = ref_of(item.get("reference"), element.base) if isinstance(item, dict) else ""
        if isinstance(meaning, str) and meaning in found and _may_be_there(meaning, ref):
            found[meaning].add(ref)
        else:
            element.unclear("data", "`data` needs a `meaning` that FHIR defines and a reference to a record, `Type/id`.")
    return found
