"""The R4 definitions and our own profiles, loaded once and decoded when first used.

A file of `profiles/r4` holds one definition on each line, so loading only cuts lines; a definition is decoded when it is first
asked for. Our own profiles (`profiles/baton/*.json`) are whole FHIR resources and are used as R4's are: loading reads their urls
only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from service.change import Resource
from service.fhir.canonical import R4_STRUCTURE

_URL = re.compile(rb'"url":"([^"]*)"')
_BY_URL = ("structures", "extensions", "value-sets", "code-systems", "codes")
"""The files of R4's definitions that are asked by canonical."""
_OWN_KINDS = ("StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "Questionnaire")

Codes = Mapping[str, frozenset[str] | None]
"""The codes by their system; None stands for every code of the system."""


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter of a resource type: `type` is token, reference, date …; `targets` the types a reference may lead to."""

    name: str
    type: str
    expression: str
    targets: tuple[str, ...] = ()
    url: str = ""
    components: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Complete:
    """Every code of one version of a code system; in lower case where the case of a code says nothing."""

    version: str
    codes: frozenset[str]
    any_case: bool

    def __contains__(self, code: object) -> bool:
        return (str(code).lower() if self.any_case else code) in self.codes


@dataclass(frozen=True, slots=True)
class Concept:
    """A code of a code system; `parents` are the codes that it is a kind of."""

    code: str
    display: str
    parents: tuple[str, ...] = ()


class _Head(msgspec.Struct):
    """The members that say which definition a file holds; the rest of the definition is not decoded."""

    url: str = ""
    resourceType: str = ""  # noqa: N815 - FHIR's name
    type: str = ""
    kind: str = ""
    abstract: bool = False
    derivation: str = ""

    @property
    def concrete(self) -> bool:
        """Whether the definition is of a resource type that can be stored."""
        return self.kind == "resource" and not self.abstract and self.derivation == "specialization"


class _Component(msgspec.Struct):
    definition: str
    expression: str


class _Parameter(msgspec.Struct):
    """The members of a SearchParameter that are read."""

    url: str
    code: str
    type: str
    base: tuple[str, ...]
    expression: str = ""
    target: tuple[str, ...] = ()
    component: tuple[_Component, ...] = ()

    def made(self, names: Mapping[str, str]) -> SearchParameter:
        """The search parameter; `names` gives the names of its components by canonical."""
        parts = tuple(
            (names.get(part.definition, part.definition.rsplit("-", 1)[-1]), part.expression) for part in self.component
        )
        return SearchParameter(self.code, self.type, self.expression, self.target, self.url, parts)


_HEAD = msgspec.json.Decoder(_Head)
_PARAMETER = msgspec.json.Decoder(_Parameter)
_LINE = msgspec.json.Decoder(dict[str, Any])


class Unopened(Mapping[str, Resource]):
    """Definitions by canonical; a definition is decoded when it is first asked for."""

    def __init__(self, written: Mapping[str, bytes]) -> None:
        self._written = written
        self._opened: dict[str, Resource] = {}

    def __getitem__(self, url: str) -> Resource:
        if url not in self._opened:
            self._opened[url] = msgspec.json.decode(self._written[url])
        return self._opened[url]

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


class Definitions:
    """The R4 definitions and our own. Read-only: one instance serves every thread."""

    def __init__(self, r4: Mapping[str, bytes], own: Mapping[str, Mapping[str, Resource]]) -> None:
        self._r4 = r4
        self._lines = {name: Unopened(_keyed(r4[name])) for name in _BY_URL}
        self._own = own
        self._structures: dict[str, Resource] = {}
        self._searches: dict[str, dict[str, SearchParameter]] = {}
        self._sets: dict[str, Codes | None] = {}
        self._complete: dict[str, Complete] = {}

    @classmethod
    def load(cls, folder: Path) -> Definitions:
        """Loads the definitions from the folder `profiles`: from its folder `r4`, and from its folder `baton` if it has one."""
        names = (*_BY_URL, "search-parameters", "compartment")
        return cls({name: _body(folder / "r4" / f"{name}.ndjson") for name in names}, _own(folder / "baton"))

    @cached_property
    def types(self) -> frozenset[str]:
        """Every R4 resource type that can be stored."""
        found = _HEAD.decode_lines(self._r4["structures"])
        return frozenset(each.type for each in found if each.concrete)

    def profiles(self) -> dict[str, tuple[str, ...]]:
        """The canonicals of our own profiles by the resource type that they constrain."""
        found: dict[str, tuple[str, ...]] = {}
        for url, each in self._own["StructureDefinition"].items():
            if each["kind"] == "resource":
                found[each["type"]] = (*found.get(each["type"], ()), url)
        return found

    @cached_property
    def served(self) -> frozenset[str]:
        """Every R4 resource type that has an endpoint: `Parameters` only travels with operations (R4 section 2.1.28)."""
        return self.types - {"Parameters"}

    def structure(self, url_or_type: str) -> Resource | None:
        """The StructureDefinition of a canonical (a `|version` is left off) or of a type, with its elements under `element`; None
        when it is unknown.
        """
        url = url_or_type.split("|")[0]
        url = url if ":" in url else R4_STRUCTURE + url
        if url not in self._structures:
            ours = self._own["StructureDefinition"].get(url)
            found = _flat(ours) if ours else self._lines["structures"].get(url) or self._lines["extensions"].get(url)
            if found is None:
                return None
            self._structures[url] = found
        return self._structures[url]

    def search_parameters(self, type: str) -> dict[str, SearchParameter]:
        """The search parameters of a type by name: R4's for the type and for every resource, and our own. Empty for an unknown
        type.
        """
        if type not in self._searches:
            known = self._parameters_by_base if type in self.types else {}
            ours = [item for base in ("Resource", "DomainResource", type) for item in known.get(base, ())]
            self._searches[type] = {item.name: item for item in ours}
        return self._searches[type]

    @cached_property
    def _parameters_by_base(self) -> dict[str, list[SearchParameter]]:
        raw = _PARAMETER.decode_lines(self._r4["search-parameters"])
        ours = [msgspec.convert(each, _Parameter) for each in self._own["SearchParameter"].values()]
        found: dict[str, list[SearchParameter]] = {}
        names = {item.url: item.code for item in raw}
        for item in (*raw, *ours):
            made = item.made(names)
            for base in item.base:
                found.setdefault(base, []).append(made)
        return found

    def compartment_parameters(self, type: str) -> tuple[str, ...]:
        """The names of the search parameters that put a resource of a type into a Patient compartment."""
        return self._compartment.get(type, ())

    @cached_property
    def _compartment(self) -> dict[str, tuple[str, ...]]:
        raw = _LINE.decode_lines(self._r4["compartment"])
        return {item["type"]: tuple(item["parameters"]) for item in raw}

    def value_set(self, url: str) -> Codes | None:
        """The codes of a value set, or None when the set is unknown or cannot be listed (currencies, media types, units)."""
        url = url.split("|")[0]
        if url not in self._sets:
            self._sets[url] = self._codes(url, ())
        return self._sets[url]

    def _codes(self, url: str, seen: tuple[str, ...]) -> Codes | None:
        ours = self._own["ValueSet"].get(url)
        if ours and url not in seen:
            return self._composed(ours, (*seen, url))
        codes = self._lines["value-sets"].get(url, {}).get("codes")
        return codes and {system: frozenset(listed) for system, listed in codes.items()}

    def _composed(self, value_set: Resource, seen: tuple[str, ...]) -> Codes | None:
        found: dict[str, frozenset[str] | None] = {}
        compose = value_set.get("compose", {})
        for part in compose.get("include", ()):
            more = self._included(part, seen)
            if more is None:
                return None
            for system, codes in more.items():
                held = found.get(system, frozenset())
                found[system] = None if codes is None or held is None else held | codes
        for part in compose.get("exclude", ()):
            held = found.get(part.get("system", ""))
            found[part.get("system", "")] = (held or frozenset()) - {item["code"] for item in part.get("concept", ())}
        return found

    def _included(self, part: Resource, seen: tuple[str, ...]) -> Codes | None:
        system = part.get("system")
        if system is None:
            sets = [self._codes(url.split("|")[0], seen) for url in part.get("valueSet", ())]
            return sets[0] if len(sets) == 1 else None
        if part.get("concept"):
            return {system: frozenset(item["code"] for item in part["concept"])}
        concepts = self.code_systems.get(system)
        if not part.get("filter"):
            return {system: frozenset(concepts) if concepts else None}
        rules = part["filter"]
        if concepts is None or any(
            rule["op"] not in ("is-a", "descendent-of") or rule["property"] != "concept" for rule in rules
        ):
            return None
        kept = [code for code in concepts if all(_is_a(concepts, code, rule["value"], rule["op"]) for rule in rules)]
        return {system: frozenset(kept)}

    @cached_property
    def code_systems(self) -> dict[str, dict[str, Concept]]:
        """The Concepts by system and code: of HL7's code systems that consent needs, and of our own."""
        found = {}
        for url, raw in self._lines["code-systems"].items():
            found[url] = {code: Concept(code, facts[0], tuple(facts[1:])) for code, facts in raw["concepts"].items()}
        for url, item in self._own["CodeSystem"].items():
            found[url] = {concept.code: concept for concept in _concepts(item.get("concept", ()), ())}
        return found

    def questionnaire(self, url: str) -> Resource | None:
        """The Questionnaire of our own with a canonical (a `|version` is left off), or None."""
        return self._own["Questionnaire"].get(url.split("|")[0])

    def complete(self, system: str) -> Complete | None:
        """Every code of a code system that R4 publishes complete; None for any other, of which no code can be called wrong."""
        if system not in self._complete:
            found = self._lines["codes"].get(system)
            if found is None:
                return None
            folded = bool(found.get("anyCase"))
            codes = frozenset(code.lower() if folded else code for code in found["codes"])
            self._complete[system] = Complete(found["version"], codes, folded)
        return self._complete[system]

    def own(self, kind: str) -> Mapping[str, Resource]:
        """Our own conformance resources of the type `kind`, by canonical."""
        return self._own.get(kind, {})


def _body(path: Path) -> bytes:
    """A generated file without its first line, which names the tool that made the file."""
    return path.read_bytes().partition(b"\n")[2]


def _keyed(lines: bytes) -> dict[str, bytes]:
    return {found[1].decode(): line for line in lines.splitlines() if (found := _URL.search(line, 0, 300))}


def _own(folder: Path) -> dict[str, Unopened]:
    found: dict[str, dict[str, bytes]] = {kind: {} for kind in _OWN_KINDS}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        written = path.read_bytes()
        head = _HEAD.decode(written)
        if head.url and head.resourceType:
            found.setdefault(head.resourceType, {})[head.url] = written
    return {kind: Unopened(each) for kind, each in found.items()}


def _flat(definition: Resource) -> Resource:
    """A whole StructureDefinition in the compact form of `profiles/r4`: its elements under `element`, without narrative."""
    kept = {name: value for name, value in definition.items() if name not in ("snapshot", "differential", "text")}
    return kept | {"element": definition.get("snapshot", {}).get("element", [])}


def _concepts(listed: Any, parents: tuple[str, ...]) -> Iterator[Concept]:
    for item in listed:
        yield Concept(item["code"], item.get("display", ""), parents)
        yield from _concepts(item.get("concept", ()), (item["code"],))


def _is_a(concepts: Mapping[str, Concept], code: str, ancestor: str, operator: str) -> bool:
    if code == ancestor:
        return operator == "is-a"
    seen, open_codes = set(), [code]
    while open_codes:
        concept = concepts.get(open_codes.pop())
        for parent in concept.parents if concept else ():
            if parent == ancestor:
                return True
            if parent not in seen:
                seen.add(parent)
                open_codes.append(parent)
    return False
