"""Attack list, meetings: what is malformed or far out is refused at its place, is never a fault of the service, and is not stored
in part."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest

from service.change import Resource
from tests.attacks.held import HERE, REVIEW, Held, held, status
from tests.locality import BASE, person
from tests.meetings import (
    STRUCTURE,
    action,
    agenda,
    ahead,
    close,
    decided,
    entry,
    flag,
    forum_,
    found,
    meeting,
    part,
    participant,
    ref,
    texts,
)
from tests.story.test_front_door import Story, story

__all__ = ["story"]
UCUM = "http://unitsofmeasure.org"
ITEM = "Parameters.parameter[0].part[0]"


async def raw(story: Story, path: str, body: Any) -> httpx.Response:
    """A POST of the trust, of whatever body."""
    headers = {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {story.trust.token}"}
    return await story.trust.http.post(f"/fhir/{path}", json=body, headers=headers)


def days(value: float, unit: str = "d", **more: Any) -> Resource:
    """A Duration."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **more}


def measure(item: str, **duration: Any) -> Resource:
    """The decision of a restrictive measure."""
    return decided(
        item, "no-action", REVIEW, part("proportionality", valueString="Less would not do"), part("duration", **duration)
    )


def odd(item: str) -> list[tuple[Any, str]]:
    """What `$close-meeting` may be sent, each with the place that the refusal names, '' for any."""

    def one(*parts: Resource) -> Resource:
        return {"resourceType": "Parameters", "parameter": [{"name": "entry", "part": list(parts)}]}

    def whole(entry_: Resource) -> Resource:
        return {"resourceType": "Parameters", "parameter": [entry_]}

    at = part("item", valueReference=ref(item))
    owner = part("owner", valueReference={"identifier": {"value": "x"}})
    unowned = {"name": "action", "part": [part("description", valueString="x"), owner, part("due", valueDate=ahead(3))]}
    return [
        ({"resourceType": "Patient"}, "Patient"),
        ([], ""),
        ("x", ""),
        ({"resourceType": "Parameters", "parameter": [{"name": "entry", "part": [1]}]}, "Parameters.parameter[0]"),
        ({"resourceType": "Parameters", "parameter": [{"name": "other", "valueString": "x"}]}, "Parameters.parameter[0]"),
        (whole(decided(item, "no-action", part("other", valueString="x"))), "Parameters.parameter[0].part[3]"),
        (one(part("item", valueString=item)), ITEM),
        (one(part("item", valueReference={"reference": 5})), ITEM),
        (one(part("item", valueReference={"identifier": {"value": "x"}})), "Parameters.parameter[0].part"),
        (one(part("item", valueReference={})), ITEM),
        (one(part("item", valueReference=ref("#x"))), "Parameters"),
        (one(part("item", valueReference=ref("https://elsewhere.example/fhir/Flag/1"))), "Parameters.parameter[0]"),
        (one(part("item", valueReference=ref("urn:uuid:5f3f2a3e-9b37-4c43-9d0f-0f6a3d1c9a11"))), "Parameters.parameter[0]"),
        (one(at, part("decision", valueCodeableConcept={"coding": "x"})), "Parameters.parameter[0].part[1]"),
        (one(at, part("decision", valueCodeableConcept={"coding": [5]})), "Parameters.parameter[0].part[1]"),
        (one(at, part("decision", valueCoding={"system": 5, "code": {"a": 1}})), "Parameters.parameter[0].part[1]"),
        (one(at, part("decision", valueCoding={"system": "http://x.example", "code": "no-action"})), "Parameters.parameter[0]"),
        (one(at, part("decision", valueCode="frobnicate")), "Parameters.parameter[0]"),
        (whole(decided(item, "no-action", REVIEW, rationale="\u200b\u2800")), "Parameters.parameter[0]"),
        (whole(decided(item, "no-action", part("review", valueDate="2030-13-45"))), "Parameters.parameter[0].part[3]"),
        (whole(decided(item, "no-action", part("review", valueDateTime="0001-01-01T00:00:00+14:00"))), "Parameters.parameter[0]"),
        *((whole(measure(item, **each)), "Parameters.parameter[0]") for each in DURATIONS),
        (
            whole(decided(item, "no-action", REVIEW, part("proportionality", valueString="\u200b\u2063"))),
            "Parameters.parameter[0]",
        ),
        (whole(decided(item, "actions", action(owner="Patient/x"))), "Parameters.parameter[0]"),
        (whole(decided(item, "actions", action(due="2020-01-01"))), "Parameters.parameter[0]"),
        (whole(decided(item, "actions", unowned)), "Parameters.parameter[0]"),
        (whole(decided(item, "redirected", part("redirect", valueReference=ref("http://x.example/Basic/1")))), ""),
        (
            whole(decided(item, "allocated", part("receiver", valueReference={"display": "Crisis"}))),
            "Parameters.parameter[0].part",
        ),
        (
            whole(decided(item, "allocated", part("lead", valueReference=ref("Practitioner/crisis-lead")))),
            "Parameters.parameter[0]",
        ),
    ]


