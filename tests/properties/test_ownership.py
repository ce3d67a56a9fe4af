"""Ownership against two agencies that write whatever they like (OWN-1…OWN-11): a plan that was active has one owner that its own
records agree on, whoever writes what, on whichever route and in whichever order.

Every write below is one that a partner can make. What holds afterwards is said in `ownership_world`, and again by `baton check`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from service.app import Built, build
from service.change import Resource
from service.fhir.date import written
from service.settings import Settings
from service.store.mongo import connect
from tests.locality import BASE
from tests.properties.ownership_world import CRISIS, EPISODE, NAMES, SNOMED, TOP, World, absolute

T = TypeVar("T")
SEQUENCES = int(os.environ.get("OWNERSHIP_SEQUENCES", "2000"))
"""How many sequences of writes are tried; more by hand."""
STEPS = 10

COORDINATES = {"coding": [{"system": SNOMED, "code": "768820003"}]}
ENDS = (None, -timedelta(hours=1), timedelta(hours=1))
"""No end, an end that has passed, and one that is coming."""


@dataclass(frozen=True)
class Choice:
    """One write: of a type, of the record `pick` of that type (0 is a new one, of a directory entry the first), with members."""

    kind: str
    pick: int
    said: dict[str, Any]
    absolute: bool = False


def choices(kind: str, **said: st.SearchStrategy[Any]) -> st.SearchStrategy[Choice]:
    """Writes of a type: some of the members that `said` names are written, the others left as they were."""
    one = st.one_of(*(st.tuples(st.just(name), values) for name, values in said.items()))
    members = st.lists(one, min_size=1, max_size=3).map(dict)
    return st.builds(Choice, st.just(kind), st.integers(0, 3), members, st.booleans())


a_place, a_role, a_person = st.integers(0, 3), st.integers(-1, 3), st.integers(0, 2)
an_end = st.sampled_from(ENDS)
a_lead = st.integers(0, 7)
plans = choices(
    "CarePlan",
    status=st.sampled_from(["draft", "active", "active", "active", "on-hold", "completed", "revoked", "entered-in-error"]),
    author=a_role,
    category=st.sampled_from([TOP, TOP, CRISIS, None]),
    subject=a_person,
    teams=st.lists(a_place, max_size=2),
    episode=st.one_of(st.none(), a_place),
    parent=st.one_of(st.none(), a_place, st.sampled_from(["CarePlan/none", "nonsense", ""])),
)
teams = choices(
    "CareTeam",
    status=st.sampled_from(["active", "inactive", "proposed", "entered-in-error"]),
    subject=a_person,
    coordinator=st.tuples(a_role, an_end),
    end=an_end,
)
episodes = choices(
    "EpisodeOfCare",
    status=st.sampled_from(["active", "onhold", "finished", "cancelled", "entered-in-error"]),
    patient=a_person,
    manager=a_role,
    keeper=st.sampled_from(NAMES),
    end=an_end,
)
roles = choices(
    "PractitionerRole",
    active=st.booleans(),
    practitioner=a_role,
    organization=st.sampled_from([*NAMES, "none"]),
    end=an_end,
)
practitioners = choices("Practitioner", active=st.booleans())
organizations = choices("Organization", active=st.booleans())
patients = choices("Patient", active=st.booleans(), numbered=st.booleans())
encounters = choices("Encounter", status=st.sampled_from(["in-progress", "finished"]), episode=a_place)
writes = st.one_of(
    plans, plans, plans, plans, teams, teams, episodes, episodes, roles, practitioners, organizations, patients, encounters
)
DELETABLE = ("CarePlan", "CareTeam", "EpisodeOfCare", "PractitionerRole", "Practitioner", "Organization", "Patient", "Task")
agencies = st.sampled_from(["", "", *NAMES])
"""Who writes: the agency that keeps the record, or either."""


class Writer:
    """Makes of a choice the record that it writes into a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def record(self, choice: Choice) -> Resource:
        """The record that a choice writes: a new one, or a stored one with members changed."""
        stored = self.stored(choice)
        row = await self.world.row(stored) if stored else None
        base = {name: value for name, value in (row.resource if row else self._new(choice.kind)).items() if name != "meta"}
        made = getattr(self, f"_{choice.kind.lower()}")(base, choice.said)
        return absolute(made) if choice.absolute else made

    def stored(self, choice: Choice) -> str:
        """The record that a choice changes, or ''."""
        known = self.world.all(choice.kind)
        fixed = choice.kind in ("PractitionerRole", "Practitioner", "Organization", "Patient")
        place = choice.pick if fixed else choice.pick - 1
        return known[place % len(known)] if known and place >= 0 else ""

    async def agency(self, agency: str, reference: str) -> str:
        """The name of the agency that writes a record: the one that keeps it, where none is named."""
        row = await self.world.row(reference) if reference and not agency else None
        return next((name for name in NAMES if row and self.world.org(name) == row.custodian), agency or "a")

    async def by(self, agency: str, choice: Choice) -> str:
        """The name of the agency that makes a choice."""
        return await self.agency(agency, self.stored(choice))

    def _new(self, kind: str) -> Resource:
        person = {"reference": self.world.patients[0]}
        made: dict[str, Resource] = {
            "CarePlan": {
                "status": "active",
                "intent": "plan",
                "category": concepts(TOP),
                "subject": person,
                "author": {"reference": self.world.roles[0]},
            },
            "CareTeam": {"status": "active", "subject": person},
            "EpisodeOfCare": {"status": "active", "patient": person},
            "Encounter": {"status": "in-progress", "class": {"code": "AMB"}, "subject": person},
        }
        return {"resourceType": kind, **made[kind]}

    def _careplan(self, plan: Resource, said: dict[str, Any]) -> Resource:
        made = plan | {name: said[name] for name in ("status",) if name in said}
        if "author" in said:
            made = member(made, "author", self._role(said["author"]))
        if "category" in said:
            made = with_(made, "category", concepts(said["category"]) if said["category"] else None)
        if "subject" in said:
            made["subject"] = {"reference": self.world.patients[said["subject"]]}
        if "teams" in said:
            named = [self._one("CareTeam", place) for place in said["teams"]]
            made = with_(made, "careTeam", [{"reference": each} for each in dict.fromkeys(named)] or None)
        if "episode" in said:
            named = [] if said["episode"] is None else [self._one("EpisodeOfCare", said["episode"])]
            made = with_(made, "extension", [{"url": EPISODE, "valueReference": {"reference": each}} for each in named] or None)
        if "parent" in said:
            made = with_(made, "partOf", self._parent(said["parent"]))
        return made

    def _parent(self, parent: int | str | None) -> list[Resource] | None:
        if parent is None:
            return None
        if parent == "":
            return [{"display": "the plan of last year"}]
        return [{"reference": parent if isinstance(parent, str) else self._one("CarePlan", parent)}]

    def _careteam(self, team: Resource, said: dict[str, Any]) -> Resource:
        made = self._ending(team | {name: said[name] for name in ("status",) if name in said}, said)
        if "subject" in said:
            made["subject"] = {"reference": self.world.patients[said["subject"]]}
        if "coordinator" in said:
            place, end = said["coordinator"]
            role = self._role(place) or self.world.org("a")
            entry = {"role": [COORDINATES], "member": {"reference": role}, "period": self._period(end)}
            made["participant"] = [entry]
        return made

    def _episodeofcare(self, episode: Resource, said: dict[str, Any]) -> Resource:
        made = self._ending(episode | {name: said[name] for name in ("status",) if name in said}, said)
        if "patient" in said:
            made["patient"] = {"reference": self.world.patients[said["patient"]]}
        if "manager" in said:
            made = member(made, "careManager", self._role(said["manager"]))
        if "keeper" in said:
            made["managingOrganization"] = {"reference": self.world.org(said["keeper"])}
        return made

    def _practitionerrole(self, role: Resource, said: dict[str, Any]) -> Resource:
        made = self._ending(role | {name: said[name] for name in ("active",) if name in said}, said)
        if "practitioner" in said:
            practitioner = self._role(said["practitioner"]).replace("PractitionerRole/", "Practitioner/")
            made = member(made, "practitioner", practitioner)
        if "organization" in said:
            made["organization"] = {"reference": self.world.org(said["organization"])}
        return made

    def _practitioner(self, entry: Resource, said: dict[str, Any]) -> Resource:
        return entry | said

    _organization = _practitioner

    def _patient(self, patient: Resource, said: dict[str, Any]) -> Resource:
        made = patient | {name: said[name] for name in ("active",) if name in said}
        return with_(made, "identifier", [self.world.identifier] if said["numbered"] else None) if "numbered" in said else made

    def _encounter(self, encounter: Resource, said: dict[str, Any]) -> Resource:
        made = encounter | {name: said[name] for name in ("status",) if name in said}
        if "episode" in said:
            made["episodeOfCare"] = [{"reference": self._one("EpisodeOfCare", said["episode"])}]
        return made

    def _one(self, kind: str, place: int) -> str:
        known = self.world.all(kind)
        return known[place % len(known)] if known else f"{kind}/none"

    def _role(self, place: int) -> str:
        return self.world.roles[place] if place >= 0 else ""

    def _ending(self, record: Resource, said: dict[str, Any]) -> Resource:
        return with_(record, "period", self._period(said["end"])) if "end" in said else dict(record)

    def _period(self, end: timedelta | None) -> Resource:
        began = {"start": "2026-01-01T00:00:00Z"}
        return began if end is None else {**began, "end": written(self.world.now + end)}


