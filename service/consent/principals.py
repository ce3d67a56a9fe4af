"""The principals a caller acts as, against which actors of a Consent are matched. Pure: the use case loads every resource.

The principals are the user, the one role the user acts in, the role's organisation and every organisation above it, current
groups, and the care teams of the person the record is about. Two employers are never united: a role of another organisation
than the client's adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from service.change import Resource
from service.consent.conditions import business, members, ref_of
from service.fhir.date import LOCAL, contains
from service.fhir.reference import type_of


def principals(
    user: str,
    organization: str,
    directory: Mapping[str, Resource],
    now: datetime,
    *,
    groups: Iterable[Resource] = (),
    teams: Iterable[Resource] = (),
    patients: frozenset[str] = frozenset(),
    verified: frozenset[str] = frozenset(),
    base: str = "",
    zone: tzinfo = LOCAL,
) -> frozenset[str]:
    """The references and business identifiers (`conditions.business`) of everything the caller may act as now.

    `directory` holds, by reference, the user's PractitionerRole and Practitioner, the role's organisation and the client's, and
    every organisation above either. `groups` and `teams` are candidates; `patients` are the subject's references; `verified` the
    RelatedPersons whose link is verified. `base` is our own FHIR base URL, under which the resources may name each other. Never
    raises.
    """
    person = user.startswith(("Patient/", "RelatedPerson/"))
    # A person is no agency's staff, whichever organisation runs the app they use.
    found = {} if person else dict.fromkeys(_upward(organization, directory, base))
    role = directory.get(user)
    if user.startswith("PractitionerRole/") and role is not None and _current(role, now, zone):
        employer = ref_of(role.get("organization"), base)
        line = list(_upward(employer, directory, base))
        if not employer or organization in line:
            found |= dict.fromkeys((user, ref_of(role.get("practitioner"), base), *line))
    elif user.startswith(("Patient/", "Practitioner/")) or user in verified:
        found[user] = None
    found.pop("", None)
    found |= dict.fromkeys(_memberships(groups, teams, found, patients, now, base, zone))
    identifiers = [name for ref in found for name in _identifiers(ref, directory.get(ref))]
    return frozenset((*found, *identifiers))


def _upward(organization: str, directory: Mapping[str, Resource], base: str) -> Iterator[str]:
    """The organisation and every organisation above it (`partOf`); a ring of organisations ends where it began."""
    seen: set[str] = set()
    while organization and organization not in seen:
        seen.add(organization)
        yield organization
        organization = ref_of(directory.get(organization, {}).get("partOf"), base)


def _current(item: Mapping[str, Any], at: datetime, zone: tzinfo) -> bool:
    """Whether a role, team or membership is active and its period, if any, contains `at`; an unreadable period contains none."""
    if item.get("active") is False or item.get("inactive") is True:
        return False
    return contains(item.get("period"), at, zone)


def _memberships(
    groups: Iterable[Resource],
    teams: Iterable[Resource],
    found: Mapping[str, None],
    patients: frozenset[str],
    at: datetime,
    base: str,
    zone: tzinfo,
) -> Iterator[str]:
    for group in groups:
        joined = (item for item in members(group.get("member")) if ref_of(item.get("entity"), base) in found)
        if group.get("active") is not False and any(_current(item, at, zone) for item in joined):
            yield f"Group/{group.get('id')}"
    for team in teams:
        if team.get("status") != "active" or ref_of(team.get("subject"), base) not in patients or not _current(team, at, zone):
            continue
        if any(
            ref_of(item.get("member"), base) in found and _current(item, at, zone) for item in members(team.get("participant"))
        ):
            yield f"CareTeam/{team.get('id')}"


def _identifiers(ref: str, resource: Resource | None) -> Iterator[str]:
    for identifier in members((resource or {}).get("identifier")):
        if isinstance(identifier.get("value"), str) and isinstance(identifier.get("system"), str):
            yield business(type_of(ref), f"{identifier['system']}|{identifier['value']}")
