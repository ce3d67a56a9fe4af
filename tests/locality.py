"""A small locality for tests: four agencies, their staff, one person, a care plan, and a client for each agency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from httpx import ASGITransport

from service import clock
from service.app import Built, build, routes, shell
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.care.identity_review import review
from service.change import Resource
from service.settings import Settings
from service.store.mongo import Mongo
from service.store.partners import Partner
from service.usecases.register import partners
from service.usecases.request.services import RequestContext
from service.usecases.request.work import UnitOfWork
from tests import honest

BASE = "http://127.0.0.1:8000"
SNOMED = "http://snomed.info/sct"
SYSTEM = "https://baton.example/fhir/CodeSystem"
QUESTIONNAIRE = "https://baton.example/fhir/Questionnaire/mds-handover"
EVERYTHING = "system/*.cruds"
AGENCIES = {"trust": "health", "crisis": "health", "housing": "housing", "voluntary": "voluntary"}
NHS_NUMBER = "9434765919"


def role(agency: str, name: str = "lead") -> Resource:
    """An active PractitionerRole of an agency."""
    return {
        "resourceType": "PractitionerRole",
        "id": f"{agency}-{name}",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{agency}-{name}"},
        "organization": {"reference": f"Organization/{agency}"},
    }


def patient(**more: Any) -> Resource:
    """A person, as an agency knows them."""
    return {"resourceType": "Patient", "name": [{"family": "Example", "given": ["Ada"]}], **more}


def nhs_number(value: str = NHS_NUMBER) -> Resource:
    """An NHS number as an identifier."""
    return {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": value}


def valid_nhs_number(seed: int) -> str:
    """An NHS number with a fitting check digit, made from a number."""
    nine = f"4{seed % 10**8:08}"
    check = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return valid_nhs_number(seed + 1) if check == 10 else f"{nine}{check % 11}"


def plan(person: str, **more: Any) -> Resource:
    """An active top-level plan led by the trust."""
    return {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "category": [{"coding": [{"system": SNOMED, "code": "734163000"}]}],
        "subject": {"reference": person},
        "author": {"reference": "PractitionerRole/trust-lead"},
        **more,
    }


def dataset(person: str, questionnaire: Resource, **answers: str) -> Resource:
    """A complete minimum dataset; `answers` override by linkId with _ for -, and an empty one leaves the item out."""
    given = {name.replace("_", "-"): text for name, text in answers.items()}
    items = [
        {"linkId": item["linkId"], "answer": [{"valueString": given.get(item["linkId"], "Asked, and answered")}]}
        for item in questionnaire["item"]
        if given.get(item["linkId"], "x")
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": questionnaire["url"],
        "status": "completed",
        "subject": {"reference": person},
        "authored": "2026-11-20T09:00:00Z",
        "author": {"reference": "PractitionerRole/trust-lead"},
        "item": items,
    }


def code(system: str, value: str, text: str = "") -> Resource:
    """A CodeableConcept of one of our code systems."""
    concept: Resource = {"coding": [{"system": f"{SYSTEM}/{system}", "code": value}]}
    return {**concept, "text": text} if text else concept


def handover(
    person: str, plan_ref: str, dataset_ref: str, *, status: str = "requested", to: str = "Organization/crisis", **more: Any
) -> Resource:
    """A handover of the plan from the trust under direct care."""
    return {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "code": code("task-code", "handover"),
        "focus": {"reference": plan_ref},
        "for": {"reference": person},
        "requester": {"reference": "PractitionerRole/trust-lead"},
        "owner": {"reference": to},
        "restriction": {"period": {"end": "2031-01-01T00:00:00Z"}},
        "input": [
            {"type": code("task-input", "minimum-dataset"), "valueReference": {"reference": dataset_ref}},
            {"type": code("task-input", "sharing-authority"), "valueCodeableConcept": code("lawful-basis", "direct-care")},
        ],
        **more,
    }


@dataclass
class Agency:
    """One agency's client over HTTP."""

    http: httpx.AsyncClient
    name: str
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A request with this agency's token; `headers` with _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        auth = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = path if path.startswith("http") else f"/fhir/{path}" if path else "/fhir"
        headers = {"Content-Type": "application/fhir+json", **auth, **given}
        answer = await self.http.request(method, url, json=body, headers=headers)
        if answer.status_code >= 400 and body is not None:
            assert honest.lost(answer.json(), body) == [], answer.text
        return answer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET."""
        return await self.send("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST."""
        return await self.send("POST", path, body, **headers)

    async def put(self, resource: Mapping[str, Any], **headers: str) -> httpx.Response:
        """PUT of a resource to its own place, with If-Match of the version it carries."""
        version = resource.get("meta", {}).get("versionId")
        match = {"If_Match": f'W/"{version}"'} if version and "If_Match" not in headers else {}
        return await self.send("PUT", f"{resource['resourceType']}/{resource['id']}", dict(resource), **match, **headers)

    async def created(self, resource: Mapping[str, Any], **headers: str) -> Resource:
        """The stored form of a new record; fails the test when it is refused."""
        answer = await self.post(str(resource["resourceType"]), dict(resource), **headers)
        assert answer.status_code == 201, answer.text
        stored: Resource = answer.json()
        return stored


