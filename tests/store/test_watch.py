"""An operator reads once that the database went away, and where it is."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs

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


async def told(*answers: Exception | None) -> list[tuple[str, str, str]]:
    """The lines of as many looks."""
    watched = Watch(Looked(*answers))
    with capture_logs() as lines:
        for _ in answers:
            await watched.look()
    return [(each["event"], each["at"], each.get("reason", "")) for each in lines]


async def test_each_change_is_one_line() -> None:
    lines = await told(None, AWAY, unavailable("Not known."), None, None, AWAY)
    assert lines == [
        ("database-away", "db1:27017", "The database does not answer."),
        ("database-answers", "db1:27017", ""),
        ("database-away", "db1:27017", "The database does not answer."),
    ]


async def test_a_fault_ends_no_watch_and_is_told_without_its_words() -> None:
    """They may hold a name or an address with a password."""
    assert await told(OperationFailure("secret", 13)) == [("database-away", "db1:27017", "OperationFailure")]


async def test_it_looks_beside_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE_SECONDS", 0.001)
    with capture_logs() as lines:
        async with running(Watch(Looked(AWAY)).run()):
            while len(lines) < 2:
                await asyncio.sleep(0.001)
    assert [each["event"] for each in lines] == ["database-away", "database-answers"]
