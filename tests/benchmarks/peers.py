"""Loads any FHIR R4 server with one mix of requests: `python tests/benchmarks/peers.py --base URL --token TOKEN`.

Without `--base` it starts a `baton serve` of its own. It first makes people and Observations about them. Then it reads them,
searches for them by code and by subject, creates others, updates the first ones and sends transactions of 20 creates, one kind
after the other. The whole mix is gone through once for a short time to warm up, and then `--runs` times. A table tells the
medians of these runs, and the range of the rates. What is created is about other people and has another code, so a search finds
the same in every run. An update always changes its record. `peers.md` tells how the peers are started, and what the figures mean.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from service.cli.opening import opened
from service.settings import Settings
from tests.benchmarks.serving import Request, Serving, sent
from tests.benchmarks.test_service import observation
from tests.locality import EVERYTHING, patient, settle

PEOPLE, OTHERS, CODES = 200, 20, 100
CLIENTS, SENDERS = 64, 16
ENTRIES, BODIES, ROUNDS = 20, 2000, 4
PAGE, WARMING = 20, 3.0


@dataclass(frozen=True)
class Server:
    """A FHIR server by its base, and the token that it is asked with."""

    base: str
    token: str = ""

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""
        url = urlsplit(self.base)
        return url.hostname or "", url.port or 80

    def request(self, method: str, path: str = "", body: Any = None) -> Request:
        """A request for something below the base, or for the base itself."""
        return Request(method, f"..{urlsplit(self.base).path}/{path}".rstrip("/"), self.token, body)

    def made(self, resources: Sequence[dict[str, Any]]) -> list[str]:
        """Creates records; gives their ids."""
        requests = [self.request("POST", each["resourceType"], each) for each in resources]
        came = sent(self.address, requests, clients=SENDERS, keep=True)
        assert set(came["statuses"]) == {"201"}, list(came["bodies"].values())[:3]
        return [json.loads(came["bodies"][str(number)])["id"] for number in range(len(resources))]


@dataclass(frozen=True)
class Seed:
    """Who and what is there before anything is measured: people, other people, and Observations about the first, by id."""

    people: list[str]
    others: list[str]
    scores: list[str]

    @property
    def system(self) -> str:
        """The code system of this seed alone."""
        return f"https://trust.example/codes/{self.people[0]}"

    def searches(self) -> tuple[list[str], list[str]]:
        """The searches by code, and those by subject."""
        codes = [f"Observation?code={self.system}%7C{code}&_count={PAGE}" for code in range(CODES)]
        return codes, [f"Observation?subject=Patient/{each}&_count={PAGE}" for each in self.people]


@dataclass(frozen=True)
class Kind:
    """One kind of request, and how many clients send it."""

    name: str
    clients: int
    requests: list[Request]


@dataclass(frozen=True)
class Figures:
    """What one run of a kind came to; times are in milliseconds."""

    rate: float
    middle: float
    high: float
    errors: int


def score(seed: Seed, person: str, number: int, code: str, value: int = 0) -> dict[str, Any]:
    """An Observation of 1.5 KB about a person, who is all that it refers to."""
    made = observation(f"Patient/{person}", number)
    del made["performer"]
    return {**made, "code": {"coding": [{"system": seed.system, "code": code}], "text": "PHQ-9"}, "valueInteger": value}


def about(seed: Seed, number: int, value: int = 0) -> dict[str, Any]:
    """The Observation of a number that is searched for."""
    return score(seed, seed.people[number % PEOPLE], number, str(number % CODES), value)


def written(seed: Seed, number: int) -> dict[str, Any]:
    """The Observation of a number that no search finds."""
    return score(seed, seed.others[number % OTHERS], number, "other")


def seeded(server: Server, count: int) -> Seed:
    """Makes what is read, searched and updated, and sees that it is found."""
    people = server.made([patient() for _ in range(PEOPLE + OTHERS)])
    seed = Seed(people[:PEOPLE], people[PEOPLE:], [])
    seed.scores.extend(server.made([about(seed, number) for number in range(count)]))
    for paths in seed.searches():
        requests = [server.request("GET", each) for each in paths]
        came = sent(server.address, requests, clients=SENDERS, keep=True)
        assert sum(map(matches, came["bodies"].values())) == min(count, PAGE * len(paths)), came["statuses"]
    return seed


def matches(body: str) -> int:
    """How many records a page of a search has found."""
    return sum(each.get("search", {}).get("mode", "match") == "match" for each in json.loads(body).get("entry", []))


def mix(server: Server, seed: Seed, run: int) -> Iterator[Kind]:
    """The kinds of request, in their order. The values of updates are new in every run."""
    ask = server.request
    codes, subjects = seed.searches()
    yield Kind("read by id", CLIENTS, [ask("GET", f"Observation/{each}") for each in seed.scores])
    yield Kind("search by code", CLIENTS, [ask("GET", each) for each in codes])
    yield Kind("search by subject", CLIENTS, [ask("GET", each) for each in subjects])
    yield Kind("create", CLIENTS, [ask("POST", "Observation", written(seed, number)) for number in range(BODIES)])
    values = range(1 + run * ROUNDS, 1 + (run + 1) * ROUNDS)
    yield Kind("update", CLIENTS, [update(server, seed, number, value) for value in values for number in range(len(seed.scores))])
    bundles = [ask("POST", "", transaction(seed, number)) for number in range(0, BODIES, ENTRIES)]
    yield Kind(f"transaction of {ENTRIES}", SENDERS, bundles)


def update(server: Server, seed: Seed, number: int, value: int) -> Request:
    """Gives an Observation another value."""
    identity = seed.scores[number]
    return server.request("PUT", f"Observation/{identity}", {**about(seed, number, value), "id": identity})


def transaction(seed: Seed, start: int) -> dict[str, Any]:
    """A transaction that creates the Observations of twenty numbers."""
    entries = [
        {
            "fullUrl": UUID(int=number).urn,
            "resource": written(seed, number),
            "request": {"method": "POST", "url": "Observation"},
        }
        for number in range(start, start + ENTRIES)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def figures(came: dict[str, Any]) -> Figures:
    """The figures of what came. Only answers of 200 and 201 count into the rate."""
    took, statuses = sorted(came["took"]), came["statuses"]
    good = statuses.get("200", 0) + statuses.get("201", 0)
    middle, high = (1000 * took[int(len(took) * part)] for part in (0.5, 0.99))
    return Figures(good / came["seconds"], middle, high, sum(statuses.values()) - good)


def measured(server: Server, count: int, seconds: float, runs: int) -> dict[tuple[str, int], list[Figures]]:
    """The figures of each kind in each run, the first run left out."""
    seed = seeded(server, count)
    found: dict[tuple[str, int], list[Figures]] = {}
    for run in range(runs + 1):
        for kind in mix(server, seed, run):
            came = sent(server.address, kind.requests, clients=kind.clients, seconds=seconds if run else WARMING)
            found.setdefault((kind.name, kind.clients), []).append(figures(came))
    return {name: each[1:] for name, each in found.items()}


def row(name: str, clients: int, runs: Sequence[Figures]) -> str:
    """A row of the table: medians, the range of the rates, and all errors."""
    rates = [each.rate for each in runs]
    middle, high = median(each.middle for each in runs), median(each.high for each in runs)
    cells = (
        name,
        f"{clients}",
        f"{median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})",
        f"{middle:.1f}",
        f"{high:.1f}",
        f"{sum(each.errors for each in runs)}",
    )
    return f"| {' | '.join(cells)} |"


@contextmanager
def baton() -> Iterator[Server]:
    """A `baton serve` on an empty database, asked by a client of an agency that keeps all that it writes."""
    os.environ.update(BATON_ACCESS_TOKEN_SECONDS="3600", BATON_REQUESTS_PER_MINUTE="10000000", BATON_LOG_LEVEL="warning")
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder))
        serving.start()
        try:
            base = f"http://127.0.0.1:{serving.port}"
            yield Server(f"{base}/fhir", asyncio.run(token(serving.data, base)))
        finally:
            serving.stop()


async def token(data: Path, base: str) -> str:
    """The token of a new client of the trust."""
    async with opened(Settings(data=data), base) as built:
        await settle(built)
        await built.registration.add_client("peers", "Organization/trust", EVERYTHING, secret=True)
        return str((await built.registration.mint("peers", EVERYTHING, "", ""))["access_token"])


def report(server: Server, asked: argparse.Namespace) -> None:
    """Measures a server and prints its table."""
    found = measured(server, asked.observations, asked.seconds, asked.runs)
    print("| | clients | requests a second: median (range) | p50, ms | p99, ms | errors |\n|---|---|---|---|---|---|")
    print("\n".join(row(*name, runs) for name, runs in found.items()))
    print(f"load average {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Reads what is asked for, and measures it."""
    parser = argparse.ArgumentParser(description="Loads a FHIR R4 server with one mix of requests.")
    parser.add_argument("--base", default="", help="the server's FHIR base; without it, a Baton is started")
    parser.add_argument("--token", default="", help="a bearer token")
    parser.add_argument("--observations", type=int, default=2000, help="how many are made first")
    parser.add_argument("--seconds", type=float, default=10, help="how long each kind is sent")
    parser.add_argument("--runs", type=int, default=3, help="how often, after one run that is not counted")
    asked = parser.parse_args()
    if asked.base:
        report(Server(asked.base.rstrip("/"), asked.token), asked)
        return
    with baton() as server:
        report(server, asked)


if __name__ == "__main__":
    main()
