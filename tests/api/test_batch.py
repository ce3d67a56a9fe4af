"""Batches, and what holds of every Bundle of requests, over HTTP (R4 section 3.1.0.11)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from service import clock
from service.usecases.interactions import batches
from tests.api.bundles import entry, sent, statuses
from tests.api.notes import SAMPLE, Stored, kept, observation
from tests.locality import BASE, Locality


async def test_a_batch_does_what_it_can(locality: Locality) -> None:
    """Each entry by itself."""
    trust = await locality.agency("trust")
    bad = {**observation(locality.person), "status": "done"}
    answer = await sent(
        trust, "batch", entry("POST", "Observation", bad), entry("POST", "Observation", observation(locality.person))
    )
    assert statuses(answer) == ["422", "201"]
    assert answer.json()["entry"][0]["response"]["outcome"]["issue"][0]["expression"] == ["Observation.status"]
    assert await kept(locality) == 1


async def test_a_batch_that_has_taken_its_time_leaves_the_rest(locality: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    """Security rules, section 4: what was done is told, and what was not."""
    trust, moments = await locality.agency("trust"), iter([0.0, 0.0])
    clocked = SimpleNamespace(now=clock.now, new_id=clock.new_id, elapsed=lambda: next(moments, 3600.0))
    monkeypatch.setattr(batches, "clock", clocked)
    reading = {"request": {"method": "GET", "url": locality.person}}
    answer = await sent(trust, "batch", reading, reading)
    assert statuses(answer) == ["200", "429"]


async def test_each_entry_of_a_batch_needs_its_own_scope(locality: Locality) -> None:
    """A scope for one type opens no other."""
    agency = await locality.agency("trust", "system/Observation.c system/Patient.r")
    identity = locality.person.partition("/")[2]
    answer = await sent(
        agency,
        "batch",
        entry("POST", "Observation", observation(locality.person)),
        entry("GET", f"Patient/{identity}"),
        entry("GET", "Observation"),
        entry("DELETE", f"Patient/{identity}"),
        entry("PUT", f"Patient/{identity}", {"resourceType": "Patient", "id": identity}),
    )
    assert statuses(answer) == ["201", "200", "403", "403", "403"]


async def test_a_hidden_record_is_absent_in_a_batch(locality: Locality) -> None:
    """Word for word as an absent id."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    made = await trust.created(observation(locality.person))
    answer = await sent(stranger, "batch", entry("GET", f"Observation/{made['id']}"), entry("GET", "Observation/not-there"))
    hidden, absent = answer.json()["entry"]
    assert hidden["response"]["status"] == "404"
    assert str(hidden).replace(made["id"], "not-there") == str(absent)


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(("tag", "status"), [('W/"1"', "412"), ('W/"2"', "200")])
async def test_an_if_match_inside_holds(locality: Locality, kind: str, tag: str, status: str) -> None:
    """Stale: 412."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.put(made)
    answer = await sent(trust, kind, entry("PUT", f"Observation/{made['id']}", made, ifMatch=tag))
    assert (statuses(answer) if answer.status_code == 200 else [str(answer.status_code)]) == [status]


async def test_an_if_match_that_names_no_version_is_refused(locality: Locality) -> None:
    """It is never ignored."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    assert statuses(await sent(trust, "batch", entry("PUT", f"Observation/{made['id']}", made, ifMatch="latest"))) == ["400"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(
    ("faulty", "member"),
    [
        (entry("PUT", "Observation", {"resourceType": "Observation"}), "request.url"),
        (entry("POST", "Observation"), "resource"),
        (entry("DELETE", "Observation/1", ifMatch="latest"), "request.ifMatch"),
        (entry("POST", "Observation?code=1", {"resourceType": "Observation"}), "request.url"),
    ],
)
async def test_a_faulty_request_is_told_by_its_place(locality: Locality, kind: str, faulty: Stored, member: str) -> None:
    """The expression leads to the entry in the Bundle that was sent."""
    answer = (await sent(await locality.agency("trust"), kind, entry("GET", locality.person), faulty)).json()
    outcome = answer["entry"][1]["response"]["outcome"] if kind == "batch" else answer
    assert outcome["issue"][0]["expression"] == [f"Bundle.entry[1].{member}"]


async def test_a_plan_in_a_batch_needs_its_if_match(locality: Locality) -> None:
    """428: a rule holds on every way in."""
    trust = await locality.agency("trust")
    made = await trust.created(locality.plan())
    assert statuses(await sent(trust, "batch", entry("PUT", f"CarePlan/{made['id']}", made))) == ["428"]


async def test_an_empty_batch_is_answered_without_an_empty_array(locality: Locality) -> None:
    """R4 2.6.2: an array is never empty."""
    answer = await sent(await locality.agency("trust"), "batch")
    assert answer.json() == {"resourceType": "Bundle", "type": "batch-response"}


