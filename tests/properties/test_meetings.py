"""Nobody is forgotten: whatever agencies do with their meetings, whoever was put on an agenda is decided about, or stands on an
agenda or in what waits for one (E1); and no meeting ends without a decision for everybody on it."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from service.app import Built, build, routes, shell
from service.care.meeting import agenda as reading
from service.change import Resource
from service.settings import Settings
from service.store.mongo import connect
from tests.locality import BASE, Agency, Locality, person, settle, stored, transport
from tests.meetings import action, agenda, ahead, close, decided, entry, flag, meeting, part, participant
from tests.stepping import consent

T = TypeVar("T")
PEOPLE, SEQUENCES, STEPS = 4, 25, 12
KINDS = ("mdt", "shared-planning")
OTHERS = participant("crisis-lead"), participant("housing-lead")
PERMITTED = ("trust", "crisis", "housing")


class Meetings(RuleBasedStateMachine):
    """The trust holds meetings with two other agencies. `open` are those who have to be decided about."""

    built: ClassVar[Built]
    http: ClassVar[httpx.AsyncClient]
    loop: ClassVar[asyncio.AbstractEventLoop]
    agencies: ClassVar[dict[str, Agency]] = {}

    def run(self, work: Awaitable[T]) -> T:
        """Carries out one step."""
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        """People of the trust, each with a concern, whom all may know of; no meeting of an earlier sequence is left open."""
        self.open: set[str] = set()
        self.items = [self.run(self._concern()) for _ in range(PEOPLE)]
        for one in self._meetings():
            if one["status"] not in ("finished", "cancelled"):
                self.run(self.agencies["trust"].put({**one, "status": "cancelled"}))
        for name in ("r.List", "r.Encounter", "keys"):
            self.run(self.built.services.mongo.collection(name).delete_many({}))

    async def _concern(self) -> str:
        someone = await person(self.built, "Organization/trust")
        await stored(self.built, "Organization/trust", consent(someone, "permit", *PERMITTED))
        return f"Flag/{(await self.agencies['trust'].created(flag(someone)))['id']}"

    def _found(self, query: str) -> list[Resource]:
        answer = self.run(self.agencies["trust"].get(query))
        return [each["resource"] for each in answer.json().get("entry", ()) if each["search"]["mode"] == "match"]

    def _meetings(self) -> list[Resource]:
        return self._found("Encounter?_count=100")

    def _chosen(self, number: int, *statuses: str) -> Resource | None:
        found = [each for each in self._meetings() if each["status"] in statuses]
        return found[number % len(found)] if found else None

    @rule(kind=st.sampled_from(KINDS), items=st.sets(st.integers(0, PEOPLE - 1)))
    def plan(self, kind: str, items: set[int]) -> None:
        """A meeting is planned, takes what waits, and has an agenda of its own for others."""
        one = self.run(self.agencies["trust"].created(meeting(kind, *OTHERS)))
        chosen = [self.items[each] for each in sorted(items)]
        if chosen:
            listed = agenda(f"Encounter/{one['id']}", *(entry(each, "review") for each in chosen))
            self.run(self.agencies["trust"].created(listed))
            self.open.update(chosen)

    @rule(number=st.integers(0, 20), who=st.sampled_from(PERMITTED), items=st.sets(st.integers(0, PEOPLE - 1), min_size=1))
    def put(self, number: int, who: str, items: set[int]) -> None:
        """An agency puts people on an agenda."""
        one = self._chosen(number, "planned")
        if one is None:
            return
        name = f"Encounter/{one['id']}"
        listed = self._found(f"List?encounter={name}")
        chosen = [self.items[each] for each in sorted(items)]
        if not listed:
            answer = self.run(
                self.agencies["trust"].send("POST", "List", agenda(name, *(entry(each, "review") for each in chosen)))
            )
        else:
            there = {each["item"]["reference"] for each in listed[0].get("entry", ())}
            new = [entry(each, "review") for each in chosen if each not in there]
            seen = self.run(self.agencies[who].get(f"List/{listed[0]['id']}")).json()
            mine = [] if who != "trust" else list(seen.get("entry", ()))
            answer = self.run(self.agencies[who].put({**seen, "entry": [*mine, *new]})) if new else None
        if answer is not None and answer.status_code in (200, 201):
            self.open.update(chosen)

    @rule(number=st.integers(0, 20), to=st.sampled_from(["in-progress", "cancelled"]))
    def move(self, number: int, to: str) -> None:
        """A meeting starts, or is cancelled."""
        one = self._chosen(number, "planned", "in-progress")
        if one is not None:
            self.run(self.agencies["trust"].put({**one, "status": to}))

    @rule(
        number=st.integers(0, 20),
        drop=st.booleans(),
        kinds=st.lists(st.sampled_from(["actions", "no-action", "deferred"]), min_size=1),
    )
    def close(self, number: int, drop: bool, kinds: list[str]) -> None:
        """A meeting is closed; with `drop` one decision is left out, and it goes on."""
        one = self._chosen(number, "planned", "in-progress")
        if one is None:
            return
        lists = self._found(f"List?encounter=Encounter/{one['id']}")
        if not lists:
            return
        items = list(dict.fromkeys(each.item for listed in lists for each in reading.entries(listed)))
        given = [self._decision(item, kinds[place % len(kinds)]) for place, item in enumerate(items)]
        answer = self.run(close(self.agencies["trust"], lists[0], *(given[1:] if drop else given)))
        if drop and items:
            assert answer.status_code == 422, answer.text
            return
        assert answer.status_code == 200, answer.text
        gone = {item for place, item in enumerate(items) if kinds[place % len(kinds)] != "deferred"}
        waits = {each for listed in self._found("List?_count=100") if not self._over(listed) for each in self._standing(listed)}
        self.open -= gone - waits

    def _decision(self, item: str, kind: str) -> Resource:
        more = [action()] if kind == "actions" else [part("review", valueDate=ahead(7))]
        return decided(item, kind, *more)

    def _over(self, listed: Resource) -> bool:
        name = listed.get("encounter", {}).get("reference", "")
        return bool(name) and self.run(self.agencies["trust"].get(name)).json()["status"] in ("finished", "cancelled")

    def _standing(self, listed: Resource) -> set[str]:
        return {each.item for each in reading.entries(listed)}

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """Who has to be decided about stands on an agenda of a meeting that is not over, or waits for one."""
        if not getattr(self, "open", None):
            return
        standing = {
            item for listed in self._found("List?_count=100") if not self._over(listed) for item in self._standing(listed)
        }
        assert self.open <= standing


@pytest.fixture
def world(mongod: str) -> Iterator[None]:
    """A service with a loop of its own, since hypothesis takes its steps outside of any loop."""
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as data:
        mongo = loop.run_until_complete(connect(mongod, f"meetings_{secrets.token_hex(6)}"))
        configured = Settings(data=Path(data))
        built = loop.run_until_complete(build(configured, mongo, BASE))
        loop.run_until_complete(settle(built))
        app = shell(configured)
        app.router.routes.extend(routes(built, BASE))
        opened: Any = transport(app)
        Meetings.http, Meetings.built, Meetings.loop = loop.run_until_complete(opened.__aenter__()), built, loop
        locality = Locality(built, Meetings.http, "Patient/nobody")
        names = {name: locality.agency(name, user=f"PractitionerRole/{name}-lead") for name in PERMITTED}
        Meetings.agencies = {name: loop.run_until_complete(made) for name, made in names.items()}
        yield
        loop.run_until_complete(opened.__aexit__(None, None, None))
        loop.run_until_complete(mongo.close())
    loop.close()


@pytest.mark.slow
@pytest.mark.usefixtures("world")
def test_e1_nobody_on_an_agenda_is_forgotten() -> None:
    quick = settings(max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Meetings, settings=quick)
