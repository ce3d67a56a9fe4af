"""What every decision about a Task needs, loaded; and what it answers. Values only: the use case loads and commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from service.care.task import reading
from service.care.task.timers import WEEKDAYS, Calendar
from service.change import Notice, Resource, Timer
from service.fhir.reference import link, name_of

Ids = Callable[[], str]
REQUESTER, OWNER, STRANGER = "requester", "owner", "stranger"
Wider = TypeVar("Wider", bound="Situation")


@dataclass(frozen=True, slots=True)
class Situation:
    """A submitted Task and its parties. A practice whose rules look at more has a class of its own that adds it.

    `agency` is the caller's Organization and `user` its PractitionerRole, if any. `before` is the stored Task (None: none yet)
    and `after` the submitted one, with its id. `organizations` resolves the references to actors that are looked at to an
    Organization: PractitionerRole.organization, HealthcareService.providedBy. `about` is the Task that this one is about: its
    focus, or the one it is part of.
    """

    at: datetime
    agency: str
    after: Resource
    before: Resource | None = None
    user: str = ""
    organizations: Mapping[str, str] = field(default_factory=dict)
    about: Resource | None = None
    calendar: Calendar = WEEKDAYS

    def widened(self, kind: type[Wider], **more: Any) -> Wider:
        """The same situation as a practice has it, with what only its rules look at."""
        return kind(**{each.name: getattr(self, each.name) for each in fields(self)}, **more)

    @property
    def zone(self) -> tzinfo:
        """The locality's zone, in which a date without an offset is read."""
        return self.calendar.zone

    @property
    def current(self) -> Resource:
        """The Task that settles who the parties are: the stored one, or the submitted one when it is new."""
        return self.after if self.before is None else self.before

    @property
    def sender(self) -> str:
        """The requester's agency."""
        return self.organization(link(self.current, "requester"))

    @property
    def receiver(self) -> str:
        """The owner's agency."""
        return self.organization(link(self.current, "owner"))

    @property
    def stage(self) -> str:
        """Where the Task stands: its status, and for a Task on hold the status it is held from."""
        here = reading.status(self.before)
        return reading.held_from(self.current) or here if here == "on-hold" else here

    @property
    def sides(self) -> tuple[str, ...]:
        """The caller's sides of the Task. Before it is sent (none, draft) the owner's agency has no part in it (HOV-3)."""
        sent = self.stage not in ("none", "draft")
        named = ((REQUESTER, self.agency == self.sender != ""), (OWNER, sent and self.agency == self.receiver != ""))
        return tuple(side for side, holds in named if holds) or (STRANGER,)

    def organization(self, reference: str) -> str:
        """The Organization behind a reference, or '' when it is not known."""
        return reference if reference.startswith("Organization/") else self.organizations.get(reference, "")


@dataclass(frozen=True, slots=True)
class Staged:
    """One resource to write, not yet stamped. `created`: it has a fresh id and no earlier version.

    `custodian` is the Organization whose record it becomes; '' keeps the present one. `keys` are unique across the store.
    """

    resource: Resource
    created: bool = False
    custodian: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditFact:
    """One line for the audit trail. `action` is a FHIR audit-event-action (C, R, U, D, E); `focus` the references it is about."""

    action: str
    event: str
    agency: str
    user: str
    patient: str
    focus: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to write and whom to tell, in one transaction. `writes[0]` is the submitted Task as it is to be stored.

    `disclosure`: the dataset and package become visible to the receiver, so a disclosure record is due in the same transaction.
    `guards` were read for the decision and must still be current. `moved`: ownership moves with this outcome.
    """

    writes: tuple[Staged, ...]
    timers: tuple[Timer, ...] = ()
    cancelled: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    audits: tuple[AuditFact, ...] = ()
    guards: tuple[tuple[str, int], ...] = ()
    disclosure: bool = False
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """The request asks for what already stands (HOV-5): answer with `resource`, write nothing."""

    resource: Resource


def audit(situation: Situation, event: str, action: str = "U", detail: str = "") -> AuditFact:
    """An audit fact about the situation's Task."""
    focus, person = (name_of(situation.after),), link(situation.current, "for")
    return AuditFact(action, event, situation.agency, situation.user, person, focus, detail)


def notice(situation: Situation, topic: str, recipient: str, focus: str = "") -> Notice:
    """A notice about the situation's Task, or another focus of the same person."""
    return Notice(topic, recipient, focus or name_of(situation.after), link(situation.current, "for"))
