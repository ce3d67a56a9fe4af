"""Who leads a plan (OWN-1…OWN-10), and the one place where a new lead is written.

The owner is `CarePlan.author`, an active PractitionerRole with practitioner and organization. The one open CareTeam participant
with role 768820003 and EpisodeOfCare.careManager name the same owner; `settle` writes all of them from one lead, so that they
cannot disagree. Between agencies only an accepted handover calls `settle` (OWN-3); inside the agency `check` lets staff name
another lead. A plan that was active once is *led*, and has its owner until it ends, whatever its status meanwhile (OWN-9); the
owning agency is the plan's custodian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from service.care.ownership.carriers import is_coordinator
from service.care.ownership.plan import ENDED, KINDS, episode_of, kinds_of, parents_of, teams_of
from service.care.ownership.role import Lead, lead_fault, organization_of
from service.care.task.made import make, provenance
from service.care.task.situation import Ids, Staged
from service.change import Resource
from service.fhir.canonical import CARE_COORDINATOR, EPISODE_OF_CARE, PARTICIPANT_AGENCY, SNOMED
from service.fhir.coding import concept
from service.fhir.date import MILLISECOND, begins, contains, milliseconds, period, written
from service.fhir.reference import link, name_of, reference_to, version_of, versioned
from service.problem import Category, Problem, problem

AUTHOR = "CarePlan.author"


@dataclass(frozen=True, slots=True)
class Led:
    """A plan with the CareTeams and the EpisodeOfCare that carry its ownership; none where the plan refers to none."""

    plan: Resource
    teams: tuple[Resource, ...] = ()
    episode: Resource | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a plan stands before a write: `led` (OWN-9), and `owner`, the Organization that keeps the plan and so owns it; of a new
    plan, the agency that writes it."""

    before: Resource | None
    led: bool
    owner: str


def check(standing: Standing, after: Resource, lead: Lead, *, at: datetime, zone: tzinfo) -> Problem | None:
    """Why the owning agency may not write a CarePlan so, or None. `lead` is the lead that the new `author` names."""
    return (
        _final(standing, after)
        or _kept_kind(standing, after)
        or _kept_lead(standing, after, lead)
        or _able(standing, after, lead, at, zone)
    )


def _final(standing: Standing, after: Resource) -> Problem | None:
    """OWN-9: a final status stays, and so does the lead of a plan that has ended."""
    before = standing.before or {}
    status = before.get("status")
    if status not in ENDED:
        return None
    if after.get("status") != status:
        text = f"A plan that is `{status}` has ended: write a new plan, and name this one in its `replaces`."
        return _refuse("OWN-9", text, "CarePlan.status")
    if link(before, "author") != link(after, "author"):
        return _refuse("OWN-9", "A plan that has ended keeps the lead it had: leave `author` as it is.", AUTHOR)
    return None


def _kept_kind(standing: Standing, after: Resource) -> Problem | None:
    """OWN-9: a crisis plan and a top-level plan stay what they are; a top-level plan that is led does not become a part."""
    before = standing.before or {}
    for code in sorted(kinds_of(before) - kinds_of(after)):
        text = f"A {KINDS[code]} stays one: keep `{code}` among its categories, or end it and write a new plan."
        return _refuse("OWN-9", text, "CarePlan.category")
    if standing.led and parents_of(after) and parents_of(before) != parents_of(after):
        text = "A plan that has a lead does not become part of another plan: write a new plan with `partOf`, and end this one."
        return _refuse("OWN-11", text, "CarePlan.partOf")
    return None


def _kept_lead(standing: Standing, after: Resource, lead: Lead) -> Problem | None:
    """OWN-3 and OWN-9: once a plan has a lead, the lead is not removed, and moves to another agency by a handover alone."""
    if not standing.led:
        return None
    if not link(after, "author"):
        text = "A plan that was active keeps its lead: set `author`, or end the plan by its status."
        return _refuse("OWN-9", text, AUTHOR)
    if link(after, "author") != link(standing.before, "author") and organization_of(lead.role or {}) != standing.owner:
        text = "The lead moves to another agency only by an accepted handover: send a handover Task."
        return _refuse("OWN-3", text, AUTHOR)
    return None


def _able(standing: Standing, after: Resource, lead: Lead, at: datetime, zone: tzinfo) -> Problem | None:
    """OWN-1 and OWN-10: a plan that is active, or gets another lead while it is led, has a lead who can lead it."""
    named = standing.led and link(after, "author") != link(standing.before, "author")
    if after.get("status") != "active" and not named:
        return None
    if not link(after, "author"):
        return _refuse("OWN-1", "An active CarePlan names its lead: set `author` to a PractitionerRole of your agency.", AUTHOR)
    if fault := lead_fault(lead, at, zone):
        return _refuse("OWN-1", f"The named lead cannot lead this plan: {fault}. Name an active PractitionerRole.", AUTHOR)
    if organization_of(lead.role or {}) != standing.owner:
        text = "A plan is first led by the agency that writes it: name a lead of your own, or hand the plan over."
        return _refuse("OWN-9", text, AUTHOR)
    return None