DURATIONS: list[dict[str, Any]] = [
    {"valueString": "0 days"},
    {"valueString": "-3 days"},
    {"valueString": "for good"},
    {"valueString": "9999 months"},
    {"valueDuration": days(-5)},
    {"valueDuration": days(1e300, "a")},
    {"valueDuration": days(5000, "a")},
    {"valueDuration": days(5, comparator=">")},
    {"valueDuration": days(1e-12, "s")},
    {"valueDuration": {"value": 1, "code": ["d"]}},
    {"valueDuration": {"value": True, "code": "d"}},
    {"valueDuration": {}},
]


async def test_what_is_odd_closes_no_meeting(story: Story) -> None:
    """Each is refused, and names a place in what was sent."""
    one = await held(story, reason="restrictive-measure")
    for body, place in odd(one.item):
        answer = await raw(story, f"List/{one.listed['id']}/$close-meeting", body)
        assert answer.status_code in (400, 422), (body, answer.text)
        places = [each for issue in answer.json()["issue"] for each in issue.get("expression", [""])]
        assert any(each.startswith(place) for each in places), (body, places)
    assert (await status(story, one), await found(story.trust, "Communication?category=decision")) == ("planned", [])


@pytest.mark.parametrize("count", [300])
async def test_many_strays_close_no_meeting(story: Story, count: int) -> None:
    """Each of them is named at its place."""
    one = await held(story)
    entries = [decided(f"Flag/x{number}", "no-action", REVIEW) for number in range(count)]
    answer = await close(story.trust, one.listed, *entries)
    assert f"Parameters.parameter[{count - 1}]" in answer.text


@pytest.mark.parametrize("form", ["{}/_history/1", f"{BASE}/fhir/{{}}", f"{BASE}/fhir/{{}}/_history/1"])
async def test_an_item_is_one_by_whatever_reference(story: Story, form: str) -> None:
    """A version, and our own base, are left off."""
    one = await held(story)
    twice = agenda(one.ref, entry(one.item), entry(form.format(one.item)))
    assert "once" in texts(await story.trust.post("List", twice))
    answer = await close(story.trust, one.listed, decided(form.format(one.item), "no-action"))
    assert answer.json()["issue"][0]["expression"] == ["Parameters.parameter[0]"]
    assert (await close(story.trust, one.listed, decided(form.format(one.item), "no-action", REVIEW))).status_code == 200


@pytest.mark.parametrize(
    ("said", "seconds"), [("PT30M", 1800), ("P2M", 60 * 86400), ("P2W", 14 * 86400), ("14 days", 14 * 86400)]
)
async def test_a_measure_lasts_as_long_as_it_says(story: Story, said: str, seconds: int) -> None:
    """Half an hour is no thirty months."""
    one = await held(story, reason="restrictive-measure")
    assert (await close(story.trust, one.listed, measure(one.item, valueString=said))).status_code == 200
    (support,) = await found(story.trust, "ServiceRequest?category=intensive-support")
    start, end = (seconds_of(support["occurrencePeriod"][each]) for each in ("start", "end"))
    assert abs((end - start) - seconds) < 1


