"""What tests of pathways do over HTTP: read, publish and agree, with the locality's agencies; the trust leads the locality."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from service.app import Built, routes, shell
from service.change import Resource
from service.store.partners import Partner
from service.usecases.register import definitions, partners
from tests.locality import AGENCIES, BASE, Agency, Locality, person, transport

ID = "pathway-front-door"
URL = f"https://baton.example/fhir/PlanDefinition/{ID}"
IN_FORCE = "https://baton.example/fhir/StructureDefinition/in-force"
LEAD = "PractitionerRole/trust-lead"


def led(agency: str, lead: str = "") -> Partner:
    """An agency's agreement, with the locality's lead."""
    return Partner(f"Organization/{agency}", AGENCIES[agency], ("TREAT", "HOPERAT"), locality_lead=lead)


async def read(agency: Agency, identity: str = ID) -> Resource:
    """A pathway as it is read."""
    body: Resource = (await agency.get(f"PlanDefinition/{identity}")).json()
    return body


async def published(agency: Agency, version: str = "2.0.0", **more: Any) -> httpx.Response:
    """The answer to the publication of the front door under a new version."""
    return await agency.put({**await read(agency), "version": version, **more})


async def asked(agency: Agency, status: str = "requested") -> list[Resource]:
    """The agency's own Tasks about the pathway."""
    path = f"Task?focus=PlanDefinition/{ID}&code=agree-plan&status={status}&owner=Organization/{agency.name}"
    return [entry["resource"] for entry in (await agency.get(path)).json().get("entry", [])]


async def agree(agency: Agency, status: str = "completed", **more: Any) -> httpx.Response:
    """The agency's answer to what it was asked last."""
    (task,) = await asked(agency)
    return await agency.put({**task, "status": status, **more})


def forced(resource: Resource) -> list[str]:
    """Since when a version is in force."""
    return [one["valueDateTime"] for one in resource.get("extension", []) if one["url"] == IN_FORCE]


def rules(answer: httpx.Response) -> list[str]:
    """The rules that a refusal cites."""
    return [code["code"] for issue in answer.json()["issue"] for code in issue["details"]["coding"]]


async def everybody(place: Locality) -> list[Agency]:
    """A client of every agency."""
    return [await place.agency(name) for name in AGENCIES]


async def in_force(place: Locality) -> str:
    """The version that the rules use."""
    await place.built.services.directory.refresh()
    return (await place.built.services.pathways.in_force("front-door")).version


@asynccontextmanager
async def with_pathways(built: Built) -> AsyncIterator[Locality]:
    """A locality with the service's definitions published."""
    await definitions.publish(built.services, BASE)
    await partners.register(built.services, BASE, led("trust", LEAD))
    app = shell(built.services.settings)
    app.router.routes.extend(routes(built, BASE))
    async with transport(app) as http:
        yield Locality(built, http, await person(built))