def completed(before: Resource, after: Resource) -> Resource:
    """OWN-8: the new version of a led plan with the teams and the episode that the stored version has and a client left out."""
    made = after if "careTeam" in after or "careTeam" not in before else {**after, "careTeam": before["careTeam"]}
    if not (episode := episode_of(before)) or episode_of(made):
        return made
    stored = [one for one in before.get("extension", ()) if one.get("url") == EPISODE_OF_CARE]
    extended = stored or [{"url": EPISODE_OF_CARE, "valueReference": reference_to(episode)}]
    return {**made, "extension": [*made.get("extension", ()), *extended]}


def kept_carriers(before: Resource, after: Resource) -> Problem | None:
    """OWN-8: a led plan keeps its teams and its episode; it may take further teams, and an episode if it has none."""
    if not set(teams_of(before)) <= set(teams_of(after)):
        text = "A plan that has a lead keeps its care team: name it in `careTeam`, further teams beside it."
        return _refuse("OWN-8", text, "CarePlan.careTeam")
    if episode_of(before) not in ("", episode_of(after)):
        text = "A plan that has a lead keeps its episode: end the plan, and write a new one for another episode."
        return _refuse("OWN-8", text, "CarePlan.extension")
    return None


def settle(led: Led, lead: str, agency: str, *, at: datetime, zone: tzinfo, ids: Ids) -> tuple[Staged, ...]:
    """OWN-2: plan, CareTeams and EpisodeOfCare with the role `lead` of `agency` as the lead from `at`; the plan comes first.

    The custodian of all becomes the agency. A CareTeam is made when the plan refers to none.
    """
    new = () if led.teams else (_new_team(led.plan, ids()),)
    teams = [carrying(each, led.plan, lead, agency, at, zone) for each in (*led.teams, *new)]
    plan = {**led.plan, "author": reference_to(lead)}
    if new:
        plan["careTeam"] = [*plan.get("careTeam", ()), reference_to(name_of(teams[0]))]
    episodes = [carrying(each, led.plan, lead, agency, at, zone) for each in (led.episode,) if each]
    return (
        Staged(plan, custodian=agency),
        *(Staged(each, created=bool(new), custodian=agency) for each in teams),
        *(Staged(each, custodian=agency) for each in episodes),
    )


def carrying(record: Resource, plan: Resource, lead: str, agency: str, at: datetime, zone: tzinfo) -> Resource:
    """OWN-8: a CareTeam or an EpisodeOfCare as it carries the ownership of `plan` by the role `lead` of `agency`."""
    if record["resourceType"] == "CareTeam":
        made = coordinated(record, lead, agency, at, zone)
        return {**made, "status": "active", "subject": made.get("subject", plan.get("subject"))}
    manager = record["careManager"] if link(record, "careManager") == lead else reference_to(lead)
    keeper = record["managingOrganization"] if link(record, "managingOrganization") == agency else reference_to(agency)
    return {**record, "managingOrganization": keeper, "careManager": manager}


def named(
    led: Led, lead: str, agency: str, *, at: datetime, zone: tzinfo, ids: Ids, user: str, created: bool
) -> tuple[Staged, ...]:
    """OWN-2 and OWN-3: the writes with which an agency names a lead of its own: plan, teams, episode and a Provenance.

    `user` is the reference of the person who names the lead; `created` is whether the plan is new.
    """
    plan, *others = settle(led, lead, agency, at=at, zone=zone, ids=ids)
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
    kept = [ended(one, at) if is_open_coordinator(one, at, zone) else one for one in listed if not _never_started(one, at, zone)]
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
    return is_coordinator(participant) and is_open(participant, at, zone)


def is_open(participant: Resource, at: datetime, zone: tzinfo) -> bool:
    """Whether a CareTeam participant's period has no end, or an end after `at`."""
    said = participant.get("period")
    held = {"end": said["end"]} if isinstance(said, dict) and "end" in said else None
    return contains(held, at + MILLISECOND, zone)


def coordinators(team: Resource | None, at: datetime, zone: tzinfo) -> tuple[str, ...]:
    """References to the members that are open care coordinators of the team."""
    listed = (team or {}).get("participant", ())
    return tuple(link(one, "member") for one in listed if isinstance(one, dict) and is_open_coordinator(one, at, zone))


def agencies(teams: Iterable[Resource], at: datetime, zone: tzinfo, organizations: Mapping[str, str]) -> Iterator[str]:
    """The organisations with a participant on a team at `at`; `organizations` resolves a member that names no organisation.

    These are the ones that are asked (E9) and told, so a participant whose Period does not say when is one of them.
    """
    for one in (one for team in teams for one in team.get("participant", ())):
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


def ended(participant: Resource, at: datetime) -> Resource:
    """A CareTeam participant whose time ends at `at`."""
    return {**participant, "period": {**participant.get("period", {}), "end": written(at)}}


def _new_team(plan: Resource, id_: str) -> Resource:
    return make("CareTeam", id=id_, encounter=plan.get("encounter"))  # what follows from the plan is set by `carrying`


def _refuse(rule: str, text: str, expression: str) -> Problem:
    return problem(Category.RULE, "business-rule", text, expression=expression, rule=rule)
