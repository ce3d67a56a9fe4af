"""An operator reads once that the database went away, and where it is."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import OperationFailure

from service.store import watch
from service.store.mongo import Mongo, unavailable
from service.store.watch import Watch, running

AWAY = unavailable("The database does not answer.")


class Looked(Mongo):
    """A database that answers as it is told to."""

    def __init__(self, *answers: Exception | None) -> None:
        self.at = "db1:27017"
        self.answers = list(answers)

    async def followed(self) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            raise answer


class Lines(list[tuple[str, str, str]]):
    """A log that keeps what it is told, whatever level another test has set."""

    def warning(self, event: str, at: str, reason: str = "") -> None:
        self.append((event, at, reason))

    info = warning


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What the watch logs."""
    kept = Lines()
    monkeypatch.setattr(watch, "log", kept)
    return kept


async def look(*answers: Exception | None) -> None:
    """As many looks."""
    watched = Watch(Looked(*answers))
    for _ in answers:
        await watched.look()


async def test_each_change_is_one_line(lines: Lines) -> None:
    await look(None, AWAY, unavailable("Not known."), None, None, AWAY)
    assert lines == [
        ("database-away", "db1:27017", "The database does not answer."),
        ("database-answers", "db1:27017", ""),
        ("database-away", "db1:27017", "The database does not answer."),
    ]


async def test_a_fault_ends_no_watch_and_is_told_without_its_words(lines: Lines) -> None:
    """They may hold a name or an address with a password."""
    await look(OperationFailure("secret", 13))
    assert lines == [("database-away", "db1:27017", "OperationFailure")]


async def test_it_looks_beside_the_service(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE_SECONDS", 0.001)
    async with asyncio.timeout(10), running(Watch(Looked(AWAY)).run()):
        while len(lines) < 2:
            await asyncio.sleep(0.001)
    assert [event for event, *_ in lines] == ["database-away", "database-answers"]
