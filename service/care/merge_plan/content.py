"""What becomes of a merged plan's content: nothing is lost, nothing is there twice, and the order is kept.

| a Goal of the merged plan | becomes |
|---|---|
| is the other plan's, too | the other plan's, as it is |
| is named by an input `ended-goal` | cancelled, with the reason that the input says |
| has a code of one of the other plan's Goals that goes on | cancelled: that Goal stands for it |
| any other | the other plan's, too |

An activity that refers to a record is the same in both plans when both refer to that record; what either tells of it is kept. An
activity in words is the same word for word only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.care.merge_plan.situation import Aim
from service.care.task import reading
from service.change import Resource
from service.fhir.canonical import EARLY_WARNING_SIGN, RECORD_MARK, STATUS_REASON_EXTENSION
from service.fhir.coding import codings
from service.fhir.reference import link, name_of, reference_to, target, unversioned
from service.fhir.resource import references

OVER = frozenset({"completed", "cancelled", "rejected", "entered-in-error"})
"""The lifecycle statuses of a Goal that has ended."""
_TOLD = ("extension", "outcomeCodeableConcept", "outcomeReference", "progress")
"""What an activity that refers to a record tells of it."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the Goals of a merged plan: `kept` are the References that join the other plan's, `merged` leads from each
    merged Goal to the one that stands for it, `ended` from each that ends to the reason."""

    kept: tuple[Resource, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[str, str] = field(default_factory=dict)


def goals_of(plan: Resource | None) -> tuple[str, ...]:
    """The references of a plan's Goals, without versions, each once; '' for one that is referred to by identifier alone."""
    return tuple(dict.fromkeys(unversioned(target(one)) for one in (plan or {}).get("goal", ())))


def ends(task: Resource) -> tuple[tuple[str, str], ...]:
    """The Goals that a Task ends, each with the reason in words, '' where none is given (OUT-1)."""
    return tuple((reading.value_reference(one), _reason(one)) for one in reading.inputs(task, "ended-goal"))


def _reason(given: Resource) -> str:
    """The words of an input's `status-reason`: its text, or else what its code says."""
    concepts = [
        one.get("valueCodeableConcept") or {} for one in given.get("extension", ()) if one.get("url") == STATUS_REASON_EXTENSION
    ]
    said = [each for one in concepts for each in (one.get("text"), *_named(one)) if isinstance(each, str) and each.strip()]
    return next(iter(said), "")


def _named(concept: Resource) -> Iterator[object]:
    for coding in concept.get("coding", ()):
        yield from (coding.get("display"), coding.get("code"))


def fates(
    theirs: Sequence[Resource],
    mine: Sequence[Resource],
    goals: Mapping[str, Aim],
    parties: Collection[str],
    reasons: Mapping[str, str],
) -> Fates:
    """What becomes of `theirs`, the References of a merged plan to its Goals, beside `mine`, those of the plan that takes it in.

    `goals` are the Goals of both, `parties` the agencies whose Goals the merge may change, and `reasons` the reason of each Goal
    that is to end.
    """
    kept: list[Resource] = []
    merged, ended = {}, {}
    for each in theirs:
        ref = unversioned(target(each))
        aim = goals.get(ref)
        changes = aim is not None and aim.keeper in parties and not over(aim.goal) and not _among(each, mine)
        twin = _twin(aim, mine, goals) if aim is not None and changes else ""
        if changes and ref in reasons:
            ended[ref] = reasons[ref]
        elif twin:
            merged[ref] = twin
        elif not _among(each, (*mine, *kept)):
            kept.append(each)
    return Fates(tuple(kept), merged, ended)


def over(goal: Resource) -> bool:
    """Whether a Goal has ended."""
    return goal.get("lifecycleStatus") in OVER


def _twin(aim: Aim, mine: Sequence[Resource], goals: Mapping[str, Aim]) -> str:
    """The first Goal of the other plan that goes on and has a code of this one, where both agencies may see both; or ''."""
    wanted = _codes(aim.goal) if aim.shared else frozenset()
    others = [goals[ref] for one in mine if (ref := unversioned(target(one))) in goals]
    fits = (one for one in others if one.shared and not over(one.goal) and not wanted.isdisjoint(_codes(one.goal)))
    return next((name_of(one.goal) for one in fits), "")


