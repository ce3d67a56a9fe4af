"""Attack list, roles in a plan (E7), and the clocks of meetings: no route takes a role as confirmed that its agency has not
confirmed last, and a clock is not moved by a write beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.change import Resource, Timer
from service.usecases.care import deadlines
from tests.attacks.callers import alike
from tests.attacks.held import HERE, REVIEW, held, known
from tests.locality import BASE, code, handover, plan
from tests.meetings import agenda, close, decided, entry, forum_, found, meeting, part, participant, partner, ref, rules, texts
from tests.meetings import transaction as together
from tests.story.test_front_door import Story, story

__all__ = ["story"]
QUESTIONNAIRE = "https://baton.example/fhir/Questionnaire/mds-case-review"
PATCH = "application/json-patch+json"


async def drafted(story: Story, *roles: Resource, denied: tuple[str, ...] = ()) -> Resource:
    """A draft of the trust about somebody, with roles for partners."""
    story.locality.person = await known(story, "crisis", "housing", "trust", denied=denied)
    given = list(roles) or [partner("housing", "contact-with-person")]
    return await story.trust.created(plan(story.locality.person, status="draft", extension=given))


async def reviewed(story: Story, draft: Resource, kind: str = "no-action", review: Resource = REVIEW) -> Resource | str:
    """The `confirm-role` Task of the housing association that a case review asks for; what it is refused with, where it is."""
    where = f"Encounter/{(await story.trust.created(meeting('case-review', *HERE)))['id']}"
    listed = await story.trust.created(agenda(where, entry(f"CarePlan/{draft['id']}", "review")))
    for name in ("trust", "crisis", "housing"):
        answers = {**story.answers(QUESTIONNAIRE, name), "encounter": ref(where)}
        await getattr(story, name).created(answers)
    answer = await close(story.trust, listed, decided(f"CarePlan/{draft['id']}", kind, review))
    if answer.status_code != 200:
        return texts(answer)
    (task,) = await found(story.housing, "Task?code=confirm-role&status=requested")
    return task


def active(draft: Resource) -> Resource:
    """The plan as the write says it that activates it."""
    return {**draft, "status": "active"}


@pytest.mark.parametrize("route", ["put", "patch", "transaction", "created", "handover"])
async def test_no_route_activates_a_plan_with_a_role_that_waits(story: Story, route: str) -> None:
    """Nor does the agency that a draft is handed over to."""
    draft = await drafted(story)
    where = f"CarePlan/{draft['id']}"
    if route == "handover":
        dataset = await story.trust.created(story.locality.dataset())
        sent = await story.trust.created(handover(story.locality.person, where, f"QuestionnaireResponse/{dataset['id']}"))
        moves = (await story.crisis.get(f"Task/{sent['id']}/$moves")).text
        assert "has not confirmed its role" in moves
        answer = await story.crisis.put({**sent, "status": "accepted", "owner": ref("PractitionerRole/crisis-lead")})
    elif route == "patch":
        body = [{"op": "replace", "path": "/status", "value": "active"}]
        answer = await story.trust.send("PATCH", where, body, Content_Type=PATCH, If_Match="*")
    elif route == "created":
        new = {name: value for name, value in active(draft).items() if name not in ("id", "meta")}
        answer = await story.trust.post("CarePlan", new)
    elif route == "transaction":
        answer = await story.trust.send("POST", "", together(active(draft)))
    else:
        answer = await story.trust.put(active(draft))
    assert rules(answer) == ["E7"]
    assert (await story.trust.get(where)).json()["status"] == "draft"


async def test_a_draft_whose_roles_are_confirmed_is_handed_over(story: Story) -> None:
    """The role of who receives it, and of who sent it, waits for nobody."""
    roles = [partner(each, "contact-with-person") for each in ("housing", "crisis", "trust")]
    draft = await drafted(story, *roles)
    task = await reviewed(story, draft)
    assert isinstance(task, dict)
    assert (await story.housing.put({**task, "status": "completed"})).status_code == 200
    dataset = await story.trust.created(story.locality.dataset())
    refs = f"CarePlan/{draft['id']}", f"QuestionnaireResponse/{dataset['id']}"
    sent = await story.trust.created(handover(story.locality.person, *refs))
    answer = await story.crisis.put({**sent, "status": "accepted", "owner": ref("PractitionerRole/crisis-lead")})
    assert answer.status_code == 200, answer.text


async def test_the_newest_answer_about_a_role_counts(story: Story) -> None:
    """An agency that confirmed it once, and does not any more, has not confirmed it."""
    draft = await drafted(story)
    first = await reviewed(story, draft)
    assert isinstance(first, dict)
    assert (await story.housing.put({**first, "status": "completed"})).status_code == 200
    second = await reviewed(story, draft)
    assert isinstance(second, dict)
    assert rules(await story.trust.put(active(draft))) == ["E7"]
    why = code("status-reason", "does-not-confirm", "Nobody is left to do it")
    assert (await story.housing.put({**second, "status": "rejected", "statusReason": why})).status_code == 200
    assert rules(await story.trust.put(active(draft))) == ["E7"]


async def test_who_has_the_role_alone_confirms_it(story: Story) -> None:
    """Who asked, who takes part, and a stranger do not; hidden and absent look the same."""
    task = await reviewed(story, await drafted(story))
    assert isinstance(task, dict)
    done = {**task, "status": "completed"}
    assert (await story.trust.put(done)).status_code == 422
    assert (await story.trust.post("Task", {name: value for name, value in done.items() if name != "id"})).status_code == 422
    stranger = await story.locality.agency("voluntary", user="PractitionerRole/voluntary-lead")
    for agency in (story.crisis, stranger):
        assert (await agency.put(done)).status_code == 404
        for path in ("Task/{}", "Task/{}/$moves"):
            there, absent = [await agency.get(path.format(each)) for each in (task["id"], "absent")]
            assert alike(there, absent, task["id"], "absent")
    another = [{"type": code("task-input", "role"), "valueCodeableConcept": code("partner-role", "clinical-input")}]
    assert (await story.housing.put({**done, "input": another})).status_code == 422


async def test_a_role_without_an_agency_that_can_be_asked_activates_no_plan(story: Story) -> None:
    """An identifier is no reference."""
    unnamed = partner("housing", "contact-with-person")
    unnamed["extension"][0]["valueReference"] = {"identifier": {"value": "housing"}}
    draft = await drafted(story, unnamed)
    assert rules(await story.trust.put(active(draft))) == ["E7"]


async def test_an_agency_that_may_not_know_of_the_person_is_not_asked(story: Story) -> None:
    """HOV-3: the question would tell it of them."""
    draft = await drafted(story, partner("voluntary", "contact-with-person"), denied=("voluntary",))
    assert "cannot be asked" in str(await reviewed(story, draft))
    voluntary = await story.locality.agency("voluntary", user="PractitionerRole/voluntary-lead")
    assert await found(voluntary, "Task") == []


@pytest.mark.parametrize(
    ("kind", "day"), [("no-action", "2020-01-01"), ("redirected", "2020-01-01"), ("redirected", "0001-01-01")]
)
async def test_the_next_review_is_ahead(story: Story, kind: str, day: str) -> None:
    """TIM-16: whatever was decided."""
    told = await reviewed(story, await drafted(story), kind, part("review", valueDate=day))
    assert "has passed" in str(told)


async def clocks(story: Story, kind: str) -> list[Timer]:
    """The clocks of a kind that run."""
    documents = await story.locality.built.services.mongo.collection("timers").find({"kind": kind, "done": False}).to_list(None)
    return [Timer(each["k"], kind, each["due"], each["focus"], each["l"], each["data"]) for each in documents]


async def test_a_change_of_a_forum_beside_its_cadence_leaves_its_clock(story: Story) -> None:
    """MTG-1: else each write of one that is overdue would tell of it again, and not its chair's agency."""
    forum = await story.trust.created(forum_("mdt"))
    encounter = await story.trust.created(meeting("mdt", participant("trust-lead"), chair=participant("crisis-lead", "chair")))
    listed = await story.trust.created(agenda(f"Encounter/{encounter['id']}"))
    assert (await close(story.crisis, listed)).status_code == 200
    before = await clocks(story, "MTG-1")
    renamed = (await story.trust.put({**forum, "name": "Tuesdays"})).json()
    assert await clocks(story, "MTG-1") == before
    assert before[0].data == {"chair": "Organization/crisis"}
    rarer = forum_("mdt", days=14)["extension"]
    assert (await story.trust.put({**renamed, "extension": rarer})).status_code == 200
    (after,) = await clocks(story, "MTG-1")
    assert (after.due - before[0].due, after.data) == (timedelta(days=7), before[0].data)
    for _ in range(2):
        await deadlines.fire(story.locality.built.services, f"{BASE}/fhir", after, after.due + timedelta(seconds=1))
    assert len(await found(story.crisis, "Task?code=alert")) == 1


