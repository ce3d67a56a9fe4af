"""A primary that lives while no majority of its set follows: who asks is told to come again, and soon."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.replica_set import ReplicaSet
from tests.story.running import Service
from tests.story.test_chaos import first_answer, members, prepared

__all__ = ["members"]
pytestmark = pytest.mark.slow
LONGEST = 15.0
NOTE = {"resourceType": "Basic", "code": {"text": "x"}}
BATCH = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient/ada"}}] * 5}


async def test_who_asks_is_told_to_come_again(members: ReplicaSet, tmp_path: Path) -> None:
    """Readers too, whose audit must be durable first. A service that starts meanwhile answers, and both serve afterwards. The
    log says when the database went away, and where it is."""
    services = [made(members, tmp_path, name) for name in ("running", "starting")]
    members.start()
    token = await prepared(members, services[0])
    services[0].start()
    await services[0].ready()
    async with httpx.AsyncClient(base_url=services[0].base, timeout=60) as http:
        known = {"Authorization": f"Bearer {token}", "X-Request-Id": "once"}
        asked = {
            "read": http.get("/fhir/Patient/ada", headers=known),
            **{f"write {number}": http.post("/fhir/Basic", headers=known, json=NOTE) for number in range(4)},
            "token": http.post("/auth/token", data={"grant_type": "client_credentials", "client_id": "trust-system"}),
        }
        assert (await http.post("/fhir/Basic", headers={**known, "X-Request-Id": "before"}, json=NOTE)).status_code == 201
        with members.held():
            answers = dict(zip(asked, await asyncio.gather(*map(timed, asked.values())), strict=True))
            batch, _ = await timed(http.post("/fhir/", headers=known, json=BATCH))
            ready, _ = await timed(http.get("/health/ready"))
            alive = await http.get("/health/live")
            services[1].start()
            started, took = await timed(first_answer(services[1].base))
        for each in services:
            await each.ready()
        said = [each async for each in lines(tmp_path / "running" / "serve.log")]
        repeated = [await http.post("/fhir/Basic", headers=known, json=NOTE) for _ in range(2)]
    assert {name: (found.status_code, found.headers.get("retry-after")) for name, (found, _) in answers.items()} == dict.fromkeys(
        asked, (503, "5")
    )
    assert [name for name, (_, seconds) in answers.items() if seconds > LONGEST] == []
    assert {each["response"]["status"] for each in batch.json()["entry"]} == {"503"}
    assert (ready.status_code, ready.headers["retry-after"], alive.status_code) == (503, "5", 200)
    assert (started.status_code, took < 2 * LONGEST) == (503, True)
    assert [each.status_code for each in repeated] == [201, 201]
    assert len({each.json()["id"] for each in repeated}) == 1
    assert [(each["event"], each["at"]) for each in said] == [
        (event, members.uri.split("/")[2]) for event in ("database-away", "database-answers")
    ]
    for each in services:
        each.kill()


def made(members: ReplicaSet, folder: Path, name: str) -> Service:
    """A service with a database of its own in the set."""
    (folder / name / "data").mkdir(parents=True)
    database = {"BATON_MONGODB_URI": members.uri, "BATON_MONGODB_DATABASE": "chaos" if name == "running" else name}
    return Service(folder / name / "data", more=database, options=("--no-worker",))


async def lines(log: Path) -> AsyncIterator[dict[str, str]]:
    """What was logged of the database, once it was told that it answers again."""
    for _ in range(100):
        if "database-answers" in log.read_text():
            break
        await asyncio.sleep(0.1)
    for each in log.read_text().splitlines():
        if "database-" in each:
            yield json.loads(each)


async def timed(asked: Any) -> tuple[Any, float]:
    """What is answered, and after how many seconds."""
    since = time.monotonic()
    return await asked, time.monotonic() - since
