"""The requirements that the table of an escalation review names. Each gives the issues in its way; none means that it is met."""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.care.ownership.role import Lead, lead_fault, organization_of
from service.care.step_up import contacts
from service.care.step_up.situation import ReviewSituation
from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.requirements import Issues, issue
from service.care.task.situation import Situation
from service.change import Resource
from service.fhir import date
from service.fhir.canonical import ESCALATION_THRESHOLD
from service.fhir.coding import code_in, codings
from service.fhir.reference import link, links, name_of, unversioned

THRESHOLDS = ("met", "not-met", "clinical-override")
INSUFFICIENT = "insufficient-information"
NO_CHANGE = "no-change"
_OUTPUT = "Task.output"


def reviewer(situation: ReviewSituation) -> Issues:
    """An owner that the move names anew is an active PractitionerRole of the owner's agency."""
    owner = link(situation.after, "owner")
    if owner == link(situation.current, "owner"):
        return ()
    decides = situation.decider.role is not None and name_of(situation.decider.role) == owner
    found = situation.decider if decides else situation.reviewer
    return _of_agency(situation, owner, found, "Task.owner", "take this review: set `owner` to")


def decider(situation: ReviewSituation) -> Issues:
    """A decision says who took it: output `decided-by`, an active PractitionerRole of the owner's agency, else the signed-in
    user's role."""
    named = situation.decided_by
    if not named:
        text = "A decision says who took it: add output `decided-by`, a PractitionerRole of your agency."
        return (issue(text, _OUTPUT, "E5"),)
    return _of_agency(situation, named, situation.decider, _OUTPUT, "decide here: set output `decided-by` to")


def threshold(situation: ReviewSituation) -> Issues:
    """Each decision says whether the threshold of the pathway was met, or overridden for a clinical reason."""
    given = reading.outputs(situation.after, "threshold")
    said = [code_in(one.get("valueCodeableConcept"), ESCALATION_THRESHOLD) for one in given]
    if len(said) == 1 and said[0] in THRESHOLDS:
        return ()
    text = f"A decision says whether the threshold was met: add one output `threshold` with {_either(THRESHOLDS)}."
    return (issue(text, _OUTPUT, "E5"),)


def rationale(situation: Situation) -> Issues:
    """A decision or review says why, or what it found: output `rationale`."""
    return _words(situation, "rationale", "Say why, or what was found: add output `rationale`, in words.", "E5")


def guidance(situation: ReviewSituation) -> Issues:
    """A rejection says what to do meanwhile and when to come back: output `guidance`."""
    text = "A rejection says what to do meanwhile and when to come back: add output `guidance`, in words."
    return _words(situation, "guidance", text, "E5")


def out_of_hours(situation: ReviewSituation) -> Issues:
    """An acceptance has a contingency out of hours: output `out-of-hours`."""
    return _words(situation, "out-of-hours", "Say what happens out of hours: add output `out-of-hours`, in words.", "E5")


def sufficient(situation: ReviewSituation) -> Issues:
    """`insufficient-information` is never the only reason of a rejection: the owner asks back instead."""
    said = {code for _, code in codings(situation.after.get("statusReason"))}
    if said != {INSUFFICIENT}:
        return ()
    text = (
        f"`{INSUFFICIENT}` alone is no reason to reject an escalation: ask back with businessStatus `awaiting-information` and a "
        "`note`, which makes a `clarification`."
    )
    return (issue(text, "Task.statusReason", "E5"),)


def actions(situation: ReviewSituation) -> Issues:
    """An acceptance comes with an action Task at least, in the same transaction, each with owner and due date."""
    owned = [one for one in situation.actions if link(one, "owner") and reading.due(one, situation.zone) is not None]
    if owned and len(owned) == len(situation.actions):
        return ()
    text = (
        "An acceptance comes with its actions: send in the same transaction at least one Task `action` that is `partOf` this, "
        "each with `owner` and `restriction.period.end`."
    )
    return (issue(text, "Task.status", "E5"),)


def cadence(situation: ReviewSituation) -> Issues:
    """E10: contacts are increased for a time that has an end: output `contact-cadence`."""
    given = [one.get("valueTiming") for one in reading.outputs(situation.after, "contact-cadence")]
    end = timing_end(given[0], situation.zone) if len(given) == 1 else None
    if end is not None and end > situation.at:
        return ()
    text = (
        "More contacts have a cadence and an end: add one output `contact-cadence`, a Timing whose `repeat.boundsPeriod.end` is "
        "ahead."
    )
    return (issue(text, _OUTPUT, "E10"),)


def timing_end(timing: object, zone: tzinfo) -> datetime | None:
    """When a Timing's bounds end, or None where it says no readable end."""
    repeat = timing.get("repeat") if isinstance(timing, dict) else None
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    return date.due(bounds.get("end"), zone) if isinstance(bounds, dict) else None


