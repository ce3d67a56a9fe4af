"""Attack list, meetings (E1, E7, E13): no route ends a meeting without all that its row says, and nobody else ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.change import Resource
from service.usecases.care import agendas
from tests.attacks.held import HERE, NOW, REVIEW, Held, held, known, status
from tests.locality import code
from tests.meetings import (
    STRUCTURE,
    action,
    agenda,
    close,
    decided,
    decision,
    entry,
    flag,
    forum_,
    found,
    meeting,
    part,
    participant,
    ref,
    rules,
    texts,
    transaction,
)
from tests.story.test_front_door import Story, story

__all__ = ["story"]
PATCH = "application/json-patch+json"


async def advisory(story: Story, encounter: Resource) -> bool:
    """Whether a meeting ends as advisory."""
    listed = await story.trust.created(agenda(f"Encounter/{encounter['id']}"))
    answer = await close(story.trust, listed)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["parameter"][1]["valueBoolean"])


def of(forum: Resource) -> Resource:
    """The extension by which a meeting says that it is of a forum."""
    return {"url": f"{STRUCTURE}/forum", "valueReference": ref(f"HealthcareService/{forum['id']}")}


async def test_who_takes_part_cannot_close_a_meeting_by_naming_itself_its_chair(story: Story) -> None:
    """Whose agency chairs is read from what stands; its keeper alone names another."""
    one = await held(story, **NOW)
    mine = {**one.finished, "participant": [participant("crisis-lead", "chair"), participant("trust-lead")]}
    made = {name: value for name, value in one.decision().items() if name != "subject"}
    assert (await story.crisis.send("POST", "", transaction(mine, made))).status_code == 403
    assert (await story.crisis.put(mine)).status_code == 403
    assert await status(story, one) == "planned"


async def test_its_chair_closes_a_meeting_and_its_keeper_does_not(story: Story) -> None:
    """Where the two are of different agencies."""
    one = await held(story, chair=participant("crisis-lead", "chair"), others=(participant("trust-lead"),))
    decisions = decided(one.item, "no-action", REVIEW)
    assert "chair" in texts(await close(story.trust, one.listed, decisions))
    assert (await story.crisis.put({**one.meeting, "status": "cancelled"})).status_code == 403
    assert (await close(story.crisis, one.listed, decisions)).status_code == 200


async def test_a_chair_of_another_agency_takes_no_entry_away(story: Story) -> None:
    """Who added it does, or who keeps the meeting: else what an agency brings would go undiscussed."""
    one = await held(story, chair=participant("crisis-lead", "chair"), others=(participant("trust-lead"),))
    seen = (await story.crisis.get(f"List/{one.listed['id']}")).json()
    emptied = {name: value for name, value in seen.items() if name != "entry"}
    assert (await story.crisis.put(emptied)).json()["entry"] == one.listed["entry"]


async def test_whom_a_chair_may_not_know_of_stands_on_the_next_agenda(story: Story) -> None:
    """Handed on to another chair, a meeting ends without a decision about them, and they are not forgotten."""
    someone = await known(story, "housing", denied=("crisis",))
    item = f"Flag/{(await story.trust.created(flag(someone)))['id']}"
    encounter = await story.trust.created(meeting("mdt", *HERE))
    listed = await story.trust.created(agenda(f"Encounter/{encounter['id']}", entry(item)))
    await story.trust.put({**encounter, "participant": [participant("crisis-lead", "chair"), participant("trust-lead")]})
    assert (await close(story.crisis, listed)).status_code == 200
    later = await story.trust.created(meeting("mdt", *HERE))
    (taken,) = await found(story.trust, f"List?encounter=Encounter/{later['id']}")
    assert [each["item"] for each in taken["entry"]] == [ref(item)]


@pytest.mark.parametrize("route", ["put", "patch", "conditional", "batch", "transaction"])
async def test_no_route_finishes_a_meeting_without_a_decision(story: Story, route: str) -> None:
    """The refusal names the entry."""
    one = await held(story)
    bundle = transaction(one.finished)
    ways = {
        "put": ("PUT", one.ref, one.finished, ""),
        "patch": ("PATCH", one.ref, [{"op": "replace", "path": "/status", "value": "finished"}], PATCH),
        "conditional": ("PUT", f"Encounter?_id={one.meeting['id']}", one.finished, ""),
        "batch": ("POST", "", {**bundle, "type": "batch"}, ""),
        "transaction": ("POST", "", bundle, ""),
    }
    method, path, body, media = ways[route]
    answer = await story.trust.send(method, path, body, Content_Type=media or "application/fhir+json")
    assert one.item in answer.text
    assert await status(story, one) == "planned"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_an_entry_added_as_the_meeting_closes_needs_its_decision(story: Story, order: tuple[int, ...]) -> None:
    """In whatever order the transaction says it."""
    one = await held(story)
    late = f"Flag/{(await story.trust.created(flag(one.person)))['id']}"
    parts = one.finished, {**one.listed, "entry": [*one.listed["entry"], entry(late)]}, one.decision()
    answer = await story.trust.send("POST", "", transaction(*(parts[each] for each in order)))
    assert late in texts(answer)
    assert await status(story, one) == "planned"


@pytest.mark.parametrize("state", ["planned", "in-progress", "finished"])
async def test_neither_an_agenda_nor_its_meeting_is_deleted(story: Story, state: str) -> None:
    """With its agenda a meeting would lose what it has to decide, or what it has decided about."""
    one = await held(story)
    if state == "finished":
        assert (await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW))).status_code == 200
    elif state != "planned":
        assert (await story.trust.put({**one.meeting, "status": state})).status_code == 200
    for path in (f"List/{one.listed['id']}", one.ref):
        assert (await story.trust.send("DELETE", path)).status_code == 422
        assert (await story.trust.get(path)).status_code == 200
    bundle = transaction(one.finished)
    bundle["entry"].append({"request": {"method": "DELETE", "url": f"List/{one.listed['id']}"}})
    assert (await story.trust.send("POST", "", bundle)).status_code in (412, 422)


async def test_what_waits_for_the_next_meeting_is_not_deleted(story: Story) -> None:
    """Nor written by a client: a deferred entry would be lost."""
    one = await held(story)
    assert (await close(story.trust, one.listed, decided(one.item, "deferred", REVIEW))).status_code == 200
    (waiting,) = [each for each in await found(story.trust, "List") if "encounter" not in each]
    assert (await story.trust.send("DELETE", f"List/{waiting['id']}")).status_code == 422
    emptied = {name: value for name, value in waiting.items() if name != "entry"}
    assert (await story.trust.put(emptied)).status_code == 422
    assert (await story.trust.put({**waiting, "encounter": ref(one.ref)})).status_code == 422
    following = await story.trust.created(meeting("mdt", *HERE))
    (listed,) = await found(story.trust, f"List?encounter=Encounter/{following['id']}")
    assert [each["item"] for each in listed["entry"]] == [ref(one.item)]


async def test_a_second_agenda_adds_nothing_once_its_meeting_has_started(story: Story) -> None:
    """As the first one does not."""
    one = await held(story)
    assert (await story.trust.put({**one.meeting, "status": "in-progress"})).status_code == 200
    late = f"Flag/{(await story.trust.created(flag(one.person)))['id']}"
    assert "started" in texts(await story.trust.post("List", agenda(one.ref, entry(late))))


async def test_what_stands_on_two_agendas_of_a_meeting_is_decided_once(story: Story) -> None:
    """For all the reasons for which it is there, and carried out once."""
    one = await held(story, reason="restrictive-measure")
    await story.trust.created(agenda(one.ref, entry(one.item, "review")))
    measure = part("proportionality", valueString="Less would not do"), part("duration", valueString="3 days")
    assert "E13" in rules(await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW)))
    answer = await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW, *measure))
    assert answer.status_code == 200, answer.text
    assert len(await found(story.trust, "ServiceRequest?category=intensive-support")) == 1


async def test_an_agenda_made_while_its_meeting_closes_is_seen(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is committed first, no entry is left without a decision."""
    one, retell = await held(story), agendas.retell
    late = f"Flag/{(await story.trust.created(flag(await known(story))))['id']}"
    made: list[Any] = []

    async def last(*given: Any) -> None:
        await retell(*given)
        if not made:
            made.append(None)
            made.append(await story.trust.post("List", agenda(one.ref, entry(late))))

    monkeypatch.setattr(agendas, "retell", last)
    answer = await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW))
    assert made[1].status_code == 201
    assert answer.status_code in (409, 422), answer.text
    assert await status(story, one) == "planned"


