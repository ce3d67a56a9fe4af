"""The Index by which a resource is found: keys, intervals and sort values, taken from the resource once when it is written.

One design serves every parameter type. Equality and prefixes work on keys (`service.fhir.key`), dates on intervals, sorting and
presence on the smallest and the largest value of each parameter. Numbers, quantities and composites are not indexed yet; they can
be added as intervals and as joined keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from service.change import Resource
from service.fhir import date, key
from service.fhir.expression import Branch, Walk, gathered
from service.fhir.parameter import Definitions, Parameter, Parameters
from service.fhir.reference import own, version_in

Rank = str | int
"""A sort value: folded text, or milliseconds since 1970."""

_RANK_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Index:
    """The keys, intervals and sort values of one resource.

    `keys` are as in `service.fhir.key`; `dates` are (parameter, low, high) in milliseconds since 1970; `ranks` give each
    parameter that has a value its smallest value under its name, and its largest under `-name`, None where the value is not used
    for sorting; `patients` are references to the Patients whose compartment the resource is in; `updated` is meta.lastUpdated in
    milliseconds since 1970.
    """

    type: str
    id: str
    updated: int
    keys: frozenset[str]
    dates: tuple[tuple[str, int, int], ...] = ()
    ranks: Mapping[str, Rank | None] = field(default_factory=dict)
    patients: tuple[str, ...] = ()

    def to_row(self) -> dict[str, Any]:
        """The row fields `idx`, `dt` and `so`. The store writes the fields `_id`, `lu` and `pts` itself."""
        dates = [{"p": name, "l": low, "h": high} for name, low, high in self.dates]
        return {"idx": sorted(self.keys), "dt": dates, "so": dict(self.ranks)}

    @classmethod
    def from_row(cls, type_: str, row: Mapping[str, Any]) -> Index:
        """The Index of a stored row; `lu` may be a datetime or milliseconds. `wl` are the agencies on whose worklist a Task
        stands."""
        updated = row.get("lu", 0)
        return cls(
            type=type_,
            id=row["_id"],
            updated=_updated(updated) if isinstance(updated, datetime) else int(updated),
            keys=frozenset((*row.get("idx", ()), *(f"worklist={each}" for each in row.get("wl", ())))),
            dates=tuple((date["p"], date["l"], date["h"]) for date in row.get("dt", ())),
            ranks=dict(row.get("so", {})),
            patients=tuple(row.get("pts", ())),
        )

    def references(self, name: str) -> tuple[str, ...]:
        """The `Type/id` references that a reference parameter holds, without versions and without foreign URLs."""
        start = f"{name}="
        found = (each[len(start) :] for each in self.keys if each.startswith(start))
        return tuple(sorted(each for each in found if each.count("/") == 1 and ":" not in each))

    def canonicals(self, name: str) -> tuple[str, ...]:
        """The canonicals that a reference parameter holds; one with a version also without."""
        start = f"{name}="
        found = (each[len(start) :] for each in self.keys if each.startswith(start))
        return tuple(sorted(each for each in found if ":" in each))

    def versions(self, name: str) -> tuple[str, ...]:
        """The references `Type/id/_history/v` to certain versions that a reference parameter holds."""
        start = f"{name}="
        found = (each[len(start) :] for each in self.keys if each.startswith(start))
        return tuple(sorted(each for each in found if ":" not in each and version_in(each)))


def _updated(at: datetime) -> int:
    return date.milliseconds(at if at.tzinfo else at.replace(tzinfo=UTC))


class _Draft:
    """An Index while it is being made."""

    __slots__ = ("base", "dates", "folds", "highest", "keys", "lowest", "zone")

    def __init__(self, base: str, zone: tzinfo) -> None:
        self.base = base
        self.zone = zone
        self.keys: set[str] = set()
        self.dates: set[tuple[str, int, int]] = set()
        self.lowest: dict[str, str] = {}
        self.highest: dict[str, str] = {}
        self.folds: dict[str, str] = {}

    def rank(self, name: str, value: str) -> None:
        """Takes a text into account for sorting, and as a sign that the parameter has a value. Dates are ranked in `ranks`."""
        lowest = self.lowest
        if name not in lowest:
            lowest[name] = value
        elif value < lowest[name]:
            self.highest.setdefault(name, lowest[name])
            lowest[name] = value
        elif value > self.highest.get(name, lowest[name]):
            self.highest[name] = value

    def fold(self, text: str) -> str:
        """A text folded (`key.fold`), once for all parameters that read the text."""
        folded = self.folds.get(text)
        if folded is None:
            folded = self.folds[text] = key.fold(text)
        return folded

    def ranks(self) -> dict[str, Rank]:
        """The smallest value of each parameter under its name, and the largest under `-name`. A date is ranked by its start."""
        ranks: dict[str, Rank] = {}
        highest = self.highest
        for name, low in self.lowest.items():
            ranks[name] = low[:_RANK_LENGTH]
            ranks["-" + name] = highest.get(name, low)[:_RANK_LENGTH]
        for name, begun, _ in sorted(self.dates):
            ranks.setdefault(name, begun)
            ranks["-" + name] = begun
        return ranks


Emit = Callable[[str, Any, _Draft], None]


def _token(name: str, value: Any, draft: _Draft) -> None:
    if type(value) is str:
        value = key.part(value.casefold() if name in key.FOLDED else value)
        draft.keys.add(f"{name}={value}")
        draft.rank(name, value)
    elif type(value) is dict:
        _coded(name, value, draft)
    elif isinstance(value, bool):
        _token(name, "true" if value else "false", draft)
    else:
        _token(name, str(value), draft)


def _text(value: dict[str, Any], member: str) -> str:
    text = value.get(member)
    return text if type(text) is str else ""


def _coded(name: str, value: dict[str, Any], draft: _Draft) -> None:
    """Adds the keys of a CodeableConcept, Coding, Identifier or ContactPoint, which are told apart by their members."""
    if "coding" in value:
        for coding in gathered(value["coding"]):
            if type(coding) is dict:
                _coding(name, coding, draft)
    elif "text" in value:
        draft.rank(name, draft.fold(_text(value, "text")))
    elif type(value.get("value")) is str:
        _identified(name, value, value["value"], draft)
    else:
        _coding(name, value, draft)
    text = value.get("text")
    if type(text) is str:
        draft.keys.add(f"{name}:text={draft.fold(text)}")


def _coding(name: str, value: dict[str, Any], draft: _Draft) -> None:
    code, display = value.get("code"), value.get("display")
    if type(code) is str:
        draft.keys.update(key.tokens(name, _text(value, "system"), code))
        draft.rank(name, code)
    if type(display) is str:
        draft.keys.add(f"{name}:text={draft.fold(display)}")
        if code is None:
            draft.rank(name, draft.fold(display))


def _identified(name: str, value: dict[str, Any], text: str, draft: _Draft) -> None:
    draft.keys.update(key.tokens(name, _text(value, "system"), text))
    draft.rank(name, text)
    type_ = value.get("type")
    if type(type_) is dict:
        _of_type(name, type_, text, draft)


def _of_type(name: str, type_: dict[str, Any], value: str, draft: _Draft) -> None:
    for coding in gathered(type_.get("coding")):
        if type(coding) is dict and type(coding.get("code")) is str:
            system = key.part(_text(coding, "system"))
            draft.keys.add(f"{name}:of-type={system}|{key.part(coding['code'])}|{key.part(value)}")
    if type(type_.get("text")) is str:
        draft.keys.add(f"{name}:text={draft.fold(type_['text'])}")


def _reference(name: str, value: Any, draft: _Draft) -> None:
    if type(value) is str:  # a canonical or uri
        _canonical(name, value, draft)
        return
    if type(value) is not dict:
        return
    target = value.get("reference")
    if type(target) is str and not target.startswith("#"):
        if "://" in target:
            target = own(target, draft.base)
        draft.keys.update(key.reference(name, target))
        draft.rank(name, target)
    elif type(target) is str or type(value.get("display")) is str:  # contained or only named: present, without a key
        draft.rank(name, _text(value, "display") or _text(value, "reference"))
    identifier = value.get("identifier")
    if type(identifier) is dict and type(identifier.get("value")) is str:
        draft.keys.update(key.tokens(f"{name}:identifier", _text(identifier, "system"), identifier["value"]))
        draft.rank(name, identifier["value"])


def _canonical(name: str, value: str, draft: _Draft) -> None:
    draft.keys.update((f"{name}={value}", f"{name}={value.partition('|')[0]}"))
    draft.rank(name, value)


def _date(name: str, value: Any, draft: _Draft) -> None:
    found = date.of(value, draft.zone)
    if found is not None:
        draft.dates.add((name, found.low, found.high))


_NAME_PARTS = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country")


def _string(name: str, value: Any, draft: _Draft) -> None:
    if type(value) is str:
        folded = draft.fold(value)
        draft.keys.add(f"{name}={folded}\t{value}")
        draft.rank(name, folded)
    elif type(value) is dict:
        for member in _NAME_PARTS:
            for each in gathered(value.get(member)):
                if type(each) is str:
                    _string(name, each, draft)


def _uri(name: str, value: Any, draft: _Draft) -> None:
    if name == "_profile" and type(value) is str:
        _canonical(name, value, draft)
    elif type(value) is str:
        draft.keys.add(f"{name}={value}")
        draft.rank(name, value)


_EMIT: dict[str, Emit] = {"token": _token, "reference": _reference, "date": _date, "string": _string, "uri": _uri}


@dataclass(frozen=True, slots=True)
class _Plan:
    """The plan for indexing one resource type: the parameters that start from each member, the parameters that always have a
    value (`stated`), and the parameters of the Patient compartment.
    """

    members: Mapping[str, tuple[tuple[str, Emit, Walk | None], ...]]
    stated: tuple[tuple[str, Branch], ...]
    compartment: tuple[str, ...]


class Indexer:
    """Makes the Index of any resource. `base` is our own FHIR base URL; dates without an offset are local to `zone`."""

    def __init__(self, definitions: Definitions, base: str = "", zone: tzinfo = UTC) -> None:
        self.parameters = Parameters(definitions, base, zone)
        self.base = base
        self._zone = zone
        self._plans: dict[str, _Plan] = {}

    def index(self, resource: Resource, extra: Iterable[str] = ()) -> Index:
        """The Index of a stamped resource; `extra` are keys that only other resources could tell (`Write.tokens`). Never raises
        for bad content: an element of the wrong shape adds no key.
        """
        type_ = resource["resourceType"]
        plan = self._plans.get(type_) or self._plan(type_)
        draft = _Draft(self.base, self._zone)
        members = plan.members
        for member, value in resource.items():
            if member not in members:
                continue
            values = gathered(value)
            for name, emit, walk in members[member]:
                for each in walk(values) if walk else values:
                    emit(name, each, draft)
        for name, branch in plan.stated:
            _token(name, any(resource.get(each) not in (None, False) for each in branch.keys), draft)
        _given(draft, extra)
        return self._index(resource, plan, draft)

    def prepare(self, types: Iterable[str]) -> None:
        """Compiles the parameters of these types in advance, so that the first record of a type need not wait for it."""
        for type_ in types:
            self._plan(type_)

    def patients(self, resource: Resource) -> tuple[str, ...]:
        """The Patients that the Index of a resource would name, without making the rest of the Index."""
        plan = self._plans.get(resource["resourceType"]) or self._plan(resource["resourceType"])
        draft = _Draft(self.base, self._zone)
        for member in plan.members.keys() & resource.keys():
            values = gathered(resource[member])
            for name, emit, walk in plan.members[member]:
                if name in plan.compartment:
                    for each in walk(values) if walk else values:
                        emit(name, each, draft)
        return _patients(resource, plan, draft)

    def _index(self, resource: Resource, plan: _Plan, draft: _Draft) -> Index:
        meta = resource.get("meta")
        stamped = date.parse(meta["lastUpdated"]) if type(meta) is dict and type(meta.get("lastUpdated")) is str else None
        return Index(
            type=resource["resourceType"],
            id=resource.get("id", ""),
            updated=stamped.low if stamped else 0,
            keys=frozenset(draft.keys),
            dates=tuple(sorted(draft.dates)),
            ranks=draft.ranks(),
            patients=_patients(resource, plan, draft),
        )

    def _plan(self, type_: str) -> _Plan:
        members: dict[str, list[tuple[str, Emit, Walk | None]]] = {}
        stated: list[tuple[str, Branch]] = []
        for parameter in self.parameters.of(type_).values():
            for branch in parameter.branches:
                if branch.stated:
                    stated.append((parameter.name, branch))
                    continue
                for member in branch.keys:
                    members.setdefault(member, []).append((parameter.name, _EMIT[parameter.kind], branch.walk))
        plan = _Plan({name: tuple(each) for name, each in members.items()}, tuple(stated), self.parameters.compartment(type_))
        self._plans[type_] = plan
        return plan


def _given(draft: _Draft, extra: Iterable[str]) -> None:
    for each in extra:
        name, _, value = each.partition("=")
        draft.keys.add(each)
        draft.rank(name, value)


def _patients(resource: Resource, plan: _Plan, draft: _Draft) -> tuple[str, ...]:
    """The Patients in whose compartment a resource is: for a Patient only itself, not the Patients with which it is linked; for
    any other resource the Patients that its compartment parameters name.
    """
    if resource["resourceType"] == "Patient":
        return (f"Patient/{resource.get('id', '')}",)
    starts = tuple(f"{name}=Patient/" for name in plan.compartment)
    if not starts:
        return ()
    found = (each.partition("=")[2] for each in draft.keys if each.startswith(starts))
    return tuple(sorted(each for each in found if each.count("/") == 1))


__all__ = ["Index", "Indexer", "Parameter", "Parameters", "Rank"]
