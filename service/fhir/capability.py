"""Generates the CapabilityStatement from the mounted routes and the indexed search parameters (R4 section 5.2). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from service.change import Resource
from service.fhir.canonical import RESTFUL_SECURITY, VALIDATE
from service.fhir.date import instant
from service.fhir.models import literal
from service.fhir.parameter import Parameters
from service.fhir.patch import MEDIA_TYPE

SMART = {"system": RESTFUL_SECURITY, "code": "SMART-on-FHIR"}
COMMON = {"_id": "token", "_lastUpdated": "date"}

SPECIFIED = (("validate", VALIDATE),)
"""The operations that R4 itself defines, and every type has, with their canonicals."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """The interactions and operations that the running service offers.

    `interactions` are the codes offered on every type that is not `without` them, `system` the codes offered on the base.
    `operations` are names and canonicals, `profiles` canonicals, by resource type. `versioned` are the types whose updates must
    name the version that they replace.
    """

    base: str
    version: str
    started: datetime
    types: Collection[str]
    interactions: tuple[str, ...]
    system: tuple[str, ...]
    without: Mapping[str, Collection[str]] = field(default_factory=dict)
    versioned: Collection[str] = ()
    operations: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    security: tuple[Resource, ...] = ()


def statement(mounted: Mounted, parameters: Parameters) -> Resource:
    """The CapabilityStatement of the running service."""
    towards = _towards(mounted, parameters)
    rest: Resource = {
        "mode": "server",
        "documentation": "Handovers, joint crisis plans and consent-gated disclosure between agencies.",
        "security": {
            "cors": True,
            "service": [{"coding": [SMART], "text": "SMART on FHIR"}],
            "extension": list(mounted.security),
        },
        "resource": [_resource(mounted, kind, parameters, towards.get(kind, ())) for kind in sorted(mounted.types)],
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
        patchFormat=[MEDIA_TYPE],
        rest=[rest],
    )


def _resource(mounted: Mounted, kind: str, parameters: Parameters, towards: Sequence[str]) -> Resource:
    offered = [code for code in mounted.interactions if code not in mounted.without.get(kind, ())]
    profiles = list(mounted.profiles.get(kind, ()))
    includes = [f"{kind}:{name}" for name, each in sorted(parameters.of(kind).items()) if each.kind == "reference"]
    described: Resource = {
        "type": kind,
        **({"supportedProfile": profiles} if profiles else {}),
        "interaction": [{"code": code} for code in offered],
        "versioning": "versioned-update" if kind in mounted.versioned else "versioned",
        "readHistory": True,
        "updateCreate": "update" in offered,
        "conditionalCreate": "create" in offered,
        "conditionalRead": "full-support",
        "conditionalUpdate": "update" in offered,
        "conditionalDelete": "single" if "delete" in offered else "not-supported",
        **({"searchInclude": ["*", *includes]} if includes else {}),
        **({"searchRevInclude": list(towards)} if towards else {}),
        "searchParam": [{"name": name, "type": type_} for name, type_ in _parameters(kind, parameters)],
        "operation": [
            {"name": name, "definition": canonical} for name, canonical in (*SPECIFIED, *mounted.operations.get(kind, ()))
        ],
    }
    return described


def _towards(mounted: Mounted, parameters: Parameters) -> dict[str, list[str]]:
    """The values of `_revinclude` by the type searched for: the reference parameters of all types that may lead to it."""
    found: dict[str, list[str]] = {}
    for kind in sorted(mounted.types):
        for name, each in sorted(parameters.of(kind).items()):
            for target in (each.targets or mounted.types) if each.kind == "reference" else ():
                found.setdefault(target, []).append(f"{kind}:{name}")
    return found


def _parameters(kind: str, parameters: Parameters) -> list[tuple[str, str]]:
    found = COMMON | {name: each.kind for name, each in parameters.of(kind).items()}
    return sorted(found.items())
