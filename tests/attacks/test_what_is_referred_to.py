"""Attack list, references (consent rules, section 3): what a writer refers to is visible to the writer each time the write is
decided, and what is hidden is refused like what is absent, byte for byte."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service import clock
from tests.attacks.callers import alike
from tests.attacks.records import CONFIDENTIALITY, denial
from tests.locality import Agency, Locality, code, dataset, handover, person, plan, stored

Stored = dict[str, Any]


def package(about: str, identity: str = "") -> Stored:
    """A document about a person."""
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "x"},
        "subject": {"reference": about},
        "date": "2026-11-01T00:00:00Z",
        "author": [{"reference": "PractitionerRole/trust-lead"}],
        "title": "What is handed over",
    }
    url = f"urn:uuid:{clock.new_id()}"
    made = {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{clock.new_id()}"},
        "timestamp": "2026-11-01T00:00:00Z",
        "entry": [{"fullUrl": url, "resource": composition}],
    }
    return {**made, "id": identity} if identity else made


def packed(task: Stored, ref: str) -> Stored:
    """The handover with a package."""
    given = {"type": code("task-input", "package"), "valueReference": {"reference": ref}}
    return {**task, "input": [*task["input"], given]}


async def ready(locality: Locality, trust: Agency) -> Stored:
    """A handover that the trust may send."""
    led, answers = await trust.created(locality.plan()), await trust.created(locality.dataset())
    return handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}")


async def elsewhere(locality: Locality, *records: Stored) -> None:
    """Records of an agency that the trust knows nothing of."""
    await stored(locality.built, "Organization/voluntary", *records)


async def test_a_package_about_the_plan_s_person_is_handed_over(locality: Locality) -> None:
    """And the receiver reads it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    bundle = f"Bundle/{(await trust.created(package(locality.person)))['id']}"
    before = (await crisis.get(bundle)).status_code
    sent = await trust.post("Task", packed(await ready(locality, trust), bundle))
    assert sent.status_code == 201, sent.text
    assert (before, (await crisis.get(bundle)).status_code) == (404, 200)


async def test_a_package_about_somebody_else_is_not(locality: Locality) -> None:
    """Though the sender keeps it."""
    trust = await locality.agency("trust")
    bundle = f"Bundle/{(await trust.created(package(await person(locality.built))))['id']}"
    answer = await trust.post("Task", packed(await ready(locality, trust), bundle))
    assert (answer.status_code, "somebody else" in answer.text) == (422, True)


async def hidden_and_absent(locality: Locality, trust: Agency, kind: str) -> tuple[httpx.Response, httpx.Response, str]:
    """The answers to a handover that refers to what is hidden, and to what is not there; and the hidden record's id."""
    task, identity = await ready(locality, trust), clock.new_id()
    other = await person(locality.built, "Organization/voluntary")
    whose = locality.person if kind.endswith("of the person") else other
    name = kind.partition(" ")[0]
    made = {
        "Bundle": package(whose, identity),
        "QuestionnaireResponse": {**dataset(whose, locality.questionnaire), "id": identity},
        "CarePlan": {**plan(whose), "status": "draft", "id": identity},
        "Consent": {**denial(whose), "id": identity, "provision": {"type": "permit"}},
    }[name]
    await elsewhere(locality, {**made, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}})

    def referring(ref: str) -> Stored:
        if name == "Bundle":
            return packed(task, ref)
        if name == "CarePlan":
            return {**task, "focus": {"reference": ref}}
        place = 0 if name == "QuestionnaireResponse" else 1
        changed = {"type": task["input"][place]["type"], "valueReference": {"reference": ref}}
        return {**task, "input": [changed if number == place else each for number, each in enumerate(task["input"])]}

    answers = [await trust.post("Task", referring(f"{name}/{each}")) for each in (identity, "none")]
    return answers[0], answers[1], identity


KINDS = ["Bundle", "QuestionnaireResponse", "CarePlan", "Consent"]


