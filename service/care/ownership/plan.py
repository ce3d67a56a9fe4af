"""What the ownership rules read in a CarePlan: its end, its kind, its teams and episode, and the tag `unowned` (OWN-5, OWN-7).

A plan belongs to an episode by HL7's extension `workflow-episodeOfCare`, or by `supportingInfo` that refers to an EpisodeOfCare.
"""

from __future__ import annotations

from service.care.task import reading
from service.change import Resource
from service.fhir.canonical import CARE_PLAN, CRISIS_PLAN, EPISODE_OF_CARE, SNOMED, TAG
from service.fhir.coding import codes_in
from service.fhir.reference import link, links, unversioned

ENDED = frozenset({"completed", "revoked", "entered-in-error"})
"""The statuses of a plan that are final (OWN-9)."""

KINDS = {CARE_PLAN: "top-level plan", CRISIS_PLAN: "crisis plan"}
"""The categories (SNOMED CT) that a plan does not lose (OWN-9), and what each makes of the plan."""

UNOWNED = {"system": TAG, "code": "unowned"}


def kinds_of(plan: Resource) -> frozenset[str]:
    """The categories of a plan that it does not lose."""
    return codes_in(plan.get("category"), SNOMED) & KINDS.keys()


def is_crisis_plan(plan: Resource) -> bool:
    """Whether a CarePlan is a crisis plan by its category."""
    return CRISIS_PLAN in codes_in(plan.get("category"), SNOMED)


def is_top_level(plan: Resource) -> bool:
    """Whether a CarePlan is a top-level plan by its category (OWN-6)."""
    return CARE_PLAN in codes_in(plan.get("category"), SNOMED)


def teams_of(plan: Resource) -> tuple[str, ...]:
    """The references of the plan's CareTeams, without versions, each once."""
    return tuple(dict.fromkeys(map(unversioned, links(plan, "careTeam"))))


def episode_of(plan: Resource) -> str:
    """The reference of the EpisodeOfCare that a plan belongs to, or ''."""
    extended = (link(one, "valueReference") for one in plan.get("extension", ()) if one.get("url") == EPISODE_OF_CARE)
    informed = map(unversioned, links(plan, "supportingInfo"))
    return next((one for one in (*extended, *informed) if one.startswith("EpisodeOfCare/")), "")


def carriers(plan: Resource) -> tuple[str, ...]:
    """The references of the records that carry the plan's ownership besides the plan: its teams and its episode."""
    episode = episode_of(plan)
    return (*teams_of(plan), *((episode,) if episode else ()))


def parents_of(plan: Resource) -> tuple[str, ...]:
    """The references of the plans that a plan is part of, without versions."""
    return tuple(map(unversioned, links(plan, "partOf")))


def tagged_unowned(plan: Resource) -> bool:
    """Whether a plan carries the tag `unowned`."""
    return "unowned" in codes_in(plan.get("meta", {}).get("tag"), TAG)


def tagged(plan: Resource, unowned: bool) -> Resource:
    """The plan with the tag `unowned` (OWN-5, OWN-7), or without it."""
    if unowned == tagged_unowned(plan):
        return plan
    meta = plan.get("meta", {})
    kept = [one for one in meta.get("tag", ()) if (one.get("system"), one.get("code")) != (TAG, "unowned")]
    return {**plan, "meta": reading.with_member(meta, "tag", [*kept, UNOWNED] if unowned else kept or None)}


def imported(plan: Resource) -> Resource:
    """OWN-7: an imported plan without an author is kept as draft and tagged `unowned`; a plan with an author is not changed."""
    if link(plan, "author"):
        return plan
    status = plan.get("status")
    return {**tagged(plan, True), "status": "draft" if status in ("active", "on-hold", None) else status}
