"""The ledger shows every way its past can be changed."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from service.store.audit import AuditTrail
from service.store.ledger import ENTRIES, HEADS, SEALS, Entry, Ledger


@pytest_asyncio.fixture
async def ledger(records, make) -> Ledger:
    """A ledger with five entries in one stream, sealed after the third."""
    ledger = records.ledger
    await ledger.append("one", [Entry(make.event(f"read {n}"), make.at, make.trust) for n in range(3)])
    await ledger.seal(make.at)
    await ledger.append("one", [Entry(make.event(f"read {n}"), make.at, make.trust) for n in range(3, 5)])
    return ledger


@pytest_asyncio.fixture
async def entries(ledger, mongo):
    """The collection an intruder would change."""
    return mongo.collection(ENTRIES)


async def test_an_untouched_ledger_is_whole(ledger):
    assert await ledger.verify() == []


async def test_an_edited_entry_shows(ledger, entries):
    found = await entries.find_one({"n": 2})
    await entries.update_one({"n": 2}, {"$set": {"body": bytes(found["body"]).replace(b"read 1", b"read 9")}})
    assert await ledger.verify() == ["Entry `2` of stream `one` is not what was written there."]


async def test_an_entry_given_to_another_custodian_shows(ledger, entries):
    await entries.update_one({"n": 2}, {"$set": {"cust": "Organization/other"}})
    assert await ledger.verify() == ["Entry `2` of stream `one` is not what was written there."]


async def test_a_removed_entry_shows(ledger, entries):
    await entries.delete_one({"n": 2})
    assert await ledger.verify() == ["Stream `one` goes from `1` to `3`: entries are missing."]


async def test_a_removed_end_shows(ledger, entries):
    await entries.delete_one({"n": 5})
    assert await ledger.verify() == ["Stream `one` ends at `4`, its head says `5`: its last entries are missing."]


async def test_a_removed_sealed_end_shows_even_if_the_head_was_moved_back(ledger, entries, mongo):
    second = await entries.find_one({"n": 2})
    await entries.delete_many({"n": {"$gt": 2}})
    await mongo.collection(HEADS).update_one({"_id": "one"}, {"$set": {"n": 2, "h": second["h"]}})
    assert await ledger.verify() == ["Entry `3` of stream `one` was sealed and is missing."]


async def test_a_whole_stream_that_is_gone_shows(ledger, entries, mongo):
    await entries.delete_many({})
    await mongo.collection(HEADS).delete_many({})
    assert await ledger.verify() == ["Entry `3` of stream `one` was sealed and is missing."]


async def test_reordered_entries_show(ledger, entries):
    await entries.update_one({"n": 2}, {"$set": {"n": 99}})
    await entries.update_one({"n": 3}, {"$set": {"n": 2}})
    await entries.update_one({"n": 99}, {"$set": {"n": 3}})
    assert "Entry `2` of stream `one` is not what was written there." in await ledger.verify()


async def test_an_entry_forged_without_the_key_shows(ledger, mongo, make):
    forger = Ledger(mongo, make.project, b"a guess")
    await forger.append("one", [Entry(make.event("forged"), make.at)])
    assert await ledger.verify() == ["Entry `6` of stream `one` is not what was written there."]


async def test_a_stream_forged_without_a_head_shows(ledger, entries):
    found = await entries.find_one({"n": 1})
    await entries.insert_one({**found, "_id": "forged", "s": "two"})
    assert "Stream `two` has entries and no head." in await ledger.verify()


async def test_an_edited_seal_shows(ledger, mongo):
    await mongo.collection(SEALS).update_one({"_id": 1}, {"$set": {"heads": []}})
    assert await ledger.verify() == ["Seal `1` does not follow the one before it."]


async def test_a_removed_seal_shows(ledger, mongo, make):
    await ledger.seal(make.later(hours=1))
    await mongo.collection(SEALS).delete_one({"_id": 1})
    assert await ledger.verify() == ["Seal `2` does not follow the one before it."]


async def test_a_seal_binds_only_what_moved(ledger, make):
    assert [await ledger.seal(make.later(hours=1)), await ledger.seal(make.later(hours=2))] == [True, False]


async def test_concurrent_seals_leave_a_whole_ledger(ledger, make):
    await asyncio.gather(*(ledger.seal(make.later(hours=1)) for _ in range(4)))
    assert await ledger.verify() == []


async def test_concurrent_commits_on_two_connections_leave_a_whole_ledger(records, other, make):
    changes = [make.change(make.write("Task", f"t{n}"), audits=(make.event(str(n)),)) for n in range(20)]
    await asyncio.gather(*((records, other)[n % 2].commit(change) for n, change in enumerate(changes)))
    assert await records.ledger.verify() == []


async def test_every_audit_of_a_change_becomes_an_entry(records, make, mongo):
    await records.commit(make.change(make.write("Task", "t1"), audits=(make.event("a"), make.event("b"))))
    assert await mongo.collection(ENTRIES).count_documents({"s": {"$exists": True}}) == 2


async def test_a_refused_change_leaves_no_entry(records, make, mongo):
    await asyncio.gather(records.commit(make.change(make.write("Task", "t1", 4), audits=(make.event(),))), return_exceptions=True)
    assert await mongo.collection(ENTRIES).count_documents({}) == 0


async def test_an_entry_is_read_as_an_audit_event_of_the_person(records, make, mongo):
    await AuditTrail(records).note(make.event(), at=make.at, custodian=make.trust)
    found = await mongo.collection(ENTRIES).find_one({})
    row = await records.read("AuditEvent", found["_id"])
    assert (row.patients, row.custodian, row.resource["meta"]["versionId"]) == (("Patient/p1",), make.trust, "1")


async def test_the_one_version_of_an_entry_can_be_read(records, make, mongo):
    await AuditTrail(records).note(make.event(), at=make.at)
    found = await mongo.collection(ENTRIES).find_one({})
    history = await records.history("AuditEvent", found["_id"], limit=10)
    assert [await records.version("AuditEvent", found["_id"], 1)] == history


async def test_concurrent_notes_share_transactions(records, make, mongo):
    """A hundred notes at once: all durable, in far fewer transactions than notes."""
    trail = AuditTrail(records)
    before = (await mongo.client.admin.command("serverStatus"))["transactions"]["totalCommitted"]
    await asyncio.gather(*(trail.note(make.event(str(n)), at=make.at) for n in range(100)))
    after = (await mongo.client.admin.command("serverStatus"))["transactions"]["totalCommitted"]
    assert (await mongo.collection(ENTRIES).count_documents({}), int(after) - int(before) < 50) == (100, True)


@pytest.mark.parametrize("count", [0, 1, 7])
async def test_streams_of_any_length_are_whole(records, make, count):
    for n in range(count):
        await records.commit(make.change(audits=(make.event(str(n)),)))
    assert await records.ledger.verify() == []
