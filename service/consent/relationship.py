"""Legitimate relationships (consent rules, L0): which records tie an organisation to a person, and which ties count.

A CareTeam membership, an open Task, a referral or an episode ties the organisations it names to its person. A tie counts
only when an organisation with standing made it: the custodian of the person's own record, or an organisation already related by
a tie that counts. So no organisation gives itself a relationship with a stranger by writing its own CareTeam.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.change import Resource
from service.fhir.canonical import TASK_CODE, TaskCode
from service.fhir.coding import codes_in
from service.fhir.reference import target

NO_STANDING = frozenset({TaskCode.STOP_USE, TaskCode.OVERRIDE_REVIEW, TaskCode.DATA_REQUEST})
"""Codes of the Tasks that ask for access, account for access or end it; such a Task must not itself give access."""


@dataclass(frozen=True, slots=True)
class Tie:
    """An actor that a record names, as a reference, and the period (FHIR text, open ends empty) that the record gives for it."""

    actor: str
    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Relationship:
    """A tie with its actor resolved to an organisation. `custodian` keeps the record that makes the tie; a `start` or `end` of
    None is open.
    """

    organization: str
    custodian: str
    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the tie is in force at an instant: start inclusive, end exclusive."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


def standing(custodians: Collection[str], relationships: Iterable[Relationship], at: datetime) -> frozenset[str]:
    """The organisations with a legitimate relationship at an instant (L0).

    `custodians` keep a Patient record of the person. The result grows from the custodians through ties that hold, until no tie
    adds an organisation.
    """
    having = set(custodians)
    related: set[str] = set()
    waiting = [tie for tie in relationships if tie.holds(at)]
    while counting := [tie for tie in waiting if tie.custodian in having]:
        related.update(tie.organization for tie in counting)
        waiting = [tie for tie in waiting if tie.custodian not in having]  # the new organisations' own ties count next round
        having |= related
    return frozenset(related)


def ties(resource: Resource) -> tuple[Tie, ...]:
    """The actors that a record ties to its person; none for a record that is not of a type in RULES, or is not in force."""
    rule = RULES.get(resource.get("resourceType", ""))
    return tuple(dict.fromkeys(rule(resource))) if rule else ()


def _team(team: Resource) -> Iterator[Tie]:
    if team.get("status", "active") not in ("active", "suspended"):
        return
    for organization in team.get("managingOrganization", ()):
        yield from _tie(organization, team.get("period"))
    for participant in team.get("participant", ()):
        period = participant.get("period") or team.get("period")
        yield from _tie(participant.get("member"), period)
        yield from _tie(participant.get("onBehalfOf"), period)


def _task(task: Resource) -> Iterator[Tie]:
    if task.get("status") in ("draft", "entered-in-error"):
        return
    period = _moment(task) if codes_in(task.get("code"), TASK_CODE) & NO_STANDING else None
    yield from _tie(task.get("requester"), period)
    yield from _tie(task.get("owner"), period)


def _moment(task: Resource) -> Mapping[str, str]:
    """A period that ends as it starts, for a Task that gives its parties no standing, though they may read the Task."""
    at = str(task.get("authoredOn", "1970-01-01T00:00:00Z"))
    return {"start": at, "end": at}


def _referral(request: Resource) -> Iterator[Tie]:
    if request.get("status") not in ("active", "on-hold", "completed", "revoked"):
        return
    yield from _tie(request.get("requester"), None)
    for performer in request.get("performer", ()):
        yield from _tie(performer, None)


def _episode(episode: Resource) -> Iterator[Tie]:
    if episode.get("status") not in ("planned", "waitlist", "active", "onhold", "finished"):
        return
    yield from _tie(episode.get("managingOrganization"), episode.get("period"))
    yield from _tie(episode.get("careManager"), episode.get("period"))


def _tie(reference: Mapping[str, object] | None, period: Mapping[str, str] | None) -> Iterator[Tie]:
    if actor := target(reference):
        period = period if isinstance(period, dict) else {}
        yield Tie(actor, str(period.get("start", "")), str(period.get("end", "")))


RULES: Mapping[str, Callable[[Resource], Iterator[Tie]]] = {
    "CareTeam": _team,
    "Task": _task,
    "ServiceRequest": _referral,
    "EpisodeOfCare": _episode,
}

CLOSED: Mapping[str, frozenset[str]] = {
    "Task": frozenset({"completed", "rejected", "cancelled", "failed"}),
    "ServiceRequest": frozenset({"completed", "revoked"}),
    "EpisodeOfCare": frozenset({"finished"}),
}


def closed(resource: Resource) -> bool:
    """Whether the record's work has ended, so that its ties end with this version."""
    return resource.get("status") in CLOSED.get(resource.get("resourceType", ""), frozenset())
