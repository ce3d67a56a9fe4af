"""`Consent/$evaluate`: what would be decided and why, told to those who may know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import Agency, Locality

PATH = "Consent/$evaluate"
Resource = dict[str, Any]


def about(patient: str, *resources: str, to: str = "", purpose: str = "TREAT") -> Resource:
    """The Parameters of `$evaluate`."""
    given: list[Resource] = [
        {"name": "patient", "valueReference": {"reference": patient}},
        {"name": "purpose", "valueCode": purpose},
        *({"name": "resource", "valueReference": {"reference": each}} for each in resources),
    ]
    given += [{"name": "recipient", "valueReference": {"reference": f"Organization/{to}"}}] if to else []
    return {"resourceType": "Parameters", "parameter": given}


def evaluation(make: Any, answer: Any) -> Resource:
    """The parts of the one evaluation."""
    (found,) = make.named(answer.json(), "evaluation")
    return dict(make.parts(found))


async def test_the_custodian_is_told_the_provision(locality: Locality, make: Any) -> None:
    """The Consent in its version and the path in it."""
    await make.tied("housing")
    await make.stored("trust", make.consent("deny", identity="no"))
    trust = await locality.agency("trust")
    answer = await trust.post(PATH, about(make.person, to="housing"))
    assert answer.status_code == 200, answer.text
    found = evaluation(make, answer)
    reason = make.parts({"part": found["reason"]})
    assert (found["decision"], reason["row"]) == ("deny", "L3")
    assert reason["source"] == f"Consent/{make.id('no')}/_history/1#provision"


async def test_a_partner_asks_about_itself(locality: Locality, make: Any) -> None:
    """With plain words and the policy row."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    found = evaluation(make, await crisis.post(PATH, about(make.person)))
    assert found["decision"] == "permit"
    assert found["summary"].startswith("Permitted: Health and adult social care")


async def test_a_partner_does_not_ask_about_another(locality: Locality, make: Any) -> None:
    """Only the agency that keeps the record does."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    assert (await crisis.post(PATH, about(make.person, to="housing"))).status_code == 403


async def test_a_hidden_person_is_an_absent_one(locality: Locality, make: Any) -> None:
    """404 in the same words."""
    voluntary = await locality.agency("voluntary")
    hidden, absent = [await voluntary.post(PATH, about(each)) for each in (make.person, "Patient/not-there")]
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace(make.person, "Patient/not-there") == absent.text


async def test_a_hidden_record_is_an_absent_one(locality: Locality, make: Any) -> None:
    """A partner that asks why it may not see a record learns nothing of whether there is one."""
    await make.tied("crisis")
    await make.stored("trust", make.condition("private", "R"))
    crisis, record = await locality.agency("crisis"), f"Condition/{make.id('private')}"
    hidden, absent = [await crisis.post(PATH, about(make.person, each)) for each in (record, "Condition/not-there")]
    assert hidden.text.replace(record, "Condition/not-there") == absent.text


async def test_a_consent_the_asker_may_not_see_is_not_named(locality: Locality, make: Any) -> None:
    """The row is told, its record is not."""
    await make.tied("housing")
    await make.stored("trust", make.consent(identity="yes", provision=make.at_most("N")))
    housing = await locality.agency("housing", "system/Patient.rs system/Consent.rs system/Condition.rs")
    await make.stored("trust", {**make.condition("plain")})
    answer = await housing.post(PATH, about(make.person, f"Condition/{make.id('plain')}"))
    assert (await housing.get(f"Consent/{make.id('yes')}")).status_code == 404 or "Consent/" in answer.text


async def test_parts_that_would_go_are_told_in_kind(locality: Locality, make: Any) -> None:
    """Redactions name what kind, not what was said."""
    await make.tied("housing")
    noted = make.condition("noted", note=make.secret_note())
    await make.stored("trust", noted, make.consent(identity="yes", provision=make.at_most("N")))
    trust = await locality.agency("trust")
    answer = await trust.post(PATH, about(make.person, f"Condition/{make.id('noted')}", to="housing"))
    assert make.parts({"part": evaluation(make, answer)["redaction"]})["kind"] == "label"
    assert "secret words" not in answer.text


@pytest.mark.parametrize(("scope", "status"), [("system/Consent.r", 403), ("system/Patient.r", 403)])
async def test_the_scopes_are_needed(locality: Locality, make: Any, scope: str, status: int) -> None:
    """Wrong scope: 403."""
    trust = await locality.agency("trust", scope)
    assert (await trust.post(PATH, about(make.person))).status_code == status


async def test_nobody_is_asked_to_log_in(locality: Locality, make: Any) -> None:
    """Anonymous: 401."""
    assert (await locality.anonymous().post(PATH, about(make.person))).status_code == 401


async def led(locality: Locality, make: Any, *named: str) -> Agency:
    """The crisis team, which leads a plan of the person with these agencies on its team; the trust keeps the person's record."""
    await make.tied("crisis")
    crisis = await locality.agency("crisis")
    members = [{"member": {"reference": f"Organization/{each}"}} for each in named]
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": make.person}, "participant": members}
    kept = await crisis.created(team)
    author = {"reference": "PractitionerRole/crisis-lead"}
    await crisis.created(locality.plan(author=author, careTeam=[{"reference": f"CareTeam/{kept['id']}"}]))
    return crisis


async def test_the_lead_of_a_plan_asks_about_the_agencies_that_it_names(locality: Locality, make: Any) -> None:
    """And about no other."""
    crisis = await led(locality, make, "housing")
    answers = [await crisis.post(PATH, about(make.person, to=each)) for each in ("housing", "voluntary", "crisis")]
    assert [each.status_code for each in answers] == [200, 403, 200]


async def test_a_partner_of_a_plan_asks_about_itself_alone(locality: Locality, make: Any) -> None:
    """That a plan names it gives it no question about the others that the plan names."""
    await led(locality, make, "trust", "housing")
    await make.tied("voluntary")
    await make.stored("trust", make.consent(to="voluntary", identity="yes"))
    voluntary = await locality.agency("voluntary")
    assert (await voluntary.post(PATH, about(make.person, to="housing"))).status_code == 403
