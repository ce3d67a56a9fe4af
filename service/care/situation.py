"""What a care decision needs, loaded; and what it answers. Values only: the use case loads and commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from service.care import task as tasks
from service.care.timers import WEEKDAYS, Calendar
from service.change import Notice, Resource, Timer
from service.fhir.reference import link, name_of

Ids = Callable[[], str]
REQUESTER, OWNER, STRANGER = "requester", "owner", "stranger"


@dataclass(frozen=True, slots=True)
class Authority:
    """What the consent decision for the receiving agency said (HOV-3).

    `text` says why, without patient data. `reference` is the version-specific Consent that permits, or ''.
    """

    permitted: bool = False
    text: str = "no authority to share was decided"
    reference: str = ""


NONE_DECIDED = Authority()


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a handover decision needs.

    `agency` is the caller's Organization and `user` its PractitionerRole, if any. `before` is the stored Task (None: none yet)
    and `after` the submitted one, with its id. `organizations` resolves each reference that the two Tasks, the plan's author and
    the team's members make to an Organization: PractitionerRole.organization, HealthcareService.providedBy. `handover` is the
    handover Task that an abort, clarification or follow-up Task is about. `person` names the one person behind linked Patients,
    `patients` are their references. `missing` and `unknown` are linkIds of the dataset, `dataset_fault` says why it cannot be
    used. `lead` is the resolved PractitionerRole of `task.lead_reference(after)`. `contacts` are, per agency, whom its escalation
    levels name.
    """

    at: datetime
    agency: str
    after: Resource
    before: Resource | None = None
    user: str = ""
    organizations: Mapping[str, str] = field(default_factory=dict)
    plan: Resource | None = None
    team: Resource | None = None
    episode: Resource | None = None
    lead: Resource | None = None
    handover: Resource | None = None
    person: str = ""
    patients: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    dataset_fault: str = ""
    authority: Authority = NONE_DECIDED
    calendar: Calendar = WEEKDAYS
    contacts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
        here = tasks.status(self.before)
        return tasks.held_from(self.current) or here if here == "on-hold" else here

    @property
    def sides(self) -> tuple[str, ...]:
        """The caller's sides of the Task. Before it is sent (none, draft) the owner's agency has no part in it (HOV-3)."""
        sent = self.stage not in ("none", "draft")
        named = ((REQUESTER, self.agency == self.sender), (OWNER, sent and self.agency == self.receiver))
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
    focus = (name_of(situation.after), *((name_of(situation.plan),) if situation.plan else ()))
    return AuditFact(action, event, situation.agency, situation.user, link(situation.current, "for"), focus, detail)


def notice(situation: Situation, topic: str, recipient: str, focus: str = "") -> Notice:
    """A notice about the situation's Task, or another focus of the same person."""
    return Notice(topic, recipient, focus or name_of(situation.after), link(situation.current, "for"))
