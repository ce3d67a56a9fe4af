"""The search parameters that each resource type has in this service: R4's and our own, compiled from their expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol

from service.change import Resource
from service.fhir.canonical import AUTHORITY
from service.fhir.expression import Branch, compile_expression

KINDS = frozenset({"token", "reference", "date", "string", "uri"})
"""Parameter types that are indexed. Parameters of type number, quantity, composite and special are not yet indexed, and a search
by one is refused by name.
"""

SPECIAL = frozenset({"_id", "_lastUpdated"})
"""Parameters whose values are kept in fields of the row itself, not among the keys."""

_NOT_MEANT = frozenset({"phonetic", "composition", "message"})
"""Parameters whose expression could be compiled, but which R4 matches in another way than their type. The latter two, of Bundle,
lead to a resource inside the record, which has no place of its own."""

_OWN = {
    ("CarePlan", "author"): ("reference", "CarePlan.author"),
    ("CareTeam", "participant-role"): ("token", "CareTeam.participant.role"),
    ("Communication", "authority"): (
        "reference",
        f"Communication.extension('{AUTHORITY}').value",
    ),
    ("Flag", "category"): ("token", "Flag.category"),
    ("Flag", "status"): ("token", "Flag.status"),
    ("Task", "due"): ("date", "Task.restriction.period.end"),
    ("Task", "status-reason"): ("token", "Task.statusReason"),
}
"""Our own parameters, added where the loaded definitions do not have them. Source: fhir-api rules, section 2."""

_GIVEN = {("CarePlan", "owner-organization"), ("Task", "owner-organization"), ("Task", "worklist")}
"""Parameters whose keys come with the write (`Write.tokens`), because only other resources could tell the keys."""


Systems = Mapping[str, frozenset[str] | None]
"""The codes by their system; None stands for every code of the system."""

_PATH = re.compile(r"\w+(?:\.\w+)+")


class Definition(Protocol):
    """One SearchParameter: `type` is its search type, `targets` the resource types to which a reference may point."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def expression(self) -> str: ...
    @property
    def targets(self) -> tuple[str, ...]: ...


class Definitions(Protocol):
    """The part of `service.fhir.definitions.Definitions` that searching needs."""

    @property
    def types(self) -> frozenset[str]: ...
    def search_parameters(self, type_: str, /) -> Mapping[str, Definition]: ...
    def compartment_parameters(self, type_: str, /) -> tuple[str, ...]: ...
    def structure(self, url_or_type: str, /) -> Resource | None: ...
    def value_set(self, url: str, /) -> Systems | None: ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """An indexed parameter of a resource type. Without `branches` its keys come with the write (`Write.tokens`); without
    `targets` its references may lead to any type.
    """

    type: str
    name: str
    kind: str
    targets: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()


class Parameters:
    """The compiled parameters of every type, made when first asked for.

    `base` and `zone` are those of the Indexer: a search reads its values by them too, unless it is given a Setting.
    """

    def __init__(self, definitions: Definitions, base: str = "", zone: tzinfo = UTC) -> None:
        self.definitions = definitions
        self.base = base
        self.zone = zone
        self._supported: dict[str, dict[str, Parameter]] = {}
        self._unsupported: dict[str, tuple[str, ...]] = {}
        self._implied: dict[tuple[str, str], Systems] = {}
        self._personal: dict[str, frozenset[str]] = {}

    @property
    def types(self) -> frozenset[str]:
        """All resource types that can be stored."""
        return self.definitions.types

    def of(self, type_: str) -> Mapping[str, Parameter]:
        """The indexed parameters of a type by name, without `_id` and `_lastUpdated`, which every type has."""
        if type_ not in self._supported:
            self._compile(type_)
        return self._supported[type_]

    def unsupported(self, type_: str) -> tuple[str, ...]:
        """The sorted names of the parameters that R4 defines for a type and that are not indexed here."""
        self.of(type_)
        return self._unsupported[type_]

    def compartment(self, type_: str) -> tuple[str, ...]:
        """The parameters that tie a type to a Patient (R4 Patient compartment)."""
        return tuple(self.definitions.compartment_parameters(type_))

    def personal(self, type_: str) -> frozenset[str]:
        """The parameters whose every Patient is one to whom the record belongs: those of the Patient compartment, and those that
        read the same elements, such as `patient` beside `subject`."""
        if type_ not in self._personal:
            known = self.compartment(type_)
            belonging = frozenset().union(*(self._elements(type_, name) for name in known))
            same = {name for name in self.of(type_) if (read := self._elements(type_, name)) and read <= belonging}
            self._personal[type_] = frozenset(same).union(known)
        return self._personal[type_]

    def _elements(self, type_: str, name: str) -> frozenset[str]:
        """The elements of a type that a reference parameter reads, whatever the type of their targets."""
        definition = self.definitions.search_parameters(type_).get(name)
        if definition is None or definition.type != "reference":
            return frozenset()
        pieces = (piece.strip().partition(".where(resolve()")[0] for piece in definition.expression.split("|"))
        return frozenset(piece for piece in pieces if piece.startswith(f"{type_}."))

    def implied(self, type_: str, name: str) -> Systems:
        """The systems implied by the codes of a token parameter whose element is of data type code: the systems of the value set
        to which the element is bound (R4 search, token). Empty for any other parameter.
        """
        if (type_, name) not in self._implied:
            self._implied[type_, name] = self._bound(type_, name)
        return self._implied[type_, name]

    def _bound(self, type_: str, name: str) -> Systems:
        definition = self.definitions.search_parameters(type_).get(name)
        pieces = [piece.strip() for piece in definition.expression.split("|")] if definition else []
        paths = [piece for piece in pieces if piece.startswith(f"{type_}.")]
        structure = self.definitions.structure(type_) or {}
        elements = {element["path"]: element for element in structure.get("element", ())}
        if len(paths) != 1 or not _PATH.fullmatch(paths[0]) or paths[0] not in elements:
            return {}
        element = elements[paths[0]]
        bound = element.get("binding", {}).get("valueSet", "")
        coded = [each["code"] for each in element.get("type", ())] == ["code"]
        return (self.definitions.value_set(bound) or {}) if coded and bound else {}

    def _compile(self, type_: str) -> None:
        supported: dict[str, Parameter] = {}
        missing: list[str] = []
        for name, definition in self.definitions.search_parameters(type_).items():
            if name in SPECIAL or (type_, name) in _GIVEN:
                continue
            branches = compile_expression(definition.expression or "", type_, definition.type)
            if definition.type not in KINDS or branches is None or name in _NOT_MEANT:
                missing.append(name)
                continue
            supported[name] = Parameter(type_, name, definition.type, tuple(definition.targets), branches)
        supported.update(_own(type_, frozenset(supported)))
        self._supported[type_] = supported
        self._unsupported[type_] = tuple(sorted(set(missing) - supported.keys()))


def _own(type_: str, known: frozenset[str]) -> dict[str, Parameter]:
    found = {
        name: Parameter(type_, name, kind, (), compile_expression(expression, type_, kind) or ())
        for (owner, name), (kind, expression) in _OWN.items()
        if owner == type_ and name not in known
    }
    for owner, name in _GIVEN:
        if owner == type_:
            found[name] = Parameter(type_, name, "reference", ("Organization",))
    return found
