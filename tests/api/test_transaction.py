"""Transactions over HTTP (R4 section 3.1.0.11): all of their entries, or none."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.api.bundles import NEW, entry, sent, statuses
from tests.api.notes import SAMPLE, kept, observation
from tests.locality import BASE, Locality, handover
from tests.locality import role as role_of


async def test_a_transaction_resolves_references_between_its_entries(locality: Locality) -> None:
    """urn:uuid references become the ids that the server chose, whatever the order of the entries."""
    trust = await locality.agency("trust")
    answer = await sent(
        trust,
        "transaction",
        entry("POST", "Observation", observation(NEW)),
        entry("POST", "Patient", {"resourceType": "Patient"}, NEW),
    )
    assert statuses(answer) == ["201", "201"]
    note, person = (each["resource"] for each in answer.json()["entry"])
    assert note["subject"]["reference"] == f"Patient/{person['id']}"


async def test_the_entries_of_a_transaction_answer_in_their_place(locality: Locality) -> None:
    """Carried out as DELETE, POST, PUT, GET; answered in the order sent."""
    trust = await locality.agency("trust")
    old, other = await trust.created(observation(locality.person)), await trust.created(observation(locality.person))
    changed = {**other, "code": {"text": "changed"}}
    answer = await sent(
        trust,
        "transaction",
        entry("GET", f"Observation/{other['id']}"),
        entry("PUT", f"Observation/{other['id']}", changed),
        entry("POST", "Observation", observation(locality.person)),
        entry("DELETE", f"Observation/{old['id']}"),
        entry("GET", f"Observation?patient={locality.person}&_summary=count"),
    )
    assert statuses(answer) == ["200", "200", "201", "204", "200"]
    entries = answer.json()["entry"]
    assert entries[0]["resource"]["code"] == {"text": "changed"}
    assert entries[4]["resource"]["total"] == 2


async def test_a_transaction_is_all_or_nothing(locality: Locality) -> None:
    """An invalid entry refuses the whole, naming its place."""
    trust = await locality.agency("trust")
    bad = {**observation(locality.person), "status": "done"}
    answer = await sent(
        trust, "transaction", entry("POST", "Observation", observation(locality.person)), entry("POST", "Observation", bad)
    )
    assert (answer.status_code, await kept(locality)) == (422, 0)
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]


async def test_a_transaction_with_one_entry_out_of_scope_stores_nothing(locality: Locality) -> None:
    """403 for the whole."""
    agency = await locality.agency("trust", "system/Observation.c")
    answer = await sent(
        agency,
        "transaction",
        entry("POST", "Observation", observation(locality.person)),
        entry("POST", "Patient", {"resourceType": "Patient"}),
    )
    assert (answer.status_code, await kept(locality)) == (403, 0)


async def test_a_conditional_create_in_a_transaction_finds_and_is_referred_to(locality: Locality) -> None:
    """ifNoneExist: the record found takes the place of the one sent, in references, too."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    named = {"resourceType": "Patient", "identifier": [{"system": SAMPLE, "value": value}]}
    there = await trust.created(named)
    answer = await sent(
        trust,
        "transaction",
        entry("POST", "Patient", named, NEW, ifNoneExist=f"identifier={SAMPLE}|{value}"),
        entry("POST", "Observation", observation(NEW)),
    )
    assert statuses(answer) == ["200", "201"]
    assert answer.json()["entry"][1]["resource"]["subject"]["reference"] == f"Patient/{there['id']}"


async def test_a_conditional_create_in_a_transaction_makes_what_is_missing(locality: Locality) -> None:
    """And others refer to it."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    named = {"resourceType": "Patient", "identifier": [{"system": SAMPLE, "value": value}]}
    answer = await sent(
        trust,
        "transaction",
        entry("POST", "Patient", named, NEW, ifNoneExist=f"identifier={SAMPLE}|{value}"),
        entry("POST", "Observation", observation(NEW)),
    )
    assert statuses(answer) == ["201", "201"]
    person, note = (each["resource"] for each in answer.json()["entry"])
    assert note["subject"]["reference"] == f"Patient/{person['id']}"


async def test_a_conditional_reference_becomes_what_it_finds(locality: Locality) -> None:
    """R4 3.1.0.11.2: among what the caller may search and see."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    there = await trust.created({"resourceType": "Patient", "identifier": [{"system": SAMPLE, "value": value}]})
    answer = await sent(trust, "transaction", entry("POST", "Observation", observation(f"Patient?identifier={SAMPLE}|{value}")))
    assert answer.json()["entry"][0]["resource"]["subject"]["reference"] == f"Patient/{there['id']}"


