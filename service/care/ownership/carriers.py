"""The CareTeams and the EpisodeOfCare that carry a plan's ownership (OWN-8): which a plan may take, and what no client changes.

Of a team the status, subject, period and every entry of a care coordinator follow from the plan; of an episode the status,
patient, managingOrganization, careManager and period.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from service.change import Resource
from service.fhir.canonical import CARE_COORDINATOR, SNOMED
from service.fhir.coding import codings
from service.fhir.date import contains
from service.fhir.reference import link

_TEAM_BEGINS = (None, "proposed", "active")
_EPISODE_STANDS = ("planned", "waitlist", "active", "onhold")


def is_coordinator(participant: Resource) -> bool:
    """Whether a CareTeam participant is, was or will be a care coordinator."""
    return (SNOMED, CARE_COORDINATOR) in codings(participant.get("role"))


def carrier_fault(record: Resource, subject: str, at: datetime, zone: tzinfo) -> str:
    """Why a CareTeam or EpisodeOfCare cannot carry the ownership of a plan about the Patient `subject`, or ''. It is about the
    same Patient record, because two records of one person may turn out to be of two.
    """
    if record["resourceType"] == "CareTeam":
        return _team_fault(record, subject, at, zone)
    if link(record, "patient") != subject:
        return "it is about another Patient"
    if record.get("status") not in _EPISODE_STANDS or not _open(record, at, zone):
        return "it is over"
    return ""


def follows(record: Resource) -> Resource:
    """The members of a CareTeam or EpisodeOfCare that follow from the plan whose ownership it carries, by name."""
    if record["resourceType"] == "CareTeam":
        coordinators = [one for one in _participants(record) if is_coordinator(one)]
        return {**_literal(record, ("subject",)), **_plain(record), "participant": coordinators}
    return {**_literal(record, ("patient", "managingOrganization", "careManager")), **_plain(record)}


def changed(expected: Resource, found: Resource) -> str:
    """The first member of a carrier that is not as the plan makes it, or ''."""
    wanted, given = follows(expected), follows(found)
    return next((name for name in wanted if wanted[name] != given[name]), "")


def _participants(team: Resource) -> list[Resource]:
    return [one for one in team.get("participant", ()) if isinstance(one, dict)]


def _literal(record: Resource, members: tuple[str, ...]) -> Resource:
    return {name: link(record, name) for name in members}


def _plain(record: Resource) -> dict[str, Any]:
    return {name: record.get(name) for name in ("status", "period")}


def _team_fault(team: Resource, subject: str, at: datetime, zone: tzinfo) -> str:
    if link(team, "subject") not in ("", subject):
        return "it is about another Patient"
    if team.get("status") not in _TEAM_BEGINS or not _open(team, at, zone):
        return "it is over"
    return ""


def _open(record: Resource, at: datetime, zone: tzinfo) -> bool:
    """Whether a record's period covers `at` and has no end: an end that is coming would outdate the plan's ownership."""
    said = record.get("period")
    return said is None or ("end" not in said and contains(said, at, zone))