def seconds_of(text: str) -> float:
    """An instant in seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def entries(one: Held) -> list[Resource]:
    """Agendas that nobody can decide about."""
    contained = {**flag(one.person), "id": "f"}
    items: list[Any] = [
        one.person,
        f"List/{one.listed['id']}",
        one.ref,
        "https://elsewhere.example/fhir/Flag/1",
        "urn:uuid:5f3f2a3e-9b37-4c43-9d0f-0f6a3d1c9a11",
        "Task/none",
    ]
    return [
        *(agenda(one.ref, entry(each)) for each in items),
        {**agenda(one.ref, entry("#f")), "contained": [contained]},
        agenda(one.ref, {**entry(one.item), "item": {"identifier": {"value": "x"}}}),
        agenda(one.ref, {"item": ref(one.item)}),
        agenda(one.ref, entry(one.item, "frobnicate")),
        agenda(one.ref, entry(one.item), subject=ref(one.person)),
        agenda("Encounter/none", entry(one.item)),
        agenda("https://x.example/Encounter/1", entry(one.item)),
        {**agenda(one.ref), "entry": [5]},
        {**agenda(one.ref), "encounter": "x"},
        agenda(one.ref, *(entry(f"Flag/n{number}") for number in range(300))),
    ]


async def test_what_nobody_can_decide_about_stands_on_no_agenda(story: Story) -> None:
    """Each is refused at its place, and no List is stored."""
    one = await held(story)
    for listed in entries(one):
        answer = await raw(story, "List", listed)
        assert answer.status_code == 422, answer.text
        assert answer.json()["issue"][0]["expression"][0].startswith("List")
    assert len(await found(story.trust, "List")) == 1


def chaired(individual: str, **more: Any) -> Resource:
    """A meeting with this chair."""
    return meeting("mdt", *HERE, chair={**participant("x", "chair"), "individual": ref(individual)}, **more)


async def test_who_cannot_hold_a_meeting_plans_none(story: Story) -> None:
    """Its chair and its keeper are known here; each refusal names the place."""
    someone = await person(story.locality.built)
    extension = [{"url": f"{STRUCTURE}/forum", "valueReference": ref("HealthcareService/none")}]
    for body in (
        chaired("https://x.example/PractitionerRole/1"),
        chaired("Practitioner/trust-lead"),
        chaired(someone),
        {**chaired("#p"), "contained": [{"resourceType": "PractitionerRole", "id": "p"}]},
        meeting("mdt", participant("trust-second", "chair")),
        meeting("mdt", participant("none")),
        meeting("mdt", {"type": participant("x")["type"]}),
        meeting("mdt", serviceProvider=ref("Organization/crisis")),
        meeting("mdt", extension=extension),
        meeting("mdt", period={"start": "2030", "end": "2020"}),
        {**meeting("mdt"), "participant": ["x"]},
        {**meeting("mdt"), "type": ["x"]},
    ):
        answer = await raw(story, "Encounter", body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["issue"][0]["expression"][0].startswith("Encounter")


@pytest.mark.parametrize("period", [{"start": "9999-12-31", "end": "9999-12-31"}, {"start": "0001-01-01T00:00:00+14:00"}])
async def test_a_meeting_at_the_end_of_the_calendar_is_held_like_any(story: Story, period: Resource) -> None:
    """Python's calendar ends there."""
    one = await held(story, period=period)
    far = part("review", valueDate="9999-12-31")
    assert (await close(story.trust, one.listed, decided(one.item, "deferred", far))).status_code == 200


CADENCES: list[Resource] = [
    {"period": 0, "periodUnit": "d"},
    {"period": 1e300, "periodUnit": "a"},
    {"period": 90000, "periodUnit": "a"},
    {"period": 0.000001, "periodUnit": "s"},
    {"frequency": 2147483647, "period": 1, "periodUnit": "s"},
    {"period": -7, "periodUnit": "d"},
]


@pytest.mark.parametrize("repeat", CADENCES)
async def test_a_forum_is_held_as_often_as_a_calendar_holds(story: Story, repeat: Resource) -> None:
    """MTG-1: else its clock would pass at every moment, or never."""
    forum = forum_("mdt", grace=0)
    forum["extension"][1]["valueTiming"] = {"repeat": {"frequency": 1, **repeat}}
    answer = await raw(story, "HealthcareService", forum)
    assert answer.status_code == 422, answer.text
    assert answer.json()["issue"][0]["expression"][0].startswith("HealthcareService.extension")


@pytest.mark.parametrize("grace", [days(-70), days(1e300), days(1, "a") | {"value": 1e9}])
async def test_the_grace_of_a_forum_is_a_time(story: Story, grace: Resource) -> None:
    """MTG-1: neither negative nor without end."""
    forum = forum_("mdt")
    forum["extension"][2]["valueDuration"] = grace
    assert "grace" in texts(await story.trust.post("HealthcareService", forum))


async def test_whom_a_forum_needs_is_told_by_a_code(story: Story) -> None:
    """MTG-2: words alone are nobody's role, so that it would never have its quorum."""
    forum = forum_("mdt")
    forum["extension"].append({"url": f"{STRUCTURE}/required-role", "valueCodeableConcept": {"text": "Somebody senior"}})
    assert "code" in texts(await story.trust.post("HealthcareService", forum))


async def test_what_is_gone_is_no_obstacle_to_a_close(story: Story) -> None:
    """An item that was deleted is not decided about; one of a deleted person is, as any."""
    one, two = await held(story), await held(story)
    assert (await story.trust.send("DELETE", one.item)).status_code == 204
    assert "agenda" in texts(await close(story.trust, one.listed, decided(one.item, "no-action", REVIEW)))
    assert (await close(story.trust, one.listed)).status_code == 200
    assert (await story.trust.send("DELETE", two.person)).status_code == 204
    assert (await close(story.trust, two.listed, decided(two.item, "no-action", REVIEW))).status_code == 200
