"""A step-up on the same day (E5, E10, E12): housing's staff see Ada change, and the crisis team's clinician decides.

Told over HTTP with the tokens of four agencies: whatever the practice cannot proceed without is refused first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest_asyncio

from service import clock, worker
from service.store.timers import TIMERS
from tests.api.conftest import locality, service
from tests.locality import Agency, Locality, code, dataset
from tests.stepping import (
    BASE,
    accepted,
    action,
    answered,
    attempt,
    completed,
    escalation,
    found,
    in_team,
    on_duty,
    ref,
    rejected,
    review_of,
    sent,
    shared_by,
    tasks,
    together,
    told,
    when,
)

__all__ = ["locality", "service"]
Stored = dict[str, Any]


@pytest_asyncio.fixture
async def four(locality: Locality) -> tuple[Agency, Agency, Agency, Agency]:
    """Housing and the crisis team, who are in Ada's care team; her trust; and a voluntary service that does not know her."""
    await locality.built.services.mongo.collection(TIMERS).delete_many({})
    await in_team(locality, "housing", "crisis")
    housing, crisis, trust, voluntary = [await locality.agency(name) for name in ("housing", "crisis", "trust", "voluntary")]
    return housing, crisis, trust, voluntary


async def test_e5_e10_a_step_up_on_the_same_day(locality: Locality, four: tuple[Agency, Agency, Agency, Agency]) -> None:
    """E5, E10, ESC-3, TIM-5, TIM-6: from four answers to a completed review, each step refused until it has what it needs."""
    housing, crisis, trust, voluntary = four
    # Housing cannot send without the four answers, nor without a justification to share what it knows.
    part = await answered(locality, housing, current_risks="", protective_factors=" ")
    bare = escalation(locality, part, extension=shared_by(code("lawful-basis", "public-interest")))
    assert told(await housing.post("ServiceRequest", bare)) == [
        ("E5", "ServiceRequest.supportingInfo"),
        ("E5", "ServiceRequest.supportingInfo"),
        ("HOV-3", "ServiceRequest.extension"),
        ("HOV-3", "ServiceRequest.extension"),
    ]
    request = await sent(locality, housing)
    task = await review_of(crisis, request)
    # The clinician named by housing has it, to be decided today; nobody else knows.
    assert (task["owner"], task["status"], task["priority"]) == (ref("PractitionerRole/crisis-lead"), "requested", "urgent")
    assert clock.now() < when(task) <= clock.now() + timedelta(hours=24)
    assert [(await each.get(f"Task/{task['id']}")).status_code for each in (trust, voluntary)] == [404, 404]
    # Neither no nor yes goes without its reasons.
    empty = told(await crisis.put({**task, "status": "rejected"}))
    assert [rule for rule, _ in empty] == ["E5", "E5", "E5", "HOV-1", "E5"]
    assert told(await crisis.put(rejected(task, "insufficient-information"))) == [("E5", "Task.statusReason")]
    assert [rule for rule, _ in told(await crisis.put({**task, "status": "accepted"}))] == [
        "E5",
        "E5",
        "E5",
        "E5",
        "E10",
        "E5",
        "E5",
    ]
    assert told(await crisis.put(accepted(task))) == [("E5", "Task.status")]
    # An acceptance comes with its actions, and starts more contacts that end, and what is to be looked at.
    yes = await together(crisis, accepted(task), action(task))
    assert yes.status_code == 200, yes.text
    about = f"Task/{task['id']}"
    [brief] = await tasks(crisis, "brief-review", about)
    [decided] = await tasks(crisis, "decision-review", about)
    assert timedelta(hours=71) < when(brief) - clock.now() <= timedelta(hours=72)
    assert (decided["owner"], decided["priority"]) == (ref("Organization/crisis"), "routine")
    [plan] = await found(crisis, f"ServiceRequest?based-on=ServiceRequest/{request['id']}")
    assert plan["occurrenceTiming"]["repeat"]["boundsPeriod"]["end"] == plan_end(yes.json())
    [word] = await found(housing, "Communication?category=escalation-outcome")
    assert (word["about"], word["recipient"]) == ([ref(about)], [ref("PractitionerRole/housing-lead")])
    # The review cannot end before a contact was attempted, and the crisis plan looked at.
    task = (await crisis.get(about)).json()
    assert told(await crisis.put({**task, "status": "completed"})) == [("E10", "Task.status"), ("E10", "Task.output")]
    await crisis.created(attempt(task))
    done = await crisis.put(completed(task))
    assert done.status_code == 200, done.text
    assert (await housing.get(f"ServiceRequest/{request['id']}")).json()["status"] == "completed"


