"""How long `baton check` takes over a store that nobody edited: `python tests/benchmarks/check.py 100000`. Prints figures and
judges nothing.

The records are committed by the service's own store with the service's own indexes, each with its audit entry: persons, plans
with a lead, and Observations of 1.6 KB with 70 search keys. Making them takes far longer than checking them.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import uvloop

from service import clock
from service.app import Built, build
from service.auth.caller import Caller
from service.auth.scopes import NONE
from service.change import Resource
from service.fhir.bundle import Sent
from service.settings import Settings
from service.store.embedded import Embedded
from service.store.mongo import connect
from service.usecases.interactions.loading import Loading
from service.usecases.register import integrity
from service.usecases.request.audit import audited
from service.usecases.request.services import RequestContext
from service.usecases.request.work import UnitOfWork
from tests.benchmarks.test_service import observation
from tests.locality import BASE, patient, plan, settle

TRUST = "Organization/trust"
PLANS, A_PERSON = 200, 20


async def grown(built: Built, count: int) -> None:
    """Records up to `count`: persons with their Observations, and plans loaded with their teams and episodes."""
    persons = [f"p{number}" for number in range(count // A_PERSON)]
    await committed(built, (patient(id=each) for each in persons))
    plans = [{**plan(f"Patient/{each}"), "id": f"plan{each}"} for each in persons[:PLANS]]
    assert all(
        verdict.reason is None
        for verdict in await Loading(built.services, built.base, TRUST).load([Sent(each) for each in plans])
    )
    scores = range(count - len(persons) - 3 * len(plans))
    made = ({**observation(f"Patient/{persons[number // A_PERSON]}", number), "id": f"o{number}"} for number in scores)
    await committed(built, made)


async def committed(built: Built, resources: Iterable[Resource]) -> None:
    """Commits each record as a Change of its own, with its audit entry, eight at once."""
    waiting = iter(resources)

    async def writer() -> None:
        for resource_ in waiting:
            work = UnitOfWork(built.services, RequestContext(Caller("bench", TRUST, NONE), clock.now(), f"{BASE}/fhir"))
            work.audits.append(audited(work.context, "C", work.create(resource_, TRUST)))
            await work.commit()

    await asyncio.gather(*(writer() for _ in range(8)))


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        embedded = Embedded(data, 512)
        mongo = await connect(await embedded.start(), "check")
        built = await build(Settings(data=data), mongo, BASE)
        await settle(built)
        begun = time.perf_counter()
        await grown(built, count)
        await built.services.ledger.seal(clock.now())
        print(f"made in {time.perf_counter() - begun:.0f} s", flush=True)
        rows = [(each, await mongo.collection(each).estimated_document_count()) for each in ("history", "r.AuditEvent")]
        print(", ".join(f"{number} in {name}" for name, number in rows), flush=True)
        for _ in range(3):
            begun, cpu = time.perf_counter(), time.process_time()
            found = [each async for each in integrity.findings(built.services, clock.now())]
            took, cpu = time.perf_counter() - begun, time.process_time() - cpu
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"checked in {took:.1f} s, {cpu:.1f} s of CPU, {memory} MiB; {len(found)} findings {found[:3]}", flush=True)
        await built.issuers.close()
        await mongo.close()
        await embedded.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1]) if sys.argv[1:] else 100_000))
