"""The worker over a real database: every level of every timer happens once, whatever becomes of the workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from service import clock, worker
from service.change import Change, Timer
from service.cli import logs
from service.problem import Category, Refused, problem
from service.store.timers import TIMERS
from service.usecases.care import deadlines
from tests.api.conftest import service
from tests.locality import Locality, person
from tests.pending import pending

__all__ = ["service"]
SOON = timedelta(minutes=1)
FAR = timedelta(days=400)
Stored = dict[str, Any]


@pytest_asyncio.fixture
async def locality(service: Any) -> AsyncIterator[Locality]:
    """A locality whose timers are this test's own."""
    built, http = service
    await built.services.mongo.collection(TIMERS).delete_many({})
    yield Locality(built, http, await person(built))
    await built.services.mongo.collection(TIMERS).delete_many({})


async def sent(locality: Locality, **more: Any) -> Stored:
    """A handover that must be accepted within a minute, without the clock of its receipt."""
    end = (clock.now() + SOON).isoformat()
    task: Stored = await locality.sent(await locality.agency("trust"), restriction={"period": {"end": end}}, **more)
    await locality.built.services.mongo.collection(TIMERS).delete_many({"kind": "TIM-1"})
    return task


async def tasks(locality: Locality, code: str) -> list[Stored]:
    """The person's Tasks with a code, as they are stored."""
    rows = await locality.built.services.holdings.of("Task", [locality.person])
    return [row.resource for row in rows if f"code={code}" in row.index.keys]


async def due(locality: Locality, kind: str, focus: str, **data: Any) -> Timer:
    """A timer that is due now."""
    timer = Timer(f"{kind}:{focus}", kind, clock.now(), focus, 0, data)
    await locality.built.services.records.commit(Change(clock.now(), timers=(timer,)))
    return timer


async def test_an_overdue_handover_escalates_on_both_sides(locality: Locality) -> None:
    """HOV-7: one escalation Task per side, the status unchanged, the plan still the sender's."""
    task = await sent(locality)
    assert await worker.run_once(locality.built, clock.now() + 2 * SOON) == 1
    made = await tasks(locality, "escalation")
    stored = (await (await locality.agency("trust")).get(f"Task/{task['id']}")).json()
    assert sorted(each["owner"]["reference"] for each in made) == ["Organization/crisis", "Organization/trust"]
    assert (stored["status"], stored["businessStatus"]["coding"][0]["code"]) == ("requested", "overdue")


async def test_a_level_goes_to_whom_the_agency_named_for_it(locality: Locality) -> None:
    """HOV-7: each level to its own contact of the partner register, on each side; the last one again when levels go on."""
    await sent(locality)
    partners = locality.built.services.partners
    named = ("PractitionerRole/crisis-lead", "PractitionerRole/crisis-second")
    before = await partners.get("Organization/crisis")
    assert before is not None
    await partners.add(replace(before, contacts=named))
    for days in range(1, 20):
        await worker.run_once(locality.built, clock.now() + timedelta(days=days))
    owners = [each["owner"]["reference"] for each in await tasks(locality, "escalation")]
    await partners.add(before)
    assert {name: owners.count(name) for name in named} == {named[0]: 1, named[1]: 2}
    assert owners.count("Organization/trust") == 3


async def test_every_level_fires_once_and_then_it_ends(locality: Locality) -> None:
    """HOV-7: repeated per level; three levels on two sides are six Tasks, however often a worker looks."""
    await sent(locality)
    for days in range(1, 20):
        await worker.run_once(locality.built, clock.now() + timedelta(days=days))
    assert len(await tasks(locality, "escalation")) == 6


async def test_an_answered_handover_does_not_escalate(locality: Locality) -> None:
    task = await sent(locality)
    crisis = await locality.agency("crisis")
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await crisis.put(accepted)).status_code == 200
    await worker.run_once(locality.built, clock.now() + 2 * SOON)
    assert await tasks(locality, "escalation") == []


async def test_a_worker_killed_before_its_commit_is_made_up_for_once(locality: Locality) -> None:
    """It had taken the timer and was gone: the next worker fires it when the lease has ended, and not before."""
    await sent(locality)
    when = clock.now() + 2 * SOON
    assert len(await locality.built.services.timers.due(when, worker.LEASE_SECONDS)) == 1
    assert await worker.run_once(locality.built, when) == 0
    assert await worker.run_once(locality.built, when + timedelta(seconds=worker.LEASE_SECONDS + 1)) == 1
    assert len(await tasks(locality, "escalation")) == 2


async def test_two_workers_with_one_timer_fire_it_once(locality: Locality) -> None:
    """A lease that ran out while its worker still worked: settling is part of the commit, so only one of them wins."""
    await sent(locality)
    when = clock.now() + 2 * SOON
    (timer,) = await locality.built.services.timers.due(when, worker.LEASE_SECONDS)
    fired = (deadlines.fire(locality.built.services, locality.built.base, timer, when) for _ in range(4))
    await asyncio.gather(*fired)
    assert len(await tasks(locality, "escalation")) == 2