@pytest.mark.parametrize("kind", [*KINDS, *(f"{each} of the person" for each in KINDS)])
async def test_what_is_hidden_is_refused_like_what_is_absent(locality: Locality, kind: str) -> None:
    """Package, dataset, focus and authority, about this person or another."""
    trust = await locality.agency("trust")
    hidden, absent, identity = await hidden_and_absent(locality, trust, kind)
    assert hidden.status_code == 422
    assert alike(hidden, absent, identity, "none")


async def drafted(locality: Locality, trust: Agency, status: str) -> Stored:
    """A handover of the trust whose dataset another agency keeps, and then denies to the trust."""
    crisis = await locality.agency("crisis")
    team = {"resourceType": "CareTeam", "id": clock.new_id(), "status": "active", "subject": {"reference": locality.person}}
    members = [{"member": {"reference": f"Organization/{each}"}} for each in ("trust", "crisis")]
    await stored(locality.built, "Organization/trust", {**team, "participant": members})
    task = await ready(locality, trust)
    theirs = await crisis.created(locality.dataset())
    named = {"type": task["input"][0]["type"], "valueReference": {"reference": f"QuestionnaireResponse/{theirs['id']}"}}
    made = await trust.created({**task, "status": status, "input": [named, task["input"][1]]})
    refused = denial(locality.person)
    refused["provision"]["actor"][0]["reference"] = {"reference": "Organization/trust"}
    await crisis.created({**refused, "organization": [{"reference": "Organization/crisis"}]})
    assert (await trust.get(f"QuestionnaireResponse/{theirs['id']}")).status_code == 404
    return made


async def test_what_was_visible_when_it_was_drafted_is_visible_when_it_is_sent(locality: Locality) -> None:
    """A draft names a dataset that another agency then keeps from the sender."""
    trust = await locality.agency("trust")
    draft = await drafted(locality, trust, "draft")
    answer = await trust.put({**draft, "status": "requested"})
    assert (answer.status_code, "there is no" in answer.text) == (422, True)


async def test_a_sender_cancels_what_it_no_longer_sees(locality: Locality) -> None:
    """Only what would be shown is decided on what is seen."""
    trust = await locality.agency("trust")
    sent = await drafted(locality, trust, "requested")
    answer = await trust.put({**sent, "status": "cancelled", "statusReason": code("status-reason", "person-declined")})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("drafted", ["Organization/crisis", "Organization/housing"])
async def test_a_draft_is_decided_for_the_agency_that_it_is_sent_to(locality: Locality, drafted: str) -> None:
    """HOV-3: to housing nothing goes without consent, though the draft named the crisis team; and the other way round."""
    trust = await locality.agency("trust")
    task = {**await ready(locality, trust), "status": "draft", "owner": {"reference": drafted}}
    draft = await trust.created(task)
    other = {"Organization/crisis": "Organization/housing", "Organization/housing": "Organization/crisis"}[drafted]
    answer = await trust.put({**draft, "status": "requested", "owner": {"reference": other}})
    told = (await trust.get(f"Communication?recipient={other}&subject={locality.person}&_summary=count")).json()["total"]
    assert (answer.status_code, told) == ((422, 0) if other == "Organization/housing" else (200, 1)), answer.text


@pytest.mark.parametrize("seen", [True, False])
async def test_a_draft_is_decided_for_the_plan_that_it_is_sent_with(locality: Locality, seen: bool) -> None:
    """Whichever plan it named before; one that the sender does not see is absent."""
    trust, identity = await locality.agency("trust"), clock.new_id()
    draft = await trust.created({**await ready(locality, trust), "status": "draft"})
    part = {**plan(locality.person), "category": [{"text": "A part of the care"}], "id": identity}
    if seen:
        identity = (await trust.created({name: value for name, value in part.items() if name != "id"}))["id"]
    else:
        await elsewhere(locality, {**part, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}})
    answers = [
        await trust.put({**draft, "status": "requested", "focus": {"reference": f"CarePlan/{each}"}})
        for each in ("none", identity)
    ]
    assert answers[0].status_code == 422
    assert answers[1].status_code == 200 if seen else alike(answers[0], answers[1], "none", identity)
