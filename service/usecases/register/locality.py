"""The locality's calendar, as the operator says it: kept with an audit line, and used by every deadline from then on (TIM)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from functools import partial
from typing import Any

from service.problem import Category, Refused, problem
from service.store.installation import Installation
from service.usecases.request.calendars import calendar
from service.usecases.request.operated import Operation, recorder
from service.usecases.request.services import Services

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


async def keep(
    services: Services, *, days: list[str], opens: str, closes: str, country: str, subdivision: str, closed: list[str]
) -> None:
    """Keeps the locality's calendar in the place of the one it has. Raises Refused INVALID, and keeps nothing, for what is no
    day, time, date or country."""
    unknown = [day for day in days if day not in DAYS]
    if unknown or not days:
        raise _wrong(f"`{', '.join(unknown)}` is no working day: name some of {', '.join(DAYS)}.")
    if _read(time.fromisoformat, opens) >= _read(time.fromisoformat, closes):
        raise _wrong(f"The locality opens at `{opens}` and closes at `{closes}`: it closes later on the same day.")
    said = {
        "days": sorted(DAYS.index(day) + 1 for day in dict.fromkeys(days)),
        "opens": opens,
        "closes": closes,
        "country": country,
        "subdivision": subdivision,
        "closed": sorted(_read(date.fromisoformat, day).isoformat() for day in dict.fromkeys(closed)),
    }
    calendar(said, services.zone)
    kept = partial(Installation(services.mongo).keep_locality, said)
    await recorder(services.trail)(kept, Operation("U", "locality calendar"))


async def told(services: Services) -> Mapping[str, Any]:
    """The locality's calendar as it stands: its zone, days, hours, and every day on which it is closed."""
    found = calendar(await Installation(services.mongo).locality(), services.zone)
    return {
        "zone": found.zone.key,
        "days": [DAYS[day - 1] for day in sorted(found.days)],
        "opens": found.opens.isoformat("minutes"),
        "closes": found.closes.isoformat("minutes"),
        "closed": [day.isoformat() for day in sorted(found.holidays)],
    }


def _read(reader: Any, text: str) -> Any:
    try:
        return reader(text)
    except ValueError as error:
        raise _wrong(f"`{text}` is no date or time: write `2026-12-25`, or `09:00`.") from error


def _wrong(text: str) -> Refused:
    return Refused(problem(Category.INVALID, "value", text, rule="TIM"))
