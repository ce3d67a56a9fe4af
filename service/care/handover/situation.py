"""The situation that a handover is decided in: the Task, its parties, the plan and the decision about sharing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.care.ownership.role import Lead
from service.care.pathway.pathway import SERVICES_OWN, Pathway
from service.care.task.authority import NONE_DECIDED, Authority
from service.care.task.dataset import Completeness
from service.care.task.situation import Situation
from service.change import Resource
from service.problem import Issue

COMPLETE = Completeness()
NOBODY = Lead()


@dataclass(frozen=True, slots=True)
class HandoverSituation(Situation):
    """A handover Task with the plan, the teams and episode that carry the plan's ownership, and the decision about sharing.

    `organizations` resolves the teams' members, too. `keeper` is the Organization that keeps the plan and so owns it; `led` is
    whether the plan was active (OWN-9). `unfit` says which team or episode of a proposed plan cannot carry its ownership, and
    why; `nobody` is its Patient when that is not here; `unconfirmed` are the roles of it that wait for their agencies (E7).
    `lead` is the Lead of `reading.lead_reference(after)`. `patients` are the references of all Patients of the person. `dataset`
    says how complete the minimum dataset is. `contacts` are, per agency, the contacts of its escalation levels in order.
    `pathway` is the one whose spans apply, `astray` says why the one that is named does not.
    """

    plan: Resource | None = None
    keeper: str = ""
    led: bool = False
    unfit: str = ""
    nobody: str = ""
    unconfirmed: tuple[Issue, ...] = ()
    teams: tuple[Resource, ...] = ()
    episode: Resource | None = None
    lead: Lead = NOBODY
    patients: frozenset[str] = frozenset()
    dataset: Completeness = COMPLETE
    authority: Authority = NONE_DECIDED
    contacts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pathway: Pathway = SERVICES_OWN
    astray: str = ""
