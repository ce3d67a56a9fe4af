"""`GET Task/[id]/$moves`: what the caller's side may do next, each with what it would be refused for now (practices, Common)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import Agency, Locality, code, handover


def read(answer: Any) -> dict[tuple[str, str], list[str]]:
    """The moves by status and kind, each with the FHIRPath of what it needs."""
    assert answer.status_code == 200, answer.text
    found: dict[tuple[str, str], list[str]] = {}
    for move in answer.json().get("parameter", ()):
        parts = {each["name"]: each for each in move["part"]}
        issues = parts["needs"]["resource"]["issue"] if "needs" in parts else []
        kind = parts["kind"]["valueCode"] if "kind" in parts else ""
        found[parts["status"]["valueCode"], kind] = [path for each in issues for path in each["expression"]]
    return found


async def both(locality: Locality) -> tuple[Agency, Agency, Any]:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    return trust, crisis, await locality.sent(trust)


async def test_anonymous_is_401_and_without_scope_403(locality: Locality) -> None:
    _, _, task = await both(locality)
    assert (await locality.anonymous().get(f"Task/{task['id']}/$moves")).status_code == 401
    narrow = await locality.agency("crisis", "system/CarePlan.r")
    assert (await narrow.get(f"Task/{task['id']}/$moves")).status_code == 403


async def test_hov_11_a_hidden_task_is_told_as_an_absent_one(locality: Locality) -> None:
    _, _, task = await both(locality)
    stranger = await locality.agency("housing")
    hidden, absent = [await stranger.get(f"Task/{each}/$moves") for each in (task["id"], "none")]
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(task["id"], "none") == absent.text


async def test_the_owner_is_told_what_each_answer_needs(locality: Locality) -> None:
    _, crisis, task = await both(locality)
    found = read(await crisis.get(f"Task/{task['id']}/$moves"))
    assert found == {
        ("received", ""): [],
        ("accepted", ""): ["Task.owner"],
        ("rejected", ""): ["Task.statusReason", "Task.statusReason"],
        ("on-hold", ""): ["Task.statusReason"],
        ("requested", "note"): [],
    }


async def test_hov_2_a_draft_tells_what_sending_would_be_refused_for(locality: Locality) -> None:
    """An incomplete dataset and its linkId are named before anything is sent, word for word as sending would be refused."""
    trust = await locality.agency("trust")
    plan, answers = await trust.created(locality.plan()), await trust.created(locality.dataset(legal_status=""))
    refs = f"CarePlan/{plan['id']}", f"QuestionnaireResponse/{answers['id']}"
    draft = await trust.created(handover(locality.person, *refs, status="draft"))
    moves = (await trust.get(f"Task/{draft['id']}/$moves")).json()["parameter"]
    sending = next(each["part"] for each in moves if each["part"][0]["valueCode"] == "requested")
    issues = next(each["resource"]["issue"] for each in sending if each["name"] == "needs")
    assert any("legal-status" in each["diagnostics"] for each in issues)
    refused = await trust.put({**draft, "status": "requested"})
    assert (refused.status_code, refused.json()["issue"]) == (422, issues)


async def test_nothing_is_written_and_the_read_is_audited(locality: Locality) -> None:
    _, crisis, task = await both(locality)
    assert (await crisis.get(f"Task/{task['id']}/$moves")).status_code == 200
    assert (await crisis.get(f"Task/{task['id']}")).json()["meta"] == task["meta"]
    trust = await locality.agency("trust")
    lines = (await trust.get("AuditEvent?_sort=-_lastUpdated&_count=50")).json()["entry"]
    named = [each["resource"] for each in lines if f"Task/{task['id']}/$moves" in str(each)]
    assert [(each["action"], each["outcome"]) for each in named] == [("R", "0")]


async def test_a_task_that_is_over_answers_no_moves(locality: Locality) -> None:
    trust, crisis, task = await both(locality)
    ended = await trust.put({**task, "status": "cancelled", "statusReason": code("status-reason", "sent-in-error")})
    assert ended.status_code == 200
    for agency in (trust, crisis):
        assert (await agency.get(f"Task/{task['id']}/$moves")).json() == {"resourceType": "Parameters"}


async def test_a_task_of_no_code_of_ours_has_no_table(locality: Locality) -> None:
    trust = await locality.agency("trust")
    own = await trust.created({"resourceType": "Task", "status": "requested", "intent": "order", "code": {"text": "Call back"}})
    answer = await trust.get(f"Task/{own['id']}/$moves")
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == ["Task.code"]


async def test_a_person_reads_a_task_and_moves_none(locality: Locality) -> None:
    """A handover is moved by its agencies (L1)."""
    _, _, task = await both(locality)
    person = await locality.agency("trust", "patient/*.rs", user=locality.person, patient=locality.person)
    assert read(await person.get(f"Task/{task['id']}/$moves")) == {}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_it_is_called_by_get_or_post(locality: Locality, method: str) -> None:
    """It changes nothing (R4 section 3.2.0.2)."""
    _, crisis, task = await both(locality)
    assert read(await crisis.send(method, f"Task/{task['id']}/$moves"))
