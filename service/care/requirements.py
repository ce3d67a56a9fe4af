"""What a move of a Task needs. Each requirement answers the issues that stand in its way: none means that it is met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from service.care import task as tasks
from service.care.dataset import Completeness, blank, problem_of
from service.care.identity import role_fault
from service.care.situation import Situation
from service.change import Resource
from service.fhir.canonical import LAWFUL_BASES, LAWFUL_BASIS, OVERALL_COORDINATION
from service.fhir.coding import code_in
from service.fhir.date import due
from service.fhir.reference import link, name_of
from service.problem import Issue

Issues = tuple[Issue, ...]
_OPEN = frozenset(
    ("status", "statusReason", "businessStatus", "note", "output", "lastModified", "executionPeriod", "meta", "text", "extension")
)
_FREED = {"accept": frozenset({"owner"}), "release": frozenset({"owner"})}
"""What an effect may change besides."""
_REAUTHORISING = frozenset({"reauthorise", "release"})
_SAID_ONCE = "It cannot change once the Task was sent: send it as it was."


def fixed(situation: Situation, effect: str) -> Issues:
    """HOV-1: what a sent Task may not change, one issue per element. Outputs and notes may be added, not taken away."""
    before, after = situation.before or {}, situation.after
    free = _OPEN | _FREED.get(effect, frozenset())
    changed = [one for one in dict.fromkeys((*before, *after)) if one not in free and before.get(one) != after.get(one)]
    if effect in _REAUTHORISING and _other_inputs(before) == _other_inputs(after):
        changed = [one for one in changed if one != "input"]
    lost = [one for one in ("note", "output") if any(kept not in after.get(one, ()) for kept in before.get(one, ()))]
    return (
        *(_issue(f"`{one}` of this Task differs from what was sent. {_SAID_ONCE}", f"Task.{one}", "HOV-1") for one in changed),
        *(
            _issue(f"A `{one}` of this Task was left out: send the ones it has, and add yours.", f"Task.{one}", "HOV-1")
            for one in lost
        ),
    )


def creator(situation: Situation) -> Issues:
    """HOV-1: the Task is made by the agency that it names as the requester's."""
    if situation.organization(link(situation.after, "requester")) == situation.agency != "":
        return ()
    return (
        _issue(
            "A Task is made by its requester's agency: set `requester` to your own PractitionerRole.", "Task.requester", "HOV-1"
        ),
    )


def parties(situation: Situation) -> Issues:
    """The Task names its plan, its person and an owner that this service knows."""
    after, plan = situation.after, situation.plan
    found = []
    if tasks.code(after) != "handover" or after.get("intent") != "order":
        found.append(_issue("A handover has code `handover` and intent `order`: set both.", "Task.code", "HOV-1"))
    if plan is None or plan.get("resourceType") != "CarePlan" or link(after, "focus") != name_of(plan):
        found.append(_issue("A handover is about one CarePlan that is here: set `focus` to it.", "Task.focus", "HOV-1"))
    elif not _same_person(situation, link(after, "for"), link(plan, "subject")):
        found.append(
            _issue("A handover is for the person of its CarePlan: set `for` to the plan's subject.", "Task.for", "HOV-1")
        )
    if not situation.organization(link(after, "owner")):
        text = "A handover goes to an Organization, HealthcareService or PractitionerRole that is registered here: set `owner`."
        found.append(_issue(text, "Task.owner", "HOV-1"))
    return tuple(found)


def leads_plan(situation: Situation) -> Issues:
    """OWN-3: only the agency that leads an active plan can hand it over."""
    plan = situation.plan or {}
    if plan.get("status") not in ("active", "on-hold"):
        return (_issue("Only an active CarePlan can be handed over: activate it first.", "Task.focus", "OWN-3"),)
    if situation.organization(link(plan, "author")) == situation.agency != "":
        return ()
    return (_issue("Only the agency that leads the CarePlan can hand it over.", "Task.focus", "OWN-3"),)


