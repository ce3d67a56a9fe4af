"""What the rules of meetings read in an Encounter and in the HealthcareService of a forum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from service.change import Resource
from service.fhir.canonical import (
    ADVISORY,
    CADENCE,
    FORUM,
    FORUM_KIND,
    GRACE,
    MEETING_ROLE,
    MEETING_TYPE,
    REQUIRED_ROLE,
    SERVICE_CATEGORY,
)
from service.fhir.coding import codes_in, codings
from service.fhir.reference import link

MDT, CASE_REVIEW, SHARED_PLANNING, RISK_FORUM, GOVERNANCE = "mdt", "case-review", "shared-planning", "risk-forum", "governance"
PATHWAYS = {MDT: "front-door", CASE_REVIEW: "case-review", SHARED_PLANNING: "crisis-plan", RISK_FORUM: "risk-forum"}
"""The pathway that a kind of meeting decides under (MTG-4)."""
CHAIR, APOLOGIES, DELEGATE = "chair", "apologies", "delegate"
PLANNED = frozenset({"planned", "arrived", "triaged"})
"""The statuses of a meeting that has not started."""
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=3650)
"""Between these lies how often a forum is held; nothing that a meeting sets a time for lasts longer."""
FINISHED = "finished"
ENDED = frozenset({FINISHED, "cancelled", "entered-in-error"})
_DAYS = {"h": 1 / 24, "d": 1, "wk": 7, "mo": 30, "a": 365, "min": 1 / 1440, "s": 1 / 86400}
"""The units of a Timing and a Duration, in days."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody whom a meeting names: who, in which parts (`chair`, `apologies`, …) and other roles, whether they came, and since
    when they were there."""

    individual: str
    parts: frozenset[str]
    roles: frozenset[str]
    came: bool
    since: str = ""


def kind(encounter: Resource | None) -> str:
    """The kind of a meeting, a code of `meeting-type`; '' for an Encounter that is none."""
    return next(iter(sorted(codes_in((encounter or {}).get("type"), MEETING_TYPE))), "")


def kinds(encounter: Resource) -> frozenset[str]:
    """The kinds of meeting that an Encounter says it is of; a sound one has one."""
    return codes_in(encounter.get("type"), MEETING_TYPE)


def is_meeting(resource: Resource | None) -> bool:
    """Whether a resource is a meeting."""
    return resource is not None and resource["resourceType"] == "Encounter" and kind(resource) != ""


def participants(encounter: Resource) -> tuple[Participant, ...]:
    """Whom a meeting names. Attended is who has a period, unless they sent apologies."""
    return tuple(map(_participant, encounter.get("participant", ())))


def _participant(element: Resource) -> Participant:
    parts = codes_in(element.get("type"), MEETING_ROLE)
    since = str((element.get("period") or {}).get("start", ""))
    came = bool(since) and APOLOGIES not in parts
    roles = frozenset(f"{system}|{code}" for system, code in codings(element.get("type")) if system != MEETING_ROLE)
    return Participant(link(element, "individual"), parts, roles, came, since)


def chairs(encounter: Resource) -> tuple[Participant, ...]:
    """Who chairs a meeting; a sound one has one."""
    return tuple(each for each in participants(encounter) if CHAIR in each.parts)


def chair(encounter: Resource) -> str:
    """The PractitionerRole that chairs a meeting, or ''."""
    return next((each.individual for each in chairs(encounter)), "")


def forum_of(encounter: Resource) -> str:
    """The forum that a meeting, or a List of waiting entries, says it is of; ''."""
    return next((link(each, "valueReference") for each in encounter.get("extension", ()) if each.get("url") == FORUM), "")


def with_forum(encounter: Resource, forum: str) -> Resource:
    """The meeting with the forum that it is of."""
    if forum_of(encounter) or not forum:
        return encounter
    said = {"url": FORUM, "valueReference": {"reference": forum}}
    return {**encounter, "extension": [*encounter.get("extension", ()), said]}


def advisory(encounter: Resource, holds: bool) -> Resource:
    """The meeting, marked as advisory (MTG-2) or not; only the service says so."""
    kept = [each for each in encounter.get("extension", ()) if each.get("url") != ADVISORY]
    kept += [{"url": ADVISORY, "valueBoolean": True}] if holds else []
    rest = {name: value for name, value in encounter.items() if name != "extension"}
    return {**rest, "extension": kept} if kept else rest


def is_advisory(encounter: Resource) -> bool:
    """Whether a meeting ended as advisory."""
    return any(each.get("url") == ADVISORY and each.get("valueBoolean") is True for each in encounter.get("extension", ()))


def is_forum(service: Resource | None) -> bool:
    """Whether a HealthcareService is a forum by its category."""
    return service is not None and "forum" in codes_in(service.get("category"), SERVICE_CATEGORY)


def forum_kind(service: Resource) -> str:
    """The kind of a forum's meetings, or ''."""
    return next((code for each in _extensions(service, FORUM_KIND) for code in _codes(each)), "")


