"""Notices reach each recipient in order, numbered without gaps, at least once."""

from __future__ import annotations

import asyncio
import json

import pytest
from bson import ObjectId

from service.change import Notice
from service.cli import logs
from service.problem import Refused
from service.store.outbox import FAILED, OUTBOX, Outbox


@pytest.fixture
def outbox(records) -> Outbox:
    return Outbox(records.mongo)


def notice(n: int, recipient: str = "Organization/a") -> Notice:
    return Notice("handover-task", recipient, f"Task/t{n}", "Patient/p1")


async def post(records, make, count: int, start: int = 0) -> None:
    for n in range(start, start + count):
        await records.commit(make.change(notices=(notice(n),), at=make.later(seconds=n)))


async def test_notices_are_given_in_the_order_of_their_changes_and_numbered_from_one(records, outbox, make):
    await post(records, make, 3)
    [parcel] = await outbox.due(make.later(hours=1), 30)
    assert [(each.number, each.focus) for each in parcel.deliveries] == [(1, "Task/t0"), (2, "Task/t1"), (3, "Task/t2")]


async def test_notices_of_one_change_keep_their_order(records, outbox, make):
    await records.commit(make.change(notices=tuple(notice(n) for n in range(9))))
    [parcel] = await outbox.due(make.later(hours=1), 30)
    assert [each.focus for each in parcel.deliveries] == [f"Task/t{n}" for n in range(9)]


async def test_each_recipient_has_its_own_numbers(records, outbox, make):
    await records.commit(make.change(notices=(notice(0), notice(1, "Organization/b"), notice(2))))
    parcels = await outbox.due(make.later(hours=1), 30)
    assert {each.recipient: [one.number for one in each.deliveries] for each in parcels} == {
        "Organization/a": [1, 2],
        "Organization/b": [1],
    }


async def test_a_refused_change_tells_nobody(records, outbox, make):
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("Task", "t", 2), notices=(notice(0),)))
    assert await outbox.due(make.later(hours=1), 30) == []


async def test_two_workers_never_serve_one_recipient_together(records, other, outbox, make):
    await post(records, make, 2)
    found = await asyncio.gather(*(each.due(make.later(hours=1), 30) for each in (outbox, Outbox(other.mongo)) for _ in range(3)))
    assert sum(len(parcels) for parcels in found) == 1


async def test_a_delivered_notice_is_not_given_again(records, outbox, make):
    await post(records, make, 2)
    [parcel] = await outbox.due(make.later(hours=1), 30)
    await outbox.done(parcel, parcel.deliveries[0], make.later(hours=1))
    await outbox.release(parcel, make.later(hours=1))
    [parcel] = await outbox.due(make.later(hours=1), 30)
    assert [each.number for each in parcel.deliveries] == [2]


async def test_after_an_abandoned_lease_the_same_notices_come_with_the_same_numbers(records, outbox, make):
    await post(records, make, 2)
    [first] = await outbox.due(make.later(hours=1), 30)
    [second] = await outbox.due(make.later(hours=1, seconds=30), 30)
    assert first.deliveries == second.deliveries


async def test_a_failure_holds_back_the_recipient_until_its_retry(records, outbox, make):
    await post(records, make, 2)
    [parcel] = await outbox.due(make.later(hours=1), 30)
    await outbox.failed(parcel, parcel.deliveries[0], make.later(hours=2), "503")
    assert await outbox.due(make.later(hours=1, minutes=59), 30) == []
    [parcel] = await outbox.due(make.later(hours=2), 30)
    assert [(each.number, each.attempts) for each in parcel.deliveries] == [(1, 1), (2, 0)]


async def test_one_failing_recipient_does_not_hold_back_another(records, outbox, make):
    await records.commit(make.change(notices=(notice(0), notice(1, "Organization/b"))))
    for parcel in await outbox.due(make.later(hours=1), 30):
        if parcel.recipient == "Organization/a":
            await outbox.failed(parcel, parcel.deliveries[0], make.later(hours=9), "503")
        else:
            await outbox.release(parcel, make.later(hours=1))
    assert [each.recipient for each in await outbox.due(make.later(hours=2), 30)] == ["Organization/b"]


async def test_a_worker_that_lost_its_lease_cannot_record_an_outcome(records, outbox, make):
    await post(records, make, 1)
    [old] = await outbox.due(make.later(hours=1), 30)
    [new] = await outbox.due(make.later(hours=2), 30)
    outcomes = [await outbox.done(each, each.deliveries[0], make.later(hours=2)) for each in (old, new)]
    assert outcomes == [False, True]


async def test_a_notice_that_is_given_up_is_listed_and_lets_the_next_go(records, outbox, make):
    await post(records, make, 2)
    [parcel] = await outbox.due(make.later(hours=1), 30)
    await records.mongo.collection(OUTBOX).update_one({"_id": ObjectId(parcel.deliveries[0].id)}, {"$set": {"state": FAILED}})
    await outbox.release(parcel, make.later(hours=1))
    [parcel] = await outbox.due(make.later(hours=1), 30)
    assert ([each.number for each in await outbox.lost()], [each.number for each in parcel.deliveries]) == ([1], [2])


async def test_a_receiver_that_was_away_sees_no_gap(records, outbox, make):
    await post(records, make, 5)
    [parcel] = await outbox.due(make.later(hours=1), 30)
    for delivery in parcel.deliveries:
        await outbox.done(parcel, delivery, make.later(hours=1))
    assert [each.number for each in await outbox.events("Organization/a", 2, 10)] == [3, 4, 5]


async def test_a_change_that_turns_up_late_is_numbered_after_what_was_numbered(records, outbox, make):
    await post(records, make, 1, start=5)
    await outbox.due(make.later(hours=1), 30)
    await post(records, make, 1, start=1)
    [parcel] = await outbox.due(make.later(hours=2), 30)
    assert [(each.number, each.focus) for each in parcel.deliveries] == [(1, "Task/t5"), (2, "Task/t1")]


async def test_a_parcel_holds_no_more_than_its_limit(records, outbox, make):
    await records.commit(make.change(notices=tuple(notice(n) for n in range(9))))
    [parcel] = await outbox.due(make.later(hours=1), 30, limit=4)
    assert [each.number for each in parcel.deliveries] == [1, 2, 3, 4]


async def test_each_notice_is_logged_as_it_goes_and_tells_nobody_s_record(records, outbox, make, capsys):
    """Queued, failed and sent: a line each."""
    logs.configure("info")
    await post(records, make, 1)
    [parcel] = await outbox.due(make.later(hours=1), 30)
    await outbox.failed(parcel, parcel.deliveries[0], make.later(hours=2), "no Task/t0 of Patient/p1 here")
    [parcel] = await outbox.due(make.later(hours=2), 30)
    await outbox.done(parcel, parcel.deliveries[0], make.later(hours=2))
    said = capsys.readouterr().err
    lines = [json.loads(each) for each in said.splitlines()]
    assert [(each["event"], each["level"], each.get("attempts")) for each in lines] == [
        ("notice-queued", "info", None),
        ("notice-failed", "warning", 1),
        ("notice-sent", "info", 2),
    ]
    assert {(each["to"], each["topic"]) for each in lines} == {("Organization/a", "handover-task")}
    assert "Task/t0" not in said
    assert "Patient" not in said


async def test_a_notice_that_was_not_committed_is_not_logged(records, make, capsys):
    logs.configure("info")
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("Task", "t", 2), notices=(notice(0),)))
    assert capsys.readouterr().err == ""
