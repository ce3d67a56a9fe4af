"""`baton check`: a service whose records agree has no findings, and each way of disagreeing is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service import clock
from service.app import Built
from service.change import Change, Write
from service.fhir.resource import stamp
from service.store.mongo import Mongo
from service.store.outbox import FAILED, OUTBOX
from service.usecases.register import integrity
from tests.locality import Locality, handed_over, stored

TRUST = "Organization/trust"


@pytest_asyncio.fixture
async def checked(fresh_mongo: Mongo, tmp_path: Path) -> AsyncIterator[Locality]:
    """A locality on a database of this test's own, with a plan that was handed over."""
    async with handed_over(fresh_mongo, tmp_path) as locality:
        yield locality


async def findings(built: Built) -> list[str]:
    return [each async for each in integrity.findings(built.services, clock.now())]


async def only(built: Built, type_: str) -> dict[str, Any]:
    """The one stored record of a type, as its document."""
    (found,) = await built.services.mongo.collection(f"r.{type_}").find({}).to_list(None)
    return dict(found)


async def rewritten(built: Built, type_: str, **members: Any) -> None:
    """The one record of a type, written over by somebody who reached the store past every rule."""
    document = await only(built, type_)
    row = await built.services.records.read(type_, document["_id"])
    assert row is not None
    at = clock.now()
    changed = {name: value for name, value in {**row.resource, **members}.items() if value is not None}
    stamped = stamp(changed, id=row.id, version=row.version + 1, at=at)
    write = Write(stamped, row.version, row.custodian, keys=tuple(document["keys"]))
    await built.services.records.commit(Change(at, (write,)))


async def remove(built: Built, collection: str, **query: Any) -> None:
    result = await built.services.mongo.collection(collection).delete_one(query)
    assert result.deleted_count == 1


async def test_after_a_handover_all_holds(checked: Locality) -> None:
    assert await findings(checked.built) == []


async def plan_id(built: Built) -> str:
    return str((await only(built, "CarePlan"))["_id"])


async def _no_first_version(built: Built) -> None:
    await remove(built, "history", _id=f"CarePlan/{await plan_id(built)}/1")


async def _no_current(built: Built) -> None:
    await remove(built, "r.QuestionnaireResponse", _id=(await only(built, "QuestionnaireResponse"))["_id"])


async def _version_ahead(built: Built) -> None:
    await built.services.mongo.collection("r.CarePlan").update_one({}, {"$inc": {"v": 1}})


async def _another_coordinator(built: Built) -> None:
    team = await built.services.records.read("CareTeam", (await only(built, "CareTeam"))["_id"])
    assert team is not None
    await rewritten(built, "CareTeam", participant=team.resource["participant"][:1])


async def _another_author(built: Built) -> None:
    await rewritten(built, "CarePlan", author={"reference": "PractitionerRole/trust-lead"})


async def _team_over(built: Built) -> None:
    await rewritten(built, "CareTeam", status="inactive")


async def _lead_gone(built: Built) -> None:
    row = await built.services.records.read("PractitionerRole", "crisis-lead")
    assert row is not None
    gone = stamp({**row.resource, "active": False}, id=row.id, version=row.version + 1, at=clock.now())
    await built.services.records.commit(Change(clock.now(), (Write(gone, row.version, row.custodian),)))


async def _moved_back(built: Built) -> None:
    row = await built.services.records.read("CarePlan", await plan_id(built))
    assert row is not None
    stamped = stamp(row.resource, id=row.id, version=row.version + 1, at=clock.now())
    await built.services.records.commit(Change(clock.now(), (Write(stamped, row.version, TRUST, keys=row.keys),)))


async def _no_author(built: Built) -> None:
    await rewritten(built, "CarePlan", author=None)


async def _no_key(built: Built) -> None:
    await remove(built, "keys", ref=f"CarePlan/{await plan_id(built)}", _id={"$regex": "^rule:OWN-6:"})


