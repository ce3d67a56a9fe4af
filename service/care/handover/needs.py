"""The requirements that a handover's table names. Each gives the issues in its way; none means that it is met."""

from __future__ import annotations

from dataclasses import replace

from service.care.handover.situation import HandoverSituation
from service.care.ownership.plan import ENDED, is_crisis_plan
from service.care.ownership.role import Lead, lead_fault, organization_of
from service.care.task import reading
from service.care.task.authority import basis
from service.care.task.dataset import blank, problem_of
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.canonical import OVERALL_COORDINATION
from service.fhir.reference import link, name_of

_END = "Task.restriction.period.end"
_ANSWER = ("lead", "accepted-scope", "declined-scope")


def parties(situation: HandoverSituation) -> Issues:
    """The Task names its plan, its person and an owner that this service knows."""
    after, plan = situation.after, situation.plan
    found = []
    if reading.code(after) != "handover" or after.get("intent") != "order":
        found.append(issue("A handover has code `handover` and intent `order`: set both.", "Task.code", "HOV-1"))
    if plan is None or plan.get("resourceType") != "CarePlan" or link(after, "focus") != name_of(plan):
        found.append(issue("A handover is about one CarePlan that is here: set `focus` to it.", "Task.focus", "HOV-1"))
    elif not _same_person(situation, link(after, "for"), link(plan, "subject")):
        found.append(issue("A handover is for the person of its CarePlan: set `for` to the plan's subject.", "Task.for", "HOV-1"))
    if not situation.organization(link(after, "owner")):
        text = "A handover goes to an Organization, HealthcareService or PractitionerRole that is registered here: set `owner`."
        found.append(issue(text, "Task.owner", "HOV-1"))
    return tuple(found)


def leads_plan(situation: HandoverSituation) -> Issues:
    """OWN-3: only the agency that owns a plan can hand it over, and only until the plan ends. A draft that was never active is
    handed over as a proposal (OWN-9), unless agencies have to agree to it first (E9)."""
    plan = situation.plan or {}
    if plan.get("status") in (None, *ENDED):
        return (issue("Only a CarePlan that has not ended can be handed over: write a new plan.", "Task.focus", "OWN-3"),)
    if not situation.led and is_crisis_plan(plan):
        text = "A crisis plan is handed over once it was active: have its agencies agree, and activate it first."
        return (issue(text, "Task.focus", "E9"),)
    if situation.keeper == situation.agency != "":
        return ()
    return (issue("Only the agency that leads the CarePlan can hand it over.", "Task.focus", "OWN-3"),)


def carriers(situation: HandoverSituation) -> Issues:
    """OWN-8 and OWN-10: the person of a proposed plan is known here, and its teams and episode can carry its ownership once it is
    accepted."""
    if situation.nobody:
        text = f"`{situation.nobody}` is not known here: write their record first, and a plan that refers to that."
        return (issue(text, "Task.focus", "OWN-10"),)
    if not situation.unfit:
        return ()
    return (issue(f"The plan cannot be led yet: {situation.unfit}.", "Task.focus", "OWN-8"),)


def roles(situation: HandoverSituation) -> Issues:
    """E7: a plan becomes active once the agencies with a role in it have confirmed theirs."""
    return tuple(replace(each, expression="Task.focus") for each in situation.unconfirmed)


def dataset(situation: HandoverSituation) -> Issues:
    """HOV-2: a handover has exactly one minimum dataset, which is complete."""
    count = len(reading.inputs(situation.after, "minimum-dataset"))
    if count != 1:
        return (issue(f"A handover has exactly one input `minimum-dataset`, this has {count}.", "Task.input", "HOV-2"),)
    found = problem_of(situation.dataset)
    return found.issues if found else ()


def authority_input(situation: HandoverSituation) -> Issues:
    """HOV-3: a handover has exactly one authority to share."""
    given = reading.inputs(situation.after, "sharing-authority")
    if len(given) != 1:
        text = f"A handover has exactly one input `sharing-authority`, this has {len(given)}."
        return (issue(text, "Task.input", "HOV-3"),)
    return basis(given[0])


def authority(situation: HandoverSituation) -> Issues:
    """HOV-3: the consent decision permits sharing the plan, the dataset and the package with the receiving agency."""
    return (
        ()
        if situation.authority.permitted
        else (issue(f"Sharing with `{situation.receiver}` is not permitted: {situation.authority.text}.", "Task.input", "HOV-3"),)
    )


def authority_still(situation: HandoverSituation) -> Issues:
    """HOV-8: the authority to share still holds; after its withdrawal acceptance needs another authority."""
    if situation.authority.permitted:
        return ()
    why = situation.authority.text
    text = f"The authority to share no longer holds: {why}. The requester replaces the input `sharing-authority`."
    return (issue(text, "Task.input", "HOV-8"),)


