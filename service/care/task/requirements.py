"""The requirements that tables of several practices name. Each gives the issues in its way; none means that it is met."""

from __future__ import annotations

from collections.abc import Collection

from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.situation import Situation
from service.change import Resource
from service.fhir.reference import link
from service.problem import Issue

Issues = tuple[Issue, ...]
_OPEN = frozenset(
    ("status", "statusReason", "businessStatus", "note", "output", "lastModified", "executionPeriod", "meta", "text", "extension")
)
_SAID_ONCE = "It cannot change once the Task was sent: send it as it was."


def issue(text: str, expression: str, rule: str = "HOV-1") -> Issue:
    """An issue that stands in the way of a move: a sentence that says what would make it right, the FHIRPath and the rule."""
    return Issue("business-rule", text, expression, rule)


def nobody(record: Resource) -> str:
    """OWN-10: what a record says wrong whose `subject` is no person that is known here."""
    subject = link(record, "subject")
    if not subject:
        return "`subject` refers to nobody: set its `reference` to the Patient that this is about."
    return f"`{subject}` is not known here: write their record first, and refer to that."


def fixed(situation: Situation, frees: Collection[str] = (), rule: str = "HOV-1") -> Issues:
    """HOV-1: the members that a submission changes although the Task was sent, one issue per element. Outputs and notes may be
    added, not taken away.

    `frees` are further members that the move may change; `input.x` stands for the inputs of type `x`.
    """
    before, after = situation.before or {}, situation.after
    free = _OPEN.union(frees)
    changed = [one for one in dict.fromkeys((*before, *after)) if one not in free and before.get(one) != after.get(one)]
    if _inputs(before, frees) == _inputs(after, frees):
        changed = [one for one in changed if one != "input"]
    lost = [one for one in ("note", "output") if any(kept not in after.get(one, ()) for kept in before.get(one, ()))]
    return (
        *(issue(f"`{one}` of this Task differs from what was sent. {_SAID_ONCE}", f"Task.{one}", rule) for one in changed),
        *(
            issue(f"A `{one}` of this Task was left out: send the ones it has, and add yours.", f"Task.{one}", rule)
            for one in lost
        ),
    )


def creator(situation: Situation) -> Issues:
    """HOV-1: a Task is made by the agency of the requester that the Task names."""
    if situation.organization(link(situation.after, "requester")) == situation.agency != "":
        return ()
    said = link(situation.after, "requester")
    named = f", which `{said}` is not" if said else ""
    text = f"A Task is made by its requester's agency: set `requester` to a PractitionerRole of your agency{named}."
    return (issue(text, "Task.requester"),)


def reason(situation: Situation) -> Issues:
    """The Task's `statusReason` is coded."""
    return () if reading.reason(situation.after) else (issue("This move needs a coded `statusReason`.", "Task.statusReason"),)


def contact(situation: Situation) -> Issues:
    """Completion needs output `first-contact`, or `no-contact-required` with its reason."""
    after = situation.after
    reasons = [
        str(one.get("valueString", "") or one.get("valueCodeableConcept", {}).get("text", ""))
        for one in reading.outputs(after, "no-contact-required")
    ]
    if reading.outputs(after, "first-contact") or any(not blank(text) for text in reasons):
        return ()
    return (issue("Completion needs output `first-contact`, or `no-contact-required` with its reason.", "Task.output"),)


def _inputs(task: Resource, frees: Collection[str]) -> list[Resource]:
    """The inputs of a Task that a move may not change: all but those that `frees` names."""
    freed = [one for kind in frees if kind.startswith("input.") for one in reading.inputs(task, kind.removeprefix("input."))]
    return [one for one in task.get("input", ()) if one not in freed]
