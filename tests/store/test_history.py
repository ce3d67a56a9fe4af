"""Every version stays."""

from __future__ import annotations

import pytest_asyncio


@pytest_asyncio.fixture
async def told(records, make):
    """Records with a Task of twelve versions, the last a deletion."""
    for before in range(11):
        await records.commit(make.change(make.write("Task", "t1", before, status=str(before + 1)), at=make.later(minutes=before)))
    await records.commit(make.change(make.write("Task", "t1", 11, deleted=True, method="DELETE"), at=make.later(minutes=11)))
    return records


def versions(rows):
    return [row.version for row in rows]


async def test_history_is_newest_first_and_holds_every_version(told):
    assert versions(await told.history("Task", "t1", limit=50)) == list(range(12, 0, -1))


async def test_a_page_starts_under_the_version_given(told):
    assert versions(await told.history("Task", "t1", before=11, limit=3)) == [10, 9, 8]


async def test_the_last_page_ends_at_version_one(told):
    assert versions(await told.history("Task", "t1", before=2, limit=3)) == [1]


async def test_there_is_nothing_before_version_one(told):
    assert await told.history("Task", "t1", before=1, limit=3) == []


async def test_a_deletion_is_a_version_with_its_method(told):
    [row] = await told.history("Task", "t1", limit=1)
    assert (row.deleted, row.method) == (True, "DELETE")


async def test_a_version_is_read_by_its_number(told):
    assert (await told.version("Task", "t1", 3)).resource["status"] == "3"


async def test_an_old_version_is_found_by_what_it_said(told):
    assert (await told.version("Task", "t1", 3)).index.keys == {"status=3"}


async def test_a_version_that_never_was_is_none(told):
    assert [await told.version("Task", "t1", n) for n in (0, 13)] == [None, None]


async def test_an_id_that_begins_another_id_has_its_own_history(told, make):
    await told.commit(make.change(make.write("Task", "t")))
    assert versions(await told.history("Task", "t", limit=10)) == [1]


async def test_no_history_of_an_unknown_id(told):
    assert await told.history("Task", "none", limit=10) == []


async def test_types_that_begin_alike_have_their_own_history(told, make):
    await told.commit(make.change(make.write("TaskList", "t1")))
    assert versions(await told.history("TaskList", "t1", limit=10)) == [1]
