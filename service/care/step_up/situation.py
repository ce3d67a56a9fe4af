"""The situations that step-up is decided in: an escalation that is sent, and the review that decides on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.care.ownership.role import Lead
from service.care.pathway.coverage import Route
from service.care.task import reading
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.dataset import Completeness
from service.care.task.situation import Situation
from service.care.task.timers import WEEKDAYS, Calendar
from service.change import Resource
from service.fhir.reference import link, links

COMPLETE = Completeness()
NOBODY = Lead()


class Pathway(Protocol):
    """The version of the step-up pathway that is in force, as the rules read it."""

    @property
    def canonical(self) -> str:
        """Its url and version, `url|version`."""
        ...

    def due(self, rule: str, start: datetime, calendar: Calendar, *, priority: str = "routine", level: int = 0) -> datetime:
        """The instant at which the level of a rule falls due for a clock that started at `start`."""
        ...

    def count(self, name: str, default: int) -> int:
        """The number that the pathway gives under a name, or the default."""
        ...


@dataclass(frozen=True, slots=True)
class Routes:
    """Whom an agency has for its escalations (ESC-1): its HealthcareServices, its active PractitionerRoles, its `duty` contact,
    and the `contacts` of its escalation levels in order, from the register of partners. `ways` are the routes of the pathway in
    force, in their order."""

    agency: str = ""
    services: tuple[Resource, ...] = ()
    clinicians: tuple[Resource, ...] = ()
    duty: str = ""
    contacts: tuple[str, ...] = ()
    ways: tuple[Route, ...] = ()


NOWHERE = Routes()


@dataclass(frozen=True, slots=True)
class EscalationSituation:
    """A submitted escalation. `before` is the stored ServiceRequest, None when it is new.

    `organizations` resolves requester and performer. `known`: the sender may see the person and is of the person's care team.
    `responses` are the QuestionnaireResponses in supportingInfo, `dataset` says how complete the one is. `clinician` is the Lead
    of a performer that is a PractitionerRole. `replaced` are the escalations that it replaces, of those that its sender may see;
    `passed` are the clinicians who decided on these and on those before them. `open` are its review, first, and what its sender
    was asked because of that, as far as they are open; only one that is withdrawn is decided on them.
    """

    at: datetime
    agency: str
    after: Resource
    before: Resource | None = None
    user: str = ""
    organizations: Mapping[str, str] = field(default_factory=dict)
    known: bool = False
    responses: tuple[str, ...] = ()
    dataset: Completeness = COMPLETE
    authority: Authority = NONE_DECIDED
    clinician: Lead = NOBODY
    routes: Routes = NOWHERE
    replaced: tuple[Resource, ...] = ()
    passed: frozenset[str] = frozenset()
    calendar: Calendar = WEEKDAYS
    pathway: Pathway | None = None
    open: tuple[Resource, ...] = ()

    @property
    def asked(self) -> str:
        """The reference of the performer, or ''."""
        return next(iter(links(self.after, "performer")), "")

    @property
    def receiver(self) -> str:
        """The agency that is asked, or ''."""
        return self.organizations.get(self.asked, "")

    @property
    def person(self) -> str:
        """The reference of the person."""
        return link(self.after, "subject")


@dataclass(frozen=True, slots=True)
class Formulation:
    """A RiskAssessment that the deciding agency may see, since when it stands, and what its dataset lacks."""

    since: datetime
    dataset: Completeness


@dataclass(frozen=True, slots=True)
class ReviewSituation(Situation):
    """An escalation-review Task with what its decision rests on, as far as the deciding agency may see it.

    `request` is the escalation. `actions` are the action Tasks of the same transaction. `decider` is the Lead of who decided,
    `reviewer` the Lead of a new owner. `attempts` are the person's Communications; `plan` is the CarePlan that the output
    `crisis-plan` names, `changed` the instant of its newest version. `concern` is since when a safeguarding Flag about the person
    is open, None without one; `flagged` tells that the dataset says so; `formulations` are the person's. `routes` are those of
    the owner's agency.
    """

    request: Resource | None = None
    decider: Lead = NOBODY
    reviewer: Lead = NOBODY
    actions: tuple[Resource, ...] = ()
    attempts: tuple[Resource, ...] = ()
    plan: Resource | None = None
    changed: datetime | None = None
    concern: datetime | None = None
    flagged: bool = False
    formulations: tuple[Formulation, ...] = ()
    patients: frozenset[str] = frozenset()
    routes: Routes = NOWHERE
    pathway: Pathway | None = None

    @property
    def decided_by(self) -> str:
        """The PractitionerRole who decides: the newest output `decided-by`, else the signed-in user's role, or ''."""
        return decider_of(self.after, self.user)


def decider_of(task: Resource, user: str) -> str:
    """The PractitionerRole who decides on a Task: its newest output `decided-by`, else the signed-in `user`'s role, or ''."""
    said = [reading.value_reference(one) for one in reading.outputs(task, "decided-by")]
    return said[-1] if said else user if user.startswith("PractitionerRole/") else ""
