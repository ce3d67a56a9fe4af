"""Consents as they are written: decidable, one of a kind, and felt where they end."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

import pytest

from service.store.generations import Generations
from service.store.persons import Persons
from service.usecases.request.evidence import EvidenceCache
from tests.locality import BASE, Locality, code, handover, stored

Resource = dict[str, Any]


async def statuses(trust: Any, locality: Locality) -> list[str]:
    """The status of every Consent of the person."""
    found = (await trust.get(f"Consent?patient={locality.person}")).json()
    return sorted(each["resource"]["status"] for each in found.get("entry", ()))


async def test_an_undecidable_consent_is_refused_with_the_fix(locality: Locality, make: Any) -> None:
    """A nested provision without a type cannot be decided."""
    trust = await locality.agency("trust")
    answer = await trust.post("Consent", make.consent(provision={"provision": [{"code": [{"text": "x"}]}]}))
    assert answer.status_code == 422
    assert "provision" in answer.text


async def test_the_later_consent_takes_the_place_of_the_earlier(locality: Locality, make: Any) -> None:
    """Supersession is the only newest-wins, in one transaction."""
    trust = await locality.agency("trust")
    earlier = await trust.created(make.consent())
    await trust.created(make.consent("deny", dateTime="2026-02-01T12:00:00Z"))
    assert (await trust.get(f"Consent/{earlier['id']}")).json()["status"] == "inactive"
    assert await statuses(trust, locality) == ["active", "inactive"]


async def test_an_earlier_consent_does_not_take_the_place_of_a_later(locality: Locality, make: Any) -> None:
    """What was said last stands."""
    trust = await locality.agency("trust")
    await trust.created(make.consent("deny", dateTime="2026-02-01T12:00:00Z"))
    answer = await trust.post("Consent", make.consent())
    assert answer.status_code == 422
    assert await statuses(trust, locality) == ["active"]


async def test_consents_for_two_recipients_stand_side_by_side(locality: Locality, make: Any) -> None:
    """Another recipient, another key."""
    trust = await locality.agency("trust")
    await trust.created(make.consent())
    await trust.created(make.consent(to="crisis"))
    assert await statuses(trust, locality) == ["active", "active"]


async def test_concurrent_consents_leave_one_active(locality: Locality, make: Any) -> None:
    """The key is unique in the database."""
    trust = await locality.agency("trust")
    await asyncio.gather(*(trust.post("Consent", make.consent()) for _ in range(6)))
    assert (await statuses(trust, locality)).count("active") == 1


async def test_two_in_one_transaction_leave_one_active(locality: Locality, make: Any) -> None:
    """A later entry sees the earlier one."""
    trust = await locality.agency("trust")
    entry = [{"resource": make.consent(), "request": {"method": "POST", "url": "Consent"}}] * 2
    answer = await trust.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entry})
    assert answer.status_code == 200, answer.text
    assert await statuses(trust, locality) == ["active", "inactive"]


async def test_a_consent_of_a_hidden_person_is_refused_as_of_an_absent_one(locality: Locality, make: Any) -> None:
    """A stranger gives itself nothing by writing a Consent, and learns nothing by trying."""
    voluntary = await locality.agency("voluntary")
    own = make.consent(to="voluntary", organization=[{"reference": "Organization/voluntary"}])
    hidden = await voluntary.post("Consent", own)
    nobody = {"reference": "Patient/not-there"}
    absent = await voluntary.post("Consent", {**own, "patient": nobody, "performer": [nobody]})
    assert (hidden.status_code, hidden.text) == (422, absent.text)


async def test_an_agency_records_consents_it_controls(locality: Locality, make: Any) -> None:
    """One in another agency's name could take the place of that agency's own."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    assert (await crisis.post("Consent", make.consent(to="crisis"))).status_code == 422


async def test_a_consent_stays_with_its_person(locality: Locality, make: Any) -> None:
    """It is not moved to another record."""
    from tests.locality import person

    trust, other = await locality.agency("trust"), await person(locality.built)
    stored = await trust.created(make.consent())
    assert (await trust.put({**stored, "patient": {"reference": other}})).status_code == 422


