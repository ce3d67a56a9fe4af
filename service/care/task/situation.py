"""The Situation in which a Task is decided, and the Outcome of a decision. Values only: the use case loads and commits."""

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
    """A submitted Task and its parties. A practice whose rules need more has a class of its own that adds the members.

    `agency` is the caller's Organization and `user` the caller's PractitionerRole, if any. `before` is the stored Task (None when
    the Task is new) and `after` the submitted Task, with its id. `organizations` resolves the references to the Task's actors to
    an Organization: PractitionerRole.organization, HealthcareService.providedBy. `about` is another Task that the submitted Task
    is about: its focus, or the Task of which it is part.
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
        """The situation as a value of a practice's own class `kind`, with the members that only the practice's rules need."""
        return kind(**{each.name: getattr(self, each.name) for each in fields(self)}, **more)

    @property
    def zone(self) -> tzinfo:
        """The locality's zone, to which a date without an offset is local."""
        return self.calendar.zone

    @property
    def current(self) -> Resource:
        """The Task that names the parties: the stored Task, or the submitted Task when it is new."""
        return self.after if self.before is None else self.before

    @property
    def sender(self) -> str:
        """The requester's agency."""
        return self.organization(link(self.current, "requester"))

    @property
    def receiver(self) -> str:
        """The owner's agency. A Task that was not sent goes to the owner that it is sent with: whether that agency may have what
        is sent is decided for it, whomever an earlier draft named (HOV-3)."""
        return self.organization(link(self.current if self.sent else self.after, "owner"))

    @property
    def stage(self) -> str:
        """The stored Task's status; for a Task on hold, the status from which it is held."""
        return reading.stage(self.before)

    @property
    def sent(self) -> bool:
        """Whether the stored Task was sent."""
        return reading.sent(self.before)

    @property
    def sides(self) -> tuple[str, ...]:
        """The caller's sides of the Task. Before the Task is sent (none, draft) the owner's agency has no part in it (HOV-3)."""
        named = ((REQUESTER, self.agency == self.sender != ""), (OWNER, self.sent and self.agency == self.receiver != ""))
        return tuple(side for side, holds in named if holds) or (STRANGER,)

    def organization(self, reference: str) -> str:
        """The Organization behind an actor's reference, or '' when the Organization is not known."""
        return reference if reference.startswith("Organization/") else self.organizations.get(reference, "")


@dataclass(frozen=True, slots=True)
class Staged:
    """One resource to write, before it gets its new version and lastUpdated. `created`: the resource has no earlier version.

    `custodian` is the Organization whose record the resource becomes; '' keeps the present custodian. `keys` are unique across
    the store.
    """

    resource: Resource
    created: bool = False
    custodian: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditFact:
    """One line for the audit trail. `action` is a FHIR audit-event-action (C, R, U, D, E); `focus` the references of the line."""

    action: str
    event: str
    agency: str
    user: str
    patient: str
    focus: tuple[str, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a decision: the writes, timers, notices and audit lines to commit in one transaction. `writes[0]` is the
    submitted Task as it is to be stored.

    `timers` start, and the timers of the keys in `cancelled` stop. `disclosure`: records become visible to the other agency, so a
    disclosure record is due in the same transaction. `guards` are the references and versions that were read for the decision
    and must still be current. `moved`: ownership moves with this outcome.
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
    """A submission says what the stored Task says already (HOV-5): `resource` is the answer, and nothing is written."""

    resource: Resource


def audit(situation: Situation, event: str, action: str = "U", detail: str = "") -> AuditFact:
    """An audit fact about the situation's Task."""
    focus, person = (name_of(situation.after),), link(situation.current, "for")
    return AuditFact(action, event, situation.agency, situation.user, person, focus, detail)


def notice(situation: Situation, topic: str, recipient: str, focus: str = "") -> Notice:
    """A notice about the situation's Task, or about another `focus` of the same person."""
    return Notice(topic, recipient, focus or name_of(situation.after), link(situation.current, "for"))
