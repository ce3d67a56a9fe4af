"""The situations in which a meeting is written and closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from service.care.meeting import meeting as reading
from service.care.meeting.agenda import Entry
from service.care.meeting.decision import Decision
from service.care.ownership.role import Lead
from service.care.task.dataset import Completeness
from service.change import Resource


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody whom a meeting names, as the directory knows them: of which Organization ('' when it is not known), in which parts
    of the meeting, with which roles and sector (`skills`), and whether they came."""

    individual: str
    agency: str
    parts: frozenset[str]
    skills: frozenset[str]
    came: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting as it is written. `before` is the stored one.

    `agency` and `user` are the caller's, `keeper` the Organization that keeps the meeting, `provider` the one that it names.
    `chair` is who chairs it, of the Organization `chair_agency`. `forum` is the forum that it is of, None when there is none, and
    `forum_fault` why the one that it names is none of its own.
    """

    at: datetime
    zone: tzinfo
    agency: str
    user: str
    after: Resource
    before: Resource | None
    keeper: str
    provider: str
    chair: Lead
    chair_agency: str
    attendees: tuple[Attendee, ...] = ()
    forum: Resource | None = None
    forum_fault: str = ""

    @property
    def kind(self) -> str:
        """The kind of the meeting."""
        return reading.kind(self.after)

    @property
    def status(self) -> str:
        """The status that the meeting is to have."""
        return str(self.after.get("status", ""))

    @property
    def present(self) -> tuple[str, ...]:
        """The agencies that attended, each once."""
        return tuple(dict.fromkeys(each.agency for each in self.attendees if each.came and each.agency))

    @property
    def involved(self) -> tuple[str, ...]:
        """The agencies that take part, those that sent apologies included, and the one that keeps the meeting."""
        return tuple(dict.fromkeys((self.keeper, *(each.agency for each in self.attendees if each.agency))))


@dataclass(frozen=True, slots=True)
class Case:
    """An entry of an agenda at the close of its meeting, with the decision about it.

    `record` is the item, `person` the Patient whom it is about. `decisions` are those that name the item; a sound case has one.
    `actions` are the action Tasks that came with it. `told` are the agencies of the person that were present. `plan` is the
    person's active plan, or the plan on the agenda, which the chair may see, and `leader` the Organization that leads it.
    `referral`: the item is a referral that is open, `triaged` that its triage is the chair's agency's, and `allocated` the open
    allocation that it has already, as far as the chair may see it. `live` says whether
    the receiver that the decision names is active with a live sharing agreement, and `lead` is who it proposes. `answered` gives,
    for each agency, what its answers to the dataset that the meeting asks for lack; `criterion` and `consistent` say whether a
    forum's dataset names a criterion, and says that thresholds were applied consistently, or by whom not. `partners` are the
    agencies with a role in the plan, with the role, and `untold` those that may not know of the plan, and why. `agencies` are
    those that have to answer for themselves.
    """

    entry: Entry
    record: Resource | None
    person: str
    decisions: tuple[Decision, ...] = ()
    actions: tuple[Resource, ...] = ()
    told: tuple[str, ...] = ()
    plan: Resource | None = None
    leader: str = ""
    referral: bool = False
    triaged: bool = False
    allocated: str = ""
    live: bool = False
    lead: Lead = field(default_factory=Lead)
    answered: Mapping[str, Completeness] = field(default_factory=dict)
    agencies: tuple[str, ...] = ()
    criterion: bool = False
    consistent: bool = False
    partners: tuple[tuple[str, Resource], ...] = ()
    untold: tuple[tuple[str, str], ...] = ()
    review_by: datetime | None = None

    @property
    def decision(self) -> Decision | None:
        """The decision about the item; None while there is none."""
        return next(iter(self.decisions), None)