def required_roles(service: Resource | None) -> tuple[frozenset[str], ...]:
    """Whom a forum needs (MTG-2): for each required role or sector its codes, with their systems where they have one."""
    return tuple(frozenset(_keys(each)) for each in _extensions(service or {}, REQUIRED_ROLE))


def cadence(service: Resource) -> timedelta | None:
    """How often a forum is held (MTG-1), with its grace; None where it does not say, or says what no calendar holds."""
    for each in _extensions(service, CADENCE):
        repeat = (each.get("valueTiming") or {}).get("repeat") or {}
        often, period, unit = repeat.get("frequency", 1), repeat.get("period"), repeat.get("periodUnit")
        if period is not None and unit in _DAYS and float(often) > 0:
            days = float(period) * _DAYS[unit] / float(often)
            return _span(days) + _grace(service) if _span(days) >= SHORTEST else None
    return None


def untold_cadence(service: Resource) -> bool:
    """Whether how often a forum says that it is held cannot be told."""
    return bool(_extensions(service, CADENCE)) and cadence(service) is None


def untold_grace(service: Resource) -> bool:
    """Whether a forum says a grace that cannot be told: negative, or of many years."""
    return any(length(each.get("valueDuration")) is None for each in _extensions(service, GRACE))


def _span(days: float) -> timedelta:
    """So many days; none at all for a number of days that is none, or beyond the longest."""
    return timedelta(days=days) if 0 < days <= LONGEST.days else timedelta()


def length(duration: Resource | None) -> timedelta | None:
    """How long a Duration is; None where it cannot be told: it is a bound only, negative, or longer than the longest."""
    said = duration or {}
    value, unit = said.get("value"), str(said.get("code") or said.get("unit") or "")
    days = _DAYS.get(unit) or _DAYS.get({"day": "d", "week": "wk", "hour": "h", "month": "mo"}.get(unit.rstrip("s"), ""))
    if value is None or not days or "comparator" in said or not 0 <= float(value) * days <= LONGEST.days:
        return None
    return timedelta(days=float(value) * days)


def _grace(service: Resource) -> timedelta:
    found = [length(each.get("valueDuration")) for each in _extensions(service, GRACE)]
    return next((each for each in found if each is not None), timedelta())


def _extensions(resource: Resource, url: str) -> list[Resource]:
    return [each for each in resource.get("extension", ()) if each.get("url") == url]


def _codes(extension: Resource) -> Iterator[str]:
    if "valueCode" in extension:
        yield str(extension["valueCode"])
    yield from (code for _, code in codings(extension.get("valueCodeableConcept") or extension.get("valueCoding")))


def _keys(extension: Resource) -> Iterator[str]:
    if "valueCode" in extension:
        yield str(extension["valueCode"])
    for system, code in codings(extension.get("valueCodeableConcept") or extension.get("valueCoding")):
        yield f"{system}|{code}" if system else code
