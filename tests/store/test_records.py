"""Reading by id, and what a commit promises."""

from __future__ import annotations

import asyncio

import pytest

from service.change import IdempotencyKey
from service.fhir import json
from service.problem import Category, Refused
from service.store.records import Held, Records, Repeated


async def test_a_committed_record_is_read_back_byte_for_byte(records, make):
    write = make.write("CarePlan", "c1", status="active", subject={"reference": "Patient/p1"})
    await records.commit(make.change(write))
    row = await records.read("CarePlan", "c1")
    assert row.body == json.dump(write.resource)


async def test_a_row_carries_what_was_projected(records, make):
    write = make.write("CarePlan", "c1", status="active", subject={"reference": "Patient/p1"}, tokens=("owner=x",))
    await records.commit(make.change(write))
    row = await records.read("CarePlan", "c1")
    assert (row.patients, row.facts["status"], row.index.keys) == (("Patient/p1",), "active", {"status=active", "owner=x"})


async def test_commit_returns_the_rows_as_they_are_read(records, make):
    written = await records.commit(make.change(make.write("CarePlan", "c1", status="active")))
    assert written == {"CarePlan/c1": await records.read("CarePlan", "c1")}


async def test_an_id_never_written_reads_as_none(records):
    assert await records.read("CarePlan", "nowhere") is None


async def test_a_deleted_record_reads_as_deleted_and_is_found_by_nothing(records, make):
    await records.commit(make.change(make.write("CarePlan", "c1", status="active")))
    await records.commit(make.change(make.write("CarePlan", "c1", 1, status="active", deleted=True)))
    row = await records.read("CarePlan", "c1")
    assert (row.deleted, row.version, row.index.keys) == (True, 2, frozenset())


async def test_a_deleted_record_can_be_written_again_after_its_last_version(records, make):
    await records.commit(make.change(make.write("CarePlan", "c1")))
    await records.commit(make.change(make.write("CarePlan", "c1", 1, deleted=True)))
    await records.commit(make.change(make.write("CarePlan", "c1", 2, status="draft")))
    assert not (await records.read("CarePlan", "c1")).deleted


async def test_read_many_leaves_out_what_is_absent(records, make):
    await records.commit(make.change(make.write("Task", "t1"), make.write("CarePlan", "c1")))
    assert set(await records.read_many(["Task/t1", "CarePlan/c1", "Task/none"])) == {"Task/t1", "CarePlan/c1"}


@pytest.mark.parametrize("before", [0, 2])
async def test_a_write_over_another_version_is_a_conflict(records, make, before):
    await records.commit(make.change(make.write("Task", "t1")))
    with pytest.raises(Refused) as refused:
        await records.commit(make.change(make.write("Task", "t1", before)))
    assert refused.value.problem.category is Category.CONFLICT


async def test_a_refused_change_writes_none_of_its_records(records, make):
    await records.commit(make.change(make.write("Task", "t1")))
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("CarePlan", "c1"), make.write("Task", "t1")))
    assert await records.read("CarePlan", "c1") is None


async def test_concurrent_commits_on_one_record_have_exactly_one_winner(records, other, make):
    """Sixteen tasks on each of two connections replace version 1: one succeeds, the rest are conflicts."""
    await records.commit(make.change(make.write("Task", "t1")))
    attempts = [
        store.commit(make.change(make.write("Task", "t1", 1, note=str(n)))) for n in range(16) for store in (records, other)
    ]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [each.problem.category for each in outcomes if isinstance(each, Refused)]
    assert (refused, (await records.read("Task", "t1")).version) == ([Category.CONFLICT] * 31, 2)


async def test_concurrent_creates_of_one_id_have_exactly_one_winner(records, other, make):
    attempts = [store.commit(make.change(make.write("Task", "t1", note=str(n)))) for n in range(8) for store in (records, other)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(each, dict) for each in outcomes) == 1