def pathway(situation: HandoverSituation) -> Issues:
    """GOV-7: a handover starts under a pathway that is in force, where it names one."""
    return (issue(situation.astray, "Task.input", "GOV-7"),) if situation.astray else ()


def accept_by(situation: HandoverSituation) -> Issues:
    """The accept-by date of a handover, `restriction.period.end`, is a readable instant ahead."""
    when = reading.due(situation.after, situation.zone)
    if when is None:
        return (issue("A handover says until when it is to be accepted: set `restriction.period.end`.", _END, "HOV-1"),)
    return () if when > situation.at else (issue("The accept-by date has passed: set one that is ahead.", _END, "HOV-1"),)


def named_lead(situation: HandoverSituation) -> Issues:
    """HOV-4 and OWN-1: the acceptance names an active PractitionerRole of the owner's agency."""
    lead, place = situation.lead, "Task.owner"
    named = reading.lead_reference(situation.after)
    if not named:
        return (
            issue(
                "Acceptance names one lead: set `owner` (or output `lead`) to a PractitionerRole of your agency.", place, "HOV-4"
            ),
        )
    known = lead if lead.role and name_of(lead.role) == named else Lead()
    if fault := lead_fault(known, situation.at, situation.zone):
        return (issue(f"`{named}` cannot lead: {fault}. Name an active PractitionerRole.", place, "OWN-1"),)
    owner = link(situation.after, "owner")
    changed = owner not in (named, link(situation.current, "owner"))
    if organization_of(known.role or {}) == situation.receiver and not changed:
        return ()
    return (issue(f"`{named}` does not act for the owner's agency: name one of its own.", place, "HOV-4"),)


def scope(situation: HandoverSituation) -> Issues:
    """HOV-6: no scope is both accepted and declined, and a scope is declined only if another is accepted."""
    accepted, declined = reading.scopes(situation.after, "accepted-scope"), reading.scopes(situation.after, "declined-scope")
    if declined and not accepted:
        return (
            issue("A part is declined beside what is accepted: add output `accepted-scope`, or reject.", "Task.output", "HOV-6"),
        )
    both = sorted(set(accepted) & set(declined))
    return tuple(issue(f"Scope `{one}` is both accepted and declined: keep one.", "Task.output", "HOV-6") for one in both)


def still_led_by_sender(situation: HandoverSituation) -> Issues:
    """OWN-3: the plan has not ended and is still the sender's, who need not own it when only a part is handed over."""
    if (situation.plan or {}).get("status") in (None, *ENDED):
        return (issue("The plan has ended: reject the handover.", "Task.focus", "OWN-1"),)
    if situation.keeper == situation.sender or not moves_ownership(situation.after):
        return ()
    return (issue("The plan is led by another agency by now.", "Task.focus", "OWN-3"),)


def instead(situation: HandoverSituation) -> Issues:
    """A rejection says what should happen instead: `statusReason.text`, an output `alternative`, or a new note."""
    after = situation.after
    said = [str((after.get("statusReason") or {}).get("text", ""))]
    said += [str(one.get("valueString", "")) for one in reading.outputs(after, "alternative")]
    said += [str(one.get("text", "")) for one in after.get("note", ()) if one not in situation.current.get("note", ())]
    if any(not blank(text) for text in said):
        return ()
    return (issue("A rejection says what should happen instead: add it as `statusReason.text`.", "Task.statusReason", "HOV-1"),)


def answer_kept(situation: HandoverSituation) -> Issues:
    """HOV-4 and HOV-6: lead and scopes are said by accepting, and by nobody afterwards."""
    changed = [one for one in _ANSWER if reading.outputs(situation.current, one) != reading.outputs(situation.after, one)]
    text = "The output `{}` is the receiver's answer, which it gives by accepting: leave it as it is."
    return tuple(issue(text.format(one), "Task.output", "HOV-6") for one in changed)


def came_from(situation: HandoverSituation) -> Issues:
    """A held Task goes back to the status from which it was held."""
    origin = reading.held_from(situation.current)
    if reading.status(situation.after) == origin:
        return ()
    return (issue(f"This Task is on hold from `{origin}`: take it back to that status first.", "Task.status", "HOV-1"),)


def moves_ownership(task: Resource) -> bool:
    """HOV-6: whether accepting the Task moves ownership: its scope `overall-coordination` is accepted, or it names no scope."""
    accepted = reading.scopes(task, "accepted-scope")
    return OVERALL_COORDINATION in accepted or not accepted


def _same_person(situation: HandoverSituation, one: str, other: str) -> bool:
    return bool(one) and (one == other or {one, other} <= situation.patients)
