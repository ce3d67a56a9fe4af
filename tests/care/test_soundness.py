"""`baton check` of ownership: a sound past has no fault, and each breach is named by its rule (OWN-1…OWN-10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

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
        return {rule for rule, _ in self.faults()}

    def faults(self, zone: tzinfo = LOCAL) -> list[tuple[str, str]]:
        """Every breach, in the order it is told."""
        versions = [Version(hour(at), each, self.keeper(at)) for at, each in sorted(self.plans.items())]
        others = {
            ref: [Version(hour(at), each, self.keeper(at)) for at, each in sorted(said.items())]
            for ref, said in self.others.items()
        }
        return list(faults(Past(versions, others, frozenset(map(hour, self.moved))), zone))


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


GONE = "its lead could not lead it, and it was not listed as unowned: it is not a PractitionerRole that this service knows"
NOT_ALONE = f"`{TEAM}` does not name the plan's lead and nobody else"
WORDS: dict[str, list[tuple[str, str]]] = {
    "no lead": [
        ("OWN-9", "a version after it was active names no lead"),
        ("OWN-1", "a version that has to have a lead names no PractitionerRole"),
        ("OWN-2", NOT_ALONE),
        ("OWN-2", f"`{EPISODE}` does not name the plan's lead and nobody else"),
    ],
    "a lead who went untold": [("OWN-1", GONE)],
    "moved by nobody": [("OWN-3", "it moved to another agency without an accepted handover")],
    "a role taken elsewhere": [("OWN-10", "its lead is not of the agency that keeps the plan")],
    "a team that is gone": [("OWN-2", f"`{TEAM}`, which carries its ownership, is not there")],
    "no team": [("OWN-2", "it refers to no CareTeam")],
    "a manager who is another": [("OWN-2", f"`{EPISODE}` does not name the plan's lead and nobody else")],
    "a team that is over": [("OWN-8", f"`{TEAM}` cannot carry its ownership: it is over")],
    "a team of another person": [("OWN-8", f"`{TEAM}` cannot carry its ownership: it is about another Patient")],
    "an episode that is over": [("OWN-8", f"`{EPISODE}` cannot carry its ownership: it is over")],
    "deleted": [("OWN-9", "it was deleted while it had a lead")],
    "no crisis plan any more": [("OWN-9", "it was a crisis plan, and is none any more")],
    "given to another person": [
        ("OWN-8", "it was given to another person"),
        ("OWN-8", f"`{TEAM}` cannot carry its ownership: it is about another Patient"),
        ("OWN-8", f"`{EPISODE}` cannot carry its ownership: it is about another Patient"),
    ],
    "begun anew after its end": [("OWN-9", "it went from `revoked`, which is final, to `active`")],
}


@pytest.mark.parametrize("how", WORDS)
def test_own_each_breach_is_told_once_in_words(how: str) -> None:
    story = Story().begun()
    BROKEN[how][1](story)
    assert story.faults() == WORDS[how]


def test_own_8_a_carrier_that_another_agency_keeps_is_told() -> None:
    story = Story().begun()
    story.others[TEAM][2] = story.others[TEAM][1]
    story.keepers[2] = CRISIS
    assert ("OWN-8", f"`{TEAM}` is kept by another agency than the plan") in story.faults()


def test_own_2_a_team_that_is_gone_hides_no_fault_of_the_episode() -> None:
    story = Story().begun().gone(TEAM, 2).other(EPISODE, 2, status="finished")
    assert story.faults() == [
        ("OWN-2", f"`{TEAM}`, which carries its ownership, is not there"),
        ("OWN-8", f"`{EPISODE}` cannot carry its ownership: it is over"),
    ]


def test_own_9_a_draft_is_led_by_nobody_until_it_is_active() -> None:
    story = Story().begun()
    story.plans = {}
    story.plan(1, status="draft", author={"reference": "Practitioner/x"}, careTeam=None)
    assert story.faults() == []
    story.plans[2] = None
    assert story.faults() == []


def test_own_1_a_role_that_runs_out_later_is_left_to_its_timer() -> None:
    """What is written when the plan takes its lead is judged whole; after that, only that the role is there and active."""
    story = Story().begun().other(ANN, 2, period={"end": written(hour(3))}).plan(4)
    assert story.faults() == []
    assert story.plan(5, author={"reference": BEN}).other(BEN, 4, period={"end": written(hour(4))}).rules() >= {"OWN-1"}


@pytest.mark.parametrize(("zone", "sound"), [(LOCAL, False), (ZoneInfo("Pacific/Auckland"), True)])
def test_own_days_are_the_locality_s(zone: tzinfo, sound: bool) -> None:
    """The second of November, nine in the evening in London, is the third in Auckland."""
    begins = {"start": "2026-11-03"}
    story = Story().begun()
    story.others = {ref: dict(said) for ref, said in story.others.items()}
    for ref in (TEAM, EPISODE):
        story.others[ref][1] = {**story.others[ref][1], "period": begins}
    story.others[ANN][0] = {**story.others[ANN][0], "period": begins}
    moved = {at + 12: each for at, each in story.plans.items()}
    story.plans = moved
    for ref in (TEAM, EPISODE):
        story.others[ref] = {13: story.others[ref][1]}
    story.keepers = {13: TRUST}
    assert (story.faults(zone) == []) is sound


def test_own_2_a_coordinator_s_last_day_is_the_locality_s() -> None:
    story = Story().begun()
    entry = {"role": [concept(SNOMED, CARE_COORDINATOR)], "member": {"reference": BEN}, "period": {"end": "2026-11-02"}}
    team = story.others[TEAM][1]
    story.others[TEAM] = {13: {**team, "participant": [*team["participant"], entry]}}
    story.plans, story.others[EPISODE] = {13: story.plans[1]}, {13: story.others[EPISODE][1]}
    story.keepers = {13: TRUST}
    assert [story.faults(zone) == [] for zone in (LOCAL, ZoneInfo("Pacific/Auckland"))] == [False, True]
