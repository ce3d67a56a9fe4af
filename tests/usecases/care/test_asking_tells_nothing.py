"""Who asks for data learns nothing of what it may not have: withheld and absent are told the same."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from service import clock
from tests.locality import Locality, person, stored
from tests.usecases.care.asking import Resource, asked_by, basis, issue, linked, request, settled


def plain(answer: httpx.Response, about: str) -> str:
    """An answer without the ids and times of its own, and of whom it is about."""
    text = answer.text.replace(about.partition("/")[2], "person")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", "id", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "time", text)


async def told(locality: Locality, about: str, *more: Resource) -> list[str]:
    """Everything the crisis team is told when it asks about one person."""
    crisis = await locality.agency("crisis")
    made = await crisis.post("Task", request(about, *more))
    name = made.json().get("id", "none")
    paths = [f"Task/{name}", f"Task/{name}/_history", f"Task/{name}/$disclosed", f"Communication?subject={about}"]
    asked = [made, *[await crisis.get(path) for path in paths]]
    log = (await crisis.get("AuditEvent?_count=200&_sort=-_lastUpdated")).json().get("entry", ())
    lines = sorted(each["resource"].get("outcomeDesc", "") for each in log if name in json.dumps(each))
    return [f"{each.status_code} {plain(each, about)}" for each in asked] + lines


@pytest.mark.parametrize("more", [(), (basis(),)], ids=["at once", "waiting"])
async def test_withheld_is_told_as_absent(locality: Locality, more: tuple[Resource, ...]) -> None:
    """Nothing disclosed is nothing there: status, outputs, records, history and audit log are the same."""
    answers = []
    for label in ("R", ""):
        about = await person(locality.built)
        team = {"resourceType": "CareTeam", "id": clock.new_id(), "status": "active", "subject": {"reference": about}}
        team["participant"] = [{"member": {"reference": "Organization/crisis"}}]
        mark = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": label}]}
        hidden = {"resourceType": "Condition", "id": clock.new_id(), "meta": mark, "subject": {"reference": about}}
        await stored(locality.built, "Organization/trust", team, *([hidden] if label else []))
        answers.append(await told(locality, about, *more))
    assert answers[0] == answers[1]


async def test_an_account_of_ones_own_record_tells_nothing(locality: Locality) -> None:
    """Not even that somebody knows the same person: the decision is not in the account of the asker's own Patient."""
    voluntary, answers = await locality.agency("voluntary"), []
    for keeper in ("trust", "housing"):  # who keeps a record that is withheld, and who keeps none
        _, ours, _ = await linked(locality)
        task = await voluntary.created(asked_by("voluntary", ours, owner={"reference": f"Organization/{keeper}"}))
        account = await voluntary.get(f"{ours}/$access-history")
        answers.append(plain(account, ours).replace(task["id"], "task"))
    tokens = [re.sub(r'"valueString":"[^"]*"', "", each) for each in answers]
    assert tokens[0] == tokens[1]


async def test_withheld_beside_disclosed_is_told_as_absent(locality: Locality, make: Any) -> None:
    """What is disclosed says nothing of what is not."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"))
    before = await told(locality, make.person)
    await make.stored("trust", *(make.condition(f"hidden{n}", "R") for n in range(3)))
    after = await told(locality, make.person)
    assert after[1:4] == before[1:4]
    assert after[0] == before[0]


async def test_a_limit_tells_nothing_of_what_is_withheld(locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is kept: only what would be disclosed counts."""
    from service.usecases.care import data_request
    from service.usecases.disclosure import selection

    await settled(make)
    monkeypatch.setattr(selection, "MAX_SCANNED", 1)
    monkeypatch.setattr(data_request, "MAX_RECORDS", 1)
    crisis = await locality.agency("crisis")
    assert (await crisis.post("Task", request(make.person))).status_code == 201


async def test_too_much_for_one_disclosure_is_refused(locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than cut."""
    from service.usecases.care import data_request

    await settled(make, make.condition("more"))
    monkeypatch.setattr(data_request, "MAX_RECORDS", 1)
    answer = await (await locality.agency("crisis")).post("Task", request(make.person))
    assert "too many" in answer.json()["issue"][0]["diagnostics"]


async def test_a_patient_who_is_hidden_is_refused_as_one_who_is_not_there(locality: Locality, make: Any) -> None:
    """Word for word the same."""
    voluntary = await locality.agency("voluntary")
    answers = [await voluntary.post("Task", asked_by("voluntary", about)) for about in (make.person, "Patient/not-there")]
    assert [each.status_code for each in answers] == [422, 422]
    assert answers[0].text == answers[1].text
    assert issue(answers[0]) == ("consent-rules 4", "Task.for")


async def test_the_decision_is_in_the_log_of_who_keeps_the_records(locality: Locality, make: Any) -> None:
    """Every denial is audited, where the asker does not read it."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("private", "R"))
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await crisis.created(request(make.person))
    logs = [(await each.get("AuditEvent?_count=200&_sort=-_lastUpdated")).json().get("entry", ()) for each in (trust, crisis)]
    denied = [[line["resource"] for line in log if f"Task/{task['id']}#Organization/crisis" in json.dumps(line)] for log in logs]
    assert [[(line["outcome"], "L5" in line["outcomeDesc"]) for line in lines] for lines in denied] == [[("4", True)], []]
