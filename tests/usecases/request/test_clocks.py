"""Two machines whose clocks differ: versions order, instants only tell. What a change writes is never before what it follows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from service import clock
from service.auth.tokens import ACCESS, SKEW, Token, caller_of
from service.change import Change, Timer
from service.fhir.date import parse
from service.usecases.care import deadlines
from tests.locality import Agency, Locality

BEHIND = timedelta(seconds=2)


def set_back(patch: pytest.MonkeyPatch, by: timedelta) -> None:
    """From now on this machine's clock is behind by so much."""
    real = clock.now
    patch.setattr(clock, "now", lambda: real() - by)


def at(resource: Any) -> int:
    """When a record was written, in milliseconds."""
    found = parse(resource["meta"]["lastUpdated"])
    assert found is not None
    return found.low


async def accepted(crisis: Agency, task: Any) -> Any:
    """The handover, accepted."""
    answer = await crisis.put({**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("by", [BEHIND, timedelta(seconds=20)])
async def test_an_acceptance_on_a_machine_that_is_behind_turns_no_history_round(
    locality: Locality, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    """The new owner stands last, and the former one has an end that is not before the beginning."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    set_back(monkeypatch, by)
    after = await accepted(crisis, task)
    assert at(after) >= at(task)
    plan = task["focus"]["reference"]
    tenures = [
        {part["name"]: next(value for name, value in part.items() if name != "name") for part in each["part"]}
        for each in (await crisis.get(f"{plan}/$ownership")).json()["parameter"]
    ]
    assert [each["lead"]["reference"] for each in tenures] == ["PractitionerRole/trust-lead", "PractitionerRole/crisis-lead"]
    assert "end" not in tenures[1]["period"]
    assert tenures[0]["period"]["start"] <= tenures[0]["period"]["end"] == tenures[1]["period"]["start"]


async def test_a_former_owner_is_ended_in_the_team_and_not_dropped(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    set_back(monkeypatch, BEHIND)
    await accepted(crisis, task)
    plan = (await crisis.get(task["focus"]["reference"])).json()
    team = (await crisis.get(plan["careTeam"][0]["reference"])).json()
    periods = {each["member"]["reference"]: each["period"] for each in team["participant"]}
    former = periods["PractitionerRole/trust-lead"]
    assert former["start"] <= former["end"]
    assert "end" not in periods["PractitionerRole/crisis-lead"]


@pytest.mark.parametrize("times", [1, 3])
async def test_versions_are_in_the_order_of_their_instants(
    locality: Locality, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """However often the clock is set back."""
    trust = await locality.agency("trust")
    made = await trust.created({"resourceType": "Basic", "code": {"text": "0"}})
    for number in range(times):
        set_back(monkeypatch, BEHIND)
        made_ = (await trust.put({**made, "code": {"text": str(number + 1)}})).json()
        assert at(made_) >= at(made)
        made = made_
    answer = await trust.send("DELETE", f"Basic/{made['id']}")
    assert answer.status_code == 204


async def test_a_timer_of_a_machine_that_is_behind_writes_after_what_it_watches(locality: Locality) -> None:
    trust = await locality.agency("trust")
    task = await locality.sent(trust)
    timer = Timer(f"x{clock.new_id()}", "TIM-2", clock.now(), f"Task/{task['id']}", 0)
    services = locality.built.services
    await services.records.commit(Change(clock.now(), timers=(timer,)))
    assert await deadlines.fire(services, locality.built.base, timer, clock.now() - BEHIND)
    assert at((await trust.get(f"Task/{task['id']}")).json()) >= at(task)


@pytest.mark.parametrize(("ahead", "holds"), [(timedelta(0), True), (SKEW, True), (SKEW + timedelta(seconds=1), False)])
def test_a_token_of_the_future_is_refused(ahead: timedelta, holds: bool) -> None:
    """Beyond what two clocks may differ by."""
    now = datetime.fromisoformat("2026-11-01T12:00:00+00:00")
    token = Token("h", ACCESS, "c", "Organization/o", "system/*.rs", now + ahead, now + timedelta(hours=2))
    assert (caller_of(token, now) is not None) is holds
