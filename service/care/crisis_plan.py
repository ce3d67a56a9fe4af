"""The joint crisis plan (E9): a CarePlan of category 736253002 that is active only when every agency agreed to this very text.

The rules, in prose:

- The plan needs its triggers, lead agency, partners, escalation routes and communication plan: the `crisis` dataset,
  answered. The agencies that must agree are its lead agency, each of its `partner-role` and those of its CareTeam.
- Each agency has one Task `agree-plan`, whose focus is one version of the plan. Its owner's agency agrees (`completed`) or not
  (`rejected`, with a reason). An agreement counts while the plan's content is what that version's was.
- Any change of content resets every agreement: the old Tasks are cancelled and new ones go to every agency. Status, meta, the
  narrative and the tie to the dataset's agreement are bookkeeping, not content. What the plan says by its dataset changes only
  with the plan: answers that it refers to are not changed in place.
- The move to active is refused while an agency has not agreed, naming it. Activation gives each agency a Task for its role and
  tells everyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from service.care import effects
from service.care import task as tasks
from service.care.made import errand
from service.care.ownership import agencies
from service.care.requirements import Issues, fixed, reason
from service.care.situation import OWNER, REQUESTER, STRANGER, Ids, Outcome, Repeat, Situation, Staged
from service.care.transition import Move, illegal, legal
from service.change import Notice, Resource
from service.fhir.canonical import CRISIS_PLAN, LEAD_AGENCY, PARTNER_ROLE, SNOMED
from service.fhir.coding import codings
from service.fhir.date import LOCAL
from service.fhir.reference import link, name_of, unversioned, versioned
from service.problem import Category, Issue, Problem, problem

NEEDED = ("crisis-triggers", "lead-agency", "partner-roles", "escalation-routes", "communication-plan")
_BOOKKEEPING = frozenset(("status", "meta", "text", "id", "resourceType"))
_OVER = frozenset(("completed", "revoked", "entered-in-error"))
_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
AGREEMENT: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "completed",   _O, ("this_version",)),
    Move("received",    "completed",   _O, ("this_version",)),
    Move("requested",   "rejected",    _O, ("reason",)),
    Move("received",    "rejected",    _O, ("reason",)),
    Move("requested",   "cancelled",   _R, ("reason",)),
    Move("received",    "cancelled",   _R, ("reason",)),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Agreements:
    """What a decision about a crisis plan needs: its `agree-plan` Tasks, contents of the versions they are about (by
    version-specific reference), its CareTeam, the resolver of members, which of `NEEDED` its dataset leaves unanswered, and the
    zone of dates without an offset."""

    asked: tuple[Resource, ...] = ()
    versions: Mapping[str, Resource] | None = None
    team: Resource | None = None
    organizations: Mapping[str, str] | None = None
    missing: tuple[str, ...] = ()
    zone: tzinfo = LOCAL


def is_crisis_plan(plan: Resource) -> bool:
    """Whether a CarePlan is a crisis plan by its category."""
    return (SNOMED, CRISIS_PLAN) in codings(plan.get("category"))


def content(plan: Resource) -> Resource:
    """What an agency agrees to: everything but status, meta, narrative and the note of each partner's agreement Task."""
    kept = {name: value for name, value in plan.items() if name not in _BOOKKEEPING}
    if "extension" in kept:
        kept["extension"] = [_without_agreement(one) for one in kept["extension"]]
    return kept


def listed(plan: Resource, found: Agreements, at: datetime) -> tuple[str, ...]:
    """The agencies that must agree: the lead's, the partners', and those on the plan's CareTeam at `at`."""
    known = found.organizations or {}
    leads = (
        known.get(link(plan, "author"), ""),
        *(link(one, "valueReference") for one in _extensions(plan, LEAD_AGENCY)),
    )
    partners = (
        link(part, "valueReference")
        for one in _extensions(plan, PARTNER_ROLE)
        for part in one.get("extension", ())
        if part.get("url") == "agency"
    )
    return tuple(dict.fromkeys(one for one in (*leads, *partners, *agencies(found.team, at, found.zone, known)) if one))


def agreed(plan: Resource, found: Agreements) -> frozenset[str]:
    """The agencies whose completed agreement is about a version whose content is this content."""
    known, versions = found.organizations or {}, found.versions or {}
    counting = [one for one in found.asked if tasks.status(one) == "completed" and _same(plan, versions.get(focus(one)))]
    owners = (link(one, "owner") for one in counting)
    return frozenset(one if one.startswith("Organization/") else known.get(one, "") for one in owners)


