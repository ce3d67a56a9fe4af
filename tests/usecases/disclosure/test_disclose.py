"""`$disclose`: what is given, and what is withheld and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import Locality
from tests.usecases.care.asking import settled
from tests.usecases.disclosure.disclosures import AUTHORITY, Resource, ids, records


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


async def test_a_person_does_not_disclose_for_an_agency(locality: Locality, make: Any) -> None:
    """Not even by an app that the agency runs: the agency answers for what it discloses."""
    await settled(make)
    app = await locality.agency("trust", "patient/*.cruds", user=make.person, patient=make.person)
    asked = make.asked(basis="vital-interests", text="Because I want it.")
    assert (await app.post(make.path("disclose"), asked)).status_code == 403
