"""Legitimate relationships (consent rules, L0; IDN-6): which records tie an organisation to a person, and what a tie opens.

A CareTeam membership, an open Task, a referral or an episode ties the organisations it names to its person. Standing does not
travel: a tie opens to the organisation it names the records of the agency that wrote it, and the records of other agencies only
when the agency that leads the person's plan wrote it. So no organisation gives itself or an ally what it was not given by
writing its own CareTeam or Task. A tie holds only while everything that bounds it holds: the team's and the participant's period,
a Task and its restriction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.change import Resource
from service.fhir.canonical import TASK_CODE, TaskCode
from service.fhir.coding import codes_in
from service.fhir.reference import target

NO_STANDING = frozenset({TaskCode.STOP_USE, TaskCode.OVERRIDE_REVIEW, TaskCode.DATA_REQUEST, TaskCode.IDENTITY_REVIEW})
"""Codes of the Tasks that ask for access, account for access or end it; such a Task must not itself give access."""


Bound = Mapping[str, object]
"""A FHIR Period that bounds a tie."""


@dataclass(frozen=True, slots=True)
class Tie:
    """An actor that a record names, as a reference, and the periods that bound it: it holds while all of them do."""

    actor: str
    bounds: tuple[Bound, ...] = ()


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


def opened(writers: Collection[str], relationships: Iterable[Relationship], at: datetime) -> frozenset[str]:
    """The organisations that a tie of one of these agencies names at an instant (IDN-6): those with a legitimate relationship
    (L0) towards the records that the `writers` may open.
    """
    return frozenset(tie.organization for tie in relationships if tie.custodian in writers and tie.holds(at))


def ties(resource: Resource) -> tuple[Tie, ...]:
    """The actors that a record ties to its person; none for a record that is not of a type in RULES, or is not in force."""
    rule = RULES.get(resource.get("resourceType", ""))
    return tuple(rule(resource)) if rule else ()


def _team(team: Resource) -> Iterator[Tie]:
    if team.get("status") != "active":
        return
    for organization in team.get("managingOrganization", ()):
        yield from _tie(organization, team.get("period"))
    for participant in team.get("participant", ()):
        for member in ("member", "onBehalfOf"):
            yield from _tie(participant.get(member), team.get("period"), participant.get("period"))


def _task(task: Resource) -> Iterator[Tie]:
    if task.get("status") in ("draft", "entered-in-error"):
        return
    for party in ("requester", "owner"):
        yield from _tie(task.get(party), _within(task))


def _within(task: Resource) -> object:
    """The period within which a Task ties its parties. A Task that gives its parties no standing, though they may read it, ends
    as it starts; the restriction of a Task of ours is a date to act by, and the Task ends by its state."""
    codes = codes_in(task.get("code"), TASK_CODE)
    if codes & NO_STANDING:
        at = str(task.get("authoredOn", "1970-01-01T00:00:00Z"))
        return {"start": at, "end": at}
    restriction = task.get("restriction")
    return restriction.get("period") if isinstance(restriction, dict) and not codes else None


def _referral(request: Resource) -> Iterator[Tie]:
    if request.get("status") not in ("active", "on-hold", "completed", "revoked"):
        return
    yield from _tie(request.get("requester"))
    for performer in request.get("performer", ()):
        yield from _tie(performer)


def _episode(episode: Resource) -> Iterator[Tie]:
    if episode.get("status") not in ("planned", "waitlist", "active", "onhold", "finished"):
        return
    yield from _tie(episode.get("managingOrganization"), episode.get("period"))
    yield from _tie(episode.get("careManager"), episode.get("period"))


def _tie(reference: Mapping[str, object] | None, *bounds: object) -> Iterator[Tie]:
    if actor := target(reference):
        yield Tie(actor, tuple(bound for bound in bounds if isinstance(bound, dict)))


RULES: Mapping[str, Callable[[Resource], Iterator[Tie]]] = {
    "CareTeam": _team,
    "Task": _task,
    "ServiceRequest": _referral,
    "EpisodeOfCare": _episode,
}

CLOSED: Mapping[str, frozenset[str]] = {
    "Task": frozenset({"completed", "rejected", "cancelled", "failed", "entered-in-error"}),
    "ServiceRequest": frozenset({"completed", "revoked", "entered-in-error"}),
    "EpisodeOfCare": frozenset({"finished", "entered-in-error"}),
}


def closed(resource: Resource) -> bool:
    """Whether the record's work has ended, so that its ties end with this version."""
    return resource.get("status") in CLOSED.get(resource.get("resourceType", ""), frozenset())
