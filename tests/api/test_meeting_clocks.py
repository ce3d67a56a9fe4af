"""The clocks of meetings, and what rules put on an agenda by themselves: each once, whatever fires it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import pytest_asyncio

from service import clock
from service.change import Resource, Timer
from service.fhir.reference import name_of
from service.usecases.care import deadlines
from tests.locality import BASE, Locality, dataset, person, plan, stored
from tests.meetings import agenda, ahead, close, decided, entry, flag, forum_, found, meeting, part, participant, ref
from tests.stepping import accepted, action, in_team, review_of, sent, together
from tests.story.test_front_door import Story, story

__all__ = ["story"]


@pytest_asyncio.fixture
async def locality(story: Story) -> Locality:
    """A locality of its own, with somebody whom the trust knows."""
    story.locality.person = await person(story.locality.built, "Organization/trust")
    return story.locality


async def timers(locality: Locality, kind: str) -> list[Timer]:
    """The clocks of a kind that run."""
    documents = await locality.built.services.mongo.collection("timers").find({"kind": kind, "done": False}).to_list(None)
    return [Timer(each["k"], kind, each["due"], each["focus"], each["l"], each["data"]) for each in documents]


async def fired(locality: Locality, kind: str) -> Timer:
    """Fires the one clock of a kind, twice."""
    (timer,) = await timers(locality, kind)
    for _ in range(2):
        await deadlines.fire(locality.built.services, f"{BASE}/fhir", timer, timer.due + timedelta(seconds=1))
    return timer


async def alerts(locality: Locality, focus: str) -> list[Resource]:
    """The alerts about a record."""
    rows = await locality.built.services.holdings.having("Task", f"focus={focus}")
    return [row.resource for row in rows]


async def test_mtg_1_a_forum_that_is_not_held_is_told_to_its_agency_once(locality: Locality) -> None:
    """Within its cadence and its grace; and again when the next time passes."""
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    forum = await trust.created(forum_("mdt", days=7, grace=1))
    (timer,) = await timers(locality, "MTG-1")
    assert timedelta(days=7.9) < timer.due - clock.now() < timedelta(days=8.1)
    await fired(locality, "MTG-1")
    (alert,) = await alerts(locality, name_of(forum))
    assert (alert["owner"], alert["status"]) == (ref("Organization/trust"), "requested")
    (again,) = await timers(locality, "MTG-1")
    assert again.due > timer.due


async def test_mtg_1_a_meeting_starts_the_clock_of_its_forum_again(locality: Locality) -> None:
    """And a forum that is closed has none."""
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    forum = await trust.created(forum_("mdt"))
    held = await trust.created(meeting("mdt"))
    (before,) = await timers(locality, "MTG-1")
    assert (await trust.put({**held, "status": "finished"})).status_code == 200
    (after,) = await timers(locality, "MTG-1")
    assert after.due > before.due
    assert (await trust.put({**forum, "active": False})).status_code == 200
    assert await timers(locality, "MTG-1") == []


async def test_tim_16_a_case_review_that_is_not_held_is_told_to_the_lead(locality: Locality) -> None:
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    led = name_of(await trust.created(plan(locality.person)))
    held = await trust.created(meeting("case-review"))
    listed = await trust.created(agenda(name_of(held), entry(led, "review")))
    questionnaire = locality.built.services.definitions.questionnaire("https://baton.example/fhir/Questionnaire/mds-case-review")
    assert questionnaire is not None
    await trust.created({**dataset(locality.person, questionnaire), "encounter": ref(name_of(held))})
    answer = await close(trust, listed, decided(led, "no-action", part("review", valueDate=ahead(20))))
    assert answer.status_code == 200, answer.text
    timer = await fired(locality, "TIM-16")
    assert timedelta(days=19) < timer.due - clock.now() < timedelta(days=22)
    (alert,) = [each for each in await alerts(locality, led) if each["code"]["coding"][0]["code"] == "alert"]
    assert alert["owner"] == ref("PractitionerRole/trust-lead")


async def test_e13_intensive_support_ends_by_itself_and_says_so(locality: Locality) -> None:
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    item = name_of(await trust.created(flag(locality.person)))
    held = await trust.created(meeting("mdt"))
    listed = await trust.created(agenda(name_of(held), entry(item, "restrictive-measure")))
    said = part("proportionality", valueString="Nothing less helped"), part("duration", valueString="2 weeks")
    assert (await close(trust, listed, decided(item, "no-action", part("review", valueDate=ahead(7)), *said))).status_code == 200
    await fired(locality, "intensive-support-end")
    (support,) = await found(trust, "ServiceRequest?category=intensive-support")
    assert support["status"] == "completed"
    assert len(await alerts(locality, name_of(support))) == 1


@pytest.mark.parametrize(
    "record",
    [
        {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
        },
        {
            "resourceType": "Communication",
            "status": "completed",
            "category": [{"coding": [{"system": "https://baton.example/fhir/CodeSystem/event-kind", "code": "crisis-event"}]}],
        },
    ],
    ids=["encounter", "communication"],
)
async def test_gov_10_a_crisis_contact_of_somebody_with_a_plan_is_talked_about(locality: Locality, record: Resource) -> None:
    """GOV-10: where the agency that leads the plan may know of it; of somebody without a plan it is not."""
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    await trust.created({**record, "subject": ref(locality.person)})
    assert await found(trust, "List") == []
    led = name_of(await trust.created(plan(locality.person)))
    await trust.created({**record, "subject": ref(locality.person)})
    (waiting,) = await found(trust, "List")
    assert [(each["item"], each["flag"]["coding"][0]["code"]) for each in waiting["entry"]] == [(ref(led), "crisis-contact")]
    await trust.created({**record, "subject": ref(locality.person)})
    held = await trust.created(meeting("mdt", participant("crisis-lead")))
    (listed,) = await found(trust, f"List?encounter={name_of(held)}")
    assert [each["item"] for each in listed["entry"]] == [ref(led)]


async def test_esc_3_a_decision_about_an_escalation_is_on_the_next_agenda(locality: Locality) -> None:
    """The escalation that was accepted is too, and a brief review that is not held in time (TIM-6)."""
    housing = await locality.agency("housing", user="PractitionerRole/housing-lead")
    crisis = await locality.agency("crisis", user="PractitionerRole/crisis-lead")
    await in_team(locality, "housing", "crisis")
    request = await sent(locality, housing)
    review = await review_of(crisis, request)
    answer = await together(crisis, accepted(review), action(review))
    assert answer.status_code == 200, answer.text
    (waiting,) = await found(crisis, "List")
    reasons = [each["flag"]["coding"][0]["code"] for each in waiting["entry"]]
    assert reasons == ["review", "decision-review"]
    await fired(locality, "TIM-6")
    (waiting,) = await found(crisis, "List")
    assert [each["flag"]["coding"][0]["code"] for each in waiting["entry"]] == ["review", "decision-review", "brief-review-due"]


async def test_gov_10_stored_is_used(locality: Locality) -> None:
    """A record that an agency stores of its own is no crisis contact by itself."""
    trust = await locality.agency("trust")
    await stored(locality.built, "Organization/trust", {**plan(locality.person), "id": clock.new_id()})
    await trust.created(
        {"resourceType": "Encounter", "status": "planned", "class": {"code": "EMER"}, "subject": ref(locality.person)}
    )
    assert await found(trust, "List") == []
