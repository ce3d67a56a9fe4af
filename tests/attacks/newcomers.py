"""Patients of several agencies with one NHS number, and the reviews of who they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service import clock
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.usecases.care import identity
from service.usecases.request.services import RequestContext
from service.usecases.request.work import UnitOfWork
from tests.attacks.records import CONFIDENTIALITY, Stored, observation
from tests.locality import BASE, Agency, Locality, code, nhs_number, valid_nhs_number

NORMAL: Stored = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
BORN = "1986-05-02"
DECISION = "https://baton.example/fhir/CodeSystem/task-output"


def patient(number: str, **more: Any) -> Stored:
    """A Patient with a number, a family name and a birth date."""
    named = {"name": [{"family": "Example", "given": ["Ada"]}], "birthDate": BORN}
    return {"resourceType": "Patient", "identifier": [nhs_number(number)], **named, **more}


@dataclass
class Known:
    """A person whom the trust knows and whom a newcomer registers, too: both Patients, a record of the trust, the clients."""

    locality: Locality
    number: str
    trust: Agency
    newcomer: Agency
    theirs: str
    ours: str
    record: str

    async def reviews(self, agency: Agency, patient: str = "") -> list[Stored]:
        """The reviews about one of the Patients that an agency finds."""
        asked = f"Task?code=identity-review&patient={patient or self.theirs}"
        return [entry["resource"] for entry in (await agency.get(asked)).json().get("entry", [])]

    async def decided(self, decision: str = "same-person", *, by: Agency | None = None, patient: str = "") -> int:
        """The answer to the decision of a review."""
        agency = by or self.trust
        (task,) = [each for each in await self.reviews(agency, patient) if each["status"] == "requested"]
        return (await agency.put(completed(task, decision))).status_code

    async def app(self, agency: str, patient: str) -> Agency:
        """The app of a person whom an agency says is its Patient."""
        return await self.locality.agency(agency, "patient/*.cruds", user=patient, patient=patient)

    async def read(self, agency: Agency, ref: str = "") -> int:
        """What is answered to a read of the trust's record."""
        return (await agency.get(ref or self.record)).status_code


def completed(task: Stored, decision: str) -> Stored:
    """A review with its decision."""
    output = {"type": code("task-output", "decision"), "valueCodeableConcept": code("identity-decision", decision)}
    return {**task, "status": "completed", "output": [output]}


async def compared(locality: Locality, *patients: str) -> None:
    """What the worker does about Patients whose identity was written."""
    for each in patients:
        row = await locality.built.services.records.read("Patient", each.partition("/")[2])
        assert row is not None
        context = RequestContext(Caller("test", row.custodian, NONE), clock.now(), f"{BASE}/fhir")
        work = UnitOfWork(locality.built.services, context)
        work.rows[each] = row
        await identity.compare(work, row)
        if work.staged:
            await work.commit()


async def known(locality: Locality, newcomer: str = "crisis", *, told: bool = True, **more: Any) -> Known:
    """The trust's Patient with a record, and a newcomer's Patient with the same number."""
    trust, other = await locality.agency("trust"), await locality.agency(newcomer)
    number = valid_nhs_number(int(locality.person[-7:], 16))
    theirs = f"Patient/{(await trust.created(patient(number)))['id']}"
    record = f"Observation/{(await trust.created(observation(theirs, **NORMAL)))['id']}"
    ours = f"Patient/{(await other.created(patient(number, **more)))['id']}"
    if told:
        await compared(locality, ours)
    return Known(locality, number, trust, other, theirs, ours, record)
