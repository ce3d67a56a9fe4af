"""Dates at the end of the calendar, leap seconds and instants without a fraction mean the same on every way in (OWN-1, HOV-1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service import clock
from service.fhir.date import instant
from tests.attacks.records import denial
from tests.locality import Locality, handover, role, stored
from tests.usecases.care.asking import basis, request

FAR = ["9999-12-31", "9999", "9999-12", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-12:00"]
LEAP = "2016-12-31T23:59:60Z"


async def appointed(locality: Locality, agency: str, period: Any) -> str:
    """Another role of an agency, with a period of its own; gives its reference."""
    name = f"far-{clock.new_id()}"
    made = {**role(agency, name), "practitioner": {"reference": f"Practitioner/{agency}-lead"}, "period": period}
    await stored(locality.built, f"Organization/{agency}", made)
    return f"PractitionerRole/{agency}-{name}"


@pytest.mark.parametrize("end", FAR)
async def test_a_lead_whose_role_ends_with_the_calendar_leads(locality: Locality, end: str) -> None:
    """OWN-1: as the author of a plan, and as who accepts a handover."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    author = await appointed(locality, "trust", {"end": end})
    plan = await trust.created(locality.plan(author={"reference": author}))
    answers = await trust.created(locality.dataset())
    task = await trust.created(handover(locality.person, f"CarePlan/{plan['id']}", f"QuestionnaireResponse/{answers['id']}"))
    lead = await appointed(locality, "crisis", {"end": end})
    answer = await crisis.put({**task, "status": "accepted", "owner": {"reference": lead}})
    assert answer.status_code == 200, answer.text
    assert (await crisis.get(f"CarePlan/{plan['id']}")).json()["author"] == {"reference": lead}


@pytest.mark.parametrize("end", FAR)
async def test_a_role_that_ends_with_the_calendar_is_written_over_http(locality: Locality, end: str) -> None:
    """OWN-5: its clock is set for the last day there is."""
    trust = await locality.agency("trust")
    made = {**role("trust", f"far-{clock.new_id()}"), "practitioner": {"reference": "Practitioner/trust-lead"}}
    del made["id"]
    kept = await trust.created({**made, "period": {"end": end}})
    assert kept["period"] == {"end": end}


@pytest.mark.parametrize("end", FAR)
async def test_a_handover_may_be_accepted_until_the_end_of_the_calendar(locality: Locality, end: str) -> None:
    """HOV-1: far ahead is ahead; the Task and its clocks are there."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust, restriction={"period": {"end": end}})
    answer = await crisis.put({**task, "status": "received"})
    assert (answer.status_code, answer.json()["restriction"]) == (200, {"period": {"end": end}})


@pytest.mark.parametrize("end", FAR)
async def test_a_data_request_may_be_answered_until_the_end_of_the_calendar(locality: Locality, end: str) -> None:
    """TIM-11: it waits for a named person, with its clock."""
    await stored(locality.built, "Organization/trust", tied(locality))
    crisis = await locality.agency("crisis")
    asked = request(locality.person, basis(), restriction={"period": {"end": end}})
    answer = await crisis.post("Task", asked)
    assert (answer.status_code, answer.json()["status"]) == (201, "requested"), answer.text


@pytest.mark.parametrize("end", FAR)
async def test_a_consent_that_ends_with_the_calendar_speaks_until_then(locality: Locality, end: str) -> None:
    """TIM-13: stored, with its clock, and in force."""
    trust = await locality.agency("trust")
    kept = await trust.created(consent(locality.person, {"end": end}))
    person = await locality.built.services.evidence.person(locality.person)
    (found,) = [each for each in person.consents if each.ref.startswith(f"Consent/{kept['id']}/")]
    assert (found.doubt, found.period is not None) == (False, True)


async def test_a_leap_second_starts_a_role_as_it_starts_a_consent(locality: Locality) -> None:
    """All three readers knew it differently."""
    trust = await locality.agency("trust")
    author = await appointed(locality, "trust", {"start": LEAP})
    await trust.created(locality.plan(author={"reference": author}))
    kept = await trust.created(consent(locality.person, {"start": LEAP}))
    person = await locality.built.services.evidence.person(locality.person)
    (found,) = [each for each in person.consents if each.ref.startswith(f"Consent/{kept['id']}/")]
    assert not found.doubt
    assert (await trust.get(f"PractitionerRole?_id={author.partition('/')[2]}&date=sa2016-12-31")).json()["entry"]


@pytest.mark.parametrize(("later", "status"), [(timedelta(milliseconds=999), 201), (timedelta(seconds=1), 422)])
async def test_an_end_without_a_fraction_covers_its_second(
    locality: Locality, monkeypatch: pytest.MonkeyPatch, later: timedelta, status: int
) -> None:
    """OWN-1, as consent and search read it: a role that ends at a second leads until that second is over."""
    trust = await locality.agency("trust")
    end = clock.now().replace(microsecond=0) + timedelta(seconds=5)
    author = await appointed(locality, "trust", {"end": instant(end).replace(".000Z", "Z")})
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: end + later)
        answer = await trust.post("CarePlan", locality.plan(author={"reference": author}))
    assert answer.status_code == status, answer.text


def tied(locality: Locality) -> dict[str, Any]:
    """A CareTeam of the trust that has the crisis team in it."""
    return {
        "resourceType": "CareTeam",
        "id": clock.new_id(),
        "status": "active",
        "subject": {"reference": locality.person},
        "participant": [{"member": {"reference": "Organization/crisis"}}],
    }


def consent(person: str, period: Any) -> dict[str, Any]:
    """A denial by the person, in force for a period."""
    return {**denial(person), "dateTime": LEAP, "provision": {"type": "deny", "period": period}}
