"""What the front door and the referrer are told, and what they are not (E4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service import clock
from service.care.task import reading
from service.change import Resource, Timer
from service.usecases.care import deadlines
from tests.locality import BASE, stored
from tests.meetings import found
from tests.stepping import consent
from tests.story.test_front_door import SAID, Story, issues, story

__all__ = ["story"]


async def test_hov_10_the_front_door_is_told_where_else_the_person_has_a_plan(story: Story) -> None:
    """As consent allows, and nobody else is told; the referral goes on."""
    plan = await story.housing.created(story.locality.plan(author={"reference": "PractitionerRole/housing-lead"}))
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    told = (await story.trust.get("Communication?category=known-elsewhere")).json()["entry"]
    about = [each["reference"] for each in told[0]["resource"]["about"]]
    assert about == [f"Task/{triage['id']}", f"CarePlan/{plan['id']}"]
    assert (await story.housing.get("Communication?category=known-elsewhere")).json().get("entry", []) == []


@pytest.mark.parametrize(("priority", "hours"), [("urgent", 4), ("routine", 24)])
async def test_tim_14_both_agencies_hear_once_of_a_triage_that_is_late(story: Story, priority: str, hours: int) -> None:
    """Four hours when it is urgent, one working day otherwise."""
    await story.housing.created(await story.referral(priority=priority))
    triage = await story.task(story.trust, "triage")
    services = story.locality.built.services
    (timer,) = await services.mongo.collection("timers").find({"k": f"TIM-14:Task/{triage['id']}"}).to_list(None)
    assert timer["due"] - clock.now() >= timedelta(hours=hours) - timedelta(minutes=1)
    due = Timer(timer["k"], "TIM-14", timer["due"], f"Task/{triage['id']}")
    for _ in range(2):
        await deadlines.fire(services, f"{BASE}/fhir", due, timer["due"])
    told = services.mongo.collection("outbox").find({"topic": "deadline-breached"})
    assert sorted([each["to"] async for each in told]) == ["Organization/housing", "Organization/trust"]


async def test_hov_3_a_referral_is_itself_what_consent_decides_about(story: Story) -> None:
    """Not its dataset alone: one that the person keeps from the front door is not sent, and nothing of it is stored."""
    await stored(story.locality.built, "Organization/housing", no_referrals(story.locality.person))
    refused = issues(await story.housing.post("ServiceRequest", await story.referral()))
    assert refused == [("HOV-3", "ServiceRequest.extension")]
    assert (await story.housing.get("ServiceRequest")).json().get("entry", []) == []


async def test_hov_8_a_suggestion_tells_which_items_made_it_and_not_what_was_answered(story: Story) -> None:
    """The Task stays visible where the dataset no longer is."""
    await story.housing.created(await story.referral())
    (said,) = reading.outputs(await story.task(story.trust, "triage"), "suggestion")
    assert "`presenting-need`" in said["valueCodeableConcept"]["text"]
    assert SAID["presenting_need"] not in str(said)


async def test_e4_an_earlier_referral_is_shown_to_who_may_see_it_now(story: Story) -> None:
    """The link is in nothing that is read or searched once consent denies the front door the earlier one; its work goes on."""
    earlier = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    later = f"ServiceRequest/{(await story.housing.created(await story.referral()))['id']}"
    triage = await story.task(story.trust, "triage", later)
    assert triage["basedOn"] == [{"reference": earlier}]
    query = f"Task?code=triage&based-on={earlier}"
    assert len(await found(story.trust, query)) == 1
    await stored(story.locality.built, "Organization/housing", no_referrals(story.locality.person))
    seen = (await story.trust.get(f"Task/{triage['id']}")).json()
    assert "basedOn" not in seen
    assert await found(story.trust, query) == []
    answer = await story.trust.put({**seen, "status": "received"})
    assert (answer.status_code, "basedOn" in answer.json()) == (200, False)
    assert (await story.housing.get(f"Task/{triage['id']}")).json()["basedOn"] == [{"reference": earlier}]


def no_referrals(person: str) -> Resource:
    """The person's word that the trust has none of their referrals."""
    word = consent(person, "deny", "trust")
    kind = {"system": "http://hl7.org/fhir/resource-types", "code": "ServiceRequest"}
    return {**word, "organization": [{"reference": "Organization/housing"}], "provision": {**word["provision"], "class": [kind]}}
