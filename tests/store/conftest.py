"""The store under both drivers, each test in a database of its own, and a stand-in for the projector."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from service.change import Change, Resource, Write
from service.fhir.index import Index
from service.fhir.resource import stamp
from service.store.mongo import Mongo, connect
from service.store.records import Projection, Records

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TRUST = "Organization/trust"


def project(resource: Resource, tokens: Sequence[str]) -> Projection:
    """Finds a record by its `status` and belongs to its `subject`: enough to see that what is projected is stored."""
    keys = {*tokens, *([f"status={resource['status']}"] if "status" in resource else [])}
    own = [f"Patient/{resource['id']}"] if resource["resourceType"] == "Patient" else []
    patients = tuple(own or [resource["subject"]["reference"]] if own or "subject" in resource else [])
    index = Index(resource["resourceType"], resource["id"], 0, frozenset(keys), patients=patients)
    return Projection(index, patients, {"type": resource["resourceType"], "status": resource.get("status", "")})


class Make:
    """Builders of what tests commit, at fixed instants."""

    at = AT
    trust = TRUST
    project = staticmethod(project)

    @staticmethod
    def write(type_: str, id_: str, before: int = 0, **more: Any) -> Write:
        """A stamped write; what is not a field of Write is a member of the resource."""
        fields = ("custodian", "tokens", "parties", "keys", "touches", "deleted", "method")
        given = {"custodian": TRUST} | {name: more.pop(name) for name in fields if name in more}
        resource = stamp({"resourceType": type_, **more}, id=id_, version=before + 1, at=AT)
        return Write(resource, before, **given)

    @staticmethod
    def change(*writes: Write, at: datetime = AT, **more: Any) -> Change:
        """A Change."""
        return Change(at=at, writes=writes, **more)

    @staticmethod
    def event(text: str = "read") -> Resource:
        """An AuditEvent without id."""
        return {"resourceType": "AuditEvent", "outcomeDesc": text, "subject": {"reference": "Patient/p1"}}

    @staticmethod
    def later(**time: float) -> datetime:
        """An instant after `at`."""
        return AT + timedelta(**time)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    """The builders."""
    return Make


@pytest_asyncio.fixture(params=["pymongo", "motor"])
async def mongo(mongod: str, request: pytest.FixtureRequest) -> AsyncIterator[Mongo]:
    """A connection to an empty database, once under each driver."""
    mongo = await connect(mongod, f"test_{secrets.token_hex(6)}", request.param)
    yield mongo
    await mongo.client.drop_database(mongo.database.name)
    await mongo.close()


@pytest_asyncio.fixture
async def records(mongo: Mongo) -> Records:
    """Records in an empty database."""
    records = Records(mongo, project, ledger_key=b"key")
    await records.prepare(["Patient", "CarePlan", "Task"])
    return records


@pytest_asyncio.fixture
async def other(mongod: str, mongo: Mongo) -> AsyncIterator[Records]:
    """The same database seen by another process: its own client, its own lanes."""
    second = await connect(mongod, mongo.database.name, "pymongo")
    yield Records(second, project, ledger_key=b"key")
    await second.close()