async def test_of_closes_at_once_one_is_carried_out(story: Story) -> None:
    """And repeats of it under its own id are answered as it was."""
    one = await held(story)
    decisions = decided(one.item, "actions", action())
    answers = await asyncio.gather(*(close(story.trust, one.listed, decisions) for _ in range(4)))
    assert sorted(each.status_code for each in answers)[0] == 200
    assert {each.status_code for each in answers} <= {200, 409, 422}
    two = await held(story)
    again = decided(two.item, "actions", action())
    repeats = await asyncio.gather(*(close(story.trust, two.listed, again, X_Request_Id="once") for _ in range(4)))
    assert {(each.status_code, each.text) for each in repeats} == {(200, repeats[0].text)}
    assert (await close(story.trust, two.listed, decisions, X_Request_Id="once")).status_code == 409
    for each in (one, two):
        assert len(await found(story.trust, f"Communication?category=decision&encounter={each.ref}")) == 1


async def test_what_a_meeting_decided_stands(story: Story) -> None:
    """No status, decision, action or agenda is written for it afterwards."""
    one = await held(story)
    assert (await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW))).status_code == 200
    ended = (await story.trust.get(one.ref)).json()
    (made,) = await found(story.trust, "Communication?category=decision")
    anew = {name: value for name, value in made.items() if name not in ("id", "meta")}
    body = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    for answer in (
        await story.trust.put(ended),
        await story.trust.put({**ended, "status": "entered-in-error"}),
        await story.trust.send("PATCH", f"Communication/{made['id']}", body, Content_Type=PATCH),
        await story.trust.post("Communication", anew),
        await story.trust.post("Communication", {**anew, "encounter": ref(f"{one.ref}/_history/1")}),
        await story.trust.send("POST", "", transaction(ended, one.action())),
        await story.trust.post("List", agenda(one.ref)),
        await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW)),
    ):
        assert answer.status_code == 422, answer.text


