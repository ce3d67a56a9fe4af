"""`$disclose`: what is given, what is withheld and why, and that nothing is given unrecorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.problem import Category, Refused, problem
from tests.locality import Locality

AUTHORITY = "https://baton.example/fhir/StructureDefinition/authority"
Resource = dict[str, Any]


async def settled(make: Any, *more: Resource) -> None:
    """Crisis team and housing take part in the person's care; the trust holds a normal and a restricted record."""
    await make.tied("crisis", "housing")
    await make.stored("trust", make.condition("plain"), make.condition("private", "R"), *more)


def ids(make: Any, answer: Resource) -> list[str]:
    """Ids of the resources in the released Bundle."""
    return [each["resource"]["id"].removeprefix(f"{make.prefix}-") for each in make.value(answer, "bundle").get("entry", ())]


async def records(locality: Locality) -> list[Resource]:
    """Every disclosure record there is."""
    trust = await locality.agency("trust")
    found = (await trust.get(f"Communication?subject={locality.person}")).json()
    return [each["resource"] for each in found.get("entry", ())]


async def test_normal_records_go_to_a_health_partner(locality: Locality, make: Any) -> None:
    """L5: implied consent up to N between health agencies; the restricted record is not given."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked())
    assert answer.status_code == 200, answer.text
    assert ids(make, answer.json()) == ["plain"]
    assert "content-of-private" not in answer.text


async def test_a_release_says_what_was_withheld_in_kind(locality: Locality, make: Any) -> None:
    """Counts and reasons of what was withheld, and nothing of its content."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = (await trust.post(make.path("disclose"), make.asked())).json()
    (withheld,) = make.named(answer, "withheld")
    parts = make.parts(withheld)
    assert (parts["type"], parts["count"]) == ("Condition", 1)
    assert make.value(answer, "outcome") == "partial"


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


async def test_a_restricted_record_makes_the_bundle_restricted(locality: Locality, make: Any) -> None:
    """The Bundle carries the high-water mark of what is in it."""
    await settled(make)
    trust = await locality.agency("trust")
    asked = make.asked(basis="vital-interests", text="Found unconscious.")
    answer = (await trust.post(make.path("disclose"), asked)).json()
    assert sorted(ids(make, answer)) == ["plain", "private"]
    assert make.value(answer, "bundle")["meta"]["security"][0]["code"] == "R"


async def test_what_is_withheld_does_not_raise_the_mark(locality: Locality, make: Any) -> None:
    """The mark is of what is actually returned."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = (await trust.post(make.path("disclose"), make.asked())).json()
    assert make.value(answer, "bundle")["meta"]["security"][0]["code"] == "N"


async def test_housing_without_consent_is_refused(locality: Locality, make: Any) -> None:
    """L5: nothing is implied for a housing association; the refusal says so and nothing is recorded."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(to="housing"))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "consent-rules L5"
    assert await records(locality) == []


async def test_a_consent_opens_housing_and_is_the_authority(locality: Locality, make: Any) -> None:
    """L4: the record names the Consent in its exact version."""
    await settled(make, make.consent(identity="yes", provision=make.at_most("N")))
    trust = await locality.agency("trust")
    answer = (await trust.post(make.path("disclose"), make.asked(to="housing"))).json()
    assert ids(make, answer) == ["plain"]
    authority = make.value(answer, "disclosure")["extension"][0]
    assert authority == {"url": AUTHORITY, "valueReference": {"reference": f"Consent/{make.id('yes')}/_history/1"}}


async def test_part_of_a_record_is_taken_out(locality: Locality, make: Any) -> None:
    """A labelled part above the consent's ceiling is redacted, and the rest goes, tagged."""
    noted = make.condition("noted", note=make.secret_note())
    await settled(make, noted, make.consent(identity="yes", provision=make.at_most("N")))
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(to="housing"))
    entries = {each["resource"]["id"]: each["resource"] for each in make.value(answer.json(), "bundle")["entry"]}
    assert entries[make.id("noted")]["note"] == [{"text": "open words"}]
    assert "REDACTED" in [each["code"] for each in entries[make.id("noted")]["meta"]["security"]]
    assert "secret words" not in answer.text


async def test_a_denial_is_refused_with_its_reason(locality: Locality, make: Any) -> None:
    """L3: the person's denial decides over what is implied."""
    await settled(make, make.consent("deny", to="crisis", identity="no"))
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked())
    assert answer.status_code == 422
    assert {each["details"]["coding"][0]["code"] for each in answer.json()["issue"]} == {"consent-rules L3"}


@pytest.mark.parametrize("basis", ["vital-interests", "safeguarding", "public-interest", "legal-duty", "best-interests"])
async def test_a_strong_basis_stands_above_a_denial(locality: Locality, make: Any, basis: str) -> None:
    """L2: a recorded lawful basis gives the records it is claimed for, and is the record's authority."""
    await settled(make, make.consent("deny", to="crisis", identity="no"))
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(basis=basis, text="A strategy meeting asked for it."))
    assert answer.status_code == 200, answer.text
    concept = make.value(answer.json(), "disclosure")["extension"][0]["valueCodeableConcept"]
    assert (concept["coding"][0]["code"], concept["text"]) == (basis, "A strategy meeting asked for it.")


@pytest.mark.parametrize("basis", ["direct-care", "explicit-consent-elsewhere"])
async def test_a_weak_basis_never_overrides_an_objection(locality: Locality, make: Any, basis: str) -> None:
    """Direct care and consent held elsewhere count only where no Consent speaks."""
    await settled(make, make.consent("deny", to="crisis", identity="no"))
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(basis=basis, text="As the person would expect."))
    assert answer.status_code == 422


