"""Who attacks, each without a right to the trust's records of a person, and whether two answers to them are alike."""

from __future__ import annotations

import re

import httpx

from service import clock
from tests.attacks.records import denial
from tests.locality import Agency, Locality, patient, person, stored


async def tied(locality: Locality, *agencies: str) -> None:
    """A care team of the trust with these agencies."""
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": locality.person},
        "participant": [{"member": {"reference": f"Organization/{agency}"}} for agency in agencies],
    }
    await stored(locality.built, "Organization/trust", team)


async def stranger(locality: Locality) -> Agency:
    """Another agency's system: no tie to the person."""
    return await locality.agency("housing")


async def denied(locality: Locality) -> Agency:
    """An agency of the person's care team, whom the person's consent denies."""
    await tied(locality, "crisis")
    await (await locality.agency("trust")).created(denial(locality.person))
    return await locality.agency("crisis")


async def employee(locality: Locality) -> Agency:
    """A person's client at the stranger agency."""
    return await locality.agency("housing", "user/*.cruds", user="PractitionerRole/housing-lead")


async def someone_else(locality: Locality) -> Agency:
    """Another person's app of the very agency that keeps the record."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    return await locality.agency("trust", "patient/*.cruds", user=f"Patient/{other}", patient=f"Patient/{other}")


async def other_context(locality: Locality) -> Agency:
    """Staff of the very agency that keeps the record, in an app that was opened on another person."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    return await locality.agency("trust", "patient/*.cruds", user="PractitionerRole/trust-lead", patient=f"Patient/{other}")


async def other_person(locality: Locality) -> Agency:
    """Another person's app of the very agency that keeps the record, with `user/` scopes."""
    return await locality.agency("trust", "user/*.cruds", user=await person(locality.built))


async def narrow(locality: Locality) -> Agency:
    """The agency's own system, whose scopes do not reach this content."""
    return await locality.agency("trust", "system/Observation.cruds?status=preliminary system/Patient.rs?_id=nobody")


CALLERS = [stranger, denied, employee, someone_else, other_context, narrow]
HEADERS = ("etag", "last-modified", "content-type", "cache-control", "www-authenticate", "location")


def alike(one: httpx.Response, other: httpx.Response, *names: str) -> bool:
    """Whether two answers are the same but for the ids asked for."""

    def plain(answer: httpx.Response) -> tuple[int, str, list[str]]:
        text = answer.text
        for name in names:
            text = text.replace(name, "X")
        text = re.sub(r"_cursor=[^\"&]+", "_cursor", text)
        return answer.status_code, text, [answer.headers.get(name, "") for name in HEADERS]

    return plain(one) == plain(other)