async def test_withdrawal_asks_every_recipient_to_stop_using(locality: Locality, make: Any) -> None:
    """Ledger recipients are told; each gets a stop-use Task about what was disclosed."""
    await make.tied("housing")
    await make.stored("trust", make.condition("plain"))
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    consent = await trust.created(make.consent())
    record = make.value((await trust.post(make.path("disclose"), make.asked(to="housing"))).json(), "disclosure")
    assert (await trust.put({**consent, "status": "inactive"})).status_code == 200
    (entry,) = (await housing.get(f"Task?code=stop-use&patient={locality.person}")).json()["entry"]
    assert entry["resource"]["focus"] == {"reference": f"Communication/{record['id']}"}
    notice = await locality.built.services.mongo.collection("outbox").find_one({"focus": f"Task/{entry['resource']['id']}"})
    assert notice["topic"] == "consent-changed"


async def test_supersession_by_a_denial_asks_to_stop_using_too(locality: Locality, make: Any) -> None:
    """What took the place of a permission withdraws it."""
    await make.tied("housing")
    await make.stored("trust", make.condition("plain"))
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    await trust.created(make.consent())
    await trust.post(make.path("disclose"), make.asked(to="housing"))
    await trust.created(make.consent("deny", dateTime="2026-02-01T12:00:00Z"))
    tasks = (await housing.get(f"Task?code=stop-use&patient={locality.person}")).json()
    assert len(tasks.get("entry", ())) == 1


async def sent(locality: Locality, trust: Any, consent: str) -> Resource:
    """A handover sent to housing by authority of a Consent."""
    led, response = await trust.created(locality.plan()), await trust.created(locality.dataset())
    refs = f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}"
    task = handover(locality.person, *refs, to="Organization/housing")
    authority = {"type": code("task-input", "sharing-authority"), "valueReference": {"reference": consent}}
    made: Resource = await trust.created({**task, "input": [task["input"][0], authority]})
    return made


async def test_withdrawal_marks_an_open_handover(locality: Locality, make: Any) -> None:
    """HOV-8: the Task stays where it is, with that reason; the dataset is no longer readable."""
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    consent = await trust.created(make.consent())
    task = await sent(locality, trust, f"Consent/{consent['id']}")
    dataset = task["input"][0]["valueReference"]["reference"]
    before = (await housing.get(dataset)).status_code
    assert (await trust.put({**consent, "status": "inactive"})).status_code == 200
    marked = (await housing.get(f"Task/{task['id']}")).json()
    assert (marked["status"], marked["businessStatus"]["coding"][0]["code"]) == ("requested", "authority-withdrawn")
    assert (before, (await housing.get(dataset)).status_code) == (200, 404)


async def test_another_consent_leaves_a_handover_alone(locality: Locality, make: Any) -> None:
    """What it was sent under still stands."""
    trust = await locality.agency("trust")
    consent = await trust.created(make.consent())
    task = await sent(locality, trust, f"Consent/{consent['id']}")
    await trust.created(make.consent("deny", to="voluntary"))
    assert "businessStatus" not in (await trust.get(f"Task/{task['id']}")).json()


async def test_a_renewal_asks_nobody_to_stop(locality: Locality, make: Any) -> None:
    """What took the earlier one's place still permits what was disclosed."""
    await make.tied("housing")
    await make.stored("trust", make.condition("plain"))
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    await trust.created(make.consent())
    await trust.post(make.path("disclose"), make.asked(to="housing"))
    await trust.created(make.consent(dateTime="2026-02-01T12:00:00Z"))
    assert (await housing.get(f"Task?code=stop-use&patient={locality.person}")).json().get("entry", []) == []


async def test_the_person_takes_back_what_an_agency_recorded(locality: Locality, make: Any) -> None:
    """And may change nothing else about it."""
    trust = await locality.agency("trust")
    consent = await trust.created(make.consent())
    app = await locality.agency("voluntary", "patient/*.cruds", user=make.person, patient=make.person)
    wider = await app.put({**consent, "status": "inactive", "organization": [{"reference": "Organization/voluntary"}]})
    ended = await app.put({**consent, "status": "inactive"})
    assert (wider.status_code, ended.status_code) == (403, 200)


async def test_an_agency_ends_its_consent_after_the_person_left(locality: Locality, make: Any) -> None:
    """To end a Consent one need not see the Patient any more."""
    own = make.consent(to="crisis", identity="own", organization=[{"reference": "Organization/crisis"}])
    await stored(locality.built, "Organization/crisis", own)
    crisis = await locality.agency("crisis")
    consent = (await crisis.get(f"Consent/{own['id']}")).json()
    assert (await crisis.get(make.person)).status_code == 404
    assert (await crisis.put({**consent, "status": "inactive"})).status_code == 200


