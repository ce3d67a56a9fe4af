"""Askers of one moment share a query and its failure, and none can spoil it for the others."""

from __future__ import annotations

import asyncio

import pytest

from service.store.coalesce import MOST_KEYS, Coalescer


class Source:
    """Answers each key with its square, and remembers the batches it was asked for."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.fail = False

    async def fetch(self, keys):
        self.batches.append(sorted(keys))
        await asyncio.sleep(0.005)
        if self.fail:
            raise OSError("gone")
        return {key: key * key for key in keys if key >= 0}


@pytest.fixture
def source() -> Source:
    return Source()


async def test_concurrent_askers_share_one_batch(source):
    coalescer = Coalescer(source.fetch)
    await asyncio.gather(*(coalescer.get(key) for key in (3, 1, 2, 3)))
    assert source.batches == [[1, 2, 3]]


async def test_every_asker_gets_its_own_answer(source):
    coalescer = Coalescer(source.fetch)
    assert await asyncio.gather(*(coalescer.get(key) for key in (3, -1, 2))) == [9, None, 4]


async def test_get_many_leaves_out_what_has_no_value(source):
    assert await Coalescer(source.fetch).get_many([2, -1]) == {2: 4}


async def test_a_question_is_never_answered_by_an_older_query(source):
    coalescer = Coalescer(source.fetch)
    first = asyncio.create_task(coalescer.get(1))
    await asyncio.sleep(0.002)
    await asyncio.gather(first, coalescer.get(1))
    assert source.batches == [[1], [1]]


async def test_a_failure_reaches_every_asker(source):
    source.fail = True
    coalescer = Coalescer(source.fetch)
    outcomes = await asyncio.gather(coalescer.get(1), coalescer.get(2), coalescer.get_many([3]), return_exceptions=True)
    assert [type(each) for each in outcomes] == [OSError] * 3


async def test_it_works_again_after_a_failure(source):
    source.fail = True
    coalescer = Coalescer(source.fetch)
    await asyncio.gather(coalescer.get(1), return_exceptions=True)
    source.fail = False
    assert await coalescer.get(2) == 4


async def test_a_cancelled_asker_leaves_the_batch_to_the_others(source):
    coalescer = Coalescer(source.fetch)
    first, second = asyncio.create_task(coalescer.get(1)), asyncio.create_task(coalescer.get(1))
    await asyncio.sleep(0.001)
    first.cancel()
    assert await second == 1


async def test_more_keys_than_a_batch_holds_are_all_answered(source):
    found = await Coalescer(source.fetch).get_many(range(3 * MOST_KEYS))
    assert len(found) == 3 * MOST_KEYS


async def test_what_is_asked_and_never_awaited_troubles_nobody():
    """Not even when it cannot be had."""

    async def fetch(keys):
        raise OSError("nobody there")

    coalescer: Coalescer[str, int] = Coalescer(fetch)
    coalescer.ask("a", str)
    with pytest.raises(OSError, match="nobody"):
        await coalescer.get("a")


async def test_what_was_asked_before_can_be_awaited_later():
    async def fetch(keys):
        return dict.fromkeys(keys, 1)

    asked = Coalescer(fetch).ask("a", lambda value: value)
    await asyncio.sleep(0.01)
    assert await asked == 1
