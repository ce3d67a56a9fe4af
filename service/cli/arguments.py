"""The arguments that commands share: the data folder, the settings for a data folder, and the refusal of a command that cannot be
carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from service.problem import Category, Refused, problem
from service.settings import PREFIX, Settings


def named_folder(text: str) -> Path:
    """The folder that an option names. Raises Refused INVALID for an empty name, which would be the current folder."""
    if not text:
        raise wrong("`--data` is empty: name a folder, or leave it out.")
    return Path(text).absolute()


Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of the embedded database, keys and logs.", show_default=False, parser=named_folder, metavar="DIR"
    ),
]


def settings_for(data: Path | None, **given: object) -> Settings:
    """The settings of the environment, with the data folder and the other settings that the command line names. Raises Refused
    INVALID."""
    named: dict[str, Any] = {"data": data, **given}
    try:
        return Settings(**{name: value for name, value in named.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        said = first["msg"].removeprefix("Value error, ")
        name = f"`{PREFIX}{'_'.join(str(part) for part in first['loc']).upper()}` does not hold: " if first["loc"] else ""
        raise wrong(f"{name}{said}. `baton settings` lists all.") from None


def wrong(text: str) -> Refused:
    """The refusal of a command that cannot be carried out as it was given."""
    return Refused(problem(Category.INVALID, "value", text))