async def test_a_conditional_create_in_a_batch_finds_what_is_there(locality: Locality) -> None:
    """200 with the record."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    resource = observation(locality.person, identifier=[{"system": SAMPLE, "value": value}])
    made = await trust.created(resource)
    answer = await sent(trust, "batch", entry("POST", "Observation", resource, ifNoneExist=f"identifier={SAMPLE}|{value}"))
    assert statuses(answer) == ["200"]
    assert answer.json()["entry"][0]["resource"]["id"] == made["id"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_search_in_a_bundle_leads_to_its_next_page(locality: Locality, kind: str) -> None:
    """The links self and next, as of the search by itself."""
    trust = await locality.agency("trust")
    notes = [await trust.created(observation(locality.person, str(number))) for number in range(3)]
    answer = await sent(trust, kind, entry("GET", f"Observation?patient={locality.person}&_count=2"))
    page = answer.json()["entry"][0]["resource"]
    links = {link["relation"]: link["url"] for link in page["link"]}
    assert links["self"] == f"{BASE}/fhir/Observation?patient={locality.person}&_count=2"
    found = [*page["entry"], *(await trust.get(links["next"])).json()["entry"]]
    assert {each["resource"]["id"] for each in found} == {each["id"] for each in notes}


async def test_a_second_delete_in_a_batch_is_answered_as_done(locality: Locality) -> None:
    """204 twice."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    gone = entry("DELETE", f"Observation/{made['id']}")
    assert statuses(await sent(trust, "batch", gone, gone)) == ["204", "204"]


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/Observation",
        "//elsewhere.example/Observation",
        "/Observation",
        "../auth/token",
        "Observation/../Patient",
        "Observation/..",
        "Observation/%2e%2e",
        "Observation/x/_history/1",
        "Observation/x/$validate",
        "http://[",
        "",
        "metadata",
        f"{BASE}/auth/token",
        f"{BASE}/fhir/../auth/token",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_url_that_leaves_the_base_is_refused(locality: Locality, method: str, url: str) -> None:
    """Attack list: absolute and traversing URLs reach nothing."""
    trust = await locality.agency("trust")
    body = observation(locality.person) if method == "PUT" else None
    expected = "404" if (method, url) == ("GET", "Observation/..") else "400"  # two dots are an id, which nothing has
    assert statuses(await sent(trust, "batch", entry(method, url, body))) == [expected]


async def test_an_absolute_url_of_this_base_is_taken(locality: Locality) -> None:
    """The base may be written out."""
    trust = await locality.agency("trust")
    assert statuses(await sent(trust, "batch", entry("GET", f"{BASE}/fhir/{locality.person}"))) == ["200"]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        1,
        {},
        {"request": []},
        {"request": {"method": [], "url": "Observation"}},
        {"request": {"method": "PATCH", "url": "Observation/x"}},
        {"request": {"method": "GET", "url": 1}},
        {"request": {"method": "POST", "url": "Observation"}},
        {"request": {"method": "POST", "url": "Observation"}, "resource": []},
        {"request": {"method": "POST", "url": "Observation/x"}, "resource": {"resourceType": "Observation"}},
        {"request": {"method": "DELETE", "url": "Observation"}},
        {"request": {"method": "DELETE", "url": "Observation/x?status=final"}},
        {"request": {"method": "PATCH", "url": "Observation?status=final"}, "resource": {"resourceType": "Binary"}},
        {
            "request": {"method": "PUT", "url": "Observation/x", "ifNoneMatch": 'W/"1"'},
            "resource": {"resourceType": "Observation"},
        },
        {"request": {"method": "PUT", "url": "Observation/x?status=final"}, "resource": {"resourceType": "Observation"}},
    ],
)
@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_an_entry_that_cannot_be_read_is_malformed(locality: Locality, kind: str, bad: Any) -> None:
    """400 and its place, never 500."""
    answer = await sent(await locality.agency("trust"), kind, bad)
    assert (statuses(answer) if answer.status_code == 200 else [str(answer.status_code)]) == ["400"]


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle", "type": ["batch"]},
        {"resourceType": "Patient"},
        {"resourceType": "Bundle", "type": "batch", "entry": {}},
    ],
)
async def test_the_base_takes_batches_and_transactions_alone(locality: Locality, body: Stored) -> None:
    """400."""
    assert (await (await locality.agency("trust")).post("", body)).status_code == 400


@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_a_repeated_bundle_is_carried_out_once(locality: Locality, kind: str) -> None:
    """HOV-9: the same X-Request-Id gets the first answer again."""
    trust = await locality.agency("trust")
    identity = locality.person.partition("/")[2]
    one = entry("POST", "Observation", observation(locality.person))
    answers = [await sent(trust, kind, one, X_Request_Id=identity) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert await kept(locality) == 1