async def wrong(one: Held, story: Story) -> dict[str, list[Resource]]:
    """What closes a meeting wrongly, beside the Encounter."""
    other = await known(story, "crisis")
    unfocused = {name: value for name, value in one.action(**{"for": ref(other)}).items() if name != "focus"}
    return {
        "an action for somebody else": [one.decision("actions"), one.action(**{"for": ref(other)})],
        "an action without focus for somebody else": [one.decision("actions"), unfocused],
        "an action for somebody else beside": [one.decision(), one.action(**{"for": ref(other)})],
        "two decisions": [one.decision(), one.decision("actions"), one.action()],
        "a decision that shows nothing": [one.decision(payload=[{"contentString": "\u200b\u2800"}])],
        "a decision about nothing on it": [one.decision(), decision(one.ref, f"Flag/{one.listed['id']}", "actions", other)],
    }


@pytest.mark.parametrize("case", range(6))
async def test_what_does_not_fit_closes_no_meeting(story: Story, case: int) -> None:
    """Nor is any of it stored."""
    one = await held(story)
    name, given = [*(await wrong(one, story)).items()][case]
    answer = await story.trust.send("POST", "", transaction(one.finished, *given))
    assert answer.status_code == 422, (name, answer.text)
    assert (await status(story, one), await found(story.trust, "Communication?category=decision")) == ("planned", [])