@pytest.mark.parametrize("agency", ["trust", "voluntary"])
async def test_a_conditional_reference_that_does_not_find_one_fails_the_transaction(locality: Locality, agency: str) -> None:
    """Two for their own agency, none for one that may not see them: 412 at its place, and nothing is stored."""
    trust, value = await locality.agency("trust"), locality.person.partition("/")[2]
    for _ in range(2):
        await trust.created({"resourceType": "Patient", "identifier": [{"system": SAMPLE, "value": value}]})
    asker = await locality.agency(agency)
    first = entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": value}})
    second = entry("POST", "Observation", observation(f"Patient?identifier={SAMPLE}|{value}"))
    answer = await sent(asker, "transaction", first, second)
    (issue,) = answer.json()["issue"]
    assert (answer.status_code, issue["expression"]) == (412, ["Bundle.entry[1].resource.subject"])
    assert "entry" not in (await asker.get(f"Basic?code:text={value}")).json()


async def test_no_record_is_written_twice_in_a_transaction(locality: Locality) -> None:
    """R4 3.1.0.11.2: 400."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    twice = entry("PUT", f"Observation/{made['id']}", made)
    assert (await sent(trust, "transaction", twice, twice)).status_code == 400


async def test_an_empty_transaction_is_answered(locality: Locality) -> None:
    """Nothing asked, nothing done."""
    answer = await (await locality.agency("trust")).post("", {"resourceType": "Bundle", "type": "transaction"})
    assert (answer.status_code, answer.json()["type"]) == (200, "transaction-response")


async def test_a_handover_is_sent_in_one_transaction(locality: Locality) -> None:
    """Plan, dataset and Task together, under the handover's rules."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan, dataset, task = (f"urn:uuid:00000000-0000-4000-8000-00000000000{place}" for place in range(3))
    answer = await sent(
        trust,
        "transaction",
        entry("POST", "Task", handover(locality.person, plan, dataset), task),
        entry("POST", "QuestionnaireResponse", locality.dataset(), dataset),
        entry("POST", "CarePlan", locality.plan(), plan),
    )
    assert statuses(answer) == ["201", "201", "201"]
    made = answer.json()["entry"][0]["resource"]
    assert (await crisis.get(f"Task/{made['id']}")).status_code == 200
    assert (await crisis.get(made["focus"]["reference"])).status_code == 200


@pytest.mark.parametrize("first", ["plan", "team"])
async def test_a_transaction_does_not_write_over_what_a_rule_of_it_wrote(locality: Locality, first: str) -> None:
    """OWN-2: the lead of a new plan is its team's coordinator, also where the same Bundle sends the team without one."""
    trust = await locality.agency("trust")
    team = await trust.created({"resourceType": "CareTeam", "status": "active", "subject": {"reference": locality.person}})
    place = f"CareTeam/{team['id']}"
    led = entry("POST", "CarePlan", locality.plan(careTeam=[{"reference": place}]))
    named = entry("PUT", place, {**team, "name": "Named"}, ifMatch='W/"1"')
    answer = await sent(trust, "transaction", *((led, named) if first == "plan" else (named, led)))
    assert sorted(statuses(answer)) == ["200", "201"]
    kept_team = (await trust.get(place)).json()
    assert kept_team["name"] == "Named"
    assert [each["member"]["reference"] for each in kept_team["participant"]] == ["PractitionerRole/trust-lead"]


async def test_a_handover_is_sent_of_the_plan_as_the_transaction_leaves_it(locality: Locality) -> None:
    """HOV-3: what was decided on, and what the record of disclosure names, is what the receiver will find."""
    trust = await locality.agency("trust")
    led, response = await trust.created(locality.plan()), await trust.created(locality.dataset())
    place = f"CarePlan/{led['id']}"
    task = handover(locality.person, place, f"QuestionnaireResponse/{response['id']}")
    changed = entry("PUT", place, {**led, "title": "New"}, ifMatch=f'W/"{led["meta"]["versionId"]}"')
    answer = await sent(trust, "transaction", entry("POST", "Task", task), changed)
    assert sorted(statuses(answer)) == ["200", "201"]
    told = (await trust.get(f"Communication?subject={locality.person}")).json()["entry"][0]["resource"]
    version = (await trust.get(place)).json()["meta"]["versionId"]
    assert {"contentReference": {"reference": f"{place}/_history/{version}"}} in told["payload"]