async def test_a_consent_that_ends_sets_its_clock(locality: Locality, make: Any) -> None:
    """TIM-13: at the end of its own period; ending it stops the clock."""
    trust = await locality.agency("trust")
    consent = await trust.created(make.consent(provision={"period": {"start": "2026-01-01", "end": "2031-12-31"}}))
    timers, wanted = locality.built.services.mongo.collection("timers"), {"focus": f"Consent/{consent['id']}", "done": False}
    assert (await timers.find_one(wanted))["kind"] == "TIM-13"
    await trust.put({**consent, "status": "inactive"})
    assert await timers.find_one(wanted) is None


async def test_being_asked_to_stop_makes_no_relationship(locality: Locality, make: Any) -> None:
    """A withdrawal gives its recipients no standing with the person (L0)."""
    await make.stored("trust", make.condition("plain"), make.consent(to="crisis", identity="yes"))
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    asked = make.asked(basis="safeguarding", text="A strategy meeting asked for it.")
    record = make.value((await trust.post(make.path("disclose"), asked)).json(), "disclosure")
    by_consent = {"url": record["extension"][0]["url"], "valueReference": {"reference": f"Consent/{make.id('yes')}/_history/1"}}
    told = {name: value for name, value in record.items() if name not in ("id", "meta")}
    await make.stored("trust", {**told, "id": make.id("told"), "extension": [by_consent]})
    consent = (await trust.get(f"Consent/{make.id('yes')}")).json()
    assert (await trust.put({**consent, "status": "inactive"})).status_code == 200
    assert (await crisis.get(make.person)).status_code == 404


async def test_a_denial_may_name_its_actor_by_our_own_url(locality: Locality, make: Any) -> None:
    """R4 section 2.3.0: an absolute URL under our base is the record itself."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"))
    denial = make.consent("deny", "crisis")
    denial["provision"]["actor"][0]["reference"]["reference"] = f"{BASE}/fhir/Organization/crisis"
    await (await locality.agency("trust")).created(denial)
    crisis = await locality.agency("crisis")
    assert (await crisis.get(f"Condition/{make.id('plain')}")).status_code == 404


async def test_a_consent_ends_at_midnight_of_the_locality(locality: Locality, make: Any) -> None:
    """A date-only end is inclusive to local midnight, wherever the service is."""
    services = locality.built.services
    await make.stored("trust", make.consent("deny", identity="no", provision={"period": {"end": "2026-11-20"}}))
    persons = Persons(services.mongo, services.records.projector)
    stores = (services.records, services.holdings, persons, Generations(services.mongo))
    ends = []
    for zone in (ZoneInfo("Europe/London"), ZoneInfo("America/New_York")):
        (consent,) = (await EvidenceCache(*stores, zone=zone).person(locality.person)).consents
        assert consent.period is not None
        ends.append(consent.period[1])
    assert ends[1] - ends[0] == 5 * 3600 * 1000


def named(kind: str) -> str:
    """The fullUrl of the resource of this type."""
    return uuid5(NAMESPACE_URL, kind).urn


def bundled(*resources: Resource) -> Resource:
    """A transaction that creates these, each under a fullUrl that the others may refer to."""
    entries = [
        {
            "fullUrl": named(each["resourceType"]),
            "resource": each,
            "request": {"method": "POST", "url": each["resourceType"]},
        }
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.mark.parametrize("consent_first", [True, False])
async def test_a_denial_in_the_same_transaction_keeps_a_handover_from_being_sent(
    locality: Locality, make: Any, consent_first: bool
) -> None:
    """Whichever entry comes first: the handover is decided on what the person will have said (HOV-3)."""
    trust = await locality.agency("trust")
    led, answers = await trust.created(locality.plan()), await trust.created(locality.dataset())
    task = handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}")
    entries = (make.consent("deny", "crisis"), task)
    answer = await trust.post("", bundled(*(entries if consent_first else entries[::-1])))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "HOV-3"


async def test_a_consent_in_the_same_transaction_is_the_authority_of_a_handover(locality: Locality, make: Any) -> None:
    """The record of its disclosure names the Consent's first version."""
    trust = await locality.agency("trust")
    led, answers = await trust.created(locality.plan()), await trust.created(locality.dataset())
    task = handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}", to="Organization/housing")
    task["input"][1] = {"type": task["input"][1]["type"], "valueReference": {"reference": named("Consent")}}
    answer = await trust.post("", bundled(task, make.consent()))
    assert answer.status_code == 200, answer.text
    told = (await trust.get(f"Communication?subject={locality.person}")).json()["entry"]
    consent = next(each["response"]["location"] for each in answer.json()["entry"] if "Consent/" in each["response"]["location"])
    assert f'"{consent.partition("/fhir/")[2]}"' in json.dumps(told)


