"""The Request and the Evidence that a decision is taken on. The use case that calls `decide` loads both; nothing here reads a
clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.consent.policy import Agreement
from service.consent.provision import Compiled

BREAK_GLASS = frozenset({"patient-safety", "vital-interests", "safeguarding", "public-interest", "legal", "best-interests"})
BY_BASIS = "lawful-basis"


@dataclass(frozen=True, slots=True)
class Request:
    """The request of one caller for certain purposes now.

    `principals` come from `service.consent.principals`: references `Type/id` and business identifiers `system|value`.
    `organization` is the recipient; `sector` its sector in the partner register. `purposes` are v3-ActReason codes, or
    `system|code`. `action` is a consentaction code. `now` has a time zone. `user` is the person acting
    (`PractitionerRole/x`, `Patient/y`, `RelatedPerson/z`) or empty for a system. `self_access` are the Patients that the user is,
    or whose verified and entitled representative the user is. Overrides and lawful bases are `Grant`s in the Evidence.
    """

    principals: frozenset[str]
    organization: str
    sector: str
    purposes: tuple[str, ...]
    action: str
    now: datetime
    user: str = ""
    self_access: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """A recorded permission beside consent: a break-glass override, or a lawful basis on which records were disclosed.

    `kind` is one of BREAK_GLASS, or BY_BASIS. The grant covers `refs` (`Type/id`, a version suffix is ignored) and `types`; with
    neither, an override covers the whole record of the person and a lawful basis covers nothing. `keeper`: it covers the records
    of this agency alone. `emergency`: it stands in for the relationship (IDN-8). `user` empty: everyone
    acting for `organization`. `purposes` empty: any. `ref` is the resource that records the grant, `authority` the grant's words
    for the ledger. `until` None: the grant has no end of its own. `weak`: the grant counts only where no Consent permits or
    denies.
    """

    kind: str
    organization: str
    ref: str
    user: str = ""
    purposes: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    refs: frozenset[str] = frozenset()
    start: datetime | None = None
    until: datetime | None = None
    authority: str = ""
    weak: bool = False
    keeper: str = ""
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence about one person (all linked Patients) and one recipient.

    `patients` are all Patient references of the person. `relationships` are the organisations with a legitimate tie now:
    CareTeam, open Task, referral, episode. `representatives` are verified people entitled to consent for the person. `links` maps
    a record's reference to the references in it: for records that Consents name (`Compiled.named`), for records on a chain of
    references to these, and for the PractitionerRoles that wrote records; the references of a record absent from `links` are
    unknown, which denies.
    """

    consents: tuple[Compiled, ...] = ()
    relationships: frozenset[str] = frozenset()
    agreement: Agreement | None = None
    grants: tuple[Grant, ...] = ()
    patients: frozenset[str] = frozenset()
    representatives: frozenset[str] = frozenset()
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
