"""Opens the service for an operator's command: the same database and use cases as the running service, without HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from pymongo.errors import PyMongoError

from service import app, clock
from service.app import Built
from service.cli import logs
from service.cli.arguments import settings_for, wrong
from service.cli.signals import ended_by_signals
from service.problem import Category, Refused
from service.settings import Settings
from service.store import mongo
from service.store.layout import Layout
from service.store.mongo import Mongo

T = TypeVar("T")
LOCAL = "http://127.0.0.1:8000"


@contextlib.asynccontextmanager
async def opened(settings: Settings, base: str = "") -> AsyncIterator[Built]:
    """The service's use cases over the configured database, or over the data folder's embedded database, which is started if it
    does not run. Everything is closed again afterwards. Raises Refused UNAVAILABLE."""
    async with _running(settings) as uri, app.served(settings, uri, base or settings.base_url or LOCAL) as built:
        await built.services.directory.refresh()
        yield built


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Mongo]:
    """The configured database, or the data folder's embedded one, as it is, and closed again afterwards. Raises Refused
    UNAVAILABLE."""
    async with (
        _running(settings) as uri,
        mongo.connected(uri, settings.mongodb_database, settings.mongo_driver) as connection,
    ):
        yield connection


@contextlib.asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[str]:
    """The uri of a database that is used and stopped again, if it is embedded. That it does not answer any more is told by why it
    has ended, where its log says so."""
    uri, embedded = await app.database_of(settings)
    try:
        yield uri
    except (Refused, PyMongoError) as error:
        away = not isinstance(error, Refused) or error.problem.category is Category.UNAVAILABLE
        if embedded and away and (why := embedded.ended(str(error))):
            raise why from error
        raise
    finally:
        if embedded:
            await embedded.stop()


async def ensure_there(settings: Settings) -> None:
    """Refuses a place without a database, which a mistyped name would make one more of. Raises Refused INVALID, UNAVAILABLE."""
    if not settings.mongodb_uri:
        if not _is_folder(settings.data / "db"):
            raise wrong(f"There is no database in `{settings.data}`: name its folder with `--data`.")
        return
    async with database(settings) as connection:
        if not await Layout(connection).current():
            raise wrong(f"The database `{settings.mongodb_database}` is empty: name yours in `BATON_MONGODB_DATABASE`.")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise wrong(f"`{path}` cannot be looked at: {error.strerror}. Make it readable for this user.") from error


def with_service(data: Path | None, do: Callable[[Built], Awaitable[T]]) -> T:
    """Opens the service on a database that is there, calls `do` with it, seals the ledger over what `do` wrote, closes the
    service, and returns the result of `do`. Warnings are logged."""
    settings = _settings(data)

    async def run() -> T:
        await ensure_there(settings)
        return await _done(settings, do)

    return ended_by_signals(run())


def with_new_service(data: Path | None, do: Callable[[Built], Awaitable[T]]) -> T:
    """As `with_service`, for what a new place begins with: its database is made where there is none."""
    return ended_by_signals(_done(_settings(data), do))


def _settings(data: Path | None) -> Settings:
    settings = settings_for(data)
    logs.configure("warning")
    return settings


async def _done(settings: Settings, do: Callable[[Built], Awaitable[T]]) -> T:
    async with opened(settings) as built:
        try:
            return await do(built)
        finally:
            await built.services.ledger.seal(clock.now())