async def test_an_unreceived_handover_is_told_again(locality: Locality) -> None:
    """TIM-1: a second notice to the receiver waits in the outbox."""
    task = await locality.sent(await locality.agency("trust"))
    focus = f"Task/{task['id']}"
    await worker.run_once(locality.built, clock.now() + timedelta(days=5))
    rows = await locality.built.services.mongo.collection("outbox").find({"focus": focus}).to_list(None)
    assert [(row["topic"], row["to"], row["state"]) for row in rows] == [("handover-task", "Organization/crisis", "waiting")] * 2


async def test_a_missed_contact_makes_both_tasks_once(locality: Locality) -> None:
    """TIM-3 and E11: past the limit a welfare check and a safeguarding consideration, however often a worker looks."""
    task = await sent(locality)
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await (await locality.agency("crisis")).put(accepted)).status_code == 200
    for hours in (25, 49, 50, 200):
        await worker.run_once(locality.built, clock.now() + timedelta(hours=hours))
    assert [len(await tasks(locality, code)) for code in ("welfare-check", "safeguarding-consideration")] == [1, 1]


async def test_a_deadline_without_a_rule_of_its_own_ends_with_an_audit_line(locality: Locality) -> None:
    """Never lost silently: what passed is in the audit trail, and the timer does not come again."""
    consent = f"Consent/{clock.new_id()}"
    from tests.locality import stored

    await stored(locality.built, "Organization/trust", {"resourceType": "Consent", "id": consent.partition("/")[2]})
    await due(locality, "TIM-13", consent)
    assert await worker.run_once(locality.built, clock.now()) == 1
    rows = await locality.built.services.holdings.having("AuditEvent", f"entity={consent}")
    assert [row.resource["outcomeDesc"] for row in rows] == ["TIM-13-passed"]
    assert await worker.run_once(locality.built, clock.now() + FAR) == 0


async def test_a_kind_that_is_not_known_is_left_for_another_worker(locality: Locality) -> None:
    """A newer version may know it: it stays, unsettled."""
    timer = await due(locality, "TIM-99", locality.person)
    assert await worker.run_once(locality.built, clock.now()) == 0
    assert [each.kind for each in await pending(locality.built.services.mongo, timer.key)] == ["TIM-99"]


SECRET = "Ada Example, 9434765919"


async def test_a_timer_that_fails_holds_no_other_up(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    await sent(locality)
    await due(locality, "TIM-11", locality.person)
    carry_out = deadlines.fire

    async def failing(services: Any, base: str, timer: Timer, now: datetime) -> bool:
        if timer.kind == "TIM-11":
            raise ValueError(SECRET)
        return await carry_out(services, base, timer, now)

    monkeypatch.setattr(deadlines, "fire", failing)
    with capture_logs() as logged:
        assert await worker.run_once(locality.built, clock.now() + 2 * SOON) == 1
    (line,) = [each for each in logged if each["event"] == "timer-fault"]
    assert line["error"] == "ValueError"
    assert SECRET not in str(line)  # a message may hold a person's data


async def test_a_timer_of_a_record_that_is_gone_ends(locality: Locality) -> None:
    await due(locality, "TIM-2", "Task/not-there")
    assert await worker.run_once(locality.built, clock.now()) == 1


async def test_the_worker_seals_the_ledger(locality: Locality) -> None:
    """Each seal binds what was audited up to then, and is kept in the data folder and in the log."""
    await sent(locality)
    logs.configure("info")
    with capture_logs() as logged:
        task = asyncio.create_task(worker.run(locality.built))
        for _ in range(200):
            if logged:
                break
            await asyncio.sleep(0.02)
        task.cancel()
    seal = await locality.built.services.ledger.sealed()
    lines = (locality.built.services.settings.data / "seals.ndjson").read_text()
    assert {"event": "ledger-sealed", "log_level": "info", "seal": seal.number, "signed": seal.signed} in logged
    assert seal.signed in lines


async def test_a_seal_that_the_data_folder_cannot_keep_is_in_the_log(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = locality.built.services.ledger

    async def unkept(at: datetime) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "Make the folder writable."))

    await ledger.seal(clock.now())
    seal = await ledger.sealed()
    monkeypatch.setattr(ledger, "seal", unkept)
    with capture_logs() as logged, pytest.raises(Refused, match="Make the folder writable"):
        await worker._seal(locality.built)
    assert [(line["event"], line["signed"]) for line in logged] == [("ledger-sealed", seal.signed)]


async def test_a_worker_that_waits_says_so_once(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    """And once more when it has worked in between."""
    met: list[bool] = [True, True, True, False, True, True]

    async def tried(*_: object) -> int:
        if not met:
            await asyncio.Event().wait()
        if met.pop(0):
            raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))
        return worker.BATCH

    monkeypatch.setattr(worker, "run_once", tried)
    monkeypatch.setattr(worker.asyncio, "sleep", lambda _, sleep=asyncio.sleep: sleep(0))
    with capture_logs() as logged:
        task = asyncio.create_task(worker.run(locality.built))
        while met:
            await asyncio.wait({task}, timeout=0.01)
        task.cancel()
    assert [line["event"] for line in logged if line["event"] != "ledger-sealed"] == ["worker-waits"] * 2