async def test_e5_a_no_has_guidance_and_a_second_escalation_reaches_somebody_else(
    locality: Locality, four: tuple[Agency, Agency, Agency, Agency]
) -> None:
    """E5, ESC-3: the escalation is revoked, its sender told, the decision reviewed first; the next one passes who said no."""
    housing, crisis, _, _ = four
    first = await sent(locality, housing)
    no = await crisis.put(rejected(await review_of(crisis, first)))
    assert no.status_code == 200, no.text
    about = f"Task/{no.json()['id']}"
    assert (await housing.get(f"ServiceRequest/{first['id']}")).json()["status"] == "revoked"
    assert [each["priority"] for each in await tasks(crisis, "decision-review", about)] == ["urgent"]
    guidance = (await housing.get(about)).json()["output"][-1]
    assert guidance["valueString"].startswith("Visit daily")
    second = await sent(locality, housing, replaces=[ref(f"ServiceRequest/{first['id']}")])
    assert (await review_of(crisis, second))["owner"] == ref("PractitionerRole/crisis-second")


async def test_tim_5_what_nobody_decides_goes_from_contact_to_contact(
    locality: Locality, four: tuple[Agency, Agency, Agency, Agency]
) -> None:
    """TIM-5, ESC-1: each level once, until somebody takes it."""
    housing, crisis, _, _ = four
    async with on_duty(locality, "PractitionerRole/crisis-second"):
        task = await review_of(crisis, await sent(locality, housing, priority="stat"))
        owners = []
        for hours in (1, 2, 3):
            for _ in range(2):
                await worker.run_once(locality.built, clock.now() + timedelta(hours=hours, minutes=1))
            owners.append((await crisis.get(f"Task/{task['id']}")).json())
        assert [each["owner"]["reference"] for each in owners] == ["PractitionerRole/crisis-second"] * 3
        assert [each["meta"]["versionId"] for each in owners] == ["2", "3", "4"]
        words = await found(housing, "Communication?category=breach")
        assert len(words) == 3
        taken = await together(crisis, accepted(owners[-1]), action(task))
        assert taken.status_code == 200, taken.text
        await worker.run_once(locality.built, clock.now() + timedelta(hours=5))
        assert len(await found(housing, "Communication?category=breach")) == 3


async def test_e12_a_safeguarding_driven_crisis_does_not_close_without_a_formulation(
    locality: Locality, four: tuple[Agency, Agency, Agency, Agency]
) -> None:
    """E12: the deciding agency sees the concern, so its review waits for the structured formulation."""
    housing, crisis, _, _ = four
    task = await review_of(crisis, await sent(locality, housing))
    flag = {"resourceType": "Flag", "status": "active", "code": {"text": "Concern"}, "subject": ref(locality.person)}
    await crisis.created({**flag, "category": [code("flag-category", "SG")]})
    yes = await together(crisis, accepted(task), action(task))
    assert yes.status_code == 200, yes.text
    task = (await crisis.get(f"Task/{task['id']}")).json()
    await crisis.created(attempt(task))
    assert told(await crisis.put(completed(task))) == [("E12", "Task.status")]
    await crisis.created(await formulated(locality, crisis))
    done = await crisis.put(completed(task))
    assert done.status_code == 200, done.text


def plan_end(bundle: Stored) -> str:
    """The end of the contact cadence in the answer to an acceptance."""
    outputs = bundle["entry"][0]["resource"]["output"]
    end: str = next(each["valueTiming"]["repeat"]["boundsPeriod"]["end"] for each in outputs if "valueTiming" in each)
    return end


async def formulated(locality: Locality, agency: Agency) -> Stored:
    """A structured formulation with its complete dataset."""
    questionnaire = locality.built.services.definitions.questionnaire(f"{BASE}/Questionnaire/mds-risk-formulation")
    assert questionnaire is not None
    response = await agency.created(dataset(locality.person, questionnaire))
    basis = [ref(f"QuestionnaireResponse/{response['id']}")]
    return {"resourceType": "RiskAssessment", "status": "final", "subject": ref(locality.person), "basis": basis}
