"""A year of two hundred people at the front door, with a simulated clock: every deadline that passes is told exactly once,
whatever becomes of the workers; and none that was kept."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service import clock
from service.app import Built, build
from service.auth.caller import Caller
from service.auth.scopes import parse
from service.care.task import reading
from service.change import Resource, Timer
from service.fhir.reference import link
from service.problem import Problem
from service.settings import Settings
from service.store.mongo import Mongo
from service.usecases import rules
from service.usecases.care import deadlines
from service.usecases.request.proposal import Proposal
from service.usecases.request.services import RequestContext
from service.usecases.request.viewer import viewer_of
from service.usecases.request.work import UnitOfWork
from tests.locality import BASE, Locality, code, dataset, person, settle
from tests.meetings import forum_
from tests.stepping import accepted, action, answers, escalation, in_team, output

pytestmark = pytest.mark.slow

SEED, PEOPLE, STEPPED = 20261128, 200, 24
BEGIN = datetime(2027, 1, 4, tzinfo=UTC)
LEASE = 60.0
REFERRAL = "https://baton.example/fhir/Questionnaire/mds-referral"


@dataclass
class Year:
    """The service, and the deadlines that nobody kept: each Task with the agencies that must hear of it."""

    built: Built
    draw: random.Random
    missed: dict[str, set[str]] = field(default_factory=dict)

    async def write(self, agency: str, resource: Resource, at: datetime, *beside: Resource) -> Resource:
        """A write of an agency at an instant, decided by the rules of its type, with what is made beside it; gives what is
        stored."""
        scopes = parse("system/*.cruds")
        assert not isinstance(scopes, Problem)
        caller = Caller(agency, f"Organization/{agency}", scopes, f"PractitionerRole/{agency}-lead")
        context = RequestContext(caller, at, f"{BASE}/fhir")
        services = self.built.services
        await services.directory.refresh()
        work = UnitOfWork(services, context)
        row = await work.row(f"{resource['resourceType']}/{resource['id']}")
        viewer = await viewer_of(services, context, work.known)
        work.coming = frozenset({f"{resource['resourceType']}/{resource['id']}"})
        for each in beside:
            await rules.write(work, viewer, Proposal(each, None, "c"))
        ref = await rules.write(work, viewer, Proposal(resource, row, "c" if row is None else "u"))
        return (await work.commit())[ref].resource

    async def task(self, kind: str, subject: str) -> Resource:
        """The one Task of a kind about a person."""
        rows = await self.built.services.holdings.of("Task", [subject])
        (found,) = [row.resource for row in rows if reading.code(row.resource) == kind]
        return found

    async def referred(self, number: int) -> None:
        """One person's referral at some minute of the year. Every third leaves an item open; of five, one is withdrawn in
        time, and of another's the open item is answered in time."""
        services, minutes = self.built.services, self.draw.randrange(360 * 24 * 60)
        at = BEGIN + timedelta(minutes=minutes)
        subject = await person(self.built, "Organization/housing")
        questionnaire = services.definitions.questionnaire(REFERRAL)
        assert questionnaire is not None
        answers = dataset(subject, questionnaire, **({"current_risks": ""} if number % 3 == 0 else {}))
        response = await self.write("housing", {**answers, "id": clock.new_id()}, at)
        sent = await self.write("housing", referral(subject, response["id"], self.draw.choice(["routine", "urgent"])), at)
        triage = await self.task("triage", subject)
        both = {"Organization/housing", "Organization/trust"}
        if number % 5 == 1:
            await self.write("housing", {**sent, "status": "revoked"}, at + timedelta(minutes=30))
            return
        self.missed[f"Task/{triage['id']}"] = both
        if number % 3 == 0 and number % 5 == 2:
            whole = {**dataset(subject, questionnaire), "id": response["id"]}
            await self.write("housing", whole, at + timedelta(minutes=30))
        elif number % 3 == 0:
            self.missed[f"Task/{(await self.task('clarification', subject))['id']}"] = both

    async def passes(self) -> None:
        """The year passes for two workers. Now and then one is killed with what it holds, or both fire one timer."""
        workers, collection = (0, 1), self.built.services.mongo.collection("timers")
        while True:
            following = await collection.find({"done": False}, {"next": 1}).sort("next", 1).limit(1).to_list(None)
            if not following or following[0]["next"] > BEGIN + timedelta(days=400):
                return
            for worker in workers:
                now = following[0]["next"] + timedelta(seconds=worker)
                for timer in await self.built.services.timers.due(now, LEASE, 8):
                    await self._fired(timer, now)

    async def _fired(self, timer: Timer, now: datetime) -> None:
        fire = lambda: deadlines.fire(self.built.services, f"{BASE}/fhir", timer, now)  # noqa: E731
        match self.draw.randrange(6):
            case 0:
                return  # killed before it began: the lease ends, and another takes the timer
            case 1:
                await asyncio.gather(fire(), fire(), return_exceptions=True)
            case _:
                await fire()


