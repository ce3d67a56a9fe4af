"""A new kind of Task is one value, one loader and one profile: what the fixture adds here, and nothing else, is served."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service import app
from service.care.registry import MACHINES
from service.care.task import effects, reading
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import Issues, creator, issue, reason
from service.care.task.situation import OWNER, REQUESTER, Ids, Outcome, Situation
from service.fhir.canonical import structure
from service.settings import Settings, shipped
from service.store.mongo import connect
from service.usecases.care import situations, tasks
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork
from tests.locality import BASE, Locality, code, person, settle, transport

WATERING = "water-plants"


@dataclass(frozen=True, slots=True)
class Watering(Situation):
    """Whether the person's flat has plants: the one thing that only this practice reads."""

    plants: bool = False


def plants(situation: Watering) -> Issues:
    """There is something to water."""
    return () if situation.plants else (issue("There are no plants: say in `description` where they are.", "Task.description"),)


def water(situation: Watering, ids: Ids) -> Outcome:
    """Watered: the output says so."""
    del ids
    done = reading.with_output(effects.kept(situation), "answer", valueString="Watered.")
    return effects.outcome(situation, done, "plants-watered")


MACHINE: Machine[Watering] = Machine(
    WATERING,
    (
        Move("none", "requested", (REQUESTER,), ("creator", "plants")),
        Move("requested", "rejected", (OWNER,), ("reason",)),
        Move("requested", "completed", (OWNER,), effect="water"),
    ),
    named(creator, plants, reason),
    named(effects.move, water),
    sent=True,
)


async def load(work: UnitOfWork, _: Viewer, proposal: Proposal) -> Watering:
    """The loader."""
    found = await situations.situation(work, proposal.resource, proposal.before)
    return found.widened(Watering, plants="plants" in str(proposal.resource.get("description", "")))


def published(folder: Path) -> Path:
    """Our definitions with one code more, and its profile."""
    shutil.copytree(shipped("profiles"), folder, ignore=shutil.ignore_patterns("fsh", "examples", "build"))
    system = folder / "baton" / "CodeSystem-task-code.json"
    codes = json.loads(system.read_text())
    codes["concept"].append({"code": WATERING, "display": "Water plants"})
    system.write_text(json.dumps(codes))
    profile = json.loads((folder / "baton" / "StructureDefinition-baton-abort-task.json").read_text())
    profile |= {"id": f"baton-{WATERING}-task", "url": structure(f"baton-{WATERING}-task"), "name": "BatonWaterPlantsTask"}
    kept = [each for each in profile["snapshot"]["element"] if each["path"] == "Task"]
    kept += [{"id": "Task.description", "path": "Task.description", "min": 1, "max": "1", "type": [{"code": "string"}]}]
    plain = [{name: value for name, value in each.items() if name != "constraint"} for each in kept]
    profile["snapshot"]["element"] = plain
    (folder / "baton" / f"StructureDefinition-baton-{WATERING}-task.json").write_text(json.dumps(profile))
    return folder


@pytest_asyncio.fixture
async def place(mongod: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Locality]:
    """The service with the new machine, loader and profile."""
    monkeypatch.setitem(MACHINES, WATERING, MACHINE)
    monkeypatch.setitem(tasks.PRACTICES, WATERING, tasks.Practice(load))
    folder = published(tmp_path / "profiles")
    monkeypatch.setattr(app, "shipped", lambda _: folder)
    settings = Settings(data=tmp_path / "data")
    mongo = await connect(mongod, f"new_machine_{secrets.token_hex(6)}")
    built = await app.build(settings, mongo, BASE)
    shell = app.shell(settings)
    shell.router.routes.extend(app.routes(built, BASE))
    await settle(built)
    async with transport(shell) as http:
        yield Locality(built, http, await person(built))
    await mongo.client.drop_database(mongo.database.name)
    await mongo.close()


def asked(about: str, **more: Any) -> dict[str, Any]:
    """A Task of the new kind, from the trust to the housing association."""
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", WATERING),
        "for": {"reference": about},
        "requester": {"reference": "PractitionerRole/trust-lead"},
        "owner": {"reference": "Organization/housing"},
        "description": "The plants in the kitchen",
        **more,
    }


def told(answer: Any) -> list[tuple[str, str]]:
    """What an answer says to be amiss, and where."""
    return [(each["code"], each["expression"][0]) for each in answer.json()["issue"]]


async def test_a_new_machine_is_served_by_its_table_needs_effects_and_profile(place: Locality) -> None:
    """Refused by its profile, by its need, by its table; moved by its effect; hidden from a stranger."""
    trust, housing, crisis = [await place.agency(name) for name in ("trust", "housing", "crisis")]
    bare = {name: value for name, value in asked(place.person).items() if name != "description"}
    refused = [await trust.post("Task", each) for each in (bare, asked(place.person, description="Nothing is here"))]
    where = "Task.description"
    assert [told(each) for each in refused] == [[("required", where)], [("business-rule", where)]]
    task = await trust.created(asked(place.person))
    assert (await housing.put({**task, "status": "accepted"})).status_code == 422
    assert (await crisis.get(f"Task/{task['id']}")).status_code == 404
    done = await housing.put({**task, "status": "completed"})
    assert (done.status_code, [each["valueString"] for each in done.json()["output"]]) == (200, ["Watered."])


async def test_a_code_without_its_machine_is_no_code_of_ours(place: Locality, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is what is asked: without the value the Task is a record like any other."""
    monkeypatch.delitem(MACHINES, WATERING)
    trust = await place.agency("trust")
    task = await trust.created(asked(place.person))
    assert (await trust.put({**task, "status": "accepted"})).status_code == 200
