"""The record of a `$disclose`: what it names, who is told, and that nothing is given without one, or twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.problem import Category, Refused, problem
from tests.locality import Locality
from tests.usecases.care.asking import settled
from tests.usecases.disclosure.disclosures import ids, records


async def test_the_record_names_versions_recipient_and_authority(locality: Locality, make: Any) -> None:
    """DIS: category, subject, sent, sender, recipient, reason, version-specific payload, one authority."""
    await settled(make)
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    answer = (await trust.post(make.path("disclose"), make.asked())).json()
    record = make.value(answer, "disclosure")
    assert record["recipient"] == [{"reference": "Organization/crisis"}]
    assert record["sender"] == {"reference": "PractitionerRole/trust-lead"}
    assert record["payload"] == [{"contentReference": {"reference": f"Condition/{make.id('plain')}/_history/1"}}]
    assert record["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "direct-care"
    assert [each for each in locality.built.services.validator.check(record) if each.severity == "error"] == []


async def test_the_record_is_stored(locality: Locality, make: Any) -> None:
    """What was answered as the disclosure record is what is kept."""
    await settled(make)
    trust = await locality.agency("trust")
    record = make.value((await trust.post(make.path("disclose"), make.asked())).json(), "disclosure")
    assert (await trust.get(f"Communication/{record['id']}")).json() == record


async def test_the_recipient_reads_the_record_and_a_third_agency_does_not(locality: Locality, make: Any) -> None:
    """A disclosure record is for those it was written to."""
    await settled(make)
    trust, crisis, housing = [await locality.agency(name) for name in ("trust", "crisis", "housing")]
    record = make.value((await trust.post(make.path("disclose"), make.asked())).json(), "disclosure")
    statuses = [(await each.get(f"Communication/{record['id']}")).status_code for each in (crisis, housing)]
    assert statuses == [200, 404]


async def test_a_disclosure_makes_no_relationship(locality: Locality, make: Any) -> None:
    """A record of disclosure is addressed to its recipient and gives it no standing with the person (L0)."""
    await make.stored("trust", make.condition("plain"))
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    answer = await trust.post(make.path("disclose"), make.asked(basis="safeguarding", text="A strategy meeting asked for it."))
    assert answer.status_code == 200, answer.text
    assert (await crisis.get(make.person)).status_code == 404


async def test_a_preview_writes_only_an_audit_line(locality: Locality, make: Any) -> None:
    """No record, no notice; one AuditEvent."""
    await settled(make)
    trust = await locality.agency("trust")
    mongo = locality.built.services.mongo
    names = [name for name in await mongo.database.list_collection_names() if name.startswith(("r.", "history", "outbox"))]
    before = {name: await mongo.collection(name).count_documents({}) for name in names}
    await trust.post(make.path("disclose"), make.asked(mode="preview"))
    after = {name: await mongo.collection(name).count_documents({}) for name in names}
    assert {name: after[name] - before[name] for name in names if after[name] != before[name]} == {"r.AuditEvent": 1}


async def test_no_record_no_release(locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the record cannot be committed nothing of the data is answered."""
    await settled(make)
    trust = await locality.agency("trust")

    async def lost(*_: object) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))

    monkeypatch.setattr(locality.built.services.records, "commit", lost)
    answer = await trust.post(make.path("disclose"), make.asked())
    assert answer.status_code == 503
    assert "content-of" not in answer.text


async def test_the_recipient_is_told(locality: Locality, make: Any) -> None:
    """The notice is written with the record."""
    await settled(make)
    trust = await locality.agency("trust")
    record = make.value((await trust.post(make.path("disclose"), make.asked())).json(), "disclosure")
    found = await locality.built.services.mongo.collection("outbox").find_one({"focus": f"Communication/{record['id']}"})
    assert (found["topic"], found["to"]) == ("disclosure-received", "Organization/crisis")


async def test_a_repeated_release_is_a_duplicate(locality: Locality, make: Any) -> None:
    """HOV-9: the same X-Request-Id discloses once."""
    await settled(make)
    trust = await locality.agency("trust")
    statuses = [
        (await trust.post(make.path("disclose"), make.asked(), X_Request_Id=make.id("once"))).status_code for _ in range(2)
    ]
    assert statuses == [200, 409]
    assert len(await records(locality)) == 1


async def test_records_of_two_authorities_make_two_records(locality: Locality, make: Any) -> None:
    """A disclosure record names exactly one authority: a Consent for some records, implied consent for others."""
    asthma, fracture, gout = ({"coding": [{"system": "urn:x", "code": code}]} for code in ("asthma", "fracture", "gout"))
    exception = {"code": [gout], "provision": [{"type": "permit", "code": [asthma]}]}
    consent = make.consent("deny", to="crisis", identity="yes", provision=exception)
    await settled(make, make.condition("asthma", "R", code=asthma), make.condition("fracture", code=fracture), consent)
    trust = await locality.agency("trust")
    answer = (await trust.post(make.path("disclose"), make.asked())).json()
    assert sorted(ids(make, answer)) == ["asthma", "fracture"]
    assert len(make.named(answer, "disclosure")) == 2


async def test_a_granular_scope_covers_the_record_too(locality: Locality, make: Any) -> None:
    """The disclosure record is written under the caller's own scope for Communications, filters and all."""
    await settled(make)
    narrow = "system/Patient.r system/Condition.r system/Communication.c?category=reminder"
    trust = await locality.agency("trust", narrow)
    answer = await trust.post(make.path("disclose"), make.asked())
    assert (answer.status_code, "content-of" in answer.text) == (403, False)


async def test_a_consent_withdrawn_meanwhile_stops_the_release(
    locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Consent that permitted is guarded: withdrawn between decision and commit, it lets nothing go."""
    await settled(make)
    trust = await locality.agency("trust")
    consent = await trust.created(make.consent(provision=make.at_most("N")))
    store = locality.built.services.records
    commit, waiting = store.commit, [True]

    async def late(*change: Any) -> Any:
        if waiting and waiting.pop():
            assert (await trust.put({**consent, "status": "inactive"})).status_code == 200
        return await commit(*change)

    monkeypatch.setattr(store, "commit", late)
    answer = await trust.post(make.path("disclose"), make.asked(to="housing"))
    assert (answer.status_code, "content-of" in answer.text) == (409, False)
    assert await records(locality) == []


async def test_concurrent_repeats_disclose_once(locality: Locality, make: Any) -> None:
    """HOV-9, also when the repeats come at once."""
    await settled(make)
    trust = await locality.agency("trust")
    asked = [trust.post(make.path("disclose"), make.asked(), X_Request_Id=make.id("at-once")) for _ in range(4)]
    assert sorted([each.status_code for each in await asyncio.gather(*asked)]) == [200, 409, 409, 409]
    assert len(await records(locality)) == 1


async def test_an_id_used_for_another_request_is_refused(locality: Locality, make: Any) -> None:
    """HOV-9: one X-Request-Id, one request."""
    await settled(make)
    trust = await locality.agency("trust")
    await trust.created(make.consent(), X_Request_Id=make.id("mixed"))
    assert (await trust.post(make.path("disclose"), make.asked(), X_Request_Id=make.id("mixed"))).status_code == 409
