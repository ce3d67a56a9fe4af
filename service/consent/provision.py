"""A Consent compiled once per version: who, when and why as sets to intersect, what as sets to meet, and the reason each node
gives, ready made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.consent.reasons import Reason
from service.fhir.date import Interval
from service.problem import Issue

EMPTY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class What:
    """The data a provision names. An empty set means no such condition, unless its element is in `vague`: named, but not
    readable.

    `rank`: a ceiling under a permit, a floor under a denial; 0 for none. `labels` hold every descendant of the labels named.
    `kinds`: types, profiles, `system|code` of content. `source`: the FHIR elements as they were written, for residual rules.
    """

    rank: int = 0
    labels: frozenset[str] = EMPTY
    kinds: frozenset[str] = EMPTY
    codes: frozenset[str] = EMPTY
    during: Interval | None = None
    instances: frozenset[str] = EMPTY
    related: frozenset[str] = EMPTY
    dependents: frozenset[str] = EMPTY
    authors: frozenset[str] = EMPTY
    named: frozenset[str] = EMPTY
    vague: frozenset[str] = EMPTY
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Node:
    """One provision. A set that is None is no condition. `purposes` hold every descendant. `vague` names conditions of who,
    when and why that cannot be read. `closed`: the reason of the closed world under a permit root that names data.
    """

    permit: bool
    reason: Reason
    actors: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    during: Interval | None = None
    vague: frozenset[str] = EMPTY
    what: What | None = None
    closed: Reason | None = None
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """One version of one Consent.

    `ref`: `Consent/1/_history/3`. `roots`: its readings, one unless it is ambiguous; it permits only what all of them permit.
    `period`: the root's, None when it cannot be read. `written`: dateTime in milliseconds, None when absent or unreadable.
    `doubt`: its permits are off whatever it says, for the reasons in `findings`. `named`: records whose references the caller
    should load into `Evidence.links`.
    """

    ref: str
    patient: str
    active: bool
    roots: tuple[Node, ...]
    period: Interval | None
    written: int | None
    performers: frozenset[str]
    controllers: frozenset[str]
    verified: bool
    doubt: bool
    named: frozenset[str]
    findings: tuple[Issue, ...]