async def test_one_bad_change_among_many_does_not_hurt_the_others(records, make):
    await records.commit(make.change(make.write("Task", "t0")))
    attempts = [records.commit(make.change(make.write("Task", f"t{n}"))) for n in range(12)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert [isinstance(each, dict) for each in outcomes] == [False] + [True] * 11


async def test_concurrent_increments_are_all_applied_in_turn(records, other, make):
    """Each task reads, decides and commits until it succeeds: as many versions as tasks, none lost."""
    await records.commit(make.change(make.write("Task", "t1")))

    async def bump(store: Records) -> None:
        while True:
            row = await store.read("Task", "t1")
            try:
                await store.commit(make.change(make.write("Task", "t1", row.version)))
            except Refused:
                continue
            return

    await asyncio.gather(*(bump(store) for _ in range(5) for store in (records, other)))
    assert (await records.read("Task", "t1")).version == 11


async def test_a_guard_on_another_version_is_a_conflict(records, make):
    await records.commit(make.change(make.write("Patient", "p1")))
    with pytest.raises(Refused) as refused:
        await records.commit(make.change(make.write("Task", "t1"), guards=(("Patient/p1", 2),)))
    assert refused.value.problem.category is Category.CONFLICT


async def test_a_guard_that_holds_lets_the_change_pass(records, make):
    await records.commit(make.change(make.write("Patient", "p1")))
    await records.commit(make.change(make.write("Task", "t1"), guards=(("Patient/p1", 1), ("Patient/none", 0))))
    assert await records.read("Task", "t1") is not None


async def test_a_guard_against_existence_leaves_nothing_behind(records, make):
    await records.commit(make.change(make.write("Task", "t1"), guards=(("Patient/none", 0),)))
    assert await records.read("Patient", "none") is None


async def test_a_guard_against_existence_refuses_when_it_exists(records, make):
    await records.commit(make.change(make.write("Patient", "p1")))
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("Task", "t1"), guards=(("Patient/p1", 0),)))


@pytest.mark.parametrize("attempt", range(5))
async def test_guards_let_no_write_skew_pass(records, other, make, attempt):
    """Two doctors on call, each leaving because the other stays: with guards at most one may leave."""
    await records.commit(make.change(make.write("Task", "a"), make.write("Task", "b")))
    leave_a = records.commit(make.change(make.write("Task", "a", 1, status="off"), guards=(("Task/b", 1),)))
    leave_b = other.commit(make.change(make.write("Task", "b", 1, status="off"), guards=(("Task/a", 1),)))
    outcomes = await asyncio.gather(leave_a, leave_b, return_exceptions=True)
    assert sum(isinstance(each, dict) for each in outcomes) <= 1


@pytest.mark.parametrize("attempt", range(5))
async def test_guards_against_existence_let_no_write_skew_pass(records, other, make, attempt):
    """Each writes its record because the other's does not exist: at most one may come to exist."""
    first = records.commit(make.change(make.write("Task", "a"), guards=(("Task/b", 0),)))
    second = other.commit(make.change(make.write("Task", "b"), guards=(("Task/a", 0),)))
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert sum(isinstance(each, dict) for each in outcomes) <= 1


async def test_a_held_key_refuses_another_record_and_names_the_holder_and_the_rule(records, make):
    await records.commit(make.change(make.write("CarePlan", "c1", keys=("rule:OWN-6:e1",))))
    with pytest.raises(Held) as held:
        await records.commit(make.change(make.write("CarePlan", "c2", keys=("rule:OWN-6:e1",))))
    assert (held.value.holder, held.value.problem.category, held.value.rule) == ("CarePlan/c1", Category.DUPLICATE, "OWN-6")


async def test_a_record_keeps_its_key_over_its_versions(records, make):
    await records.commit(make.change(make.write("CarePlan", "c1", keys=("k",))))
    await records.commit(make.change(make.write("CarePlan", "c1", 1, keys=("k",))))
    assert await records.holder("k") == "CarePlan/c1"


async def test_a_key_is_free_once_the_version_that_held_it_is_replaced(records, make):
    await records.commit(make.change(make.write("CarePlan", "c1", keys=("k",))))
    await records.commit(make.change(make.write("CarePlan", "c1", 1)))
    assert await records.holder("k") is None