async def _strange_key(built: Built) -> None:
    await built.services.mongo.collection("keys").insert_one({"_id": "rule:OWN-6:x", "ref": "CarePlan/gone"})


async def _strange_claim(built: Built) -> None:
    await built.services.mongo.collection("keys").update_one({"answer": {"$exists": True}}, {"$set": {"answer.version": 99}})


async def _changed_audit(built: Built) -> None:
    await built.services.mongo.collection("r.AuditEvent").update_one({"n": 1}, {"$set": {"body": b"{}"}})


async def _notice_given_up(built: Built) -> None:
    assert await built.outbox.due(clock.now(), 30)
    await built.services.mongo.collection(OUTBOX).update_one({"n": 1}, {"$set": {"state": FAILED}})


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [
        (_no_first_version, "history"),
        (_no_current, "record"),
        (_version_ahead, "record"),
        (_another_coordinator, "OWN-2"),
        (_another_author, "OWN-2"),
        (_team_over, "OWN-8"),
        (_lead_gone, "OWN-1"),
        (_moved_back, "OWN-3"),
        (_moved_back, "OWN-10"),
        (_no_author, "OWN-9"),
        (_no_key, "OWN-6"),
        (_strange_key, "keys"),
        (_strange_claim, "keys"),
        (_changed_audit, "ledger"),
        (_notice_given_up, "outbox"),
    ],
)
async def test_what_does_not_hold_is_found(checked: Locality, break_it: Callable[[Built], Awaitable[None]], rule: str) -> None:
    """Each finding starts with what it breaks."""
    await break_it(checked.built)
    assert rule in {each.partition(":")[0] for each in await findings(checked.built)}


async def test_a_service_at_work_is_not_at_fault(checked: Locality) -> None:
    """Records are written and changed, read and sealed while they are checked."""
    services, done = checked.built.services, asyncio.Event()

    async def writing(lane: int) -> None:
        number = 0
        while not done.is_set():
            name = f"lane{lane}-{number // 3}"
            found = await services.records.read("Practitioner", name)
            told = {"resourceType": "Practitioner", "active": bool(number % 2)}
            stamped = stamp(told, id=name, version=number % 3 + 1, at=clock.now())
            keys = (f"{name}:{number % 2}",)
            await services.records.commit(Change(clock.now(), (Write(stamped, found.version if found else 0, TRUST, keys=keys),)))
            await services.ledger.seal(clock.now())
            number += 1
        assert number > 3

    writers = [asyncio.create_task(writing(lane)) for lane in range(4)]
    for _ in range(5):
        assert await findings(checked.built) == []
    done.set()
    await asyncio.gather(*writers)
    assert await findings(checked.built) == []


async def test_a_record_written_anew_after_it_was_put_back_is_found(checked: Locality) -> None:
    """The service itself writes the version a second time, and knows no better."""
    await remove(checked.built, "r.Practitioner", _id="housing-lead")
    await remove(checked.built, "history", _id="Practitioner/housing-lead/1")
    await stored(checked.built, "Organization/housing", {"resourceType": "Practitioner", "id": "housing-lead"})
    told = "ledger: `Practitioner/housing-lead` version 1 was written twice: the record was put back in between."
    assert told in await findings(checked.built)


async def test_another_secret_is_told_in_few_lines(checked: Locality) -> None:
    """It puts everything at fault: nobody reads a line a record. No service starts with one, but a database may have been
    edited as if."""
    names = [{"resourceType": "Practitioner", "id": f"trust.{number}"} for number in range(120)]
    await stored(checked.built, TRUST, *names)
    checked.built.services.ledger.key = b"another"
    found = [each for each in await findings(checked.built) if each.startswith("record: ")]
    assert len(found) == 101
    assert found[-1].startswith("record: and ")


async def test_findings_hold_no_patient_data(checked: Locality) -> None:
    await _no_author(checked.built)
    assert not any("Ada" in each or "Example" in each for each in await findings(checked.built))
