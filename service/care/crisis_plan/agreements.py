"""Which agencies must agree to a crisis plan, which have agreed, and whether the plan may be active (E9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from service.care.crisis_plan.content import content, extensions, same
from service.care.ownership.lead import agencies
from service.care.ownership.plan import is_crisis_plan
from service.care.task import reading
from service.care.task.agreement import focus
from service.care.task.dataset import Completeness
from service.care.task.requirements import issue
from service.change import Resource
from service.fhir.canonical import LEAD_AGENCY, PARTNER_ROLE
from service.fhir.date import LOCAL
from service.fhir.reference import link, target
from service.problem import Category, Issue, Problem, problem

COMPLETE = Completeness()
_WHERE = "CarePlan.supportingInfo"


@dataclass(frozen=True, slots=True)
class Agreements:
    """The agreements to a crisis plan, with all else that a decision about the plan needs.

    `asked` are its `agree-plan` Tasks and `versions` the plan's versions that these Tasks are about, by version-specific
    reference. `grounds` are the records that the plan rests on, each in the version that stands now. `teams` are its CareTeams,
    `organizations` resolves members to Organizations, `dataset` says how complete the `crisis` dataset is. Dates without an
    offset are local to `zone`.
    """

    asked: tuple[Resource, ...] = ()
    versions: Mapping[str, Resource] | None = None
    grounds: frozenset[str] = frozenset()
    teams: tuple[Resource, ...] = ()
    organizations: Mapping[str, str] | None = None
    dataset: Completeness = COMPLETE
    zone: tzinfo = LOCAL


def pinned(task: Resource) -> frozenset[str]:
    """The records that the plan of an `agree-plan` Task rests on, each in the version that the agency was asked about."""
    return frozenset(target(one.get("valueReference")) for one in reading.inputs(task, "rests-on"))


def listed(plan: Resource, found: Agreements, at: datetime) -> tuple[str, ...]:
    """The agencies that must agree: the lead's agency, the partners' agencies, and agencies on the plan's CareTeams at `at`."""
    known = found.organizations or {}
    leads = (
        known.get(link(plan, "author"), ""),
        *(link(one, "valueReference") for one in extensions(plan, LEAD_AGENCY)),
    )
    partners = (
        link(part, "valueReference")
        for one in extensions(plan, PARTNER_ROLE)
        for part in one.get("extension", ())
        if part.get("url") == "agency"
    )
    return tuple(dict.fromkeys(one for one in (*leads, *partners, *agencies(found.teams, at, found.zone, known)) if one))


def standing(plan: Resource, found: Agreements) -> list[Resource]:
    """The `agree-plan` Tasks about the plan as it is: about a version with its content, that rests on the same versions."""
    versions = found.versions or {}
    current = (one for one in found.asked if reading.status(one) != "cancelled" and pinned(one) == found.grounds)
    return [one for one in current if same(plan, versions.get(focus(one)))]


def agreed(plan: Resource, found: Agreements) -> frozenset[str]:
    """The agencies that have agreed to the plan as it is."""
    return _owners([one for one in standing(plan, found) if reading.status(one) == "completed"], found)


def unasked(plan: Resource, found: Agreements, at: datetime) -> tuple[str, ...]:
    """The agencies that must agree and were not asked about the plan as it is."""
    asked = _owners(standing(plan, found), found)
    return tuple(one for one in listed(plan, found, at) if one not in asked)


def _owners(tasks: Iterable[Resource], found: Agreements) -> frozenset[str]:
    owners = (link(one, "owner") for one in tasks)
    return frozenset(one if one.startswith("Organization/") else (found.organizations or {}).get(one, "") for one in owners)


def check(before: Resource | None, after: Resource, found: Agreements, at: datetime) -> Problem | None:
    """E9: why a crisis plan may not be written as active, or None. An active plan has a complete dataset, and every agency has
    agreed to its present content.
    """
    if after.get("status") != "active" or not is_crisis_plan(after):
        return None
    if lacking := tuple(_lacking(found.dataset)):
        return Problem(Category.RULE, lacking)
    everyone = listed(after, found, at)
    waiting = [one for one in everyone if one not in agreed(after, found)]
    if before is not None and before.get("status") == "active" and content(before) != content(after):
        text = "Changing an active crisis plan resets its agreements: write it as `draft`, have all agree, then activate it."
        return problem(Category.RULE, "business-rule", text, expression="CarePlan.status", rule="E9")
    if waiting:
        names = ", ".join(f"`{one}`" for one in waiting)
        text = f"This version of the crisis plan is not agreed by {names}: each completes its `agree-plan` Task for it first."
        return problem(Category.RULE, "business-rule", text, expression="CarePlan.status", rule="E9")
    return None


def _lacking(found: Completeness) -> Iterator[Issue]:
    """One issue for each question that the dataset leaves open. An answer that the dataset does not ask for is no issue."""
    if found.fault:
        yield issue(f"The plan's `crisis` dataset cannot be used: {found.fault}.", _WHERE, "E9")
    for link_ in found.unanswered:
        yield issue(f"The crisis plan lacks `{link_}`: answer it in the `crisis` dataset that the plan refers to.", _WHERE, "E9")
    for link_ in found.unexplained:
        yield issue(f"The crisis plan says that `{link_}` is not known: give the reason in the answer's text.", _WHERE, "E9")
