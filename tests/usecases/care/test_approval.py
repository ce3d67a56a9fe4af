"""A data request that waits: who approves, what is judged, and when it is late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from service import clock, worker
from tests.locality import Locality, code
from tests.usecases.care.asking import WORDS, approved, basis, found, issue, put, request, settled, waiting, without_basis


async def test_who_claims_a_basis_waits(locality: Locality, make: Any) -> None:
    """Nothing is disclosed before a named person approves."""
    task = await waiting(make, locality)
    crisis = await locality.agency("crisis")
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("requested", "awaiting-approval")
    answer = await crisis.get(f"Task/{task['id']}/$disclosed")
    assert (answer.status_code, issue(answer)) == (422, ("consent-rules 4", "Task.status"))
    assert (await crisis.get(f"Communication?subject={make.person}")).json().get("entry", []) == []


async def test_a_named_person_approves(locality: Locality, make: Any) -> None:
    """L2: the approved basis gives what consent and policy would not, and is the record's authority."""
    task = await waiting(make, locality)
    answer = await (await make.user("trust")).put(approved(task))
    assert answer.status_code == 200, answer.text
    assert await found(await locality.agency("crisis"), answer.json()) == ["plain", "private"]
    trust = await locality.agency("trust")
    record = (await trust.get(answer.json()["output"][0]["valueReference"]["reference"])).json()
    assert record["sender"] == {"reference": "PractitionerRole/trust-lead"}
    assert record["extension"][0]["valueCodeableConcept"] == code("lawful-basis", "safeguarding", WORDS)


async def test_an_agencys_system_approves_for_who_it_names(locality: Locality, make: Any) -> None:
    """The Task says who."""
    task = await waiting(make, locality)
    answer = await (await locality.agency("trust")).put(approved(task))
    assert (answer.status_code, answer.json()["owner"]["reference"]) == (200, "PractitionerRole/trust-lead")


async def test_a_named_person_is_waited_for(locality: Locality, make: Any) -> None:
    """Who is asked by name answers by name, though nothing is claimed."""
    await settled(make)
    crisis = await locality.agency("crisis")
    task = await crisis.created(request(make.person, owner={"reference": "PractitionerRole/trust-lead"}))
    assert task["status"] == "requested"
    done = (await (await make.user("trust")).put(approved(task))).json()
    assert await found(crisis, done) == ["plain"]


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        (without_basis, []),
        (lambda task: [*without_basis(task), basis("direct-care")], []),
        (lambda task: [*without_basis(task), basis("legal-duty")], ["plain", "private"]),
    ],
)
async def test_who_approves_judges_the_basis(locality: Locality, make: Any, inputs: Any, names: list[str]) -> None:
    """It may be dropped or replaced; the decision runs with what was approved."""
    task = await waiting(make, locality)
    await make.stored("trust", make.consent("deny", to="crisis", identity="no"))
    answer = await (await make.user("trust")).put(approved(task, input=inputs(task)))
    assert answer.status_code == 200, answer.text
    assert await found(await locality.agency("crisis"), answer.json()) == names


async def test_an_approval_without_anything_to_disclose_answers_so(locality: Locality, make: Any) -> None:
    """As what is answered at once: completed, without output."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    task = await crisis.created(request(make.person, basis()))
    done = (await (await make.user("trust")).put(approved(task))).json()
    assert (done["status"], "output" in done, await found(crisis, done)) == ("completed", False, [])


@pytest.mark.parametrize(
    ("agency", "by", "status"), [("voluntary", "trust-lead", 404), ("crisis", "trust-lead", 422), ("crisis", "crisis-lead", 422)]
)
async def test_nobody_else_approves(locality: Locality, make: Any, agency: str, by: str, status: int) -> None:
    """HOV-11: to a stranger there is no such Task; HOV-1: the agency that asks does not answer."""
    task = await waiting(make, locality)
    answer = await (await locality.agency(agency)).put(approved(task, by))
    assert answer.status_code == status
    assert (await (await locality.agency("trust")).get(f"Task/{task['id']}")).json() == task


async def test_a_user_does_not_approve_in_anothers_name(locality: Locality, make: Any) -> None:
    """Not even in a colleague's."""
    task = await waiting(make, locality)
    answer = await (await make.user("trust", "second")).put(approved(task))
    assert (answer.status_code, issue(answer)) == (422, ("consent-rules 4", "Task.owner"))


