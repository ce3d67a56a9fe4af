"""The content of a crisis plan, to which an agency agrees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service.care.ownership.plan import ENDED, is_crisis_plan
from service.change import Resource
from service.fhir.canonical import PARTNER_ROLE
from service.fhir.reference import links, relative, target, type_of, unversioned

_BOOKKEEPING = frozenset(("status", "meta", "text", "id", "resourceType"))
_PARTIES = frozenset(
    ("Patient", "RelatedPerson", "Group", "Practitioner", "PractitionerRole", "Organization", "HealthcareService", "Location",
     "Device", "Endpoint", "CareTeam", "EpisodeOfCare", "Encounter", "CarePlan")
)  # fmt: skip
"""The types that say who takes part in a plan and where it belongs, which are not what the plan says."""


def content(plan: Resource) -> Resource:
    """The content that an agency agrees to: the plan without id, status, meta, narrative and the partners' references to their
    agreements.
    """
    kept = {name: value for name, value in plan.items() if name not in _BOOKKEEPING}
    if "extension" in kept:
        kept["extension"] = [_without_agreement(one) for one in kept["extension"]]
    return kept


def same(plan: Resource, version: Resource | None) -> bool:
    """Whether a version of a plan has the content that the plan has now."""
    return version is not None and content(plan) == content(version)


def grounds(plan: Resource) -> tuple[str, ...]:
    """The references, without versions, of the records that a plan rests on: what it says, it says in part by them."""
    named = (relative(each) for each in _references(content(plan)))
    return tuple(dict.fromkeys(each for each in named if each and type_of(each) not in _PARTIES))


def responses(plan: Resource) -> Iterable[str]:
    """References to the QuestionnaireResponses that the plan refers to; its `crisis` dataset is among them."""
    return (one for one in links(plan, "supportingInfo") if "QuestionnaireResponse/" in one)


def rests_on(plan: Resource, reference: str) -> bool:
    """Whether a crisis plan that has not ended refers to the QuestionnaireResponse, whose answers are then the plan's content."""
    if not is_crisis_plan(plan) or plan.get("status") in ENDED:
        return False
    return any(unversioned(one).endswith(reference) for one in responses(plan))


def extensions(plan: Resource, url: str) -> list[Resource]:
    """The extensions of a plan that have the canonical `url`."""
    return [one for one in plan.get("extension", ()) if one.get("url") == url]


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from filter(None, (target(value),))
        yield from (found for each in value.values() for found in _references(each))
    elif isinstance(value, list):
        yield from (found for each in value for found in _references(each))


def _without_agreement(extension: Resource) -> Resource:
    if extension.get("url") != PARTNER_ROLE:
        return extension
    return {**extension, "extension": [one for one in extension.get("extension", ()) if one.get("url") != "agreement"]}
