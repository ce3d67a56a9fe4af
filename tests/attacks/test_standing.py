"""Attacks on standing (IDN-6): a tie opens what its writer may open, and only while everything that bounds it holds."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.callers import tied
from tests.attacks.records import CONFIDENTIALITY, Stored, denial, observation
from tests.locality import Agency, Locality, stored

NORMAL = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
PAST, AHEAD = {"end": "2020-01-01"}, {"start": "2040-01-01"}


async def kept(locality: Locality, agency: str) -> str:
    """A record that an agency keeps about the person."""
    made = await (await locality.agency(agency)).created(observation(locality.person, **NORMAL))
    return f"Observation/{made['id']}"


async def team(locality: Locality, agency: Agency, member: str, **more: Any) -> Stored:
    """A team of an agency with a member."""
    participant = {"member": {"reference": f"Organization/{member}"}, **more.pop("participant", {})}
    subject = {"reference": locality.person}
    made = {"resourceType": "CareTeam", "status": "active", "subject": subject, "participant": [participant], **more}
    return await agency.created(made)


def task(locality: Locality, sender: str, receiver: str, **more: Any) -> Stored:
    """An ordinary Task of an agency for another."""
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": locality.person},
        "requester": {"reference": f"Organization/{sender}"},
        "owner": {"reference": f"Organization/{receiver}"},
        **more,
    }


async def read(locality: Locality, agency: str, ref: str) -> int:
    """What an agency is answered that asks for a record."""
    return (await (await locality.agency(agency)).get(ref)).status_code


@pytest.mark.parametrize("how", ["team", "task"])
async def test_idn_6_an_agency_that_was_named_names_nobody_else(locality: Locality, how: str) -> None:
    crisis, record = await locality.agency("crisis"), await kept(locality, "trust")
    await tied(locality, "crisis")
    if how == "team":
        await team(locality, crisis, "voluntary")
    else:
        await crisis.created(task(locality, "crisis", "voluntary"))
    assert [await read(locality, each, record) for each in ("crisis", "voluntary")] == [200, 404]


@pytest.mark.parametrize("how", ["team", "task"])
async def test_idn_6_a_tie_opens_the_records_of_who_wrote_it(locality: Locality, how: str) -> None:
    crisis = await locality.agency("crisis")
    await tied(locality, "crisis")
    mine, theirs = await kept(locality, "crisis"), await kept(locality, "trust")
    if how == "team":
        await team(locality, crisis, "trust")
    else:
        await crisis.created(task(locality, "crisis", "trust"))
    await team(locality, crisis, "voluntary")
    assert await read(locality, "trust", mine) == 200
    assert await read(locality, "trust", theirs) == 200


async def test_idn_6_a_team_of_the_leading_agency_opens_the_person_s_records(locality: Locality) -> None:
    trust = await locality.agency("trust")
    await trust.created(locality.plan())
    await tied(locality, "housing")
    record = await kept(locality, "housing")
    before = await read(locality, "crisis", record)
    await team(locality, trust, "crisis")
    assert (before, await read(locality, "crisis", record)) == (404, 200)


async def test_idn_6_an_agency_that_received_the_plan_leads_it(locality: Locality) -> None:
    """After a handover the new owner's team opens what the sender keeps."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    sent, record = await locality.sent(trust), await kept(locality, "trust")
    answer = await crisis.put({**sent, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}})
    assert answer.status_code == 200
    before = await read(locality, "trust", record), await read(locality, "housing", record)
    known = await locality.built.services.evidence.person(locality.person)
    assert before == (200, 404)
    assert known.leading == {"Organization/crisis"}


async def test_idn_6_a_plan_of_one_s_own_about_another_agency_s_patient_leads_nothing(locality: Locality) -> None:
    crisis, record = await locality.agency("crisis"), await kept(locality, "trust")
    await tied(locality, "crisis")
    await crisis.created(locality.plan(author={"reference": "PractitionerRole/crisis-lead"}))
    await team(locality, crisis, "voluntary")
    assert await read(locality, "voluntary", record) == 404


async def test_idn_6_a_plan_that_ended_leads_nothing(locality: Locality) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    await tied(locality, "housing")
    record = await kept(locality, "housing")
    await team(locality, trust, "crisis")
    assert (await trust.put({**plan, "status": "completed"})).status_code == 200
    assert await read(locality, "crisis", record) == 404


@pytest.mark.parametrize(
    "more",
    [
        {"period": PAST},
        {"period": AHEAD},
        {"participant": {"period": PAST}},
        {"period": PAST, "participant": {"period": {"start": "2020-01-01"}}},
        {"period": {"start": "2020-01-01"}, "participant": {"period": AHEAD}},
        {"status": "inactive"},
        {"status": "suspended"},
        {"status": "proposed"},
        {"status": "entered-in-error"},
    ],
)
async def test_idn_6_a_team_that_is_over_opens_nothing(locality: Locality, more: Stored) -> None:
    trust, record = await locality.agency("trust"), await kept(locality, "trust")
    await team(locality, trust, "crisis", **more)
    assert await read(locality, "crisis", record) == 404


async def test_idn_6_a_team_that_ends_closes_what_it_opened(locality: Locality) -> None:
    trust, record = await locality.agency("trust"), await kept(locality, "trust")
    made = await team(locality, trust, "crisis")
    before = await read(locality, "crisis", record)
    assert (await trust.put({**made, "status": "inactive"})).status_code == 200
    assert (before, await read(locality, "crisis", record)) == (200, 404)


@pytest.mark.parametrize("period", [PAST, AHEAD])
async def test_idn_6_a_task_opens_nothing_outside_its_restriction(locality: Locality, period: Stored) -> None:
    trust, record = await locality.agency("trust"), await kept(locality, "trust")
    await trust.created(task(locality, "trust", "crisis", restriction={"period": period}))
    assert await read(locality, "crisis", record) == 404


async def test_idn_6_a_late_acceptance_reads_what_it_accepts(locality: Locality) -> None:
    """HOV-7: the date to accept by is passed, and the handover is still open."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    sent = await locality.sent(trust)
    row = await locality.built.services.records.read("Task", sent["id"])
    assert row is not None
    assert {party.organization: party.end for party in row.parties} == {"Organization/trust": None, "Organization/crisis": None}
    assert (await crisis.get(sent["focus"]["reference"])).status_code == 200


@pytest.mark.parametrize(("named", "answer"), [(("crisis",), 200), (("crisis", "voluntary"), 404)])
async def test_2_8_a_denial_recorded_without_standing_says_nothing(
    locality: Locality, named: tuple[str, ...], answer: int
) -> None:
    """Consent rules, section 2.8: no stranger closes the record to the crisis team; who was named tells what the person said."""
    record = await kept(locality, "trust")
    await tied(locality, *named)
    await stored(locality.built, "Organization/voluntary", {**denial(locality.person), "id": clock.new_id()})
    assert await read(locality, "crisis", record) == answer


async def test_2_8_a_permit_recorded_without_standing_opens_nothing(locality: Locality) -> None:
    """Consent rules, section 2.8: a stranger's word does not permit what the policy denies."""
    record, said = await kept(locality, "trust"), denial(locality.person)
    actor = [{**said["provision"]["actor"][0], "reference": {"reference": "Organization/housing"}}]
    permit = {**said, "id": clock.new_id(), "provision": {"type": "permit", "actor": actor}}
    await stored(locality.built, "Organization/voluntary", permit)
    await tied(locality, "housing")
    assert await read(locality, "housing", record) == 404
