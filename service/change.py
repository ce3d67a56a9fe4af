"""The Change: everything that a decision asks the store to write. A Change is written in one transaction, as a whole or not at
all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Resource = dict[str, Any]
"""A FHIR resource as parsed from JSON: members in the order they came, decimals as `service.fhir.json.Number`."""


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that a record ties to its person, from `start` until just before `end`. None is an open end."""

    organization: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """The custodian, patients, parties and keys of the version that a Write replaces. A version never changes, so the store need
    not read these again."""

    custodian: str
    patients: tuple[str, ...]
    parties: tuple[Party, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One new version of one record.

    `resource` is complete and stamped (id, meta.versionId = before + 1, meta.lastUpdated = Change.at); for a delete, `resource`
    is the last content. `before` is the version that the Write replaces, 0 when the record must not exist. `custodian` is the
    reference of the organisation that keeps the record. `tokens` are search tokens that cannot be drawn from the resource
    alone. `parties` are organisations that gain a legitimate relationship with the person. `keys` are unique across the whole
    store while this version stands: a key held by another record refuses the Change as a duplicate. `touches` are keys of
    generations to raise besides those that the store derives (of a shared national identifier, for example). `replaced`
    describes the version `before`, None when the version was not loaded. `beside` is what a rule wants kept beside the current
    version, so that it need not read those before it.
    """

    resource: Resource
    before: int
    custodian: str
    method: str = "PUT"
    tokens: tuple[str, ...] = ()
    parties: tuple[Party, ...] = ()
    keys: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    deleted: bool = False
    replaced: Replaced | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The idempotency key of a request. `key` is unique; `answer` is given to a repeat of the request. The store keeps the
    idempotency key until `until`."""

    key: str
    answer: Mapping[str, Any]
    until: datetime


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer, which fires at `due`, exactly once per (key, level). A timer survives restarts, and is cancelled by its key.

    `kind` is the id of a rule (`TIM-2`), `focus` the reference of the record that the timer watches.
    """

    key: str
    kind: str
    due: datetime
    focus: str
    level: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to a partner about the record `focus`. `topic` is a topic of the exchange rules, `recipient` an Organization
    reference."""

    topic: str
    recipient: str
    focus: str
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The decision of a use case, which the store commits.

    `guards` are (reference, version) pairs that were read for the decision and must still be current at commit (version 0: must
    still not exist); otherwise the Change is refused as a conflict, and the use case may load and decide again. `premises` are
    (generation key, number) pairs that must still be current at commit, in the same way. `audits` are AuditEvent resources
    without id; the store chains each into the ledger. `settled` are the (key, level) of fired timers that the Change settles, and
    `cancelled` the keys of timers to delete.
    """

    at: datetime
    writes: tuple[Write, ...] = ()
    audits: tuple[Resource, ...] = ()
    idempotency: tuple[IdempotencyKey, ...] = ()
    timers: tuple[Timer, ...] = ()
    cancelled: tuple[str, ...] = ()
    settled: tuple[tuple[str, int], ...] = ()
    notices: tuple[Notice, ...] = ()
    guards: tuple[tuple[str, int], ...] = ()
    premises: tuple[tuple[str, int], ...] = ()
