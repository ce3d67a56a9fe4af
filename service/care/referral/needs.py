"""The requirements that the tables of triage, approval and allocation name. Each gives the issues in its way."""

from __future__ import annotations

from dataclasses import replace

from service.care.ownership.role import Lead, lead_fault, organization_of, proposal_fault
from service.care.referral import referral
from service.care.referral.referral import ALLOCATED, OUTCOMES, REDIRECTED, Decision
from service.care.referral.situation import FrontDoorSituation
from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.requirements import Issues, issue
from service.care.task.situation import OWNER
from service.fhir.date import contains, due
from service.fhir.reference import link

_OUT = "Task.output"
LATEST = "the referral has ended meanwhile; read it again"
_BACK = "Until then refer the decision back, with output `guidance`."


def still_open(situation: FrontDoorSituation) -> Issues:
    """The referral has not ended meanwhile."""
    if situation.referral is not None and situation.referral.get("status") == "active":
        return ()
    return (issue(f"Nothing is to be decided any more: {LATEST}.", "Task.focus", "E4"),)


def outputs(situation: FrontDoorSituation) -> Issues:
    """The outputs of a triage are the front door's, and its suggestion is the service's alone."""
    before, found = situation.before or {}, []
    if OWNER not in situation.sides and situation.after.get("output", []) != before.get("output", []):
        found.append(issue("The outputs of a triage are the front door's: say yours in a `note`.", _OUT, "E4"))
    known = reading.outputs(before, "suggestion")
    if any(one not in known for one in reading.outputs(situation.after, "suggestion")):
        text = "Output `suggestion` is the service's, from the pathway: leave yours out, and say `threshold`."
        found.append(issue(text, _OUT, "E4"))
    return tuple(found)


def decided(situation: FrontDoorSituation) -> Issues:
    """TRI-1: a triage ends with a decision that says by whom, why, and on which threshold."""
    made, found = referral.decision_of(situation.after), []
    if made.kind not in (ALLOCATED, REDIRECTED):
        found.append(issue("Triage ends with output `decision`: `allocated` or `redirected`.", _OUT, "TRI-1"))
    if made.threshold not in OUTCOMES:
        names = ", ".join(f"`{one}`" for one in OUTCOMES)
        found.append(issue(f"Say on which threshold you act: output `threshold`, one of {names}.", _OUT, "TRI-1"))
    if blank(made.rationale):
        found.append(issue("A decision gives its reason: add output `rationale`.", _OUT, "TRI-1"))
    return (*found, *decider(situation), *pathway(situation))


def decider(situation: FrontDoorSituation) -> Issues:
    """A decision is somebody's: output `decided-by`, or the user who is signed in, a PractitionerRole of the owner's agency."""
    by = decided_by(situation)
    if not by.startswith("PractitionerRole/"):
        text = "Say who decided: add output `decided-by`, a PractitionerRole of your agency, or sign in as one."
        return (issue(text, _OUT, "E4"),)
    role = situation.deciding.role or {}
    if situation.decider != situation.receiver or not situation.receiver:
        return (issue(f"`{by}` is not of the agency that decides: name a PractitionerRole of it.", _OUT, "E4"),)
    if role.get("active") is not False and contains(role.get("period"), situation.at, situation.zone):
        return ()
    return (issue(f"`{by}` decides nothing any more: name a PractitionerRole that is active.", _OUT, "E4"),)


def decided_by(situation: FrontDoorSituation) -> str:
    """Who decides: output `decided-by`, else the user who is signed in."""
    return referral.decision_of(situation.after).decided_by or situation.user


def pathway(situation: FrontDoorSituation) -> Issues:
    """MTG-4: a decision is taken under the version of the pathway that is in force."""
    named, now = referral.decision_of(situation.after).pathway, situation.suggested.pathway
    if not named or named == now:
        return ()
    right = f"which is `{now}`: decide under that" if now else "there is none: leave output `pathway` out"
    return (issue(f"`{named}` is not the pathway in force, {right}.", _OUT, "MTG-4"),)


def carried(situation: FrontDoorSituation) -> Issues:
    """What the decision needs to be carried out: an agency that may take the person on, or a redirect that is safe."""
    return _carrying(situation, referral.decision_of(situation.after))


def still_carried(situation: FrontDoorSituation) -> Issues:
    """What was decided can still be carried out when it is approved (HOV-3)."""
    found = _carrying(situation, referral.decision_of(situation.triage or {}))
    return tuple(replace(one, text=f"{one.text} {_BACK}", expression="Task.focus") for one in found)


def _carrying(situation: FrontDoorSituation, made: Decision) -> Issues:
    if made.kind == ALLOCATED:
        return _allocated(situation, made)
    return _redirected(situation, made) if made.kind == REDIRECTED else ()


def _allocated(situation: FrontDoorSituation, made: Decision) -> Issues:
    found = []
    if not made.receiver:
        text = "An allocation names its receiver: set output `receiver` to an Organization with a live sharing agreement."
        found.append(issue(text, _OUT, "TRI-1"))
    elif not made.receiver.startswith("Organization/") or not situation.live:
        text = f"`{made.receiver}` is no Organization with a live sharing agreement: set output `receiver` to one."
        found.append(issue(text, _OUT, "TRI-1"))
    elif not situation.authority.permitted:
        text = f"Sharing with `{made.receiver}` is not permitted: {situation.authority.text}."
        found.append(issue(text, _OUT, "HOV-3"))
    if made.lead and (fault := proposal_fault(situation.lead, made.receiver, situation.at, situation.zone)):
        text = f"`{made.lead}` cannot lead: {fault}. Propose an active PractitionerRole of the receiver, or none."
        found.append(issue(text, _OUT, "TRI-1"))
    return tuple(found)


