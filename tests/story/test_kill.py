"""`kill -9` of the service and of mongod at random points: no handover lost, none half-done, none owned twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.locality import dataset, handover, patient, plan
from tests.story.running import Service, opened, prepared

pytestmark = pytest.mark.slow

HANDOVERS = 200
KILLS = 6
AT_ONCE = 6
PATIENCE_SECONDS = 240


class Partner:
    """An agency that repeats a request under the same id until it is answered."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self.http = http
        self.token = token

    async def send(self, method: str, path: str, body: Any, request: str, version: str = "") -> dict[str, Any]:
        """The answer to a request that is repeated, under one id, while the service is away."""
        headers = {"Authorization": f"Bearer {self.token}", "X-Request-Id": request, "Content-Type": "application/fhir+json"}
        if version:
            headers["If-Match"] = f'W/"{version}"'
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await self.http.request(method, f"/fhir/{path}", json=body, headers=headers)
                if answer.status_code in (200, 201):
                    found: dict[str, Any] = answer.json()
                    return found
                assert answer.status_code in (500, 503), answer.text
            assert asyncio.get_running_loop().time() < deadline, "the service did not come back"
            await asyncio.sleep(0.2)


async def handed_over(number: int, trust: Partner, crisis: Partner, questionnaire: dict[str, Any]) -> dict[str, Any]:
    """One person's plan, sent by the trust and accepted by the crisis team; gives the accepted Task."""
    known = await trust.send("POST", "Patient", patient(), f"patient-{number}")
    person = f"Patient/{known['id']}"
    led = await trust.send("POST", "CarePlan", plan(person), f"plan-{number}")
    response = await trust.send("POST", "QuestionnaireResponse", dataset(person, questionnaire), f"dataset-{number}")
    task = handover(person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}")
    sent = await trust.send("POST", "Task", task, f"task-{number}")
    accepted = {**sent, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    return await crisis.send("PUT", f"Task/{sent['id']}", accepted, f"accept-{number}", sent["meta"]["versionId"])


async def killing(service: Service, chance: random.Random, done: asyncio.Event) -> int:
    """Kills the service or its database, waits, starts again, until all kills are made or the work is done."""
    made = 0
    while made < KILLS and not done.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), chance.uniform(0.5, 3.0))
        if done.is_set():
            break
        if made % 2 == 0:
            assert service.kill_database(), "no mongod to kill"
            await asyncio.sleep(chance.uniform(0.0, 0.5))
        service.kill()
        made += 1
        service.start()
        await service.ready()
    return made


Aftermath = tuple[Service, list[dict[str, Any]], int]


@pytest_asyncio.fixture(scope="module")
async def aftermath(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Aftermath]:
    """The service after a few hundred handovers under fire, the accepted Tasks, and how often it was killed."""
    service = Service(Path(tmp_path_factory.mktemp("kill")) / "data")
    tokens = await prepared(service)
    async with opened(service) as built:
        questionnaire = built.services.definitions.questionnaire("https://baton.example/fhir/Questionnaire/mds-handover")
    assert questionnaire is not None
    service.start()
    try:
        tasks, kills = await under_fire(service, tokens, questionnaire)
        yield service, tasks, kills
    finally:
        service.kill()


async def under_fire(service: Service, tokens: dict[str, str], questionnaire: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The accepted Tasks of all handovers, and how often the service was killed while they were under way."""
    await service.ready()
    done, gate = asyncio.Event(), asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=service.base, timeout=30) as http:
        trust, crisis = Partner(http, tokens["trust"]), Partner(http, tokens["crisis"])

        async def one(number: int) -> dict[str, Any]:
            async with gate:
                return await handed_over(number, trust, crisis, questionnaire)

        killer = asyncio.create_task(killing(service, random.Random(7), done))
        tasks = await asyncio.gather(*(one(number) for number in range(HANDOVERS)))
        done.set()
        return tasks, await killer


async def test_it_was_killed(aftermath: Aftermath) -> None:
    """The test did what it says: service and database were killed while handovers were under way."""
    assert aftermath[2] >= 3


async def test_no_handover_is_lost_or_doubled(aftermath: Aftermath) -> None:
    """Every handover that was answered is there, accepted, once; its repeats made no second one."""
    service, tasks, _ = aftermath
    async with opened(service) as built:
        rows = await built.services.mongo.collection("r.Task").count_documents({"idx": "code=handover"})
        stored = await built.services.records.read_many(f"Task/{task['id']}" for task in tasks)
    assert rows == len(tasks) == len({task["id"] for task in tasks}) == HANDOVERS
    assert {row.resource["status"] for row in stored.values()} == {"accepted"}


async def test_every_plan_has_one_owner_in_every_version(aftermath: Aftermath) -> None:
    """OWN-1 to OWN-4: every version names one owner; team, plan and acknowledgement agree."""
    service, tasks, _ = aftermath
    async with opened(service) as built:
        for task in tasks:
            identity = task["focus"]["reference"].partition("/")[2]
            versions = await built.services.records.history("CarePlan", identity, limit=50)
            owners = [row.resource["author"]["reference"] for row in versions]
            assert owners == ["PractitionerRole/crisis-lead", "PractitionerRole/trust-lead"]
            team = await built.services.records.read(
                "CareTeam", versions[0].resource["careTeam"][0]["reference"].partition("/")[2]
            )
            assert team is not None
            open_ = [each["member"]["reference"] for each in team.resource["participant"] if "end" not in each["period"]]
            assert open_ == ["PractitionerRole/crisis-lead"]
            letters = await built.services.holdings.of("Communication", [task["for"]["reference"]])
            acknowledged = [row for row in letters if "category=handover-accepted" in row.index.keys]
            assert len(acknowledged) == 1


async def test_the_check_finds_nothing(aftermath: Aftermath) -> None:
    """`baton check`: the ledger's chain is whole, and nothing contradicts anything."""
    found = aftermath[0].command("check")
    assert found.returncode == 0, found.stdout + found.stderr
