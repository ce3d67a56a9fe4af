"""The ledger shows every way its past can be changed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from pymongo.errors import ServerSelectionTimeoutError

from service import clock
from service.problem import Category, Refused
from service.store.audit import AuditTrail
from service.store.ledger import ENTRIES, LIFE, SEALS, STREAMS, Entry, Head, Ledger


async def told(ledger: Ledger, mongo, make, *numbers: int, head: Head | None = None) -> Head:
    """A page for each number, at the end of a stream; gives its new end."""
    for number in numbers:
        link = ledger.link(await ledger.begun(head), [Entry(make.event(f"read {number}"), make.at, make.trust)])
        await link.write(mongo)
        head = link.head
    return head


@pytest_asyncio.fixture
async def ledger(records, mongo, make) -> Ledger:
    """A ledger with five pages in one stream, sealed after the third."""
    head = await told(records.ledger, mongo, make, 0, 1, 2)
    await records.ledger.seal(make.at)
    await told(records.ledger, mongo, make, 3, 4, head=head)
    return records.ledger


@pytest_asyncio.fixture
async def one(ledger, mongo) -> str:
    """The stream's name."""
    return (await mongo.collection(STREAMS).find_one({}))["_id"]


@pytest_asyncio.fixture
async def entries(ledger, mongo):
    """The collection an intruder would change."""
    return mongo.collection(ENTRIES)


async def test_an_untouched_ledger_is_whole(ledger):
    assert await ledger.verify() == []


async def test_an_edited_entry_shows(ledger, entries, one):
    found = await entries.find_one({"n": 2})
    await entries.update_one({"n": 2}, {"$set": {"body": bytes(found["body"]).replace(b"read 1", b"read 9")}})
    assert await ledger.verify() == [f"Page `2` of stream `{one}` is not what was written there."]


async def test_an_entry_given_to_another_custodian_shows(ledger, entries, one):
    await entries.update_one({"n": 2}, {"$set": {"cust": "Organization/other"}})
    assert await ledger.verify() == [f"Page `2` of stream `{one}` is not what was written there."]


async def test_a_removed_page_shows(ledger, entries, one):
    await entries.delete_one({"n": 2})
    assert await ledger.verify() == [f"Stream `{one}` goes from `1` to `3`: pages are missing."]


async def test_a_removed_end_shows_once_it_was_sealed(ledger, entries, one, make):
    await ledger.seal(make.later(minutes=1))
    await entries.delete_one({"n": 5})
    assert await ledger.verify() == [f"Page `5` of stream `{one}` was sealed and is missing."]


async def test_a_removed_sealed_end_shows_even_if_the_stream_was_moved_back(ledger, entries, mongo, one):
    await entries.delete_many({"n": {"$gt": 2}})
    await mongo.collection(STREAMS).update_one({"_id": one}, {"$set": {"n": 2}})
    assert await ledger.verify() == [f"Page `3` of stream `{one}` was sealed and is missing."]


async def test_a_whole_stream_that_is_gone_shows(ledger, entries, mongo, one):
    await entries.delete_many({})
    await mongo.collection(STREAMS).delete_many({})
    assert await ledger.verify() == [f"Page `3` of stream `{one}` was sealed and is missing."]


async def test_reordered_pages_show(ledger, entries, one):
    await entries.update_one({"n": 2}, {"$set": {"n": 99}})
    await entries.update_one({"n": 3}, {"$set": {"n": 2}})
    await entries.update_one({"n": 99}, {"$set": {"n": 3}})
    assert f"Page `2` of stream `{one}` is not what was written there." in await ledger.verify()


async def test_a_page_forged_without_the_key_shows(ledger, mongo, make, one):
    last = await mongo.collection(ENTRIES).find_one({"n": 5})
    forger = Ledger(mongo, make.project, b"a guess")
    await told(forger, mongo, make, 6, head=Head(one, clock.elapsed(), 5, bytes(last["h"])))
    assert await ledger.verify() == [f"Page `6` of stream `{one}` is not what was written there."]


async def test_a_stream_that_was_never_begun_shows(ledger, entries):
    found = await entries.find_one({"n": 1})
    await entries.insert_one({**found, "_id": "forged", "s": "two"})
    assert "Stream `two` has pages and was never begun." in await ledger.verify()


async def test_an_edited_seal_shows(ledger, mongo):
    await mongo.collection(SEALS).update_one({"_id": 1}, {"$set": {"heads": []}})
    assert await ledger.verify() == ["Seal `1` does not follow the one before it."]


async def test_a_removed_seal_shows(ledger, mongo, make):
    await ledger.seal(make.later(hours=1))
    await mongo.collection(SEALS).delete_one({"_id": 1})
    assert await ledger.verify() == ["Seal `2` does not follow the one before it."]


async def test_a_seal_binds_only_what_moved(ledger, make):
    assert [bool(await ledger.seal(make.later(hours=n))) for n in (1, 2)] == [True, False]


async def test_a_seal_that_a_crash_left_out_of_mind_is_made_again(ledger, mongo, one, make):
    """Sealed and not yet remembered as sealed: the next seal binds the same end once more."""
    await ledger.seal(make.later(minutes=1))
    await mongo.collection(STREAMS).update_one({"_id": one}, {"$set": {"n": 3}})
    assert [bool(await ledger.seal(make.later(minutes=2))), await ledger.verify()] == [True, []]


async def test_a_stream_is_left_after_its_life(ledger, one):
    left = clock.elapsed() - LIFE.total_seconds()
    assert (await ledger.begun(Head(one, left + 60, 5, b"h"))).stream == one
    assert (await ledger.begun(Head(one, left, 5, b"h"))).stream != one


