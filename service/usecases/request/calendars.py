"""The calendar of the locality's working days, as the operator has said it: days, hours, bank holidays, closed days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from service import clock
from service.care.task import timers
from service.care.task.timers import Calendar
from service.problem import Category, Refused, problem
from service.store.installation import Installation

AHEAD = 10
"""For how many years ahead bank holidays are known. They are computed anew whenever the directory changes, and at each start."""


class Calendars:
    """Reads the calendar; without one, the locality works from Monday to Friday, nine to five, in its zone."""

    def __init__(self, installation: Installation, zone: ZoneInfo) -> None:
        self._installation = installation
        self._zone = zone

    async def read(self) -> Calendar:
        """The calendar as it is said now."""
        return calendar(await self._installation.locality(), self._zone)


def calendar(said: Mapping[str, Any], zone: ZoneInfo) -> Calendar:
    """The calendar that a locality's document says. Raises Refused INVALID for a country or subdivision that is not known."""
    if not said:
        return Calendar(zone)
    closed = timers.holidays(said["closed"]) | bank_holidays(said["country"], said["subdivision"])
    opens, closes = time.fromisoformat(said["opens"]), time.fromisoformat(said["closes"])
    return Calendar(zone, frozenset(said["days"]), opens, closes, closed)


def bank_holidays(country: str, subdivision: str) -> frozenset[date]:
    """The bank holidays of a country or of one of its subdivisions, of last year and the years ahead; none without a country. The
    library is imported when first needed, because the import is slow."""
    if not country:
        return frozenset()
    import holidays

    year = clock.now().year
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=range(year - 1, year + AHEAD)))
    except NotImplementedError as error:
        text = f"No bank holidays are known of `{'-'.join(filter(None, (country, subdivision)))}`: give the codes of ISO 3166."
        raise Refused(problem(Category.INVALID, "value", text, rule="TIM")) from error