@dataclass
class Locality:
    """A running service with the locality in it, and a person of this test's own."""

    built: Built
    http: httpx.AsyncClient
    person: str

    def plan(self, **more: Any) -> Resource:
        """An active top-level plan of the person, led by the trust."""
        return plan(self.person, **more)

    def dataset(self, **answers: str) -> Resource:
        """A handover dataset about the person, as `dataset` makes it."""
        return dataset(self.person, self.questionnaire, **answers)

    async def sent(self, trust: Agency, **more: Any) -> Resource:
        """A handover of a new plan that the trust sent to the crisis team."""
        led, response = await trust.created(self.plan()), await trust.created(self.dataset())
        refs = f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}"
        return await trust.created(handover(self.person, *refs, **more))

    async def agency(self, name: str, scope: str = EVERYTHING, user: str = "", patient: str = "") -> Agency:
        """A client of an agency with a fresh token."""
        client = f"{name}-{clock.new_id()[:8]}"
        await self.built.registration.add_client(client, f"Organization/{name}", scope, secret=True)
        minted = await self.built.registration.mint(client, scope, user, patient)
        return Agency(self.http, name, minted["access_token"])

    def anonymous(self) -> Agency:
        """Nobody's client."""
        return Agency(self.http, "", "")

    @property
    def questionnaire(self) -> Resource:
        """The handover's minimum dataset."""
        found = self.built.services.definitions.questionnaire(QUESTIONNAIRE)
        assert found is not None
        return found


async def settle(built: Built) -> None:
    """Stores the locality's directory and partners, each under its own agency."""
    for agency, sector in AGENCIES.items():
        organization = {"resourceType": "Organization", "id": agency, "active": True, "name": agency.title()}
        practitioner = {"resourceType": "Practitioner", "id": f"{agency}-lead", "name": [{"text": f"Lead of {agency}"}]}
        second = {**practitioner, "id": f"{agency}-second"}
        await stored(built, f"Organization/{agency}", organization, practitioner, second, role(agency), role(agency, "second"))
        await partners.register(built.services, built.base, Partner(f"Organization/{agency}", sector, ("TREAT", "HOPERAT")))


@asynccontextmanager
async def handed_over(mongo: Mongo, data: Path) -> AsyncIterator[Locality]:
    """A locality on an empty database, with a plan that the crisis team has taken over from the trust."""
    settings = Settings(data=data)
    built = await build(settings, mongo, BASE)
    app = shell(settings)
    app.router.routes.extend(routes(built, BASE))
    await settle(built)
    async with transport(app) as http:
        locality = Locality(built, http, await person(built))
        task = await locality.sent(await locality.agency("trust"))
        accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
        assert (await (await locality.agency("crisis")).put(accepted, X_Request_Id="once")).status_code == 200
        yield locality
    await built.issuers.close()


async def person(built: Built, custodian: str = "Organization/trust", **more: Any) -> str:
    """A new person known to one agency; gives the Patient's reference."""
    identity = clock.new_id()
    await stored(built, custodian, patient(id=identity, **more))
    return f"Patient/{identity}"


async def stored(built: Built, custodian: str, *resources: Resource) -> None:
    """Commits records as they are, under a custodian."""
    work = UnitOfWork(built.services, RequestContext(Caller("test", custodian, NONE), clock.now(), f"{BASE}/fhir"))
    await built.services.directory.refresh()
    for resource in resources:
        work.create(resource, custodian)
    await work.commit()


async def confirmed(built: Built, known: str, newcomer: str) -> None:
    """The agency that keeps the Patient `known` has confirmed that `newcomer` is the same person (IDN-1)."""
    records = built.services.records
    rows = [await records.read("Patient", each.partition("/")[2]) for each in (known, newcomer)]
    assert rows[0]
    assert rows[1]
    asked = review.proposal(clock.new_id(), rows[0].resource, rows[0].custodian, rows[1].resource, rows[1].custodian, clock.now())
    await stored(built, rows[0].custodian, review.answered(asked, review.SAME, "Known to be the same."))


def transport(app: Any) -> httpx.AsyncClient:
    """An HTTP client of an ASGI application."""
    return httpx.AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url=BASE)
