"""A seal is signed, follows the one before it, and is kept outside the database, so that a cut end is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service.auth.seals import SealingKey
from service.problem import Refused
from service.store.ledger import ENTRIES, SEALS, STREAMS
from service.store.mongo import Mongo
from service.store.records import Records
from service.store.seal_file import SealFile
from tests.store.conftest import project

Edit = Callable[[Any], Awaitable[Any]]


@pytest.fixture
def outside(tmp_path: Path) -> SealFile:
    return SealFile(tmp_path / "seals.ndjson")


@pytest_asyncio.fixture
async def kept(fresh_mongo: Mongo, outside: SealFile, make) -> Records:
    """A store with three commits, each sealed."""
    records = Records(fresh_mongo, project, ledger_key=b"key", seal_file=outside)
    await records.prepare(["Task"])
    for number in range(3):
        await records.commit(make.change(make.write("Task", f"t{number}"), audits=(make.event(str(number)),)))
        await records.ledger.seal(make.later(minutes=number))
    return records


async def test_a_seal_tells_its_number_instant_and_hash_to_who_holds_the_public_key(kept, make):
    newest = await kept.ledger.sealed()
    told = SealingKey(b"key").claims(newest.signed)
    assert (told["seal"], told["at"]) == (newest.number, make.later(minutes=2).isoformat(timespec="milliseconds"))


async def test_the_holder_of_the_database_alone_signs_no_seal(kept, fresh_mongo):
    seal = await fresh_mongo.collection(SEALS).find_one({"_id": 3})
    forged = SealingKey(b"a guess").sign(SealingKey(b"key").claims(seal["sig"]))
    await fresh_mongo.collection(SEALS).update_one({"_id": 3}, {"$set": {"sig": forged}})
    assert "The signature of seal `3` does not hold." in await kept.ledger.verify()


async def test_every_seal_is_kept_outside_in_order(kept, outside):
    assert [number for number, _ in outside.kept()] == [1, 2, 3]


async def test_each_machine_keeps_the_last_seal_whichever_wrote_it(kept, outside, fresh_mongo, tmp_path, make):
    """A machine whose worker finds nothing to seal has the end of the ledger outside the database, too, once."""
    there = SealFile(tmp_path / "there" / "seals.ndjson")
    other = Records(fresh_mongo, project, ledger_key=b"key", seal_file=there)
    assert [await other.ledger.seal(make.later(hours=1)) for _ in range(2)] == [None, None]
    assert list(there.kept()) == list(outside.kept())[-1:]
    assert await other.ledger.verify() == []


async def test_a_seal_that_cannot_be_kept_outside_is_said_and_stands(fresh_mongo, tmp_path, make):
    (tmp_path / "file").touch()
    records = Records(fresh_mongo, project, ledger_key=b"key", seal_file=SealFile(tmp_path / "file" / "seals.ndjson"))
    await records.prepare(["Task"])
    await records.commit(make.change(make.write("Task", "t1")))
    with pytest.raises(Refused, match="Make the folder writable"):
        await records.ledger.seal(make.at)
    assert (await records.ledger.sealed()).number == 1
    (tmp_path / "file").unlink()
    assert await records.ledger.seal(make.later(minutes=1)) is None
    assert [number for number, _ in SealFile(tmp_path / "file" / "seals.ndjson").kept()] == [1]  # made up for


async def test_only_its_owner_may_read_the_file(kept, outside):
    assert outside.path.stat().st_mode & 0o777 == 0o600


async def test_a_line_cut_short_by_a_loss_of_power_spoils_nothing(kept, outside, make):
    with outside.path.open("a") as lines:
        lines.write('{"seal": 4, "sig')
    await kept.commit(make.change(make.write("Task", "t9")))
    await kept.ledger.seal(make.later(hours=1))
    assert ([number for number, _ in outside.kept()], await kept.ledger.verify()) == ([1, 2, 3, 4], [])


GARBAGE = ["garbage", "[]", "7", '{"seal": "1", "signed": "x"}', '{"seal": 1}', '{"seal": 1, "signed": 2}', "\\x00"]


@pytest.mark.parametrize("line", GARBAGE)
async def test_a_line_that_holds_no_seal_is_named(kept, outside, line: str):
    """Wherever it is: what was there before is not known."""
    lines = [each for each in outside.path.read_text().splitlines() if each]
    for place in range(4):
        outside.path.write_text("\n".join([*lines[:place], line, *lines[place:]]))
        assert [number for number, _ in outside.kept()] == [1, 2, 3]
        (found,) = await kept.ledger.verify()
        assert "lines that hold none" in found
        assert found.endswith(f": {place + 1}.")


async def test_of_lines_cut_short_one_alone_is_the_last(kept, outside):
    """All of them cut short, no seal would be kept, and no cut end found."""
    lines = [each[:-9] for each in outside.path.read_text().splitlines() if each]
    outside.path.write_text("\n".join(lines))
    (found,) = await kept.ledger.verify()
    assert found.endswith(": 1, 2.")


@pytest.mark.parametrize("size", range(1, 60))
async def test_wherever_a_line_is_cut_short_it_is_no_finding(kept, outside, size: int):
    line = [each for each in outside.path.read_text().splitlines() if each][-1]
    with outside.path.open("a") as lines:
        lines.write(f"\n{line[:size]}")
    assert outside.unreadable() == ()


async def test_seals_that_cannot_be_read_are_no_missing_seals(kept, outside):
    outside.path.unlink()
    outside.path.mkdir()
    with pytest.raises(Refused, match="Is a directory"):
        await kept.ledger.verify()


async def _last_seal(mongo: Any) -> None:
    """The last seal, and all that was written under it."""
    await mongo.collection(SEALS).delete_one({"_id": 3})
    await mongo.collection(STREAMS).update_many({}, {"$set": {"n": 2}})
    await mongo.collection(ENTRIES).delete_one({"n": 3})
    await mongo.collection("r.Task").delete_one({"_id": "t2"})
    await mongo.collection("history").delete_one({"_id": "Task/t2/1"})


async def _all_seals(mongo: Any) -> None:
    await mongo.collection(SEALS).delete_many({})
    await mongo.collection(STREAMS).update_many({}, {"$set": {"n": 0}})


async def _everything(mongo: Any) -> None:
    for name in (SEALS, STREAMS, ENTRIES, "r.Task", "history"):
        await mongo.collection(name).delete_many({})


@pytest.mark.parametrize(("edit", "first"), [(_last_seal, 3), (_all_seals, 1), (_everything, 1)])
async def test_a_cut_end_is_found(kept, fresh_mongo, edit: Edit, first: int):
    await edit(fresh_mongo)
    assert any(each.startswith(f"Seals `{first}` to `3` are kept outside") for each in await kept.ledger.verify())


async def test_a_cut_end_is_found_though_the_ledger_went_on(kept, fresh_mongo, make):
    await _last_seal(fresh_mongo)
    again = Records(fresh_mongo, project, ledger_key=b"key")
    await again.commit(make.change(make.write("Task", "t2")))
    await again.ledger.seal(make.later(minutes=9))
    assert await kept.ledger.verify() == ["Seal `3` is not the one that is kept outside the database."]


async def _marked_as_sealed(mongo: Any) -> None:
    await mongo.collection(STREAMS).update_one({}, {"$inc": {"n": 1}})


async def _marked_as_ended(mongo: Any) -> None:
    await mongo.collection(STREAMS).update_one({}, {"$set": {"open": False}})


@pytest.mark.parametrize("edit", [_marked_as_sealed, _marked_as_ended])
async def test_a_mark_that_would_keep_pages_from_being_sealed_is_found(kept, fresh_mongo, make, edit: Edit):
    await kept.commit(make.change(make.write("Task", "t9")))
    await edit(fresh_mongo)
    (found,) = await kept.ledger.verify()
    assert found.startswith("Stream `")
    assert " is marked as " in found


@pytest.mark.parametrize("name", ["_id", "at", "heads", "h", "sig"])
@pytest.mark.parametrize("value", [None, "x", 7, {"x": 1}])
async def test_an_edit_of_any_field_of_a_seal_is_found(kept, fresh_mongo, name: str, value: Any):
    seals = fresh_mongo.collection(SEALS)
    seal = await seals.find_one_and_delete({"_id": 2})
    await seals.insert_one({**seal, name: value})
    assert any("eal" in each for each in await kept.ledger.verify())


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_field_added_to_a_seal_is_found(kept, fresh_mongo, number: int):
    await fresh_mongo.collection(SEALS).update_one({"_id": number}, {"$set": {"more": 1}})
    assert await kept.ledger.verify() == [f"Seal `{number}` does not follow the one before it."]


async def test_an_added_seal_is_found(kept, fresh_mongo):
    seal = await fresh_mongo.collection(SEALS).find_one({"_id": 3})
    await fresh_mongo.collection(SEALS).insert_one({**seal, "_id": 4})
    assert "Seal `4` does not follow the one before it." in await kept.ledger.verify()


async def test_a_ledger_of_the_first_form_is_named_and_not_passed(kept, fresh_mongo):
    await fresh_mongo.collection(ENTRIES).update_many({}, {"$unset": {"f": 1, "w": 1}})
    await fresh_mongo.collection(SEALS).update_many({}, {"$unset": {"sig": 1}})
    kept.ledger._outside = None
    found = [each for each in await kept.ledger.verify() if each.endswith("They are not checked.")]
    assert [" seals have no signature" in found[0], " pages of the first form" in found[1]] == [True, True]