@pytest.mark.parametrize("kind", ["a meeting that goes on", "an Encounter of a person"])
async def test_an_action_comes_with_the_close_of_its_meeting(story: Story, kind: str) -> None:
    """Another write of a meeting decides nothing, and an Encounter of a person never does (TIM-11)."""
    one = await held(story)
    visit: Resource = {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}, "subject": ref(one.person)}
    other = one.meeting if kind.startswith("a meeting") else await story.trust.created(visit)
    asked = one.action(encounter=ref(f"Encounter/{other['id']}"))
    answer = await story.trust.send("POST", "", transaction({**other, "period": {"start": "2030-01-01"}}, asked))
    assert rules(answer) == ["TIM-11"]


@pytest.mark.parametrize("claim", [{"system": "http://example.org/roles", "code": "voluntary"}, {"code": "voluntary"}])
async def test_nobody_has_a_required_role_because_the_meeting_says_so(story: Story, claim: Resource) -> None:
    """MTG-2: the directory says it, but of a delegate the role that they stand for."""
    await story.trust.created(forum_("mdt", required=["voluntary"]))
    second = participant("trust-second")
    second["type"].append({"coding": [claim]})
    assert await advisory(story, await story.trust.created(meeting("mdt", second)))


async def test_a_meeting_keeps_its_forum(story: Story) -> None:
    """MTG-2: one that left it out, or named another, as it closes, would be without its quorum."""
    strict, lax = await story.trust.created(forum_("mdt", required=["voluntary"])), await story.trust.created(forum_("mdt"))
    encounter = await story.trust.created(meeting("mdt", *HERE, extension=[of(strict)]))
    other = {**encounter, "status": "finished", "extension": [of(lax)]}
    assert rules(await story.trust.put(other)) == ["MTG-1"]
    without = {name: value for name, value in encounter.items() if name != "extension"}
    ended = (await story.trust.put({**without, "status": "finished"})).json()
    assert [each["url"].rpartition("/")[2] for each in ended["extension"]] == ["forum", "advisory"]


async def test_a_meeting_of_a_forum_that_is_gone_can_be_closed(story: Story) -> None:
    """It was planned while the forum was there."""
    forum = await story.trust.created(forum_("mdt"))
    encounter = await story.trust.created(meeting("mdt", *HERE))
    assert (await story.trust.send("DELETE", f"HealthcareService/{forum['id']}")).status_code == 204
    assert not await advisory(story, encounter)


async def test_who_is_to_come_has_not_been_there(story: Story) -> None:
    """MTG-2: a time that is ahead is no attendance."""
    chair = {**participant("trust-lead", "chair"), "period": {"start": "2099-01-01"}}
    encounter = await story.trust.created(meeting("mdt", *HERE, chair=chair))
    assert rules(await story.trust.put({**encounter, "status": "finished"})) == ["MTG-2"]


@pytest.mark.parametrize("kinds", [("mdt", "risk-forum"), ("governance", "risk-forum")])
async def test_a_meeting_is_of_one_kind(story: Story, kinds: tuple[str, ...]) -> None:
    """One of two would spare it what the other asks for."""
    of_two = {**meeting("mdt"), "type": [code("meeting-type", each) for each in kinds]}
    assert "one kind" in texts(await story.trust.post("Encounter", of_two))


async def test_a_risk_forum_redirects_nobody_without_an_action(story: Story) -> None:
    """E13: each case ends with an owned action, or with none and a date of review."""
    one = await held(story, "risk-forum")
    answer = await close(story.trust, one.listed, decided(one.item, "redirected"))
    assert "E13" in rules(answer)
    forum = {**story.answers("https://baton.example/fhir/Questionnaire/mds-forum", "trust"), "encounter": ref(one.ref)}
    forum["subject"] = ref(one.person)
    said = {"referral-criterion": "Safeguarding", "threshold-consistency": "Consistent"}
    for each in forum["item"]:
        each["answer"] = [{"valueString": said.get(each["linkId"], "Asked, and answered")}]
    await story.trust.created(forum)
    assert "action" in texts(await close(story.trust, one.listed, decided(one.item, "redirected")))
    assert (await close(story.trust, one.listed, decided(one.item, "redirected", action()))).status_code == 200
