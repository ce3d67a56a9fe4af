"""`Task?worklist=Organization/x&_sort=due`: what needs an agency's action, or what it waits for (practices, Common)."""

from __future__ import annotations

from typing import Any

from tests.locality import Agency, Locality, code

CRISIS, TRUST = "Organization/crisis", "Organization/trust"


async def listed(agency: Agency, locality: Locality, whose: str, more: str = "") -> list[str]:
    """The ids of a worklist, as far as they are about the test's person."""
    answer = await agency.get(f"Task?worklist={whose}&_sort=due&patient={locality.person}{more}")
    assert answer.status_code == 200, answer.text
    return [each["resource"]["id"] for each in answer.json().get("entry", ())]


def by(date: str) -> Any:
    return {"period": {"start": "2026-01-01T00:00:00Z", "end": date}}


async def test_a_sent_task_is_on_the_worklists_of_both_its_agencies(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    assert await listed(crisis, locality, CRISIS) == [task["id"]]
    assert await listed(trust, locality, TRUST) == [task["id"]]
    assert await listed(crisis, locality, CRISIS, f"&owner-organization={CRISIS}") == [task["id"]]
    assert await listed(trust, locality, TRUST, f"&owner-organization={TRUST}") == []


async def test_a_worklist_is_in_the_order_in_which_it_is_due(locality: Locality) -> None:
    """Not in that in which it was asked for."""
    trust = await locality.agency("trust")
    own = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": locality.person}}
    made = [await trust.created({**own, "restriction": by(f"{year}-01-01T00:00:00Z")}) for year in (2033, 2031, 2032)]
    assert await listed(trust, locality, TRUST) == [made[1]["id"], made[2]["id"], made[0]["id"]]


async def test_due_is_the_end_of_the_period(locality: Locality) -> None:
    trust = await locality.agency("trust")
    own = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": locality.person}}
    task = await trust.created({**own, "restriction": by("2031-01-01T00:00:00Z")})
    assert await listed(trust, locality, TRUST, "&due=lt2031-01-01") == []
    assert await listed(trust, locality, TRUST, "&due=le2031-01-01") == [task["id"]]


async def test_a_draft_is_on_its_requesters_worklist_alone(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust, status="draft")
    assert await listed(trust, locality, TRUST) == [task["id"]]
    assert await listed(crisis, locality, CRISIS) == []


async def test_what_is_over_leaves_both_worklists(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    ended = {**task, "status": "rejected", "statusReason": code("status-reason", "no-capacity", "Ask the day hospital")}
    assert (await crisis.put(ended)).status_code == 200
    assert await listed(trust, locality, TRUST) == await listed(crisis, locality, CRISIS) == []


async def test_hov_11_another_agencys_worklist_shows_what_one_may_see_of_it(locality: Locality) -> None:
    """A third agency sees nothing of it, not even a count."""
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    await locality.sent(trust)
    assert await listed(housing, locality, CRISIS) == []
    counted = await housing.get(f"Task?worklist={CRISIS}&patient={locality.person}&_summary=count")
    assert counted.json()["total"] == 0
