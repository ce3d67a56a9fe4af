"""Sixteen acceptances of one handover at once, over two worker processes (HOV-5, OWN-1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.locality import Agency, dataset, handover, patient, plan
from tests.story.running import Service, opened, prepared

pytestmark = pytest.mark.slow

ROUNDS = 5
RACERS = 16


@pytest_asyncio.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Service, dict[str, str]]]:
    """A service of two workers, and the agencies' tokens."""
    running = Service(tmp_path_factory.mktemp("race") / "data", workers=2)
    tokens = await prepared(running)
    running.start()
    try:
        await running.ready()
        yield running, tokens
        assert running.stop() == 0
    finally:
        running.kill()


async def sent(trust: Agency, questionnaire: dict[str, Any]) -> dict[str, Any]:
    """A handover of a new person's plan."""
    person = f"Patient/{(await trust.created(patient()))['id']}"
    led, response = await trust.created(plan(person)), await trust.created(dataset(person, questionnaire))
    return await trust.created(handover(person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}"))


async def test_exactly_one_acceptance_wins(service: tuple[Service, dict[str, str]]) -> None:
    """One 200, the others 409 or 412; one owner in every version of the plan; one acknowledgement."""
    running, tokens = service
    async with opened(running) as built:
        questionnaire = built.services.definitions.questionnaire("https://baton.example/fhir/Questionnaire/mds-handover")
    assert questionnaire is not None
    limits = httpx.Limits(max_connections=RACERS)
    async with httpx.AsyncClient(base_url=running.base, timeout=60, limits=limits) as http:
        trust, crisis = Agency(http, "trust", tokens["trust"]), Agency(http, "crisis", tokens["crisis"])
        for _ in range(ROUNDS):
            task = await sent(trust, questionnaire)
            leads = [f"PractitionerRole/crisis-{'lead' if number % 2 else 'second'}" for number in range(RACERS)]
            bodies = [{**task, "status": "accepted", "owner": {"reference": lead}} for lead in leads]
            answers = await asyncio.gather(*(crisis.put(body) for body in bodies))
            statuses = sorted(answer.status_code for answer in answers)
            assert statuses.count(200) == 1, statuses
            assert set(statuses) <= {200, 409, 412}
            winner = next(answer.json() for answer in answers if answer.status_code == 200)
            history = (await crisis.get(f"{task['focus']['reference']}/_history")).json()["entry"]
            owners = [entry["resource"]["author"]["reference"] for entry in history if "resource" in entry]
            assert owners[0] == winner["owner"]["reference"]
            letters = (await crisis.get(f"Communication?category=handover-accepted&subject={task['for']['reference']}")).json()
            assert len(letters["entry"]) == 1


async def test_the_check_finds_nothing_while_both_workers_run(service: tuple[Service, dict[str, str]]) -> None:
    """`baton check` needs no stop of the service: its workers fire timers and seal meanwhile."""
    found = service[0].command("check")
    assert found.returncode == 0, found.stdout + found.stderr
