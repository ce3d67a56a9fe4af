"""`baton check` of ownership: a sound past has no fault, and each breach is named by its rule (OWN-1…OWN-10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.care.ownership.soundness import Past, Version, faults
from service.fhir.canonical import CARE_COORDINATOR, CRISIS_PLAN, EPISODE_OF_CARE, SNOMED
from service.fhir.coding import concept
from service.fhir.date import LOCAL, written

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
TRUST, CRISIS = "Organization/trust", "Organization/crisis"
ANN, BEN, CARL = "PractitionerRole/ann", "PractitionerRole/ben", "PractitionerRole/carl"
HOMES = {ANN: TRUST, BEN: TRUST, CARL: CRISIS}
TEAM, EPISODE = "CareTeam/t", "EpisodeOfCare/e"


def hour(number: int) -> datetime:
    """An instant of the story."""
    return AT + timedelta(hours=number)


@dataclass
class Story:
    """What was written when: the plan led by Ann from the first hour on, with its team, its episode and the directory."""

    plans: dict[int, Any] = field(default_factory=dict)
    others: dict[str, dict[int, Any]] = field(default_factory=dict)
    keepers: dict[int, str] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)

    def begun(self) -> Story:
        for role, home in HOMES.items():
            name = role.partition("/")[2]
            self.others[role] = {0: {
                "resourceType": "PractitionerRole", "active": True,
                "practitioner": {"reference": f"Practitioner/{name}"}, "organization": {"reference": home},
            }}  # fmt: skip
            self.others[f"Practitioner/{name}"] = {0: {"resourceType": "Practitioner"}}
        self.others |= {home: {0: {"resourceType": "Organization"}} for home in (TRUST, CRISIS)}
        self.others |= {TEAM: {}, EPISODE: {}}
        return self.led(1, ANN)

    def led(self, at: int, lead: str, **members: Any) -> Story:
        """The plan, its team and its episode with a lead."""
        self.plan(at, author={"reference": lead}, **members)
        entry = {
            "role": [concept(SNOMED, CARE_COORDINATOR)],
            "member": {"reference": lead},
            "period": {"start": written(hour(at))},
        }
        person = {"reference": "Patient/p"}
        self.others[TEAM][at] = {"resourceType": "CareTeam", "status": "active", "subject": person, "participant": [entry]}
        self.others[EPISODE][at] = {"resourceType": "EpisodeOfCare", "status": "active", "patient": person, "careManager": {
            "reference": lead}}  # fmt: skip
        self.keepers[at] = HOMES[lead]
        return self

    def plan(self, at: int, **members: Any) -> Story:
        """A version of the plan."""
        plan = {
            "resourceType": "CarePlan",
            "id": "p",
            "status": "active",
            "subject": {"reference": "Patient/p"},
            "author": {"reference": ANN},
            "careTeam": [{"reference": TEAM}],
            "extension": [{"url": EPISODE_OF_CARE, "valueReference": {"reference": EPISODE}}],
        }
        self.plans[at] = {name: value for name, value in {**plan, **members}.items() if value is not None}
        return self

    def other(self, ref: str, at: int, **members: Any) -> Story:
        """A version of another record, which keeps what it said."""
        said = self.others[ref]
        self.others[ref] = {**said, at: {**said[max(said)], **members}}
        return self

    def gone(self, ref: str, at: int) -> Story:
        """A record is deleted."""
        self.others[ref][at] = None
        return self

    def keeper(self, at: int) -> str:
        return self.keepers[max(each for each in self.keepers if each <= at)] if at else TRUST

    def rules(self) -> set[str]:
        """The rules that are broken."""
        versions = [Version(hour(at), each, self.keeper(at)) for at, each in sorted(self.plans.items())]
        others = {
            ref: [Version(hour(at), each, self.keeper(at)) for at, each in sorted(said.items())]
            for ref, said in self.others.items()
        }
        past = Past(versions, others, frozenset(map(hour, self.moved)))
        return {rule for rule, _ in faults(past, LOCAL)}


TAG = {"tag": [{"system": "https://baton.example/fhir/CodeSystem/tag", "code": "unowned"}]}
SOUND: dict[str, Callable[[Story], Any]] = {
    "as it began": lambda story: story,
    "another lead of the agency": lambda story: story.led(2, BEN),
    "handed over": lambda story: story.led(2, CARL).moved.add(2),
    "paused and resumed": lambda story: story.plan(2, status="on-hold").plan(3),
    "ended": lambda story: story.plan(2, status="completed").gone(TEAM, 3).gone(ANN, 3),
    "its lead gone, and listed": lambda story: story.gone(ANN, 2).plan(2, meta=TAG),
    "a role that ran out": lambda story: story.other(ANN, 2, period={"end": written(hour(3))}).plan(4, meta=TAG),
}
BROKEN: dict[str, tuple[str, Callable[[Story], Any]]] = {
    "no lead": ("OWN-9", lambda story: story.plan(2, author=None)),
    "paused without a lead": ("OWN-9", lambda story: story.plan(2, status="on-hold", author=None)),
    "a lead who is no role": ("OWN-1", lambda story: story.plan(2, author={"reference": "Practitioner/ann"})),
    "a lead who was gone": ("OWN-1", lambda story: story.gone(BEN, 1).led(2, BEN)),
    "a lead whose role had run out": ("OWN-1", lambda story: story.other(BEN, 1, period={"end": written(hour(1))}).led(2, BEN)),
    "a lead who went untold": ("OWN-1", lambda story: story.gone(ANN, 2)),
    "a lead's practitioner who went untold": ("OWN-1", lambda story: story.gone("Practitioner/ann", 2)),
    "a lead's agency that ended untold": ("OWN-1", lambda story: story.other(TRUST, 2, active=False)),
    "moved by nobody": ("OWN-3", lambda story: story.led(2, CARL)),
    "a lead of another agency": ("OWN-10", lambda story: story.led(2, CARL).keepers.update({2: TRUST})),
    "a role taken elsewhere": ("OWN-10", lambda story: story.other(ANN, 2, organization={"reference": CRISIS})),
    "a team that names another": ("OWN-2", lambda story: story.plan(2, author={"reference": BEN})),
    "a team that is gone": ("OWN-2", lambda story: story.gone(TEAM, 2)),
    "no team": ("OWN-2", lambda story: story.plan(2, careTeam=None)),
    "a manager who is another": ("OWN-2", lambda story: story.other(EPISODE, 2, careManager={"reference": BEN})),
    "a team that is over": ("OWN-8", lambda story: story.other(TEAM, 2, status="inactive")),
    "a team that ends": ("OWN-8", lambda story: story.other(TEAM, 2, period={"end": "2031-01-01"})),
    "a team of another person": ("OWN-8", lambda story: story.other(TEAM, 2, subject={"reference": "Patient/q"})),
    "an episode that is over": ("OWN-8", lambda story: story.other(EPISODE, 2, status="finished")),
    "an episode of another person": ("OWN-8", lambda story: story.other(EPISODE, 2, patient={"reference": "Patient/q"})),
    "deleted": ("OWN-9", lambda story: story.plans.update({2: None})),
    "no crisis plan any more": ("OWN-9", lambda story: story.plan(2, category=[concept(SNOMED, CRISIS_PLAN)]).plan(3)),
    "given to another person": ("OWN-8", lambda story: story.plan(2, subject={"reference": "Patient/q"})),
    "begun anew after its end": ("OWN-9", lambda story: story.plan(2, status="revoked").plan(3)),
    "a breach that was mended": ("OWN-2", lambda story: story.gone(TEAM, 2).led(3, ANN)),
}


@pytest.mark.parametrize("how", SOUND)
def test_own_a_sound_past_has_no_fault(how: str) -> None:
    story = Story().begun()
    SOUND[how](story)
    assert story.rules() == set()


@pytest.mark.parametrize("how", BROKEN)
def test_own_each_breach_is_named(how: str) -> None:
    rule, break_it = BROKEN[how]
    story = Story().begun()
    break_it(story)
    assert rule in story.rules()
