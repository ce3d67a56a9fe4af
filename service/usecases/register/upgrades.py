"""Brings what an older version has stored to the layout of this version: step by step, each once, by one of the processes that
start. A step may be repeated, because the process that took it may have been killed before it was noted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from service import clock
from service.store.layout import LAYOUT, Layout
from service.usecases.register import identities
from service.usecases.request.services import Services

log = structlog.get_logger()
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the layout: the number that it leads to, its name in the log, and what does it, with the base URL."""

    to: int
    name: str
    do: Callable[[Services, str], Awaitable[None]]


async def _named(services: Services, _: str) -> None:
    """Before, a search went through its matches for those of the caller's agency and people."""
    await services.records.name_anew()


async def _proposed(services: Services, base: str) -> None:
    """Before, an identifier that two Patients have in common linked them by itself. What is looked for here is found by names,
    which a later layout gives."""
    await services.records.name_anew()
    await identities.migrate(services, base)


async def _joined(services: Services, _: str) -> None:
    """Before, the answers kept for repeats had a collection of their own."""
    await services.records.join_answers()


async def _listed(services: Services, _: str) -> None:
    """Before, no agency's open Tasks were found in order of date without sorting them."""
    await services.records.list_anew()


STEPS = (
    Step(2, "propose-links-for-confirmation", _proposed),
    Step(3, "name-those-who-may-look", _named),
    Step(4, "keep-answers-with-the-keys", _joined),
    Step(5, "name-whose-open-work-a-task-is", _listed),
)


async def bring_up(services: Services, base: str) -> None:
    """Returns when the database has this version's layout, whichever process has brought it there. Raises Refused UNAVAILABLE,
    and what a step raises."""
    layout, holder = Layout(services.mongo), clock.new_id()
    while await layout.current() < LAYOUT:
        async with layout.leased(holder) as alone:
            if alone:
                await _climb(services, base, layout)
        if not alone:
            await asyncio.sleep(PAUSE_SECONDS)


async def _climb(services: Services, base: str, layout: Layout) -> None:
    """Takes each step above the layout that the database has now."""
    at = await layout.current()
    for step in STEPS:
        if step.to > at:
            log.warning("upgrading", step=step.name, layout=step.to)
            await step.do(services, base)
            await layout.reached(step.to)
            log.warning("upgraded", step=step.name, layout=step.to)