def mdt_review(situation: ReviewSituation) -> Issues:
    """An acceptance says when the MDT reviews it: output `mdt-review`, today or later."""
    said = [date.ends(one.get("valueDate"), situation.zone) for one in reading.outputs(situation.after, "mdt-review")]
    if len(said) == 1 and said[0] is not None and said[0] > situation.at:
        return ()
    return (issue("Say when the MDT reviews this: add one output `mdt-review`, a date ahead.", _OUTPUT, "E5"),)


def contact_attempt(situation: ReviewSituation) -> Issues:
    """E10: a contact with the person was attempted since the escalation, and recorded."""
    if any(_belongs(one, situation) for one in situation.attempts):
        return ()
    text = (
        "No contact attempt since the escalation is recorded: write a Communication `contact-attempt`, `completed` or `not-done` "
        "with its `statusReason`, `about` this Task or its escalation, with `sent`."
    )
    return (issue(text, "Task.status", "E10"),)


def crisis_plan(situation: ReviewSituation) -> Issues:
    """E10: the crisis plan was updated since the escalation, or stands for a reason: output `crisis-plan`."""
    given = reading.outputs(situation.after, "crisis-plan")
    if len(given) == 1 and (_updated(situation, given[0]) or _unchanged(given[0])):
        return ()
    text = (
        f"Say what became of the crisis plan: add one output `crisis-plan`, the CarePlan of this person as it was updated since "
        f"the escalation, or `{NO_CHANGE}` with the reason in `text`."
    )
    return (issue(text, _OUTPUT, "E10"),)


def formulation(situation: ReviewSituation) -> Issues:
    """E12: where safeguarding drives the crisis, a structured formulation stands before the review ends."""
    if situation.concern is None and not situation.flagged:
        return ()
    since = min(filter(None, (situation.concern, asked_at(situation))), default=situation.at)
    if any(one.dataset.complete and one.since >= since for one in situation.formulations):
        return ()
    text = (
        "Safeguarding drives this crisis, and no structured formulation stands: write a RiskAssessment about the person whose "
        "`basis` is a complete response to `mds-risk-formulation`, then decide."
    )
    return (issue(text, "Task.status", "E12"),)


def outputs_kept(situation: ReviewSituation) -> Issues:
    """A note changes no output: those are what a decision says."""
    if situation.current.get("output", []) == situation.after.get("output", []):
        return ()
    return (issue("Outputs are said by a decision, not beside it: leave them as they are.", _OUTPUT, "E5"),)


def asked_at(situation: ReviewSituation) -> datetime | None:
    """The instant at which the escalation was sent, as the service recorded it on its review."""
    return date.begins(situation.current.get("authoredOn"), situation.zone)


def _belongs(attempt: Resource, situation: ReviewSituation) -> bool:
    """Whether a Communication is an attempt to contact the person because of this escalation."""
    if not (contacts.is_contact(attempt) or contacts.has_failed(attempt)):
        return False
    about = {unversioned(ref) for ref in links(attempt, "about")}
    if about.isdisjoint({name_of(situation.current), link(situation.current, "focus")}):
        return False
    sent, asked = contacts.sent_at(attempt, situation.zone), asked_at(situation)
    return sent is not None and asked is not None and sent >= asked


def _updated(situation: ReviewSituation, output: Resource) -> bool:
    plan, changed, asked = situation.plan, situation.changed, asked_at(situation)
    if plan is None or name_of(plan) != reading.value_reference(output) or link(plan, "subject") not in situation.patients:
        return False
    return changed is not None and asked is not None and changed >= asked


def _unchanged(output: Resource) -> bool:
    element = output.get("valueCodeableConcept") or {}
    return NO_CHANGE in {code for _, code in codings(element)} and not blank(str(element.get("text", "")))


def _of_agency(situation: ReviewSituation, named: str, found: Lead, place: str, verb: str) -> Issues:
    """Whether a PractitionerRole is active and of the agency that owns the review."""
    known = found if found.role and name_of(found.role) == named else Lead()
    fault = lead_fault(known, situation.at, situation.zone)
    if not fault and organization_of(known.role or {}) == situation.receiver:
        return ()
    text = f"`{named}` cannot {verb} an active PractitionerRole of the agency that was asked{f': {fault}' if fault else ''}."
    return (issue(text, place, "E5"),)


def _words(situation: Situation, kind: str, text: str, rule: str) -> Issues:
    said = [str(one.get("valueString", "")) for one in reading.outputs(situation.after, kind)]
    return () if any(not blank(each) for each in said) else (issue(text, _OUTPUT, rule),)


def _either(codes: tuple[str, ...]) -> str:
    return " or ".join((", ".join(f"`{one}`" for one in codes[:-1]), f"`{codes[-1]}`"))
