"""Who leads a plan (OWN-1…OWN-7), and the one place where a new lead is written.

The owner is `CarePlan.author`, an active PractitionerRole with practitioner and organization. The one open CareTeam participant
with role 768820003 and EpisodeOfCare.careManager name the same owner; `settle` writes all three from one lead, so that the three
cannot disagree. Between agencies only an accepted handover calls `settle` (OWN-3); inside the agency `check` lets staff name
another lead.

A plan belongs to an episode by HL7's extension `workflow-episodeOfCare`, or by `supportingInfo` that refers to an EpisodeOfCare.
For a plan without an episode, the care of its person by its custodian agency counts as the episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from service.care.ownership.identity import organization_of, role_fault
from service.care.task import reading
from service.care.task.made import make, provenance
from service.care.task.situation import Ids, Staged
from service.change import Resource
from service.fhir.canonical import CARE_COORDINATOR, CARE_PLAN, EPISODE_OF_CARE, PARTICIPANT_AGENCY, SNOMED, TAG
from service.fhir.coding import codes_in, codings, concept
from service.fhir.date import MILLISECOND, begins, contains, milliseconds, period, written
from service.fhir.reference import link, links, name_of, reference_to, unversioned, version_of, versioned
from service.problem import Category, Problem, problem

AUTHOR = "CarePlan.author"


@dataclass(frozen=True, slots=True)
class Led:
    """A plan with the CareTeam and the EpisodeOfCare that carry its ownership; each is None when the plan refers to none."""

    plan: Resource
    team: Resource | None = None
    episode: Resource | None = None


@dataclass(frozen=True, slots=True)
class Tenure:
    """One row of `$ownership`: the lead (a PractitionerRole reference), from `start` to `end` (None: the lead still leads), and
    the reference of the handover Task that gave the plan to the lead, or ''.
    """

    lead: str
    start: datetime
    end: datetime | None
    handover: str = ""


def check(
    before: Resource | None,
    after: Resource,
    *,
    agency: str,
    at: datetime,
    zone: tzinfo,
    role: Resource | None,
    author_agency: str = "",
) -> Problem | None:
    """Why a client may not write a CarePlan (OWN-1, OWN-3), or None.

    `agency` is the caller's Organization, `role` the resolved PractitionerRole of the new author, `author_agency` the
    Organization of the stored author ('' when there is none).
    """
    moved = before is not None and link(before, "author") != link(after, "author")
    if before is not None and before.get("status") == "active" and author_agency and author_agency != agency:
        return _refuse(
            "OWN-3", "Only the agency that leads an active plan may write it: send a handover or ask its lead.", "CarePlan"
        )
    if moved and author_agency and role is not None and organization_of(role) != author_agency:
        return _refuse("OWN-3", "The lead moves to another agency only by an accepted handover: send a handover Task.", AUTHOR)
    if after.get("status") != "active":
        return None
    if not link(after, "author"):
        return _refuse("OWN-1", "An active CarePlan names its lead: set `author` to a PractitionerRole of your agency.", AUTHOR)
    if fault := role_fault(role, at, zone):
        return _refuse("OWN-1", f"The named lead cannot lead this plan: {fault}. Name an active PractitionerRole.", AUTHOR)
    if author_agency == "" and role is not None and organization_of(role) != agency:
        return _refuse("OWN-3", "A new plan is led by your own agency; hand it over to have another agency lead it.", AUTHOR)
    return None


def settle(led: Led, role: Resource, *, at: datetime, zone: tzinfo, ids: Ids) -> tuple[Staged, ...]:
    """OWN-2: plan, CareTeam and EpisodeOfCare with `role` as the lead from `at`; the plan comes first.

    The custodian of all three becomes the role's organisation. A CareTeam is made when the plan refers to none.
    """
    agency, lead = organization_of(role), name_of(role)
    team = coordinated(led.team or _new_team(led.plan, ids()), lead, agency, at, zone)
    plan = {**led.plan, "author": reference_to(lead)}
    if led.team is None:
        plan["careTeam"] = [*plan.get("careTeam", ()), reference_to(name_of(team))]
    episode = led.episode and {**led.episode, "careManager": reference_to(lead)}
    writes = (Staged(plan, custodian=agency), Staged(team, created=led.team is None, custodian=agency))
    return (*writes, Staged(episode, custodian=agency)) if episode else writes


def named(led: Led, role: Resource, *, at: datetime, zone: tzinfo, ids: Ids, user: str, created: bool) -> tuple[Staged, ...]:
    """OWN-2 and OWN-3: the writes with which an agency names a lead of its own: plan, team, episode and a Provenance.

    `user` is the reference of the person who names the lead; `created` is whether the plan is new.
    """
    plan, *others = settle(led, role, at=at, zone=zone, ids=ids)
    first = Staged(plan.resource, created, plan.custodian)
    targets = [coming(staged) for staged in (first, *others)]
    note = provenance(ids(), targets=targets, at=at, who=user, agency=plan.custodian, activity="lead-named")
    return (first, *others, Staged(note, created=True, custodian=plan.custodian))


def coming(staged: Staged) -> str:
    """The version-specific reference that a staged resource will have once it is committed."""
    version = 1 if staged.created else version_of(staged.resource) + 1
    return versioned(name_of(staged.resource), version)


def coordinated(team: Resource, lead: str, agency: str, at: datetime, zone: tzinfo) -> Resource:
    """OWN-4: the team with `lead` as its one open care coordinator; the old coordinator's end is the new coordinator's start.

    A lead who already coordinates keeps the start; a coordinator who never started (start in the future) is taken out.
    """
    listed = [one for one in team.get("participant", ()) if isinstance(one, dict)]
    if [link(one, "member") for one in listed if is_open_coordinator(one, at, zone)] == [lead]:
        return team
    kept = [_ended(one, at) if is_open_coordinator(one, at, zone) else one for one in listed if not _never_started(one, at, zone)]
    newcomer = {
        "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": {"reference": agency}}],
        "role": [concept(SNOMED, CARE_COORDINATOR)],
        "member": {"reference": lead},
        "period": {"start": written(at)},
    }
    return {**team, "participant": [*kept, newcomer]}


def is_open_coordinator(participant: Resource, at: datetime, zone: tzinfo) -> bool:
    """Whether a CareTeam participant is a care coordinator whose period has no end, or an end after `at`.

    A participant whose period ends at the millisecond `at` has ended: the next coordinator starts then (OWN-4), so that a team
    never has two.
    """
    said = participant.get("period")
    held = {"end": said["end"]} if isinstance(said, dict) and "end" in said else None
    return (SNOMED, CARE_COORDINATOR) in codings(participant.get("role")) and contains(held, at + MILLISECOND, zone)


def coordinators(team: Resource | None, at: datetime, zone: tzinfo) -> tuple[str, ...]:
    """References to the members that are open care coordinators of the team."""
    listed = (team or {}).get("participant", ())
    return tuple(link(one, "member") for one in listed if isinstance(one, dict) and is_open_coordinator(one, at, zone))


def one_owner(led: Led, role: Resource | None, at: datetime, zone: tzinfo) -> tuple[str, ...]:
    """The ways in which an active plan breaks OWN-1 and OWN-2, as sentences; none when it breaks neither. For `baton check`."""
    if led.plan.get("status") != "active":
        return ()
    author, found = link(led.plan, "author"), []
    if fault := role_fault(role, at, zone):
        found.append(f"OWN-1: the author cannot lead: {fault}")
    if (led.team is not None or led.plan.get("careTeam")) and coordinators(led.team, at, zone) != (author,):
        found.append("OWN-2: the CareTeam's open care coordinator is not the plan's author")
    if led.team is None and not led.plan.get("careTeam"):
        found.append("OWN-2: the plan refers to no CareTeam")
    if led.episode is not None and link(led.episode, "careManager") != author:
        found.append("OWN-2: EpisodeOfCare.careManager is not the plan's author")
    return tuple(found)


def tagged_unowned(plan: Resource) -> bool:
    """Whether a plan carries the tag `unowned`."""
    return "unowned" in codes_in(plan.get("meta", {}).get("tag"), TAG)


def imported(plan: Resource) -> Resource:
    """OWN-7: an imported plan without an author is kept as draft and tagged `unowned`; a plan with an author is not changed."""
    if link(plan, "author"):
        return plan
    meta = plan.get("meta", {})
    kept = [one for one in meta.get("tag", ()) if (one.get("system"), one.get("code")) != (TAG, "unowned")]
    tagged = {**meta, "tag": [*kept, {"system": TAG, "code": "unowned"}]}
    return {**plan, "meta": tagged, "status": "draft" if plan.get("status") in ("active", "on-hold", None) else plan["status"]}


def adopted(plan: Resource) -> Resource:
    """OWN-7: the plan without the tag `unowned`, if it has a lead; else the plan as it is."""
    meta = plan.get("meta", {})
    kept = [one for one in meta.get("tag", ()) if (one.get("system"), one.get("code")) != (TAG, "unowned")]
    return {**plan, "meta": reading.with_member(meta, "tag", kept or None)} if "tag" in meta and link(plan, "author") else plan


def episode_of(plan: Resource) -> str:
    """The reference of the EpisodeOfCare that a plan belongs to, or ''."""
    extended = (link(one, "valueReference") for one in plan.get("extension", ()) if one.get("url") == EPISODE_OF_CARE)
    informed = map(unversioned, links(plan, "supportingInfo"))
    return next((one for one in (*extended, *informed) if one.startswith("EpisodeOfCare/")), "")


def keys(plan: Resource, person: str, custodian: str) -> tuple[str, ...]:
    """OWN-6: the unique key of an active top-level plan (category 734163000, part of no other plan); any other plan has none.

    `person` names the one person behind linked Patients (IDN-1). Without an episode, person and custodian agency make the key.
    """
    if plan.get("status") != "active" or plan.get("partOf") or (SNOMED, CARE_PLAN) not in codings(plan.get("category")):
        return ()
    alone = f"{person or link(plan, 'subject')}|{custodian}"
    return (f"rule:OWN-6:{episode_of(plan) or alone}",)


def timeline(versions: list[tuple[datetime, Resource]], handovers: Mapping[str, str] | None = None) -> tuple[Tenure, ...]:
    """`$ownership`: the tenures of a plan's leads, oldest first, from the plan's versions (instant and content, in any order).

    `handovers` maps the instant text (`written`) of an ownership-moving acceptance to its Task reference.
    """
    rows: list[Tenure] = []
    for at, plan in sorted(versions, key=lambda pair: pair[0]):
        lead = link(plan, "author") if plan.get("status") not in ("draft", "entered-in-error") else ""
        present = rows[-1].lead if rows and rows[-1].end is None else ""
        if lead == present:
            continue
        if present:
            rows[-1] = Tenure(present, rows[-1].start, at, rows[-1].handover)
        if lead:
            rows.append(Tenure(lead, at, None, (handovers or {}).get(written(at), "")))
    return tuple(rows)


def agencies(team: Resource | None, at: datetime, zone: tzinfo, organizations: Mapping[str, str]) -> Iterator[str]:
    """The organisations with a participant on the team at `at`; `organizations` resolves a member that names no organisation.

    These are the ones that are asked (E9) and told, so a participant whose Period does not say when is one of them.
    """
    for one in (team or {}).get("participant", ()):
        held = period(one.get("period"), zone)
        if held is None or held.covers(milliseconds(at)):
            member = link(one, "member")
            yield from (found for found in (agency_of(one) or organizations.get(member, ""),) if found)


def agency_of(participant: Resource) -> str:
    """The Organization that a CareTeam participant names as the one it acts for, or ''."""
    said = [link(one, "valueReference") for one in participant.get("extension", ()) if one.get("url") == PARTICIPANT_AGENCY]
    member = link(participant, "member")
    return (said or [""])[0] or link(participant, "onBehalfOf") or (member if member.startswith("Organization/") else "")


def _never_started(participant: Resource, at: datetime, zone: tzinfo) -> bool:
    start = begins((participant.get("period") or {}).get("start"), zone)
    return is_open_coordinator(participant, at, zone) and start is not None and start > at


def _ended(participant: Resource, at: datetime) -> Resource:
    return {**participant, "period": {**participant.get("period", {}), "end": written(at)}}


def _new_team(plan: Resource, id_: str) -> Resource:
    return make("CareTeam", id=id_, status="active", subject=plan.get("subject"), encounter=plan.get("encounter"))


def _refuse(rule: str, text: str, expression: str) -> Problem:
    return problem(Category.RULE, "business-rule", text, expression=expression, rule=rule)