async def test_a_weak_basis_counts_where_nobody_spoke(locality: Locality, make: Any) -> None:
    """Housing gets what consent held elsewhere covers, when nothing here speaks against it."""
    await settled(make)
    trust = await locality.agency("trust")
    asked = make.asked(to="housing", basis="explicit-consent-elsewhere", text="Signed form held by the council.")
    answer = await trust.post(make.path("disclose"), asked)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("to", "basis", "status"), [("crisis", "direct-care", 200), ("housing", "direct-care", 422), ("crisis", "safeguarding", 422)]
)
async def test_a_basis_needs_its_justification(locality: Locality, make: Any, to: str, basis: str, status: int) -> None:
    """Only direct care between health and social care needs no words."""
    await settled(make)
    trust = await locality.agency("trust")
    assert (await trust.post(make.path("disclose"), make.asked(to=to, basis=basis))).status_code == status


async def test_a_recipient_without_an_agreement_is_refused(locality: Locality, make: Any) -> None:
    """L0: nothing is disclosed to an agency whose agreement is gone, whatever the basis."""
    await settled(make)
    await make.stored("trust", {"resourceType": "Organization", "id": make.id("lapsed"), "active": True, "name": "Lapsed"})
    trust = await locality.agency("trust")
    asked = make.asked(to=make.id("lapsed"), basis="vital-interests", text="Found unconscious.")
    answer = await trust.post(make.path("disclose"), asked)
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "consent-rules L0"


async def test_a_purpose_outside_the_agreement_is_refused(locality: Locality, make: Any) -> None:
    """L0: the agreement names the purposes it is for."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(purpose="HMARKT"))
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "consent-rules L0"


async def test_only_our_own_records_are_disclosed(locality: Locality, make: Any) -> None:
    """What another agency keeps about the person is its own to disclose."""
    await settled(make)
    await make.stored("crisis", make.condition("theirs"))
    trust = await locality.agency("trust")
    assert ids(make, (await trust.post(make.path("disclose"), make.asked())).json()) == ["plain"]


async def test_a_preview_counts_and_shows_nothing(locality: Locality, make: Any) -> None:
    """A preview tells kinds, counts and reasons; no content, no id."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(mode="preview"))
    assert answer.status_code == 200, answer.text
    counts = [make.parts(each)["count"] for name in ("shared", "withheld") for each in make.named(answer.json(), name)]
    assert counts == [1, 1]
    assert "content-of" not in answer.text
    assert "Condition/" not in answer.text


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


async def test_nothing_that_matches_is_refused(locality: Locality, make: Any) -> None:
    """A release of nothing is not a release."""
    await settled(make)
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), make.asked(types=("Procedure",)))
    assert answer.status_code == 422


async def test_records_outside_the_period_are_not_asked_for(locality: Locality, make: Any) -> None:
    """`period` narrows by the clinically relevant time."""
    await settled(make, make.condition("old", recordedDate="2020-01-01"))
    trust = await locality.agency("trust")
    asked = make.asked()
    asked["parameter"].append({"name": "period", "valuePeriod": {"start": "2026-01-01"}})
    assert ids(make, (await trust.post(make.path("disclose"), asked)).json()) == ["plain"]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"resourceType": "Parameters"}, "recipient"),
        ({"resourceType": "Bundle", "type": "batch"}, "Parameters"),
        ({"resourceType": "Parameters", "parameter": [{"name": "what"}]}, "what"),
    ],
)
async def test_what_cannot_be_read_is_named(locality: Locality, make: Any, asked: Resource, word: str) -> None:
    """A missing or unknown parameter is 400 with its name, never ignored."""
    trust = await locality.agency("trust")
    answer = await trust.post(make.path("disclose"), asked)
    assert answer.status_code == 400
    assert word in answer.text


@pytest.mark.parametrize("kind", ["Task", "Communication", "Consent", "Organization", "Nonsense"])
async def test_some_types_are_not_disclosed(locality: Locality, make: Any, kind: str) -> None:
    """What is between agencies, and what is about nobody, goes by other doors."""
    trust = await locality.agency("trust")
    assert (await trust.post(make.path("disclose"), make.asked(types=(kind,)))).status_code == 400


async def test_nobody_is_asked_to_log_in(locality: Locality, make: Any) -> None:
    """Anonymous: 401."""
    assert (await locality.anonymous().post(make.path("disclose"), make.asked())).status_code == 401


@pytest.mark.parametrize(
    "scope",
    [
        "system/Patient.r system/Condition.r",
        "system/Patient.r system/Communication.c",
        "system/Condition.r system/Communication.c",
    ],
)
async def test_every_scope_is_needed(locality: Locality, make: Any, scope: str) -> None:
    """Reading the Patient and each type, and creating the record."""
    trust = await locality.agency("trust", scope)
    assert (await trust.post(make.path("disclose"), make.asked())).status_code == 403


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


async def test_a_person_does_not_disclose_for_an_agency(locality: Locality, make: Any) -> None:
    """Not even by an app that the agency runs: the agency answers for what it discloses."""
    await settled(make)
    app = await locality.agency("trust", "patient/*.cruds", user=make.person, patient=make.person)
    asked = make.asked(basis="vital-interests", text="Because I want it.")
    assert (await app.post(make.path("disclose"), asked)).status_code == 403


async def test_an_id_used_for_another_request_is_refused(locality: Locality, make: Any) -> None:
    """HOV-9: one X-Request-Id, one request."""
    await settled(make)
    trust = await locality.agency("trust")
    await trust.created(make.consent(), X_Request_Id=make.id("mixed"))
    assert (await trust.post(make.path("disclose"), make.asked(), X_Request_Id=make.id("mixed"))).status_code == 409