async def test_a_stream_that_was_left_is_not_looked_at_any_more(ledger, mongo, one, make):
    """Once it is sealed to its end, and twice as old as a writer lets it become."""
    streams = mongo.collection(STREAMS)
    await streams.update_one({"_id": one}, [{"$set": {"at": {"$subtract": ["$$NOW", 2 * LIFE // timedelta(milliseconds=1)]}}}])
    is_open = []
    for minutes in (1, 2):
        await ledger.seal(make.later(minutes=minutes))
        is_open.append((await streams.find_one({"_id": one}))["open"])
    assert is_open == [True, False]


@pytest.mark.parametrize("hours", [-13, 13, 2000])
async def test_no_machine_s_clock_ends_a_stream_or_lengthens_it(records, mongo, make, monkeypatch, hours: int):
    """One machine writes by a clock that is wrong, another seals by its own: every page is sealed, and a cut shows."""
    now, ledger = clock.now, records.ledger
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(hours=hours))
    head = await told(ledger, mongo, make, 0)
    sealed = [await ledger.seal(now()), await ledger.seal(now())]
    head = await told(ledger, mongo, make, 1, head=head)
    sealed.append(await ledger.seal(now() + timedelta(days=2)))
    assert [bool(each) for each in sealed] == [True, False, True]
    assert await ledger.verify() == []
    monkeypatch.setattr(clock, "now", lambda: now() - timedelta(days=9))  # set back
    elapsed = clock.elapsed() + LIFE.total_seconds()
    monkeypatch.setattr(clock, "elapsed", lambda: elapsed)
    assert (await ledger.begun(head)).stream != head.stream
    await mongo.collection(ENTRIES).delete_one({"n": 2})
    assert await ledger.verify() == [f"Page `2` of stream `{head.stream}` was sealed and is missing."]


async def test_concurrent_seals_leave_a_whole_ledger(ledger, make):
    await asyncio.gather(*(ledger.seal(make.later(hours=1)) for _ in range(4)))
    assert await ledger.verify() == []


async def test_concurrent_commits_on_two_connections_leave_a_whole_ledger(records, other, make):
    changes = [make.change(make.write("Task", f"t{n}"), audits=(make.event(str(n)),)) for n in range(20)]
    await asyncio.gather(*((records, other)[n % 2].commit(change) for n, change in enumerate(changes)))
    assert await records.ledger.verify() == []


async def test_the_audits_of_a_change_are_told_on_one_page(records, make, mongo):
    await records.commit(make.change(make.write("Task", "t1"), audits=(make.event("a"), make.event("b"))))
    pages = await mongo.collection(ENTRIES).find({"s": {"$exists": True}}).to_list(None)
    assert [each["page"] for each in pages] == [2]


async def test_a_refused_change_leaves_no_page(records, make, mongo):
    await asyncio.gather(records.commit(make.change(make.write("Task", "t1", 4), audits=(make.event(),))), return_exceptions=True)
    assert await mongo.collection(ENTRIES).count_documents({}) == 0


async def test_concurrent_notes_share_pages(mongo, records, make):
    """A hundred notes at once: all durable, on far fewer pages than notes."""
    trail = AuditTrail(mongo, records.ledger)
    await asyncio.gather(*(trail.note(make.event(str(n)), at=make.at, custodian=make.trust) for n in range(100)))
    pages = await mongo.collection(ENTRIES).find({}).to_list(None)
    assert (sum(each["page"] for each in pages), len(pages) < 10) == (100, True)


async def test_each_custodian_has_pages_of_its_own(mongo, records, make):
    trail = AuditTrail(mongo, records.ledger)
    await asyncio.gather(*(trail.note(make.event(), at=make.at, custodian=f"Organization/{n % 3}") for n in range(12)))
    pages = await mongo.collection(ENTRIES).find({}).to_list(None)
    assert sorted((each["cust"], each["page"]) for each in pages) == [(f"Organization/{n}", 4) for n in range(3)]


async def test_a_note_that_could_not_be_written_is_refused_and_the_next_is_not(mongo, records, make, monkeypatch):
    """The stream's end is not known then, so another one begins."""
    trail = AuditTrail(mongo, records.ledger)
    await trail.note(make.event("first"), at=make.at)
    with monkeypatch.context() as patch:
        patch.setattr("service.store.ledger.Link.write", _unreachable)
        with pytest.raises(Refused) as refused:
            await trail.note(make.event("lost"), at=make.at)
    await trail.note(make.event("next"), at=make.at)
    assert refused.value.problem.category is Category.UNAVAILABLE
    assert await records.ledger.verify() == []


async def _unreachable(*_: object, **__: object) -> None:
    raise ServerSelectionTimeoutError("nobody there")


async def test_a_cancelled_reader_takes_nobodys_note_along(mongo, records, make):
    trail = AuditTrail(mongo, records.ledger)
    notes = [asyncio.create_task(trail.note(make.event(str(n)), at=make.at)) for n in range(5)]
    await asyncio.sleep(0)
    notes[2].cancel()
    ended = await asyncio.gather(*notes, return_exceptions=True)
    assert [type(each) for each in ended].count(asyncio.CancelledError) == 1
    assert [each for each in ended if each is None] == [None] * 4


@pytest.mark.parametrize("count", [0, 1, 7])
async def test_streams_of_any_length_are_whole(records, make, count):
    for n in range(count):
        await records.commit(make.change(audits=(make.event(str(n)),)))
    assert await records.ledger.verify() == []
