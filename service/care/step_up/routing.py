"""Whom an escalation reaches (ESC-1): by the hours of services and clinicians at the instant it is asked, else by the register.

A named clinician is reached whatever the hour. Otherwise the routes of the pathway that name somebody of the agency are tried
first, each at its hours, in their order. A service is reached by a clinician who works for it, an agency by one of any of
its services; service and clinician have to be available then. Otherwise the escalation goes to the agency's duty contact, then
to the contacts of its escalation levels. An escalation that replaces a rejected one passes those who decided before, and may
then go to any other clinician of the agency. Where nobody is named, it stands with the service or the agency that was asked. The
same agency at the same instant always reaches the same clinician.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from service.care.step_up.situation import Routes
from service.care.task.opening import available
from service.care.task.timers import Calendar
from service.change import Resource
from service.fhir.reference import links, name_of


def reached(asked: str, routes: Routes, at: datetime, calendar: Calendar, passed: frozenset[str] = frozenset()) -> str:
    """The owner of the review of an escalation to `asked`: a PractitionerRole, or `asked` itself where nobody is named."""
    found = (one for one in _candidates(asked, routes, at, calendar, bool(passed)) if one and one not in passed)
    return next(found, asked if asked not in passed else routes.agency)


def following(owner: str, routes: Routes) -> str:
    """TIM-5: the contact to whom an undecided review goes next: round the agency's contacts, the duty contact first."""
    ring = contacts(routes)
    if owner not in ring:
        return ring[0] if ring else owner
    return ring[(ring.index(owner) + 1) % len(ring)]


def contacts(routes: Routes) -> tuple[str, ...]:
    """The agency's contacts in order, the duty contact first, each once."""
    return tuple(dict.fromkeys(one for one in (routes.duty, *routes.contacts) if one))


def _candidates(asked: str, routes: Routes, at: datetime, calendar: Calendar, another: bool) -> Iterator[str]:
    if asked.startswith("PractitionerRole/"):
        yield asked
    working = [one for one in _by_name(routes.clinicians) if available(one, at, calendar)]
    reachable = [one for one in _by_name(routes.services) if available(one, at, calendar)]
    yield from _by_pathway(asked, routes, at, calendar)
    named = [one for one in reachable if not asked.startswith("HealthcareService/") or name_of(one) == asked]
    for service in named:
        yield from (name_of(one) for one in working if name_of(service) in links(one, "healthcareService"))
    yield from contacts(routes)
    if another:
        yield from (name_of(one) for one in working)


def _by_pathway(asked: str, routes: Routes, at: datetime, calendar: Calendar) -> Iterator[str]:
    """The clinicians whom the pathway's routes name at this hour, of the agency or the service that is asked. A route without
    hours has those of the service; one that names nobody is the duty contact, who comes after those who are there."""
    services = {
        name_of(one): one for one in routes.services if not asked.startswith("HealthcareService/") or name_of(one) == asked
    }
    clinicians = {name_of(one): one for one in _by_name(routes.clinicians) if available(one, at, calendar)}
    for way in routes.ways:
        if way.hours and not way.reaches(at, calendar):
            continue
        if way.to in clinicians:
            yield way.to
        if way.to in services and (way.hours or available(services[way.to], at, calendar)):
            yield from (name for name, one in clinicians.items() if way.to in links(one, "healthcareService"))


def _by_name(entries: tuple[Resource, ...]) -> list[Resource]:
    return sorted(entries, key=name_of)