def concepts(code: str) -> list[Resource]:
    """A category."""
    return [{"coding": [{"system": SNOMED, "code": code}]}]


def with_(record: Resource, name: str, value: Any) -> Resource:
    """A record with a member, or without it for None."""
    kept = {each: said for each, said in record.items() if each != name}
    return kept if value is None else {**kept, name: value}


def member(record: Resource, name: str, reference: str) -> Resource:
    """A record with a reference, or without it for ''."""
    return with_(record, name, {"reference": reference} if reference else None)


class Ownership(RuleBasedStateMachine):
    """Two agencies, and every write that either can make."""

    built: ClassVar[Built]
    loop: ClassVar[asyncio.AbstractEventLoop]

    def run(self, work: Awaitable[T]) -> T:
        """Carries out one step."""
        return self.loop.run_until_complete(work)

    @initialize(status=st.sampled_from(["draft", "active", "active"]), episode=st.booleans(), team=st.booleans(), whose=a_person)
    def begin(self, status: str, episode: bool, team: bool, whose: int) -> None:
        """A world with a plan, and perhaps an episode and a team of its own, or of somebody else."""
        self.world = self.run(World(self.built).settled())
        self.writer = Writer(self.world)
        self.write("a", Choice("EpisodeOfCare", 0, {"patient": whose}))
        self.write("a", Choice("CareTeam", 0, {"subject": whose}))
        own = ({"episode": 0} if episode else {}) | ({"teams": [0]} if team else {})
        self.write("a", Choice("CarePlan", 0, {"status": status, "author": 0, **own}))

    def write(self, agency: str, choice: Choice) -> None:
        name = self.run(self.writer.by(agency, choice))
        self.run(self.world.write(name, self.run(self.writer.record(choice))))

    @rule(agency=agencies, choice=plans)
    def plan(self, agency: str, choice: Choice) -> None:
        """A plan is created or updated."""
        self.write(agency, choice)

    @rule(agency=agencies, choice=st.one_of(plans, teams, episodes))
    def carrier(self, agency: str, choice: Choice) -> None:
        """A plan, or what carries its ownership."""
        self.write(agency, choice)

    @rule(agency=agencies, choice=st.one_of(teams, episodes, encounters))
    def around(self, agency: str, choice: Choice) -> None:
        """What a plan refers to."""
        self.write(agency, choice)

    @rule(agency=agencies, choice=st.one_of(roles, practitioners, organizations, patients))
    def entry(self, agency: str, choice: Choice) -> None:
        """The directory, and the people."""
        self.write(agency, choice)

    @rule(agency=agencies, chosen=st.lists(writes, min_size=2, max_size=2))
    def together(self, agency: str, chosen: list[Choice]) -> None:
        """A transaction."""
        name = self.run(self.writer.by(agency, chosen[0]))
        self.run(self.world.together(name, [self.run(self.writer.record(each)) for each in chosen]))

    @rule(agency=agencies, chosen=st.lists(writes, min_size=1, max_size=1))
    def load(self, agency: str, chosen: list[Choice]) -> None:
        """An import."""
        name = self.run(self.writer.by(agency, chosen[0]))
        self.run(self.world.loaded(name, [self.run(self.writer.record(each)) for each in chosen]))

    @rule(agency=agencies, kind=st.sampled_from(DELETABLE), place=a_place)
    def delete(self, agency: str, kind: str, place: int) -> None:
        """A delete."""
        if known := self.world.all(kind):
            record = known[place % len(known)]
            self.run(self.world.delete(self.run(self.writer.agency(agency, record)), record))

    @rule(agency=agencies, place=a_place, lead=st.one_of(st.none(), a_lead))
    def send(self, agency: str, place: int, lead: int | None) -> None:
        """A handover of a plan to the other agency, which perhaps accepts it at once."""
        plans = self.world.all("CarePlan")
        plan = self.run(self.world.row(plans[place % len(plans)])) if plans else None
        if plan is None:
            return
        sender = self.run(self.writer.agency(agency, plan.reference))
        before = len(self.world.all("Task"))
        self.run(self.world.sent(sender, plan, "b" if sender == "a" else "a"))
        if lead is not None and len(self.world.all("Task")) > before:
            self.answer("", -1, "accepted", lead)

    @rule(agency=agencies, place=a_place, status=st.sampled_from(["accepted", "received", "rejected", "cancelled"]), lead=a_lead)
    def move(self, agency: str, place: int, status: str, lead: int) -> None:
        """An answer to a handover."""
        if self.world.all("Task"):
            self.answer(agency, place, status, lead)

    def answer(self, agency: str, place: int, status: str, lead: int) -> None:
        sent = self.world.all("Task")
        task = self.run(self.world.row(sent[place % len(sent)]))
        assert task is not None
        if "handover" not in str(task.resource["code"]):
            return
        name = agency or task.resource["owner"]["reference"].rpartition("-")[2][0]
        fitting = [each for each in self.world.roles if each[-2] == name]
        self.run(self.world.moved(name, task, status, (fitting * 2 + self.world.roles)[lead]))

    @rule(place=a_place, back=st.booleans(), stay=st.booleans())
    def merge(self, place: int, back: bool, stay: bool) -> None:
        """An agency that leads a plan begins another beside it, perhaps for a stay, and merges one of the two into the other."""
        plans = self.world.all("CarePlan")
        plan = self.run(self.world.row(plans[place % len(plans)])) if plans else None
        beside = self.run(self.world.beside(plan, stay=stay)) if plan else None
        if plan is not None and beside is not None:
            self.run(self.world.merged(*((beside, plan) if back else (plan, beside))))

    @rule(hours=st.sampled_from([0.5, 2.0]))
    def later(self, hours: float) -> None:
        """Time passes."""
        self.run(self.world.later(timedelta(hours=hours)))

    @invariant()
    def owned(self) -> None:
        """What stands is sound."""
        if hasattr(self, "world"):
            assert self.run(self.world.faults()) == []

    def teardown(self) -> None:
        """The past is sound, too, as `baton check` reads it."""
        if hasattr(self, "world"):
            assert self.run(self.world.breaches()) == []


@pytest.fixture
def loop(mongod: str) -> Iterator[asyncio.AbstractEventLoop]:
    """A service with a loop of its own, since hypothesis takes its steps outside of any loop."""
    made = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as data:
        mongo = made.run_until_complete(connect(mongod, f"model_{secrets.token_hex(6)}"))
        Ownership.built, Ownership.loop = made.run_until_complete(build(Settings(data=Path(data)), mongo, BASE)), made
        yield made
        made.run_until_complete(mongo.close())
    made.close()


@pytest.mark.slow
def test_own_whoever_writes_what_a_plan_keeps_one_owner(loop: asyncio.AbstractEventLoop) -> None:
    quick = settings(max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Ownership, settings=quick)
