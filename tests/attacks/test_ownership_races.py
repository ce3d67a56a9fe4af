"""Attacks on ownership in one moment (OWN-10): a lead that goes while a plan takes it leads nothing unseen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.attacks.leads import leaver, named, somebody
from tests.locality import Agency, Locality, dataset, handover

Stored = dict[str, Any]
RACES = 25


async def _raced(locality: Locality, trust: Agency, lead: Stored, plan: Stored, how: str) -> None:
    """The role goes in the same moment as the plan takes it: in the end, the plan either did not, or is listed."""
    place = f"PractitionerRole/{lead['id']}"
    going = trust.put({**lead, "active": False}) if how == "ended" else trust.send("DELETE", place)
    taken, gone = await asyncio.gather(trust.put({**plan, "status": "active", "author": named(lead["id"])}), going)
    assert gone.status_code in (200, 204)
    now = (await trust.get(f"CarePlan/{plan['id']}")).json()
    listed = "unowned" in str(now["meta"].get("tag"))
    assert (taken.status_code, now["status"], listed) in [(200, "active", True), (422, "draft", False)]


@pytest.mark.parametrize("how", ["ended", "deleted"])
async def test_own_10_no_plan_slips_through_while_its_lead_goes(locality: Locality, how: str) -> None:
    trust = await locality.agency("trust")
    for _ in range(RACES):
        person = await somebody(locality)
        draft = await trust.created({**locality.plan(status="draft"), "subject": {"reference": person}})
        await _raced(locality, trust, await leaver(locality, trust), draft, how)


@pytest.mark.parametrize("how", ["ended", "deleted"])
async def test_own_10_no_handover_slips_through_while_its_lead_goes(locality: Locality, how: str) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    for _ in range(RACES):
        person, lead = await somebody(locality), await leaver(locality, crisis, "crisis")
        plan = await trust.created({**locality.plan(), "subject": {"reference": person}})
        response = await trust.created(dataset(person, locality.questionnaire))
        task = await trust.created(handover(person, f"CarePlan/{plan['id']}", f"QuestionnaireResponse/{response['id']}"))
        place = f"PractitionerRole/{lead['id']}"
        going = crisis.put({**lead, "active": False}) if how == "ended" else crisis.send("DELETE", place)
        taken, gone = await asyncio.gather(crisis.put({**task, "status": "accepted", "owner": named(lead["id"])}), going)
        assert gone.status_code in (200, 204)
        row = await locality.built.services.records.read("CarePlan", plan["id"])
        assert row is not None
        now = (taken.status_code, row.custodian, "unowned" in str(row.resource["meta"].get("tag")))
        assert now in [(200, "Organization/crisis", True), (422, "Organization/trust", False)]