@pytest.mark.parametrize("scope", ["Task.cruds Condition.r", "Task.cruds Communication.c"])
async def test_who_approves_needs_the_scopes_of_a_release(locality: Locality, make: Any, scope: str) -> None:
    """As by `$disclose`: reading each type, and creating the record."""
    task = await waiting(make, locality)
    trust = await make.user("trust", scope=" ".join(f"user/{each}" for each in scope.split()))
    assert (await trust.put(approved(task))).status_code == 403


async def test_what_was_asked_does_not_change(locality: Locality, make: Any) -> None:
    """HOV-1: who approves releases what was asked, and nothing else."""
    task = await waiting(make, locality)
    wider = [put("record-type", valueCode="CarePlan"), *task["input"]]
    answer = await (await make.user("trust")).put(approved(task, input=wider))
    assert (answer.status_code, issue(answer)) == (422, ("HOV-1", "Task.input"))


@pytest.mark.parametrize(("agency", "status"), [("trust", "rejected"), ("crisis", "cancelled")])
async def test_it_may_end_without_an_answer(locality: Locality, make: Any, agency: str, status: str) -> None:
    """Rejected by who is asked, cancelled by who asks, each with a reason."""
    task = await waiting(make, locality)
    ended = {**task, "status": status, "statusReason": code("status-reason", "outside-remit")}
    answer = await (await locality.agency(agency)).put(ended)
    assert (answer.status_code, answer.json()["status"], "businessStatus" in answer.json()) == (200, status, False)


async def test_two_approvals_at_once(locality: Locality, make: Any) -> None:
    """HOV-5: one wins, and what is disclosed is disclosed once."""
    task = await waiting(make, locality)
    users = [await make.user("trust"), await make.user("trust", "second")]
    given = [user.put(approved(task, by)) for user, by in zip(users, ("trust-lead", "trust-second"), strict=True)]
    first, second = sorted(each.status_code for each in await asyncio.gather(*given))
    assert (first, second in (409, 412)) == (200, True)
    trust = await locality.agency("trust")
    assert len((await trust.get(f"Communication?subject={make.person}")).json()["entry"]) == 1


async def test_a_repeated_approval_is_answered_as_before(locality: Locality, make: Any) -> None:
    """HOV-5 and HOV-9: by its X-Request-Id, and by saying what stands."""
    task = await waiting(make, locality)
    trust = await make.user("trust")
    answers = [await trust.put(approved(task), X_Request_Id=make.id("approve")) for _ in range(2)]
    again = await trust.put(answers[0].json())
    assert [each.status_code for each in (*answers, again)] == [200, 200, 200]
    assert len({each.text for each in (*answers, again)}) == 1


async def test_a_repeated_request_is_answered_as_before(locality: Locality, make: Any) -> None:
    """HOV-9: never a second Task, never a second disclosure."""
    await settled(make)
    crisis = await locality.agency("crisis")
    answers = [await crisis.post("Task", request(make.person), X_Request_Id=make.id("ask")) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await crisis.get(f"Communication?subject={make.person}")).json()["entry"]) == 1


async def test_tim_11_past_its_date_both_agencies_are_told(locality: Locality, make: Any) -> None:
    """Nothing else changes."""
    end = (clock.now() + timedelta(minutes=1)).isoformat()
    task = await waiting(make, locality, restriction={"period": {"end": end}})
    await worker.run_once(locality.built, clock.now() + timedelta(minutes=2))
    rows = await locality.built.services.mongo.collection("outbox").find({"focus": f"Task/{task['id']}"}).to_list(None)
    late = sorted(row["to"] for row in rows if row["topic"] == "deadline-breached")
    assert late == ["Organization/crisis", "Organization/trust"]
    assert (await (await locality.agency("trust")).get(f"Task/{task['id']}")).json()["status"] == "requested"


async def test_tim_11_an_answer_stops_the_clock(locality: Locality, make: Any) -> None:
    """An approved request is not late."""
    end = (clock.now() + timedelta(minutes=1)).isoformat()
    task = await waiting(make, locality, restriction={"period": {"end": end}})
    assert (await (await locality.agency("trust")).put(approved(task))).status_code == 200
    await worker.run_once(locality.built, clock.now() + timedelta(minutes=2))
    rows = await locality.built.services.mongo.collection("outbox").find({"focus": f"Task/{task['id']}"}).to_list(None)
    assert "deadline-breached" not in [row["topic"] for row in rows]
