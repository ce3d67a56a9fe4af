"""How long the close of a large meeting takes over HTTP, and how many commands it is: `python tests/benchmarks/meeting.py 15`.

Twenty people stand on the agenda, each with three actions; one transaction carries it all: decisions, actions, clocks, history,
ledger. Each time another meeting about other people is closed. `--profile` shows where the time goes.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import uvloop

from service.app import build, routes, shell
from service.settings import Settings
from service.store.embedded import Embedded
from service.store.mongo import connect
from tests.locality import BASE, Agency, Locality, person, settle, stored, transport
from tests.meetings import action, agenda, ahead, close, decided, entry, flag, meeting, participant
from tests.stepping import consent

PEOPLE, ACTIONS = 20, 3
OWNERS = ("PractitionerRole/trust-lead", "PractitionerRole/crisis-lead", "Organization/trust")


async def planned(locality: Locality, trust: Agency) -> tuple[dict[str, object], list[str]]:
    """A meeting's agenda with twenty people."""
    items = []
    for _ in range(PEOPLE):
        someone = await person(locality.built, "Organization/trust")
        await stored(locality.built, "Organization/trust", consent(someone, "permit", "crisis", "trust"))
        items.append(f"Flag/{(await trust.created(flag(someone)))['id']}")
    held = await trust.created(meeting("mdt", participant("crisis-lead"), participant("housing-lead")))
    listed = await trust.created(agenda(f"Encounter/{held['id']}", *(entry(each, "safeguarding") for each in items)))
    return listed, items


async def run(times: int, profiled: bool) -> None:
    """Prints the median and the slowest close."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = Embedded(Path(folder) / "db", 1024)
        mongo = await connect(await embedded.start(), "meeting")
        built = await build(Settings(data=Path(folder)), mongo, BASE)
        await settle(built)
        app = shell(Settings(data=Path(folder)))
        app.router.routes.extend(routes(built, BASE))
        async with transport(app) as http:
            locality = Locality(built, http, await person(built, "Organization/trust"))
            trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
            took, cpu = [], []
            for _ in range(times):
                listed, items = await planned(locality, trust)
                entries = [
                    decided(each, "actions", *(action(f"Action {number}", OWNERS[number], ahead(7)) for number in range(ACTIONS)))
                    for each in items
                ]
                profile = cProfile.Profile()
                if profiled:
                    profile.enable()
                begun, spent = time.perf_counter(), time.process_time()
                answer = await close(trust, listed, *entries)
                took.append(time.perf_counter() - begun)
                cpu.append(time.process_time() - spent)
                if profiled:
                    profile.disable()
                assert answer.status_code == 200, answer.text
            if profiled:
                pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
        await built.issuers.close()
        await mongo.close()
        await embedded.stop()
    took.sort()
    figures = (
        f"median {median(took) * 1000:.0f} ms, slowest {took[-1] * 1000:.0f} ms, CPU of the service {median(cpu) * 1000:.0f} ms"
    )
    print(f"{PEOPLE} entries, {PEOPLE * ACTIONS} actions: {figures}; {times} times")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(int(next((each for each in sys.argv[1:] if each.isdigit()), "15")), "--profile" in sys.argv))