def dataset(situation: Situation) -> Issues:
    """HOV-2: exactly one minimum dataset, complete."""
    count = len(tasks.inputs(situation.after, "minimum-dataset"))
    if count != 1:
        return (_issue(f"A handover has exactly one input `minimum-dataset`, this has {count}.", "Task.input", "HOV-2"),)
    found = problem_of(Completeness(situation.missing, situation.unknown, fault=situation.dataset_fault))
    return found.issues if found else ()


def authority_input(situation: Situation) -> Issues:
    """HOV-3: exactly one authority to share: a Consent, or a lawful basis that says why (`direct-care` need not)."""
    given = tasks.inputs(situation.after, "sharing-authority")
    place = "Task.input"
    if len(given) != 1:
        return (_issue(f"A handover has exactly one input `sharing-authority`, this has {len(given)}.", place, "HOV-3"),)
    if tasks.value_reference(given[0]).startswith("Consent/"):
        return ()
    element = given[0].get("valueCodeableConcept", {})
    basis = code_in(element, LAWFUL_BASIS)
    if basis not in LAWFUL_BASES:
        return (_issue("The input `sharing-authority` is a Consent reference or a code of `lawful-basis`.", place, "HOV-3"),)
    if basis != "direct-care" and blank(str(element.get("text", ""))):
        return (_issue(f"The lawful basis `{basis}` needs its justification in `text`.", place, "HOV-3"),)
    return ()


def authority(situation: Situation) -> Issues:
    """HOV-3: the consent decision lets the receiving agency have what is sent."""
    return (
        ()
        if situation.authority.permitted
        else (
            _issue(f"Sharing with `{situation.receiver}` is not permitted: {situation.authority.text}.", "Task.input", "HOV-3"),
        )
    )


def authority_still(situation: Situation) -> Issues:
    """HOV-8: after a withdrawal acceptance needs another authority."""
    if situation.authority.permitted:
        return ()
    why = situation.authority.text
    text = f"The authority to share no longer holds: {why}. The requester replaces the input `sharing-authority`."
    return (_issue(text, "Task.input", "HOV-8"),)


def accept_by(situation: Situation) -> Issues:
    """`restriction.period.end` is a readable instant ahead."""
    when = accept_by_of(situation.after, situation)
    if when is None:
        return (_issue("A handover says until when it is to be accepted: set `restriction.period.end`.", _END, "HOV-1"),)
    return () if when > situation.at else (_issue("The accept-by date has passed: set one that is ahead.", _END, "HOV-1"),)


def named_lead(situation: Situation) -> Issues:
    """HOV-4 and OWN-1: the acceptance names an active PractitionerRole of the owner's agency."""
    role, place = situation.lead, "Task.owner"
    named = tasks.lead_reference(situation.after)
    if not named:
        return (
            _issue(
                "Acceptance names one lead: set `owner` (or output `lead`) to a PractitionerRole of your agency.", place, "HOV-4"
            ),
        )
    if role is None or (fault := role_fault(role if name_of(role) == named else None, situation.at, situation.zone)):
        why = fault if role else role_fault(None, situation.at, situation.zone)
        return (_issue(f"`{named}` cannot lead: {why}. Name an active PractitionerRole.", place, "OWN-1"),)
    owner = link(situation.after, "owner")
    changed = owner not in (named, link(situation.current, "owner"))
    if link(role, "organization") == situation.receiver and not changed:
        return ()
    return (_issue(f"`{named}` does not act for the owner's agency: name one of its own.", place, "HOV-4"),)


def scope(situation: Situation) -> Issues:
    """HOV-6: what is declined is not accepted too, and a part is declined only beside what is accepted."""
    accepted, declined = tasks.scopes(situation.after, "accepted-scope"), tasks.scopes(situation.after, "declined-scope")
    if declined and not accepted:
        return (
            _issue("A part is declined beside what is accepted: add output `accepted-scope`, or reject.", "Task.output", "HOV-6"),
        )
    both = sorted(set(accepted) & set(declined))
    return tuple(_issue(f"Scope `{one}` is both accepted and declined: keep one.", "Task.output", "HOV-6") for one in both)


