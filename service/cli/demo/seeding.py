"""Seeds a service with the locality: its records, partners, clients and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service import clock
from service.app import Built
from service.change import Resource
from service.cli.demo import locality
from service.cli.demo.locality import AGENCIES, BEN, CRISIS, SURGERY, TRUST, Agency
from service.cli.demo.smart import new_key, public_part
from service.fhir import bundle
from service.fhir.bundle import Sent
from service.fhir.canonical import CRISIS_PLAN, SNOMED
from service.problem import Problem, Refused
from service.store.partners import Partner as Registered
from service.usecases.interactions.loading import Loading
from service.usecases.register import partners

EVERYTHING = "system/*.cruds"
BACK = "http://127.0.0.1:9/back"
READING = f"launch/patient patient/CarePlan.rs?category={SNOMED}|{CRISIS_PLAN}"
CLINICAL = "user/Condition.rs user/Patient.r user/Task.crus"
OWN = "launch/patient patient/AuditEvent.rs"
CHOSEN = {"gita": "Patient/ada-surgery"}
"""The patient that a member of staff chooses at login."""
# each app: its client_id, its agency, its scopes, the username of the person who logs in, and the person's reference
APPS: tuple[tuple[str, Agency, str, str, str], ...] = (
    ("surgery-app", SURGERY, READING, "gita", SURGERY.role("gita")),
    ("crisis-app", CRISIS, CLINICAL, "cora", CRISIS.role("cora")),
    ("my-record-app", TRUST, OWN, "ben", BEN),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The credentials of the locality's clients: passwords by username, private keys by the id of the agency."""

    passwords: dict[str, str]
    keys: dict[str, dict[str, Any]]

    @classmethod
    def made(cls) -> Stage:
        """New credentials."""
        return cls(
            passwords={name: clock.new_secret()[:16] for _, _, _, name, _ in APPS},
            keys={agency.id: new_key(system(agency)) for agency in AGENCIES},
        )


def system(agency: Agency) -> str:
    """The client_id of an agency's own system."""
    return f"{agency.id}-system"


async def seed(built: Built, stage: Stage) -> None:
    """Stores the locality's records, partners, clients and users. What is there already stays, so that a seed that was broken off
    is completed by another."""
    held = {reference: _records(resources, built.base) for reference, resources in locality.bundles().items()}
    for reference, records in held.items():
        await _loaded(built, reference, records, [each for others in held.values() for each in others])
    clients = {each["client_id"] for each in await built.registration.list_clients()}
    for agency in AGENCIES:
        await partners.register(built.services, built.base, Registered(agency.reference, agency.sector, added_by="demo"))
        if system(agency) not in clients:
            public = {"keys": [public_part(stage.keys[agency.id])]}
            await built.registration.add_client(system(agency), agency.reference, EVERYTHING, jwks=public)
    await _people(built, stage, clients)


async def _people(built: Built, stage: Stage, clients: set[str]) -> None:
    """The apps, and whoever logs in to them."""
    users = {each.username for each in await built.users.list_users()}
    for app, agency, scope, name, person in APPS:
        if app not in clients:
            await built.registration.add_client(
                app, agency.reference, scope, name=app, agency=agency.name, public=True, redirect_uris=[BACK]
            )
        if name not in users:
            await built.users.add_user(name, person, stage.passwords[name])


def _records(resources: Resource, base: str) -> list[Sent]:
    return [each for each in bundle.resources(resources, base) if not isinstance(each, Problem)]


async def _loaded(built: Built, custodian: str, records: list[Sent], everything: list[Sent]) -> None:
    """Loads the records of one agency, which may refer to those of the agencies after it."""
    loading = Loading(built.services, built.base, custodian)
    await loading.survey(everything)
    for verdict in await loading.load(records):
        if verdict.reason is not None:
            raise Refused(verdict.reason)
