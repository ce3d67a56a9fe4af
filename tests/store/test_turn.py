"""A long request lets others have their turn, and waits for nobody where there are none."""

from __future__ import annotations

import asyncio

import pytest

from service import clock
from service.store import turn


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, each time."""
    waited: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await real(0)

    monkeypatch.setattr(turn.asyncio, "sleep", sleep)
    return waited


class Clock:
    """A clock that tells these instants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *instants: float) -> None:
        told = iter(instants)
        monkeypatch.setattr(clock, "elapsed", lambda: next(told))


async def test_a_short_request_only_lets_others_in(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    Clock(monkeypatch, 1.0, 1.02, 1.04, 1.06, 1.06)
    await turn.give_way()
    await turn.give_way()
    assert waits == [0, 0]


async def test_a_long_request_waits_for_longer_than_it_has_worked(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    Clock(monkeypatch, 1.0, 1.0, 1.1, 1.1, 1.1, 1.104, 1.106, 1.12)
    for _ in range(3):
        await turn.give_way()
    assert waits == [0, 0, 0, pytest.approx(turn.OTHERS * 0.004)]


async def test_a_long_request_waits_for_no_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    Clock(monkeypatch, 1.0, 1.0, 3.0, 3.1, 3.2)
    for _ in range(2):
        await turn.give_way()
    assert waits == [0, 0, turn.LONGEST_SECONDS]


async def test_a_long_request_beside_nobody_goes_on_at_once(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    Clock(monkeypatch, 1.0, 1.0, 3.0, 3.0, 3.0)
    for _ in range(2):
        await turn.give_way()
    assert waits == [0, 0]