def still_led_by_sender(situation: Situation) -> Issues:
    """OWN-3: the plan is still the sender's to give, or the sender hands over only a part of what it leads."""
    plan = situation.plan
    if plan is not None and plan.get("status") in ("active", "on-hold"):
        leads = situation.organization(link(plan, "author")) == situation.sender
        return (
            ()
            if leads or not moves(situation.after)
            else (_issue("The plan is led by another agency by now.", "Task.focus", "OWN-3"),)
        )
    return (_issue("The plan is not active any more: reject the handover, or have it activated.", "Task.focus", "OWN-1"),)


def reason(situation: Situation) -> Issues:
    """`statusReason` is coded."""
    coded = tasks.reason(situation.after)
    return () if coded else (_issue("This move needs a coded `statusReason`.", "Task.statusReason", "HOV-1"),)


def instead(situation: Situation) -> Issues:
    """A rejection says what should happen instead: `statusReason.text`, an output `alternative`, or a new note."""
    after = situation.after
    said = [str((after.get("statusReason") or {}).get("text", ""))]
    said += [str(one.get("valueString", "")) for one in tasks.outputs(after, "alternative")]
    said += [str(one.get("text", "")) for one in after.get("note", ()) if one not in situation.current.get("note", ())]
    if any(not blank(text) for text in said):
        return ()
    return (_issue("A rejection says what should happen instead: add it as `statusReason.text`.", "Task.statusReason", "HOV-1"),)


def clarification(situation: Situation) -> Issues:
    """`awaiting-information` says what is asked: a new note, or `statusReason.text`."""
    if not blank(question_of(situation)):
        return ()
    return (_issue("Say what information is awaited: add a `note`.", "Task.note", "HOV-1"),)


def contact(situation: Situation) -> Issues:
    """Completion needs output `first-contact`, or `no-contact-required` with its reason."""
    after = situation.after
    reasons = [
        str(one.get("valueString", "") or one.get("valueCodeableConcept", {}).get("text", ""))
        for one in tasks.outputs(after, "no-contact-required")
    ]
    if tasks.outputs(after, "first-contact") or any(not blank(text) for text in reasons):
        return ()
    text = "Completion needs output `first-contact`, or `no-contact-required` with its reason."
    return (_issue(text, "Task.output", "HOV-1"),)


def came_from(situation: Situation) -> Issues:
    """A held Task goes back to the status it came from."""
    origin = tasks.held_from(situation.current)
    if tasks.status(situation.after) == origin:
        return ()
    return (_issue(f"This Task is on hold from `{origin}`: take it back to that status first.", "Task.status", "HOV-1"),)


def moves(task: Resource) -> bool:
    """HOV-6: whether accepting this Task moves ownership: `overall-coordination` is accepted, or nothing is said."""
    accepted = tasks.scopes(task, "accepted-scope")
    return OVERALL_COORDINATION in accepted or not accepted


def accept_by_of(task: Resource, situation: Situation) -> datetime | None:
    """The accept-by instant: `restriction.period.end`, a date to its local midnight."""
    period = (task.get("restriction") or {}).get("period") or {}
    return due(period.get("end"), situation.zone)


def question_of(situation: Situation) -> str:
    """What the owner's agency asks: the newest note that was not there before, else `statusReason.text`, or ''."""
    after = situation.after
    new = [str(one.get("text", "")) for one in after.get("note", ()) if one not in situation.current.get("note", ())]
    return new[-1] if new else str((after.get("statusReason") or {}).get("text", ""))


_END = "Task.restriction.period.end"

REQUIREMENTS: Mapping[str, Callable[[Situation], Issues]] = {
    rule.__name__: rule
    for rule in (
        creator,
        parties,
        leads_plan,
        dataset,
        authority_input,
        authority,
        authority_still,
        accept_by,
        named_lead,
        scope,
        still_led_by_sender,
        reason,
        instead,
        clarification,
        contact,
        came_from,
    )
}


def _issue(text: str, expression: str, rule: str) -> Issue:
    return Issue("business-rule", text, expression, rule)


def _same_person(situation: Situation, one: str, other: str) -> bool:
    return bool(one) and (one == other or {one, other} <= situation.patients)


def _other_inputs(task: Resource) -> list[Resource]:
    authorities = tasks.inputs(task, "sharing-authority")
    return [one for one in task.get("input", ()) if one not in authorities]
