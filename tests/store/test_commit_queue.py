"""Which Changes may share a transaction, and what becomes of the others."""

from __future__ import annotations

import asyncio

import pytest

from service.problem import Category, Refused, problem
from service.store.commit import prepare
from service.store.commit_queue import LANES, CommitQueue
from service.store.ledger import Ledger
from service.store.mongo import Unfollowed
from service.store.outage import UNFOLLOWED


class Log:
    """Stands in for the transaction: remembers the batches, and can be told what to refuse."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.links = []
        self.refuse: set[str] = set()
        self.error: Exception = Refused(problem(Category.CONFLICT, "conflict", "no"))
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, batch, link):
        names = [draft.id for each in batch for draft in each.drafts]
        self.batches.append(names)
        self.links.append(link)
        await self.gate.wait()
        if self.refuse & set(names):
            raise self.error


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def lanes(log, make, fresh_mongo) -> CommitQueue:
    return CommitQueue(log.run, Ledger(fresh_mongo, make.project))


@pytest.fixture
def submit(lanes, make):
    """Submits one Task by its id, with what else the Change has."""

    def start(id_: str, before: int = 0, **more):
        fields = {name: more.pop(name) for name in ("guards", "claims", "timers", "settled", "audits") if name in more}
        return asyncio.ensure_future(
            lanes.submit(prepare(make.change(make.write("Task", id_, before, **more), **fields), make.project))
        )

    return start


async def test_changes_apart_share_a_transaction(submit, log):
    await asyncio.gather(submit("a"), submit("b"), submit("c"))
    assert log.batches == [["a", "b", "c"]]


async def test_two_changes_of_one_record_take_turns(submit, log):
    await asyncio.gather(submit("a"), submit("a", 1))
    assert log.batches == [["a"], ["a"]]


async def test_two_takers_of_one_key_take_turns(submit, log):
    await asyncio.gather(submit("a", keys=("k",)), submit("b", keys=("k",)))
    assert log.batches == [["a"], ["b"]]


async def test_a_guard_and_a_write_of_the_record_take_turns(submit, log):
    await asyncio.gather(submit("a"), submit("b", guards=(("Task/a", 0),)))
    assert log.batches == [["a"], ["b"]]


async def test_a_write_after_a_guard_takes_its_turn(submit, log):
    await asyncio.gather(submit("b", guards=(("Task/a", 1),)), submit("a", 1))
    assert log.batches == [["b"], ["a"]]


async def test_guards_on_one_record_share_a_transaction(submit, log):
    await asyncio.gather(submit("a", guards=(("Task/x", 1),)), submit("b", guards=(("Task/x", 1),)))
    assert log.batches == [["a", "b"]]


async def test_changes_of_one_person_share_a_transaction_but_are_never_in_two_at_once(submit, log):
    person = {"subject": {"reference": "Patient/p1"}}
    log.gate.clear()
    first = [submit("a", **person), submit("b", **person)]
    await asyncio.sleep(0.01)
    third = submit("c", **person)
    await asyncio.sleep(0.01)
    assert log.batches == [["a", "b"]]
    log.gate.set()
    await asyncio.gather(*first, third)


async def test_nobody_overtakes_a_change_it_has_something_in_common_with(submit, log):
    log.gate.clear()
    first = submit("a")
    await asyncio.sleep(0.01)
    second, third = submit("a", 1, keys=("k",)), submit("b", keys=("k",))
    await asyncio.sleep(0.01)
    log.gate.set()
    await asyncio.gather(first, second, third)
    assert log.batches == [["a"], ["a"], ["b"]]


async def test_a_refused_batch_is_tried_one_by_one(submit, log):
    log.refuse = {"b"}
    outcomes = await asyncio.gather(submit("a"), submit("b"), submit("c"), return_exceptions=True)
    assert [type(each) for each in outcomes] == [type(None), Refused, type(None)]


async def test_a_batch_of_unknown_outcome_is_not_tried_again(submit, log):
    log.refuse, log.error = {"b"}, Refused(problem(Category.UNAVAILABLE, "transient", "gone"))
    await asyncio.gather(submit("a"), submit("b"), return_exceptions=True)
    assert log.batches == [["a", "b"]]


async def test_after_an_unknown_outcome_a_new_stream_begins(submit, log, make):
    log.refuse, log.error = {"a"}, Refused(problem(Category.UNAVAILABLE, "transient", "gone"))
    for id_ in ("a", *(str(n) for n in range(LANES))):
        await asyncio.gather(submit(id_, audits=(make.event(),)), return_exceptions=True)
    lost = log.links[0].head.stream
    assert lost not in {link.head.stream for link in log.links[1:]}


async def test_a_stream_goes_on_where_its_last_commit_ended(submit, log, make):
    for id_ in "abc":
        await submit(id_, audits=(make.event(),))
    assert [link.head.number for link in log.links] == [1, 2, 3]


async def test_a_caller_cancelled_in_the_queue_takes_its_change_back(submit, log):
    log.gate.clear()
    first, second = submit("a"), None
    await asyncio.sleep(0.01)
    second = submit("a", 1)
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.sleep(0.01)
    log.gate.set()
    await first
    assert log.batches == [["a"]]


async def test_no_more_transactions_than_lanes_at_once(submit, log):
    log.gate.clear()
    tasks = []
    for n in range(LANES + 2):
        tasks.append(submit(str(n)))
        await asyncio.sleep(0.01)
    assert len(log.batches) == LANES
    log.gate.set()
    await asyncio.gather(*tasks)


async def test_what_waits_while_no_majority_follows_is_refused_at_once(submit, log):
    """And is not tried in turn, each for as long as the first."""
    log.refuse, log.error = {"a"}, Unfollowed("not known")
    log.gate.clear()
    changes = [submit("a", number) for number in range(5)]
    while not log.batches:
        await asyncio.sleep(0.001)
    log.gate.set()
    found = await asyncio.gather(*changes, return_exceptions=True)
    assert [type(each) for each in found] == [Unfollowed] * 5
    assert [str(each) for each in found][1:] == [UNFOLLOWED] * 4
    assert log.batches == [["a"]]
    log.refuse.clear()
    await submit("a")
    assert log.batches == [["a"], ["a"]]
