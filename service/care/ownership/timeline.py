"""`$ownership`: who led a plan, from when to when, and by which handover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


def timeline(versions: list[tuple[datetime, Resource]], handovers: Mapping[str, str] | None = None) -> tuple[Tenure, ...]:
    """`$ownership`: the tenures of a plan's leads, oldest first, from the plan's versions (instant and content), oldest first.
    Versions order, instants only tell: a version whose instant is before that of the one before it counts from then.

    `handovers` maps the instant text (`written`) of an ownership-moving acceptance to its Task reference.
    """
    rows: list[Tenure] = []
    reached = versions[0][0] if versions else None
    for told, plan in versions:
        at = reached = max(reached or told, told)
        lead = link(plan, "author") if plan.get("status") not in ("draft", "entered-in-error") else ""
        present = rows[-1].lead if rows and rows[-1].end is None else ""
        if lead == present:
            continue
        if present:
            rows[-1] = Tenure(present, rows[-1].start, at, rows[-1].handover)
        if lead:
            rows.append(Tenure(lead, at, None, (handovers or {}).get(written(told), "")))
    return tuple(rows)