def _redirected(situation: FrontDoorSituation, made: Decision) -> Issues:
    lacks = situation.redirect
    if not made.redirect or lacks.fault:
        why = f": {lacks.fault}" if made.redirect else ""
        text = f"A redirect is a response to the dataset `redirect`{why}. Set output `redirect` to it."
        return (issue(text, _OUT, "E4"),)
    open_ = dict.fromkeys((*lacks.missing, *lacks.unexplained))
    found = [issue(f"The redirect leaves `{one}` open: answer it.", _OUT, "E4") for one in open_]
    if not situation.urgent and "urgent-routes-communicated" not in open_:
        text = "The person is redirected only once they were told how to get urgent help: `urgent-routes-communicated` is true."
        found.append(issue(text, _OUT, "E4"))
    return tuple(found)


def senior(situation: FrontDoorSituation) -> Issues:
    """A borderline decision has a senior who approves it, and who is not who decided it."""
    if not referral.decision_of(situation.after).borderline:
        return ()
    if not situation.senior:
        text = "A borderline decision is approved by the front door's senior: have one registered (`baton partner add --senior`)."
        return (issue(text, _OUT, "E4"),)
    if situation.senior == decided_by(situation):
        return (issue("Nobody decides and approves: another than the senior decides what is borderline.", _OUT, "E4"),)
    return ()


def approver(situation: FrontDoorSituation) -> Issues:
    """Who approves is the front door's senior, whom the Task was made for or who is it now, and not the person who
    decided, in whatever role."""
    by = decided_by(situation)
    made = referral.decision_of(situation.triage or {})
    if by and (by == made.decided_by or _one_person(situation.deciding, situation.earlier)):
        return (issue("Nobody decides and approves: another senior approves this.", _OUT, "E4"),)
    if (found := decider(situation)) or by in (link(situation.current, "owner"), situation.senior):
        return found
    return (issue(f"`{by}` is not the front door's senior, who alone approves: set output `decided-by` to them.", _OUT, "E4"),)


def _one_person(one: Lead, other: Lead) -> bool:
    return link(one.role or {}, "practitioner") == link(other.role or {}, "practitioner") != ""


def guidance(situation: FrontDoorSituation) -> Issues:
    """A decision that comes back says what to look at."""
    given = [str(one.get("valueString", "")) for one in reading.outputs(situation.after, "guidance")]
    if any(not blank(one) for one in given):
        return ()
    return (issue("A decision that is not approved comes back with output `guidance`.", _OUT, "E4"),)


def named_lead(situation: FrontDoorSituation) -> Issues:
    """TRI-1: who accepts names one lead, an active PractitionerRole of the agency."""
    named = reading.lead_reference(situation.after)
    if not named:
        text = "Acceptance names one lead: set output `lead` (or `owner`) to a PractitionerRole of your agency."
        return (issue(text, _OUT, "TRI-1"),)
    known = situation.lead.role or {}
    fault = lead_fault(situation.lead, situation.at, situation.zone) if known else "it is not known here"
    if not fault and organization_of(known) != situation.receiver:
        fault = "it is of another agency"
    owner = link(situation.after, "owner")
    if not fault and owner not in (named, link(situation.current, "owner")):
        fault = f"`owner` says `{owner}`"
    if not fault:
        return ()
    return (issue(f"`{named}` cannot lead: {fault}. Name an active PractitionerRole of your agency.", _OUT, "TRI-1"),)


def aims(situation: FrontDoorSituation) -> Issues:
    """OUT-1: the Goals that an acceptance names are the person's and can be seen; without one there is a date for agreeing them,
    which the service sets where it is left out."""
    unknown = [one for one in referral.goals(situation.after) if one not in situation.goals]
    text = "`{}` is no Goal of this person that you may see: write it first, or give `goals-by`."
    found = [issue(text.format(one), _OUT, "OUT-1") for one in unknown]
    by = referral.goals_by(situation.after)
    if by and ((end := due(by, situation.zone)) is None or end <= situation.at):
        text = f"`{by}` is no date ahead: set output `goals-by` to the date by which the goals are agreed."
        found.append(issue(text, _OUT, "OUT-1"))
    return tuple(found)


def permitted(situation: FrontDoorSituation) -> Issues:
    """HOV-8: the authority on which the person was allocated still holds."""
    if situation.authority.permitted:
        return ()
    return (issue(f"The authority to share no longer holds: {situation.authority.text}.", "Task.input", "HOV-8"),)


def alternative(situation: FrontDoorSituation) -> Issues:
    """TRI-1: a rejection says what should happen instead."""
    given = [
        str(one.get("valueString", "")) or reading.value_reference(one) for one in reading.outputs(situation.after, "alternative")
    ]
    if any(not blank(one) for one in given):
        return ()
    return (issue("A rejection says what should happen instead: add output `alternative`.", _OUT, "TRI-1"),)
