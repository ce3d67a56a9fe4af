"""Whether what is stored holds the ownership rules (OWN-1…OWN-10), now and at every instant of the past. For `baton check`.

The past of a plan is walked from instant to instant, as its versions and those of the records that its ownership rests on say it.
A plan is judged only after the whole of an instant, because one transaction writes all of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from service.care.ownership.carriers import carrier_fault
from service.care.ownership.lead import coordinators
from service.care.ownership.plan import ENDED, KINDS, carriers, kinds_of, tagged_unowned, teams_of
from service.care.ownership.role import Lead, lead_fault, organization_of
from service.change import Resource
from service.fhir.reference import link


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record: its instant, its content (None when the record was deleted then) and its custodian."""

    at: datetime
    resource: Resource | None
    custodian: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """The versions of a plan, oldest first, and by reference those of the records that its ownership rests on: its teams and
    episode, its leads' roles, and their practitioners and organizations. `moved` are the instants at which a handover of the plan
    was accepted.
    """

    versions: Sequence[Version]
    others: Mapping[str, Sequence[Version]] = field(default_factory=dict)
    moved: frozenset[datetime] = frozenset()

    def instants(self) -> list[datetime]:
        """Every instant at which something about the plan's ownership was written, from the plan's first version on."""
        first = self.versions[0].at
        every = {each.at for versions in (self.versions, *self.others.values()) for each in versions}
        return sorted(at for at in every if at >= first)

    def other(self, ref: str, at: datetime) -> Version | None:
        """A record's version that stood after the instant `at`; None before its first."""
        return _standing(self.others.get(ref, ()), at)

    def lead(self, plan: Resource, at: datetime) -> Lead:
        """The plan's lead as the instant `at` left it."""
        role = self._content(link(plan, "author"), at)
        return Lead(role, self._content(link(role, "practitioner"), at), self._content(link(role, "organization"), at))

    def _content(self, ref: str, at: datetime) -> Resource | None:
        found = self.other(ref, at)
        return found.resource if found else None


def faults(past: Past, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """Every breach in a plan's past and present, each as a rule id and a sentence about the plan, once."""
    before: Version | None = None
    led, told = False, set()
    for at in past.instants():
        now = _standing(past.versions, at)
        assert now is not None, "INVARIANT: instants begin with the plan"
        found = [*_moved(before, now, led, past)] if now is not before else []
        led = _led(now, led)
        begun = led and now is not before and (before is None or _author(before) != _author(now))
        if led:
            found += [*_unled(now, past, at, zone, whole=begun), *_carried(now, past, at, zone)]
        before = now
        yield from (each for each in found if each not in told)
        told.update(found)


def _moved(before: Version | None, now: Version, led: bool, past: Past) -> Iterator[tuple[str, str]]:
    """The breaches of a new version of the plan against the one before."""
    if before is None:
        return
    if now.resource is None:
        yield from [("OWN-9", "it was deleted while it had a lead")] if led else []
        return
    was, is_ = (before.resource or {}).get("status"), now.resource.get("status")
    if was in ENDED and is_ != was:
        yield "OWN-9", f"it went from `{was}`, which is final, to `{is_}`"
    for code in sorted(kinds_of(before.resource or {}) - kinds_of(now.resource)):
        yield "OWN-9", f"it was a {KINDS[code]}, and is none any more"
    if before.resource and link(before.resource, "subject") != link(now.resource, "subject"):
        yield "OWN-8", "it was given to another person"
    if led and not _author(now):
        yield "OWN-9", "a version after it was active names no lead"
    if led and before.custodian != now.custodian and now.at not in past.moved:
        yield "OWN-3", "it moved to another agency without an accepted handover"


def _led(now: Version, led: bool) -> bool:
    status = (now.resource or {}).get("status")
    return now.resource is not None and status not in ENDED and (led or status == "active")


def _unled(now: Version, past: Past, at: datetime, zone: tzinfo, *, whole: bool) -> Iterator[tuple[str, str]]:
    """The breaches of a led plan whose lead cannot lead it. `whole`: the plan took its lead at this instant; else the end of a
    role's period is left to the timer that lists the plan."""
    plan = now.resource or {}
    if not _author(now).startswith("PractitionerRole/"):
        yield "OWN-1", "a version that has to have a lead names no PractitionerRole"
        return
    lead = past.lead(plan, at)
    judged = lead if whole else Lead(_without_period(lead.role), lead.practitioner, lead.organization)
    if (fault := lead_fault(judged, at, zone)) and not tagged_unowned(plan):
        yield "OWN-1", f"its lead could not lead it, and it was not listed as unowned: {fault}"
    if lead.role is not None and organization_of(lead.role) != now.custodian:
        yield "OWN-10", "its lead is not of the agency that keeps the plan"


def _carried(now: Version, past: Past, at: datetime, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """The breaches of a led plan's teams and episode."""
    plan = now.resource or {}
    if not teams_of(plan):
        yield "OWN-2", "it refers to no CareTeam"
    for ref in carriers(plan):
        found = past.other(ref, at)
        if found is None or found.resource is None:
            yield "OWN-2", f"`{ref}`, which carries its ownership, is not there"
            continue
        if _named(found.resource, at, zone) != (_author(now),):
            yield "OWN-2", f"`{ref}` does not name the plan's lead and nobody else"
        if fault := carrier_fault(found.resource, link(plan, "subject"), at, zone):
            yield "OWN-8", f"`{ref}` cannot carry its ownership: {fault}"
        if found.custodian != now.custodian:
            yield "OWN-8", f"`{ref}` is kept by another agency than the plan"


def _named(carrier: Resource, at: datetime, zone: tzinfo) -> tuple[str, ...]:
    return coordinators(carrier, at, zone) if carrier["resourceType"] == "CareTeam" else (link(carrier, "careManager"),)


def _author(version: Version) -> str:
    return link(version.resource, "author")


def _without_period(role: Resource | None) -> Resource | None:
    return None if role is None else {name: value for name, value in role.items() if name != "period"}


def _standing(versions: Sequence[Version], at: datetime) -> Version | None:
    place = bisect_right(versions, at, key=lambda each: each.at)
    return versions[place - 1] if place else None
