"""`baton locality`: when the locality works, by which deadlines are counted."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.app import Built
from service.cli.arguments import Data
from service.cli.opening import with_service
from service.usecases.register import locality as register

locality = typer.Typer(help="When the locality works: its days, hours and holidays.")


@locality.command("set")
def locality_set(
    day: Annotated[list[str], typer.Option(help="A working day.", metavar="mon…sun")] = ["mon", "tue", "wed", "thu", "fri"],
    opens: Annotated[str, typer.Option(help="When it opens.", metavar="HH:MM")] = "09:00",
    closes: Annotated[str, typer.Option(help="When it closes.", metavar="HH:MM")] = "17:00",
    country: Annotated[str, typer.Option(help="Whose bank holidays it keeps, by ISO 3166.", metavar="GB")] = "",
    subdivision: Annotated[str, typer.Option(help="Which part of the country.", metavar="ENG")] = "",
    closed: Annotated[list[str], typer.Option(help="A further day on which it is closed.", metavar="DATE")] = [],
    data: Data = None,
) -> None:
    """Set the calendar, in the place of the one before; what is due already stays due then."""

    async def kept(built: Built) -> None:
        await register.keep(
            built.services, days=day, opens=opens, closes=closes, country=country, subdivision=subdivision, closed=closed
        )
        print(json.dumps(await register.told(built.services)))

    with_service(data, kept)


@locality.command("show")
def locality_show(data: Data = None) -> None:
    """Print the calendar as JSON, with every day on which the locality is closed."""

    async def shown(built: Built) -> None:
        print(json.dumps(await register.told(built.services)))

    with_service(data, shown)
