"""What a decision asks the store to do, whole. One Change is one transaction: all of it is written, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Resource = dict[str, Any]
"""A FHIR resource as parsed from JSON: members in the order they came, decimals as `service.fhir.json.Number`."""


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that a record ties to its person, and while it does. Open ends are None."""

    organization: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """What the version that a Write replaces held, besides its content. Versions do not change, so it need not be read again."""

    custodian: str
    patients: tuple[str, ...]
    parties: tuple[Party, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One new version of one record.

    `resource` is complete and stamped (id, meta.versionId = before + 1, meta.lastUpdated = Change.at); for a delete it is the
    last content. `before` is the version it replaces, 0 when the record must not exist. `custodian` is the reference of the
    organisation whose record this is. `tokens` are search tokens that only other resources could tell. `parties` give
    organisations a legitimate relationship with the person. `keys` are unique across the whole store while this version
    stands: a key held by another record refuses the Change as a duplicate. `touches` are generation keys, besides those the
    store derives, whose readers must look again (a shared national identifier, say). `replaced` tells of the version `before`,
    None when it was not loaded.
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


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A request seen once. `key` is unique; `answer` is what a repeat of the request is given. Kept until `until`."""

    key: str
    answer: Mapping[str, Any]
    until: datetime


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to do at `due`, exactly once per (key, level): survives restarts, and is cancelled by its key.

    `kind` is the id of a rule (`TIM-2`), `focus` the reference it watches.
    """

    key: str
    kind: str
    due: datetime
    focus: str
    level: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a partner must be told. `topic` as in exchange rules, `recipient` an Organization reference."""

    topic: str
    recipient: str
    focus: str
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """The value between decide and commit.

    `guards` are (reference, version) pairs that were read for the decision and must still be current at commit (version 0: must
    still not exist); otherwise the Change is refused as a conflict, and the use case may load and decide again. `audits` are
    AuditEvent resources without id; the store chains each into the ledger. `settled` are the (key, level) of fired timers this
    Change settles, and `cancelled` the keys of timers to forget.
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
