"""The service opened by an operator's command: the same database and use cases as the running service has, without HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from service import app
from service.app import Built
from service.problem import Category, Refused, problem
from service.settings import Settings
from service.store import mongo

T = TypeVar("T")
LOCAL = "http://127.0.0.1:8000"
Data = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded database, keys and logs.", show_default=False)]


def settings_for(data: Path | None, **given: object) -> Settings:
    """The settings of the environment, with the data folder and others that the command line names. Raises Refused INVALID."""
    named = {"data": data.absolute() if data else None, **given}
    try:
        return Settings(**{name: value for name, value in named.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = f"BATON_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise wrong(f"`{name}` does not hold: {first['msg']}. `baton settings` tells what it may be.") from None


def wrong(text: str) -> Refused:
    """The refusal of a command that cannot be carried out as it was given."""
    return Refused(problem(Category.INVALID, "value", text))


@contextlib.asynccontextmanager
async def opened(settings: Settings, base: str = "") -> AsyncIterator[Built]:
    """The service's use cases over the data folder's database, which is started when nobody runs it."""
    uri, embedded = await app.database_of(settings)
    try:
        connection = await mongo.connect(uri, settings.mongodb_database, settings.mongo_driver)
        try:
            built = await app.build(settings, connection, base or settings.base_url or LOCAL)
            await built.services.directory.refresh()
            try:
                yield built
            finally:
                await built.issuers.close()
        finally:
            await connection.close()
    finally:
        if embedded:
            await embedded.stop()


def with_service(data: Path | None, do: Callable[[Built], Awaitable[T]]) -> T:
    """What `do` gives of the opened service."""

    async def run() -> T:
        async with opened(settings_for(data)) as built:
            return await do(built)

    return asyncio.run(run())
