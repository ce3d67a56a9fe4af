"""Validates a resource before it is written: finds all issues at once, by R4's rules and by profiles. Source: fhir-api §3."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from service.fhir.canonical import R4_STRUCTURE
from service.fhir.definitions import Definitions
from service.fhir.pathsteps import Environment
from service.fhir.profile import applied
from service.fhir.validation.constraint import Profiles
from service.fhir.validation.extension import Extensions
from service.fhir.validation.report import At, Report, contained_in, kind
from service.fhir.validation.structure import Structures
from service.problem import Issue

_SCHEMA_RULE = "R4 2.26.3"


class Validator:
    """The validator of a process. Types and profiles are compiled when first met; afterwards the validator only reads."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._profiles = Profiles(definitions)
        self._structures = Structures(definitions, self._inner, Extensions(definitions, self._profiles.check).check)

    def check(self, resource: object, *, type: str | None = None, strict_profiles: bool = False) -> tuple[Issue, ...]:
        """All issues of a resource: errors, warnings and information; empty when it has none. Never raises.

        `type` is the type as which the resource was sent. The resource is checked against the known profiles in `meta.profile`
        and the profiles that apply by code or category; an unknown profile is a warning, or an error with `strict_profiles`.
        """
        name = _name(resource)
        at: At = (None, name or type or "Resource")
        report = Report(resource, strict_profiles, at)
        try:
            if type is not None and name and name != type:
                report.add((at, "resourceType"), "invalid", f"This is a `{name[:64]}`: send a `{type}` here.", _SCHEMA_RULE)
            self._resource(resource, at, report)
        except RecursionError:
            report.add(at, "structure", "The resource nests too deep: send a flatter one.", _SCHEMA_RULE)
        return report.issues

    def prepare(self, types: Collection[str]) -> None:
        """Compiles the rules of these types, our profiles of them and our extensions, so that no first record waits for it."""
        for name in types:
            self._structures.check(name)
        for canonical in sorted(self._definitions.own("StructureDefinition")):
            structure = self._definitions.structure(canonical)
            if structure and structure["type"] in {*types, "Extension"}:
                self._profiles.check(canonical)

    def _resource(self, resource: Any, at: At, report: Report) -> None:
        if type(resource) is not dict:
            report.add(at, "structure", f"This is {kind(resource)}: it must be a resource, a JSON object.", _SCHEMA_RULE)
            return
        name = resource.get("resourceType")
        if type(name) is not str or name not in self._definitions.types:
            said = f"`{name[:64]}` is no R4 resource type" if type(name) is str else "`resourceType` is missing"
            report.add((at, "resourceType"), "structure", f"{said}: name the type of the resource.", _SCHEMA_RULE)
            return
        self._structures.check(name)(resource, at, report)
        _told_apart(resource, at, report)
        for canonical in self._named(resource, name, at, report):
            self._profiles.check(canonical)(resource, at, report)

    def _named(self, resource: dict[str, Any], name: str, at: At, report: Report) -> list[str]:
        """The profiles to check: the known profiles in meta.profile, and the loaded profiles that apply by code or category."""
        found = [canonical for canonical in applied(resource) if self._definitions.structure(canonical)]
        meta = resource.get("meta")
        listed = meta.get("profile") if type(meta) is dict else None
        for number, canonical in enumerate(listed if type(listed) is list else ()):
            if type(canonical) is not str or canonical.split("|")[0] in found or canonical.startswith(f"{R4_STRUCTURE}{name}|"):
                continue
            structure = self._definitions.structure(canonical) if ":" in canonical else None
            here = (((at, "meta"), "profile"), number)
            if structure is None:
                severity = "error" if report.strict else "warning"
                report.add(here, "not-found", "This profile is not known here: it was not checked.", "R4 2.26.3.7", severity)
            elif structure["type"] != name:
                report.add(here, "value", f"This profile is for a `{structure['type']}`: name one for a `{name}`.", "R4 2.26.3.7")
            else:
                found.append(canonical.split("|")[0])
        return found

    def _inner(self, resource: Any, at: At, report: Report) -> None:
        """Checks a resource inside another: contained, in an entry of a Bundle, or in Parameters."""
        held = report.environment, report.contained, report.start, report.ids
        report.start, report.ids = at, set()
        if type(at[1]) is int and at[0][1] == "contained":
            report.environment = Environment(resource, held[0].root)
        else:
            report.environment = Environment(resource, resource)
            report.contained = contained_in(resource)
        try:
            self._resource(resource, at, report)
        finally:
            report.environment, report.contained, report.start, report.ids = held


def _told_apart(resource: dict[str, Any], at: At, report: Report) -> None:
    """Adds an issue for each contained resource with the id of another: a reference could not tell which is meant."""
    held, seen = resource.get("contained"), set[str]()
    for number, item in enumerate(held if type(held) is list else ()):
        identity = item.get("id") if type(item) is dict else None
        if type(identity) is str and identity in seen:
            here = (((at, "contained"), number), "id")
            report.add(here, "duplicate", "Another contained resource has this id: give each its own.", "R4 2.26.3.9")
        if type(identity) is str:
            seen.add(identity)


def _name(resource: object) -> str:
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return name if isinstance(name, str) else ""