async def test_a_plan_is_not_led_by_whom_the_transaction_lets_go(locality: Locality) -> None:
    """OWN-1: the lead is active as the transaction leaves them."""
    trust = await locality.agency("trust")
    role = await trust.created({name: value for name, value in role_of("trust").items() if name != "id"})
    place = f"PractitionerRole/{role['id']}"
    led = entry("POST", "CarePlan", locality.plan(author={"reference": place}))
    gone = entry("PUT", place, {**role, "active": False}, ifMatch='W/"1"')
    assert (await sent(trust, "transaction", led, gone)).status_code == 422
    assert (await sent(trust, "transaction", led, entry("DELETE", place))).status_code == 422
    assert statuses(await sent(trust, "transaction", led)) == ["201"]


@pytest.mark.parametrize(
    "second", ["identifier=urn:pas|{0}", "identifier={0}", "?identifier=urn:pas|{0}", "Patient?identifier=urn%3Apas%7C{0}"]
)
async def test_two_conditional_creates_of_one_thing_make_one_record(locality: Locality, second: str) -> None:
    """Both references lead to it, and the second entry says that it was there."""
    trust, number = await locality.agency("trust"), clock.new_id()
    person = {"resourceType": "Patient", "identifier": [{"system": "urn:pas", "value": number}]}
    other = NEW.replace("7c1d", "8c1d")
    answer = await sent(
        trust,
        "transaction",
        entry("POST", "Patient", person, NEW, ifNoneExist=f"identifier=urn:pas|{number}"),
        entry("POST", "Patient", person, other, ifNoneExist=second.format(number)),
        entry("POST", "Observation", observation(NEW)),
        entry("POST", "Observation", observation(other)),
    )
    assert statuses(answer) == ["201", "200", "201", "201"]
    one, two, *notes = (each["resource"] for each in answer.json()["entry"])
    assert one["id"] == two["id"]
    assert {each["subject"]["reference"] for each in notes} == {f"Patient/{one['id']}"}


@pytest.mark.parametrize("wrong", [{"request": {"method": "POST", "url": "Basic", "ifNoneExists": "_id=1"}}, {"x": 1}])
@pytest.mark.parametrize("kind", ["batch", "transaction"])
async def test_an_envelope_is_validated_as_every_resource_is(locality: Locality, kind: str, wrong: Any) -> None:
    """A misspelt condition, or a member that no entry has, would be ignored in silence."""
    made = {**entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": "x"}}), **wrong}
    answer = await sent(await locality.agency("trust"), kind, made)
    outcome = answer.json() if kind == "transaction" else answer.json()["entry"][0]["response"]["outcome"]
    assert answer.status_code == (400 if kind == "transaction" else 200)
    assert outcome["issue"][0]["expression"][0].startswith("Bundle.entry[0]")


@pytest.mark.parametrize("wrong", [{"ifNoneExist": ""}, {"ifMatch": ""}, {"ifNoneExist": " "}])
async def test_an_empty_condition_is_no_condition(locality: Locality, wrong: dict[str, str]) -> None:
    basic = {"resourceType": "Basic", "code": {"text": "x"}}
    answer = await sent(await locality.agency("trust"), "transaction", entry("POST", "Basic", basic, **wrong))
    assert answer.status_code == 400


async def test_a_full_url_is_the_name_of_one_entry(locality: Locality) -> None:
    """bdl-7."""
    basic = {"resourceType": "Basic", "code": {"text": "x"}}
    answer = await sent(
        await locality.agency("trust"), "transaction", entry("POST", "Basic", basic, NEW), entry("POST", "Basic", basic, NEW)
    )
    assert answer.status_code == 400


async def test_a_put_of_a_transaction_says_its_id(locality: Locality) -> None:
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    body = {name: value for name, value in made.items() if name != "id"}
    answer = await sent(trust, "transaction", entry("PUT", f"Observation/{made['id']}", body))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Bundle.entry[0].resource.id"])


async def test_what_is_called_elsewhere_is_written_out(locality: Locality) -> None:
    """R4 2.36.4.1: urn:uuid in a url, a uri and narrative become the URL of the record."""
    trust = await locality.agency("trust")
    letter = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": locality.person},
        "content": [{"attachment": {"url": NEW}}],
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{NEW}">the letter</a></div>'},
    }
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    answer = await sent(trust, "transaction", entry("POST", "DocumentReference", letter), entry("POST", "Binary", binary, NEW))
    assert statuses(answer) == ["201", "201"], answer.text
    stored, held = (each["resource"] for each in answer.json()["entry"])
    url = f"{BASE}/fhir/Binary/{held['id']}"
    assert stored["content"][0]["attachment"]["url"] == url
    assert f'href="{url}"' in stored["text"]["div"]
