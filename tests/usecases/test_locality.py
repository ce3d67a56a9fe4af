"""When the locality works: kept with an audit line, and counted by in every deadline (TIM)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.app import Built
from service.care.task.timers import due
from service.problem import Refused
from service.usecases.register import locality

ENGLAND: dict[str, Any] = {
    "days": ["mon", "tue", "wed", "thu", "fri"],
    "opens": "08:00",
    "closes": "18:00",
    "country": "GB",
    "subdivision": "ENG",
    "closed": ["2026-12-29"],
}


async def test_a_locality_that_said_nothing_works_from_monday_to_friday(built: Built) -> None:
    """In the zone of the settings."""
    assert await locality.told(built.services) == {
        "zone": "Europe/London",
        "days": ["mon", "tue", "wed", "thu", "fri"],
        "opens": "09:00",
        "closes": "17:00",
        "closed": [],
    }


async def test_deadlines_are_counted_by_what_the_locality_said(built: Built) -> None:
    """TIM-14: over Christmas, Boxing Day's substitute, and a day of the locality's own; at once in a running service."""
    await locality.keep(built.services, **ENGLAND)
    await built.services.directory.refresh()
    asked = datetime(2026, 12, 24, 10, tzinfo=UTC)
    assert due("TIM-14", asked, built.services.calendar) == datetime(2026, 12, 30, 10, tzinfo=UTC)
    assert built.services.calendar.opens.hour == 8


async def test_a_change_of_the_calendar_is_audited(built: Built) -> None:
    """As every command of an operator is."""
    before = await built.services.mongo.collection("r.AuditEvent").count_documents({})
    await locality.keep(built.services, **ENGLAND)
    assert await built.services.mongo.collection("r.AuditEvent").count_documents({}) > before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"days": ["someday"]}, "`someday` is no working day"),
        ({"days": []}, "is no working day"),
        ({"opens": "nine"}, "`nine` is no date or time"),
        ({"opens": "18:00"}, "closes later on the same day"),
        ({"closed": ["25.12.2026"]}, "`25.12.2026` is no date or time"),
        ({"country": "XX"}, "No bank holidays are known of `XX-ENG`"),
        ({"subdivision": "MOON"}, "No bank holidays are known of `GB-MOON`"),
    ],
)
async def test_what_is_no_calendar_is_refused_and_the_one_before_stays(built: Built, change: Any, said: str) -> None:
    """By the value, and what would make it right."""
    with pytest.raises(Refused, match=said):
        await locality.keep(built.services, **{**ENGLAND, **change})
    assert (await locality.told(built.services))["opens"] == "09:00"