def _codes(goal: Resource) -> frozenset[tuple[str, str]]:
    return frozenset((system, code) for system, code in codings(goal.get("description")) if system)


def ended(goals: Mapping[str, Aim], fates: Fates, into: str, on: str) -> tuple[Resource, ...]:
    """The Goals that end with the merge into the plan `into`, as they are on the day `on`: cancelled, and why."""
    stands = {ref: f"Merged into {twin}, when its plan was merged into {into}." for ref, twin in fates.merged.items()}
    return tuple(
        {**goals[ref].goal, "lifecycleStatus": "cancelled", "statusDate": on, "statusReason": words}
        for ref, words in {**stands, **fates.ended}.items()
    )


def taken_over(into: Resource, merged: Resource, fates: Fates) -> Resource:
    """The plan `into` once it has taken the plan `merged` in and replaces it. Its labels are those of both plans, so that nothing
    becomes more open than it was."""
    signs = [one for one in merged.get("extension", ()) if one.get("url") == EARLY_WARNING_SIGN]
    lists: dict[str, list[Any]] = {
        "extension": _joined(into.get("extension", ()), signs),
        "replaces": _joined(into.get("replaces", ()), [reference_to(name_of(merged))]),
        "goal": [*into.get("goal", ()), *fates.kept],
        "activity": activities(into.get("activity", ()), merged.get("activity", ()), fates.merged),
    }
    return {**into, "meta": _labelled(into, merged), **{name: value for name, value in lists.items() if value}}


def _labelled(into: Resource, merged: Resource) -> Resource:
    """The `meta` of a plan with the security labels, and the marks among the tags, of the plan that it takes in."""
    mine, theirs = into.get("meta", {}), merged.get("meta", {})
    marks = [one for one in theirs.get("tag", ()) if one.get("system") == RECORD_MARK]
    lists = {
        "security": _joined(mine.get("security", ()), theirs.get("security", ())),
        "tag": _joined(mine.get("tag", ()), marks),
    }
    return {**mine, **{name: value for name, value in lists.items() if value}}


def activities(mine: Sequence[Resource], theirs: Sequence[Resource], instead: Mapping[str, str]) -> list[Resource]:
    """The activities of both plans, `mine` first. `instead` leads from each merged Goal to the one that stands for it, which the
    activities of `theirs` serve from now on."""
    made = list(mine)
    for each in theirs:
        moved = {name: value for name, value in _aimed(each, instead).items() if name != "id"}
        place = next((place for place, one in enumerate(made) if _identity(one) == _identity(moved)), None)
        if place is None:
            made.append(moved)
        else:
            made[place] = _told(made[place], moved)
    return made


def _identity(activity: Resource) -> object:
    """What tells an activity from another: the record that it refers to, or else all that it says."""
    return link(activity, "reference") or {name: value for name, value in activity.items() if name != "id"}


def _aimed(activity: Resource, instead: Mapping[str, str]) -> Resource:
    detail = activity.get("detail") or {}
    if not any(unversioned(target(one)) in instead for one in detail.get("goal", ())):
        return activity
    aims = [reference_to(instead[ref]) if (ref := unversioned(target(one))) in instead else one for one in detail["goal"]]
    return {**activity, "detail": {**detail, "goal": _joined((), aims)}}


def _told(mine: Resource, theirs: Resource) -> Resource:
    """An activity with what both plans tell of it."""
    return {**mine, **{name: _joined(mine.get(name, ()), theirs[name]) for name in _TOLD if name in theirs}}


def _joined(mine: Sequence[Any], theirs: Sequence[Any]) -> list[Any]:
    """The elements of both lists, `mine` first; of `theirs` those that are not there yet."""
    made = list(mine)
    for each in theirs:
        if not _among(each, made):
            made.append(each)
    return made


def _among(element: Any, elements: Sequence[Any]) -> bool:
    """Whether an element is among others: a Reference by the record that it names, anything else word for word."""
    ref = unversioned(target(element))
    return any(unversioned(target(one)) == ref if ref else one == element for one in elements)


def dependent(plan: Resource) -> bool:
    """Whether the Goals or activities of a plan refer to what is contained in it, and so stands nowhere else."""
    told: Resource = {name: plan[name] for name in ("goal", "activity") if name in plan}
    return any(to.startswith("#") for _, to in references(told))
