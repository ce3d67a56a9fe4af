"""A Consent compiled once per version into a tree of provisions: conditions of who, when, why and what data as sets to match,
and the reason that each provision gives, made in advance.
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
    """The data that a provision names. An empty set means that the provision has no such condition, unless its element is in
    `vague`: the element is there, but cannot be read.

    `rank` is a ceiling under a permit and a floor under a denial; 0 for none. `labels` hold every descendant of the labels named.
    `kinds` are types, profiles and `system|code` of content types. `named` are the records in `related` and `dependents`.
    `source` holds the FHIR elements as they were written, for residual rules.
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
    """One provision. A set that is None is no condition. `purposes` hold every descendant of the purposes named. `vague` names
    the conditions of who, when and why that cannot be read. `closed` is the reason to deny data that a permit root does not name.
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

    `ref` is such as `Consent/1/_history/3`. `roots` are the Consent's readings, one unless the Consent is ambiguous; the Consent
    permits only data that all readings permit. `period` is the root's, None when it cannot be read. `written` is the Consent's
    dateTime in milliseconds, None when absent or unreadable. `doubt`: the Consent's permits do not count, for the reasons in
    `findings`. `named` are the records whose references the use case should load into `Evidence.links`.

    From the store, not from the Consent: `recorder` is the agency that recorded it, and `standing` says that the agency had
    standing then, so that the Consent says something of others' records; `confirmed`: the person said it signed in, or another
    agency verified it with the person.
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
    recorder: str = ""
    confirmed: bool = False
    standing: bool = True