def check(before: Resource | None, after: Resource, found: Agreements, at: datetime) -> Problem | None:
    """E9: whether a write of a crisis plan may be active: complete, and agreed by every agency in this very content."""
    if after.get("status") != "active" or not is_crisis_plan(after):
        return None
    if found.missing:
        text = "The crisis plan lacks `{}`: answer it in the `crisis` dataset that the plan refers to."
        return Problem(Category.RULE, tuple(_issue(text.format(one), "CarePlan.supportingInfo") for one in found.missing))
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


def ask(plan: Resource, found: Agreements, *, version: int, agency: str, at: datetime, due: datetime, ids: Ids) -> Outcome:
    """Agreement asked anew for a version of the plan: open and outdated Tasks are cancelled, each agency gets one.

    `version` is the version the plan will have; the Tasks' focus names it. `due` is TIM-10's date.
    """
    reset = [_cancelled(one) for one in found.asked if tasks.status(one) in ("requested", "received")]
    tied = versioned(name_of(plan), version)
    everyone = listed(plan, found, at)
    made = [
        errand(ids(), "agree-plan", requester=agency, owner=one, patient=link(plan, "subject"), at=at, focus=tied, due=due)
        for one in everyone
    ]
    staged = (*map(Staged, reset), *(Staged(one, created=True, custodian=agency) for one in made))
    return Outcome(staged, notices=tuple(_told(plan, one) for one in everyone))


def activated(plan: Resource, found: Agreements, *, agency: str, at: datetime, ids: Ids) -> Outcome:
    """E9: activation gives every agency a Task for its role, and tells everyone."""
    everyone, person = listed(plan, found, at), link(plan, "subject")
    made = [
        errand(
            ids(),
            "role",
            requester=agency,
            owner=one,
            patient=person,
            at=at,
            focus=name_of(plan),
            text="Role in the crisis plan",
        )
        for one in everyone
    ]
    staged = tuple(Staged(one, created=True, custodian=agency) for one in made)
    return Outcome(staged, notices=tuple(_told(plan, one) for one in everyone))


def decide(situation: Situation, current: Resource | None, asked_about: Resource | None) -> Outcome | Repeat | Problem:
    """A move of an `agree-plan` Task: `current` is the plan now, `asked_about` the version that the Task's focus names."""
    if situation.before is None or situation.sides == (STRANGER,):
        return problem(Category.ABSENT, "not-found", "There is no such Task.")
    if effects.said(situation.before) == effects.said(situation.after):
        return Repeat(situation.before)
    row = legal(AGREEMENT, tasks.status(situation.before), tasks.status(situation.after), situation.sides)
    if row is None:
        return illegal(AGREEMENT, situation, "`agree-plan`")
    stale = "this_version" in row.needs and not (current and asked_about and _same(current, asked_about))
    issues: Issues = (*fixed(situation, "move"), *(reason(situation) if "reason" in row.needs else ()))
    if stale:
        issues = (*issues, _issue("The crisis plan changed since this version: agree to the newest one.", "Task.focus"))
    task = effects.kept(situation)
    return Problem(Category.RULE, issues) if issues else effects.outcome(situation, task, f"agree-plan-{task['status']}")


def focus(task: Resource) -> str:
    """The version-specific reference that an agreement is about."""
    return str((task.get("focus") or {}).get("reference", ""))


def responses(plan: Resource) -> Iterable[str]:
    """QuestionnaireResponses that the plan refers to: its `crisis` dataset is among them."""
    return (
        one
        for one in (str(ref.get("reference", "")) for ref in plan.get("supportingInfo", ()))
        if "QuestionnaireResponse/" in one
    )


def rests_on(plan: Resource, reference: str) -> bool:
    """Whether a crisis plan that is not over refers to this QuestionnaireResponse: what it answers is what the plan says."""
    if not is_crisis_plan(plan) or plan.get("status") in _OVER:
        return False
    return any(unversioned(one).endswith(reference) for one in responses(plan))


def _extensions(plan: Resource, url: str) -> list[Resource]:
    return [one for one in plan.get("extension", ()) if one.get("url") == url]


def _without_agreement(extension: Resource) -> Resource:
    if extension.get("url") != PARTNER_ROLE:
        return extension
    return {**extension, "extension": [one for one in extension.get("extension", ()) if one.get("url") != "agreement"]}


def _same(plan: Resource, version: Resource | None) -> bool:
    return version is not None and content(plan) == content(version)


def _cancelled(task: Resource) -> Resource:
    return {**task, "status": "cancelled", "statusReason": tasks.status_reason("superseded")}


def _told(plan: Resource, agency: str) -> Notice:
    topic = "crisis-plan-activated" if plan.get("status") == "active" else "handover-task"
    return Notice(topic, agency, name_of(plan), link(plan, "subject"))


def _issue(text: str, expression: str) -> Issue:
    return Issue("business-rule", text, expression, "E9")