async def test_a_key_may_pass_from_one_record_to_another_in_one_change(records, make):
    await records.commit(make.change(make.write("Task", "a", keys=("k",))))
    await records.commit(make.change(make.write("Task", "b", keys=("k",)), make.write("Task", "a", 1)))
    assert await records.holder("k") == "Task/b"


async def test_a_released_key_may_be_taken_by_another_however_early_its_change_was_decided(records, make):
    await records.commit(make.change(make.write("Task", "a", keys=("k",))))
    await records.commit(make.change(make.write("Task", "a", 1)))
    await records.commit(make.change(make.write("Task", "b", keys=("k",)), at=make.later(days=-1)))
    assert await records.holder("k") == "Task/b"


async def test_an_answer_whose_time_is_over_gives_way_to_a_new_one(records, make):
    for number, at in enumerate((make.at, make.later(hours=2))):
        claim = IdempotencyKey("request:1", {"number": number}, at + (make.later(hours=1) - make.at))
        await records.commit(make.change(make.write("Task", f"t{number}"), idempotency=(claim,), at=at))
    assert await records.answered("request:1") == {"number": 1}


async def test_a_deleted_record_holds_no_key(records, make):
    await records.commit(make.change(make.write("Task", "a", keys=("k",))))
    await records.commit(make.change(make.write("Task", "a", 1, keys=("k",), deleted=True)))
    assert await records.holder("k") is None


async def test_concurrent_takers_of_one_key_have_exactly_one_winner(records, other, make):
    attempts = [
        store.commit(make.change(make.write("Task", f"{n}{i}", keys=("k",))))
        for n in range(8)
        for i, store in enumerate((records, other))
    ]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert (sum(isinstance(each, dict) for each in outcomes), sum(isinstance(each, Held) for each in outcomes)) == (1, 15)


async def test_a_repeated_claim_is_told_the_first_answer(records, make):
    claim = IdempotencyKey("request:1", {"status": 201}, make.later(hours=1))
    await records.commit(make.change(make.write("Task", "t1"), idempotency=(claim,)))
    with pytest.raises(Repeated) as repeated:
        await records.commit(
            make.change(make.write("Task", "t2"), idempotency=(IdempotencyKey("request:1", {}, make.later(hours=1)),))
        )
    assert repeated.value.answer == {"status": 201}


async def test_a_claim_can_be_looked_up_before_the_work(records, make):
    assert await records.answered("request:1") is None
    await records.commit(make.change(idempotency=(IdempotencyKey("request:1", {"status": 201}, make.later(days=999999)),)))
    assert await records.answered("request:1") == {"status": 201}


async def test_a_claim_past_its_time_can_be_made_again(records, make):
    await records.commit(make.change(idempotency=(IdempotencyKey("request:1", {"status": 201}, make.later(hours=1)),)))
    again = make.change(
        make.write("Task", "t2"), at=make.later(hours=2), idempotency=(IdempotencyKey("request:1", {}, make.later(hours=3)),)
    )
    assert "Task/t2" in await records.commit(again)


async def test_a_cancelled_caller_does_not_undo_a_commit_under_way(records, make):
    task = asyncio.create_task(records.commit(make.change(make.write("Task", "t1"))))
    await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await records.commit(make.change(make.write("Task", "t2")))
    assert await records.read("Task", "t2") is not None


async def test_a_change_without_audits_and_one_with_share_a_batch(records, make):
    first = records.commit(make.change(make.write("Task", "t1"), audits=(make.event(),)))
    await asyncio.gather(first, records.commit(make.change(make.write("Task", "t2"))))
    assert await records.ledger.verify() == []


async def test_a_page_of_the_audit_trail_cannot_be_replaced(records, make):
    await records.commit(make.change(make.write("Task", "t1"), audits=(make.event(),)))
    page = await records.mongo.collection("r.AuditEvent").find_one({})
    with pytest.raises(Refused) as refused:
        await records.commit(make.change(make.write("AuditEvent", page["_id"], 1)))
    assert refused.value.problem.category is Category.NOT_ALLOWED
    assert await records.ledger.verify() == []
