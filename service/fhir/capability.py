"""Generates the CapabilityStatement from the mounted routes and the indexed search parameters (R4 section 5.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.change import Resource
from service.fhir.canonical import BASE, RESTFUL_SECURITY, VALIDATE
from service.fhir.date import instant
from service.fhir.models import literal
from service.fhir.parameter import Parameters

SMART = {"system": RESTFUL_SECURITY, "code": "SMART-on-FHIR"}
COMMON = {"_id": "token", "_lastUpdated": "date"}

SPECIFIED = {"validate": VALIDATE}
"""The OperationDefinitions of the operations that R4 itself defines, by name."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """The interactions and operations that the running service offers.

    `interactions` are the codes offered on every type, `system` the codes offered on the base. `operations` and `profiles` are
    names by resource type.
    """

    base: str
    version: str
    started: datetime
    types: Iterable[str]
    interactions: tuple[str, ...]
    system: tuple[str, ...]
    operations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    security: tuple[Resource, ...] = ()


def statement(mounted: Mounted, parameters: Parameters) -> Resource:
    """The CapabilityStatement of the running service."""
    rest: Resource = {
        "mode": "server",
        "documentation": "Handovers, joint crisis plans and consent-gated disclosure between agencies.",
        "security": {
            "cors": False,
            "service": [{"coding": [SMART], "text": "SMART on FHIR"}],
            "extension": list(mounted.security),
        },
        "resource": [_resource(mounted, kind, parameters) for kind in sorted(mounted.types)],
        "interaction": [{"code": code} for code in mounted.system],
    }
    return literal(
        "CapabilityStatement",
        status="active",
        date=instant(mounted.started),
        kind="instance",
        software={"name": "Baton", "version": mounted.version},
        implementation={"description": "Baton", "url": mounted.base},
        fhirVersion="4.0.1",
        format=["application/fhir+json", "json"],
        rest=[rest],
    )


def _resource(mounted: Mounted, kind: str, parameters: Parameters) -> Resource:
    described: Resource = {
        "type": kind,
        "interaction": [{"code": code} for code in mounted.interactions],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "searchParam": [{"name": name, "type": type_} for name, type_ in _parameters(kind, parameters)],
    }
    if names := mounted.operations.get(kind):
        described["operation"] = [{"name": name, "definition": _definition(kind, name)} for name in names]
    if profiles := mounted.profiles.get(kind):
        described["supportedProfile"] = list(profiles)
    return described


def _definition(kind: str, name: str) -> str:
    return SPECIFIED.get(name) or f"{BASE}/OperationDefinition/{kind}-{name}"


def _parameters(kind: str, parameters: Parameters) -> list[tuple[str, str]]:
    found = COMMON | {name: each.kind for name, each in parameters.of(kind).items()}
    return sorted(found.items())