def just_before(monkeypatch: pytest.MonkeyPatch, locality: Locality, happens: Any) -> None:
    """Lets something happen between the next decision and its commit."""
    store = locality.built.services.records
    commit, waiting = store.commit, [True]

    async def late(*change: Any) -> Any:
        if waiting and waiting.pop():
            await happens()
        return await commit(*change)

    monkeypatch.setattr(store, "commit", late)


async def test_a_denial_at_the_very_moment_stops_a_release(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is decided again, and what was permitted before is not given."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"))
    trust = await locality.agency("trust")
    just_before(monkeypatch, locality, lambda: trust.created(make.consent("deny", "crisis")))
    answer = await trust.post(make.path("disclose"), make.asked())
    assert (answer.status_code, "content-of" in answer.text) == (422, False)


async def test_a_denial_at_the_very_moment_stops_a_handover_from_being_sent(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = await locality.agency("trust")
    led, answers = await trust.created(locality.plan()), await trust.created(locality.dataset())
    just_before(monkeypatch, locality, lambda: trust.created(make.consent("deny", "crisis")))
    task = handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}")
    answer = await trust.post("Task", task)
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "HOV-3"


async def test_a_denial_at_the_very_moment_stops_an_acceptance(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOV-8: and the plan stays with who leads it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    sent = await locality.sent(trust)
    just_before(monkeypatch, locality, lambda: trust.created(make.consent("deny", "crisis")))
    answer = await crisis.put({**sent, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}})
    assert answer.status_code in (409, 412, 422)
    plan = (await trust.get(sent["focus"]["reference"])).json()
    assert plan["author"]["reference"] == "PractitionerRole/trust-lead"


async def test_what_happens_to_the_person_meanwhile_and_changes_nothing_is_no_refusal(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is decided again, to the same end."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("plain"))
    trust = await locality.agency("trust")
    just_before(monkeypatch, locality, lambda: make.tied("voluntary"))
    answer = await trust.post(make.path("disclose"), make.asked())
    assert (answer.status_code, "content-of" in answer.text) == (200, True)


async def test_what_is_disclosed_at_the_very_moment_of_a_withdrawal_is_asked_back(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first: either nothing is given, or whoever was given it is asked to stop using it."""
    await make.tied("housing")
    await make.stored("trust", make.condition("plain"))
    trust = await locality.agency("trust")
    consent = await trust.created(make.consent(provision=make.at_most("N")))
    just_before(monkeypatch, locality, lambda: trust.post(make.path("disclose"), make.asked(to="housing")))
    assert (await trust.put({**consent, "status": "inactive"})).status_code == 200
    found = (await trust.get(f"Task?patient={locality.person}")).json().get("entry", ())
    assert [each["resource"]["code"]["coding"][0]["code"] for each in found] == ["stop-use"]


async def test_what_is_sent_at_the_very_moment_of_a_denial_is_marked(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HOV-8: the handover that came first is looked at by the denial that came next."""
    trust = await locality.agency("trust")
    sent: list[Resource] = []

    async def send() -> None:
        sent.append(await locality.sent(trust))

    just_before(monkeypatch, locality, send)
    await trust.created(make.consent("deny", "crisis"))
    task = (await trust.get(f"Task/{sent[0]['id']}")).json()
    assert task["businessStatus"]["coding"][0]["code"] == "authority-withdrawn"


async def test_what_a_named_record_refers_to_is_known_at_once(locality: Locality, make: Any) -> None:
    """A denial of all that a list names hears what is added to the list, and is not forgotten with it."""
    await make.tied("crisis")
    entry = {"item": {"reference": f"Condition/{make.id('listed')}"}}
    listing = {"resourceType": "List", "status": "current", "mode": "working", "subject": {"reference": make.person}}
    await make.stored("trust", make.condition("listed"))
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    kept = await trust.created(listing)
    place = f"List/{kept['id']}"
    denied = {"data": [{"meaning": "related", "reference": {"reference": place}}]}
    await trust.created(make.consent("deny", "crisis", provision=denied))
    answers = [await crisis.get(f"Condition/{make.id('listed')}")]
    assert (await trust.put({**kept, "entry": [entry]})).status_code == 200
    answers.append(await crisis.get(f"Condition/{make.id('listed')}"))
    assert (await trust.send("DELETE", place)).status_code == 204
    answers.append(await crisis.get(f"Condition/{make.id('listed')}"))
    assert [each.status_code for each in answers] == [200, 404, 404]
