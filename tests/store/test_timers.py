"""Timers fire once per level, whoever looks and whatever is killed."""

from __future__ import annotations

import asyncio

import pytest

from service.change import Timer
from service.problem import Category, Refused
from service.store.timers import Timers
from tests.pending import pending


@pytest.fixture
def timers(records) -> Timers:
    return Timers(records.mongo)


@pytest.fixture
def timer(make) -> Timer:
    return Timer("TIM-2:Task/t1", "TIM-2", make.later(hours=1), "Task/t1", 0, {"side": "receiver"})


async def test_a_due_timer_is_given_as_it_was_set(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    assert await timers.due(make.later(hours=1), 30) == [timer]


async def test_a_timer_is_not_given_before_it_is_due(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    assert await timers.due(make.later(minutes=59), 30) == []


async def test_the_longest_due_comes_first(records, timers, make):
    late, early = (Timer(f"k{n}", "TIM-1", make.later(minutes=n), "Task/t1") for n in (5, 1))
    await records.commit(make.change(timers=(late, early)))
    assert await timers.due(make.later(hours=1), 30) == [early, late]


async def test_a_leased_timer_is_given_to_nobody_else(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    await timers.due(make.later(hours=1), 30)
    assert await timers.due(make.later(hours=1, seconds=29), 30) == []


async def test_a_lease_that_ran_out_is_given_again(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    await timers.due(make.later(hours=1), 30)
    assert await timers.due(make.later(hours=1, seconds=30), 30) == [timer]


async def test_two_workers_never_both_get_a_timer(records, other, timers, make):
    await records.commit(make.change(timers=tuple(Timer(f"k{n}", "TIM-1", make.at, "Task/t1") for n in range(40))))
    workers = [timers.due(make.later(hours=1), 30, 10) for _ in range(3)] + [
        Timers(other.mongo).due(make.later(hours=1), 30, 10) for _ in range(3)
    ]
    keys = [timer.key for found in await asyncio.gather(*workers) for timer in found]
    assert (len(keys), len(set(keys))) == (40, 40)


async def test_effects_are_committed_once_even_if_two_workers_hold_the_timer(records, other, timer, make):
    """The first worker's lease ran out while it worked: both settle, and one Change is refused whole."""
    await records.commit(make.change(timers=(timer,)))
    effects = [make.change(make.write("Task", f"e{n}"), settled=((timer.key, 0),)) for n in range(2)]
    outcomes = await asyncio.gather(records.commit(effects[0]), other.commit(effects[1]), return_exceptions=True)
    written = await records.read_many(["Task/e0", "Task/e1"])
    assert (sum(isinstance(each, Refused) for each in outcomes), len(written)) == (1, 1)


async def test_settling_a_timer_twice_is_a_conflict(records, timer, make):
    await records.commit(make.change(timers=(timer,)))
    await records.commit(make.change(settled=((timer.key, 0),)))
    with pytest.raises(Refused) as refused:
        await records.commit(make.change(settled=((timer.key, 0),)))
    assert refused.value.problem.category is Category.CONFLICT


async def test_a_settled_level_never_fires_again_even_if_set_again(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    await records.commit(make.change(settled=((timer.key, 0),)))
    await records.commit(make.change(timers=(timer,)))
    assert await timers.due(make.later(days=9), 30) == []


async def test_settling_one_level_may_set_the_next(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    following = Timer(timer.key, "TIM-2", make.later(hours=2), "Task/t1", 1)
    await records.commit(make.change(settled=((timer.key, 0),), timers=(following,)))
    assert await timers.due(make.later(days=1), 30) == [following]


async def test_setting_a_pending_timer_again_moves_it(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    moved = Timer(timer.key, "TIM-2", make.later(hours=5), "Task/t1")
    await records.commit(make.change(timers=(moved,)))
    assert await pending(records.mongo, timer.key) == [moved]


async def test_a_cancelled_key_fires_at_no_level(records, timers, timer, make):
    await records.commit(make.change(timers=(timer, Timer(timer.key, "TIM-2", make.at, "Task/t1", 1))))
    await records.commit(make.change(cancelled=(timer.key,)))
    assert await timers.due(make.later(days=9), 30) == []


async def test_a_cancelled_timer_cannot_be_settled_by_who_holds_it(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    await timers.due(make.later(hours=1), 30)
    await records.commit(make.change(cancelled=(timer.key,)))
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("Task", "e"), settled=((timer.key, 0),)))


async def test_cancelling_and_setting_in_one_change_begins_anew(records, timers, timer, make):
    await records.commit(make.change(timers=(timer,)))
    await records.commit(make.change(settled=((timer.key, 0),)))
    await records.commit(make.change(cancelled=(timer.key,), timers=(timer,)))
    assert await timers.due(make.later(days=9), 30) == [timer]


async def test_a_refused_change_sets_no_timer(records, timers, timer, make):
    with pytest.raises(Refused):
        await records.commit(make.change(make.write("Task", "t", 3), timers=(timer,)))
    assert await pending(records.mongo, timer.key) == []
