"""`baton worker` as it starts: it waits for a database of your own, and says so once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.cli import working
from service.problem import Category, Refused, problem
from service.settings import Settings
from service.store.mongo import unavailable

NEVER = Refused(problem(Category.RULE, "business-rule", "A newer version has laid it out."))
URI = "mongodb://me:secret@db1:27017,db2:27017/?replicaSet=r"


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """What is met, one after the other, as the worker opens its database."""
    errors: list[Exception] = []

    @contextlib.asynccontextmanager
    async def tried(_: Settings) -> AsyncIterator[Any]:
        raise errors.pop(0)
        yield

    monkeypatch.setattr(working, "opened", tried)
    monkeypatch.setattr(working, "WAIT_SECONDS", 0.001)
    return errors


async def test_it_waits_for_its_database_and_names_the_address_once(met: list[Exception], tmp_path: Path) -> None:
    """Without the password; and a reason that will never pass ends it."""
    met += [unavailable("away"), unavailable("still away"), NEVER]
    with capture_logs() as lines, pytest.raises(Refused) as raised:
        await working._awaited(Settings(data=tmp_path, mongodb_uri=URI))
    assert (raised.value, met) == (NEVER, [])
    assert [(each["event"], each["at"], each["reason"]) for each in lines] == [
        ("database-awaited", "db1:27017,db2:27017", "away")
    ]


async def test_an_embedded_database_that_does_not_start_ends_it(met: list[Exception], tmp_path: Path) -> None:
    """As it ends `baton serve`: nobody else will start it."""
    met += [unavailable("The disk is full.")]
    with pytest.raises(Refused, match="The disk is full"):
        await working._awaited(Settings(data=tmp_path, mongodb_uri=""))
