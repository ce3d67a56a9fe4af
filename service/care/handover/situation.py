"""What a handover's rules look at besides the Task and its parties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.care.task.dataset import Completeness
from service.care.task.situation import Situation
from service.change import Resource


@dataclass(frozen=True, slots=True)
class Authority:
    """What the consent decision for the receiving agency said (HOV-3).

    `text` says why, without patient data. `reference` is the version-specific Consent that permits, or ''.
    """

    permitted: bool = False
    text: str = "no authority to share was decided"
    reference: str = ""


NONE_DECIDED = Authority()
COMPLETE = Completeness()


@dataclass(frozen=True, slots=True)
class HandoverSituation(Situation):
    """A handover Task with the plan, what the plan's ownership is written on, and what was decided about sharing.

    `organizations` resolves the plan's author and the team's members, too. `lead` is the PractitionerRole of
    `reading.lead_reference(after)`. `person` names the one person behind linked Patients, `patients` are their references.
    `dataset` is what the minimum dataset lacks. `contacts` are, per agency, whom its escalation levels name.
    """

    plan: Resource | None = None
    team: Resource | None = None
    episode: Resource | None = None
    lead: Resource | None = None
    person: str = ""
    patients: frozenset[str] = frozenset()
    dataset: Completeness = COMPLETE
    authority: Authority = NONE_DECIDED
    contacts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
