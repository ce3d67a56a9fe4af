"""How fast the store reads and commits on this machine: `python tests/benchmarks/store.py`. Prints figures and judges nothing.

One process, one embedded mongod on disk, journalled commits, 4 KB resources with 20 search keys.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from service.change import Change, IdempotencyKey, Notice, Party, Resource, Timer, Write
from service.fhir.index import Index
from service.fhir.resource import stamp
from service.store.audit import AuditTrail
from service.store.embedded import Embedded
from service.store.mongo import connect
from service.store.records import Projection, Records

AT = datetime(2026, 11, 23, tzinfo=UTC)
PATIENTS = 50
COUNT = 1500
UnitOfWork = Callable[[int], Awaitable[object]]


def project(resource: Resource, tokens: Sequence[str]) -> Projection:
    keys = frozenset({*tokens, *(f"k{number}={resource['id']}" for number in range(20))})
    patients = (f"Patient/{hash(resource['id']) % PATIENTS}",)
    return Projection(
        Index(resource["resourceType"], resource["id"], 0, keys, patients=patients), patients, {"codes": ["a", "b"]}
    )


def resource(type_: str, id_: str, version: int = 1) -> Resource:
    members = [{"system": "a", "code": str(number)} for number in range(40)]
    return stamp({"resourceType": type_, "text": {"div": "x" * 2500}, "code": members}, id=id_, version=version, at=AT)


def event() -> Resource:
    return {"resourceType": "AuditEvent", "outcomeDesc": "y" * 800}


def create(number: int) -> Change:
    return Change(AT, (Write(resource("Observation", f"o{number}"), 0, "Organization/x"),))


def update(number: int) -> Change:
    write = Write(resource("Observation", f"o{number}", 2), 1, "Organization/x")
    return Change(AT, (write,), audits=(event(),))


def everything(number: int) -> Change:
    """A Task with all that may come with one."""
    write = Write(resource("Task", f"t{number}"), 0, "Organization/x", parties=(Party("Organization/a"),), keys=(f"k{number}",))
    return Change(
        at=AT,
        writes=(write,),
        audits=(event(),),
        idempotency=(IdempotencyKey(f"c{number}", {}, AT + timedelta(days=9999)),),
        timers=(Timer(f"t{number}", "TIM-1", AT, f"Task/t{number}"),),
        notices=(Notice("handover-task", f"Organization/{number % 20}", f"Task/t{number}"),),
    )


async def measure(name: str, count: int, clients: int, work: UnitOfWork) -> None:
    """`count` pieces of work by `clients` at once."""
    numbers = iter(range(count))
    took: list[float] = []

    async def client() -> None:
        for number in numbers:
            begun = time.perf_counter()
            await work(number)
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    rate = count / (time.perf_counter() - begun)
    took.sort()
    p50, p99 = (took[int(count * share)] * 1000 for share in (0.5, 0.99))
    print(f"{name:36} {clients:3} at once {rate:8.0f}/s   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms", flush=True)


async def run(uri: str, driver: str) -> None:
    mongo = await connect(uri, f"benchmark_{secrets.token_hex(4)}", driver)
    records = Records(mongo, project, ledger_key=b"key")
    await records.prepare(["Observation", "Task"])
    trail = AuditTrail(mongo, records.ledger)
    await measure(f"{driver}: create", COUNT, 16, lambda number: records.commit(create(number)))
    await measure(f"{driver}: update, audited", COUNT, 16, lambda number: records.commit(update(number)))
    await measure(f"{driver}: create with everything", COUNT, 16, lambda number: records.commit(everything(number)))
    await measure(f"{driver}: create, one client", 150, 1, lambda number: records.commit(create(number + COUNT)))
    await measure(f"{driver}: read audit", 2 * COUNT, 64, lambda _: trail.note(event(), at=AT))
    await measure(f"{driver}: read by id", 10 * COUNT, 64, lambda number: records.read("Observation", f"o{number % COUNT}"))
    await mongo.client.drop_database(mongo.database.name)
    await mongo.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        embedded = Embedded(Path(folder) / "data", 512)
        begun = time.perf_counter()
        uri = await embedded.start()
        print(f"{'first start to primary':36} {(time.perf_counter() - begun) * 1000:.0f} ms")
        for driver in ("pymongo", "motor"):
            await run(uri, driver)
        await embedded.stop()


if __name__ == "__main__":
    uvloop.run(main())