def referral(subject: str, response: str, priority: str) -> Resource:
    """A referral to the trust's front door."""
    basis = {"url": "https://baton.example/fhir/StructureDefinition/sharing-authority"}
    return {
        "resourceType": "ServiceRequest",
        "id": clock.new_id(),
        "status": "active",
        "intent": "order",
        "extension": [{**basis, "valueCodeableConcept": code("lawful-basis", "direct-care", "Asked for help.")}],
        "category": [code("request-category", "referral")],
        "priority": priority,
        "subject": {"reference": subject},
        "requester": {"reference": "PractitionerRole/housing-lead"},
        "performer": [{"reference": "Organization/trust"}],
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{response}"}],
    }


@pytest_asyncio.fixture
async def year(fresh_mongo: Mongo, tmp_path: Path) -> AsyncIterator[Year]:
    built = await build(Settings(data=tmp_path), fresh_mongo, BASE)
    await settle(built)
    yield Year(built, random.Random(SEED))
    await built.aclose()


async def told(year: Year) -> dict[str, Counter[str]]:
    """Who was told of which passed deadline, how often."""
    found: dict[str, Counter[str]] = {}
    outbox: Any = year.built.services.mongo.collection("outbox")
    async for each in outbox.find({"topic": "deadline-breached"}):
        found.setdefault(each["focus"], Counter())[each["to"]] += 1
    return found


async def test_every_deadline_of_a_year_is_told_exactly_once(year: Year) -> None:
    """TIM-14 and TIM-15, across killed workers and two that fire at once."""
    for number in range(PEOPLE):
        await year.referred(number)
    await year.passes()
    found = await told(year)
    assert {focus: set(agencies) for focus, agencies in found.items()} == year.missed
    assert {count for agencies in found.values() for count in agencies.values()} == {1}
    assert len(found) > PEOPLE
    rows = [await year.built.services.records.read(*focus.split("/")) for focus in list(found)[:5]]
    assert all(row is not None and link(row.resource, "for") for row in rows)


async def test_mtg_1_a_forum_that_is_never_held_is_told_of_once_each_time(year: Year) -> None:
    """MTG-1: every eighth day of a year, across killed workers and two that fire at once."""
    forum = await year.write("trust", {**forum_("mdt", days=7, grace=1), "id": clock.new_id()}, BEGIN)
    await year.passes()
    alerts = await year.built.services.holdings.having("Task", f"focus=HealthcareService/{forum['id']}")
    fired = await year.built.services.mongo.collection("timers").count_documents({"kind": "MTG-1", "done": True})
    assert len(alerts) == fired
    assert fired in (400 // 8 - 1, 400 // 8)  # a worker that is killed lets a minute pass
    assert len({row.resource["authoredOn"] for row in alerts}) == fired


async def test_tim_5_and_tim_6_every_late_step_up_is_told_exactly_once_a_level(year: Year) -> None:
    """TIM-5 for who is not decided about, at each contact; TIM-6 for a brief review that nobody holds."""
    locality = Locality(year.built, httpx.AsyncClient(), "")
    late, brief = [], []
    # Who is never decided about goes from contact to contact: a few times before the year is over.
    days = sorted([*year.draw.sample(range(300), STEPPED // 2), *year.draw.choices(range(390, 396), k=STEPPED // 2)])
    for number, day in enumerate(days):
        locality.person = await person(year.built, "Organization/trust")
        await in_team(locality, "housing", "crisis")
        at = BEGIN + timedelta(days=day, hours=9, minutes=number)
        answers_ = await year.write("housing", {**answers(locality), "id": clock.new_id()}, at)
        body = escalation(locality, f"QuestionnaireResponse/{answers_['id']}")
        await year.write("housing", {**body, "id": clock.new_id()}, at)
        review = await year.task("escalation-review", locality.person)
        if day >= 390:
            late.append(f"Task/{review['id']}")
            continue
        ends = (at + timedelta(days=10)).isoformat()
        asked = {**action(review), "id": clock.new_id(), "restriction": {"period": {"end": ends}}}
        mdt = output("mdt-review", valueDate=ends[:10])
        said = [each for each in accepted(review, ends=ends)["output"] if each["type"] != mdt["type"]]
        await year.write("crisis", {**review, "status": "accepted", "output": [*said, mdt]}, at + timedelta(minutes=20), asked)
        brief.append(f"Task/{(await year.task('brief-review', locality.person))['id']}")
    await year.passes()
    found, timers = await told(year), year.built.services.mongo.collection("timers")
    for focus in brief:
        assert found[focus] == Counter({"Organization/housing": 1, "Organization/crisis": 1}), focus
    for focus in late:
        fired = await timers.count_documents({"kind": "TIM-5", "focus": focus, "done": True})
        assert fired >= 4
        assert set(found[focus].values()) == {fired}
