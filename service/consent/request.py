"""What is asked, and what is known about it, when a decision is taken. Everything is loaded by the caller of `decide`;
nothing here reads a clock.
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
    """One caller, for its purposes, now.

    `principals` is the closure of `service.consent.principals`: references `Type/id` and business identifiers `system|value`.
    `organization` is the recipient; `sector` its sector in the partner register. `purposes` are v3-ActReason codes, or
    `system|code`. `action` is a consentaction code. `now` is aware. `user` is the person acting (`PractitionerRole/x`,
    `Patient/y`, `RelatedPerson/z`) or empty for a system. `self_access` are the Patients whom the user is, or whose verified
    and entitled representative the user is. Overrides and lawful bases are `Grant`s in the Evidence.
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

    `kind` is one of BREAK_GLASS, or BY_BASIS. `refs` (`Type/id`, a version suffix is ignored) or else `types` say what it
    covers; neither: for an override the whole record of the person, for a lawful basis nothing. `user` empty: everyone acting
    for `organization`. `purposes` empty: any. `ref` is the resource that records it, `authority` its words for the ledger.
    `until` None: no end of its own. `weak`: it counts only where no Consent speaks.
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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one person (all linked Patients) and one recipient.

    `patients`: every Patient reference of the person. `relationships`: organisations with a legitimate tie now: CareTeam, open
    Task, referral, episode. `representatives`: verified people entitled to consent for the person. `links`: what a record
    refers to, by its reference, for records that consents name (`Compiled.named`), for what leads to them, and for the
    PractitionerRoles that wrote records; one that is absent is unknown, which denies.
    """

    consents: tuple[Compiled, ...] = ()
    relationships: frozenset[str] = frozenset()
    agreement: Agreement | None = None
    grants: tuple[Grant, ...] = ()
    patients: frozenset[str] = frozenset()
    representatives: frozenset[str] = frozenset()
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