@pytest.mark.parametrize("end", ["deleted", "closed"])
async def test_the_clock_of_a_forum_that_is_no_more_tells_nobody(story: Story, end: str) -> None:
    """It is settled, and set no more."""
    forum = await story.trust.created(forum_("mdt"))
    (timer,) = await clocks(story, "MTG-1")
    if end == "deleted":
        assert (await story.trust.send("DELETE", f"HealthcareService/{forum['id']}")).status_code == 204
    else:
        assert (await story.trust.put({**forum, "active": False})).status_code == 200
    await deadlines.fire(story.locality.built.services, f"{BASE}/fhir", timer, timer.due + timedelta(seconds=1))
    assert (await found(story.trust, "Task?code=alert"), await clocks(story, "MTG-1")) == ([], [])


async def test_intensive_support_ends_once(story: Story) -> None:
    """And not at all where somebody has ended it before."""
    one = await held(story, reason="restrictive-measure")
    measure = part("proportionality", valueString="Less would not do"), part("duration", valueString="3 days")
    assert (await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW, *measure))).status_code == 200
    (timer,) = await clocks(story, "intensive-support-end")
    for _ in range(2):
        await deadlines.fire(story.locality.built.services, f"{BASE}/fhir", timer, timer.due + timedelta(seconds=1))
    (support,) = await found(story.trust, "ServiceRequest?category=intensive-support")
    assert support["status"] == "completed"
    assert len(await found(story.trust, "Task?code=alert")) == 1
