"""`$ownership`: who led a plan, from when to when, and by which handover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from service.change import Resource
from service.fhir.date import written
from service.fhir.reference import link


@dataclass(frozen=True, slots=True)
class Tenure:
    """One row of `$ownership`: the lead (a PractitionerRole reference), from `start` to `end` (None: the lead still leads), and
    the reference of the handover Task that gave the plan to the lead, or ''.
    """

    lead: str
    start: datetime
    end: datetime | None
    handover: str = ""


def extended(tenures: tuple[Tenure, ...], at: datetime, plan: Resource, handover: str = "") -> tuple[Tenure, ...]:
    """The tenures of a plan's leads once the plan has this content, from the instant `at`. `handover` is the reference of the
    Task whose acceptance wrote the content, or ''."""
    lead = link(plan, "author") if plan.get("status") not in ("draft", "entered-in-error") else ""
    present = tenures[-1] if tenures and tenures[-1].end is None else None
    if lead == (present.lead if present else ""):
        return tenures
    past = (*tenures[:-1], replace(present, end=at)) if present else tenures
    return (*past, Tenure(lead, at, None, handover)) if lead else past


def timeline(versions: list[tuple[datetime, Resource]], handovers: Mapping[str, str] | None = None) -> tuple[Tenure, ...]:
    """`$ownership`: the tenures of a plan's leads, oldest first, from the plan's versions (instant and content), oldest first.
    Versions order, instants only tell: a version whose instant is before that of the one before it counts from then.

    `handovers` maps the instant text (`written`) of an ownership-moving acceptance to its Task reference.
    """
    tenures: tuple[Tenure, ...] = ()
    reached = versions[0][0] if versions else None
    for told, plan in versions:
        reached = max(reached or told, told)
        tenures = extended(tenures, reached, plan, (handovers or {}).get(written(told), ""))
    return tenures
