"""The arguments that commands share: the data folder, the settings for a data folder, and the refusal of a command that cannot be
carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from service.problem import Category, Refused, problem
from service.settings import Settings

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded database, keys and logs.", show_default=False)]


def settings_for(data: Path | None, **given: object) -> Settings:
    """The settings of the environment, with the data folder and the other settings that the command line names. Raises Refused
    INVALID."""
    named: dict[str, Any] = {"data": data.absolute() if data else None, **given}
    try:
        return Settings(**{name: value for name, value in named.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = f"BATON_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise wrong(f"`{name}` does not hold: {first['msg']}. `baton settings` tells what it may be.") from None


def wrong(text: str) -> Refused:
    """The refusal of a command that cannot be carried out as it was given."""
    return Refused(problem(Category.INVALID, "value", text))
