"""What stands in the way of holding a meeting, of changing its agenda, and of closing it. None means that nothing does."""

from __future__ import annotations

from collections.abc import Iterable

from service.care.meeting import meeting as reading
from service.care.meeting.agenda import RESTRICTIVE
from service.care.meeting.decision import ACTIONS, ALLOCATED, DEFERRED, KINDS, NO_ACTION, REDIRECTED, Decision
from service.care.meeting.situation import Attendee, Case, Meeting
from service.care.ownership.role import proposal_fault, role_fault
from service.care.task.dataset import blank
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.date import due
from service.problem import Category, Issue, Problem

RULE = "E1"
PERSONAL = ("subject", "episodeOfCare", "basedOn", "appointment", "reasonReference", "diagnosis", "account", "partOf")
"""The members of an Encounter that lead to a person."""
CLOSING = "Encounter.status"
"""Where a meeting that cannot be closed yet says that it is."""


def refusal(issues: Iterable[Issue]) -> Problem:
    """The refusal of a close with all that it lacks; of one that only asks for what was asked already, as a duplicate (MTG-3)."""
    found = tuple(issues)
    twice = all(each.code == "duplicate" for each in found)
    return Problem(Category.DUPLICATE if twice else Category.RULE, found)


def sound(found: Meeting) -> Issues:
    """A meeting is one agency's, has one chair, and names nobody but who takes part."""
    return (*_whose(found), *of_nobody(found), *_of_one_kind(found), *_chaired(found), *_unknown(found), *_forum(found))


def _whose(found: Meeting) -> Issues:
    if found.provider == found.keeper != "":
        return ()
    text = "A meeting is kept by the agency that provides it: set `serviceProvider` to your Organization."
    return (issue(text, "Encounter.serviceProvider", RULE),)


def of_nobody(found: Meeting) -> Issues:
    """A meeting names no person, nor what is a person's: all who take part read it."""
    text = "A meeting names no person; who is talked about stands on its agenda: leave `{}` out."
    return tuple(issue(text.format(each), f"Encounter.{each}", RULE) for each in PERSONAL if each in found.after)


def _of_one_kind(found: Meeting) -> Issues:
    if len(reading.kinds(found.after)) == 1:
        return ()
    return (issue("A meeting is of one kind: give `type` one coding of `meeting-type`.", "Encounter.type", RULE),)


def _chaired(found: Meeting) -> Issues:
    chairs = reading.chairs(found.after)
    if len(chairs) != 1:
        text = "A meeting has one chair: give one participant the type `chair`."
        return (issue(text, "Encounter.participant", RULE),)
    if reading.APOLOGIES in chairs[0].parts:
        return (issue("The chair cannot send apologies: name another chair.", "Encounter.participant.type", RULE),)
    fault = role_fault(found.chair.role, found.at, found.zone)
    if fault:
        text = f"`{chairs[0].individual}` cannot chair: {fault}. Name an active PractitionerRole."
        return (issue(text, "Encounter.participant.individual", RULE),)
    return ()


def _unknown(found: Meeting) -> Issues:
    text = "`{}` is no PractitionerRole that is known here: name who takes part by their role at an agency."
    return tuple(
        issue(text.format(each.individual or "nobody"), f"Encounter.participant[{place}].individual", RULE)
        for place, each in enumerate(found.attendees)
        if not each.agency or not each.individual.startswith("PractitionerRole/")
    )


def _forum(found: Meeting) -> Issues:
    if not found.forum_fault:
        return ()
    return (issue(found.forum_fault, "Encounter.extension", "MTG-1"),)


def registered(forum: Resource) -> Issues:
    """MTG-1 and MTG-2: how often a forum is held, and whom it needs, can be told."""
    text = "A forum is held at least every ten years, and at most every hour: write its cadence so."
    issues = [issue(text, "HealthcareService.extension", "MTG-1")] if reading.untold_cadence(forum) else []
    if reading.untold_grace(forum):
        issues.append(issue("The grace of a forum is a time of at most ten years.", "HealthcareService.extension", "MTG-1"))
    if not all(reading.required_roles(forum)):
        text = "Whom a forum needs is told by a code, which those who attend have: add one to each `required-role`."
        issues.append(issue(text, "HealthcareService.extension", "MTG-2"))
    return tuple(issues)


def present(found: Meeting) -> Issues:
    """The chair attended."""
    if any(reading.CHAIR in each.parts and each.came for each in found.attendees):
        return ()
    text = "A meeting ends only when its chair attended: record it in the chair's `participant.period`."
    return (issue(text, "Encounter.participant.period", "MTG-2"),)


def by_its_chair(found: Meeting) -> Issues:
    """The chair's agency closes a meeting."""
    if found.agency == found.chair_agency != "":
        return ()
    return (issue("A meeting is closed by its chair's agency.", "Encounter.status", RULE),)


def missing(found: Meeting) -> tuple[str, ...]:
    """MTG-2: the required roles and sectors of the forum that nobody present has; a delegate has those of whoever of their agency
    sent apologies."""
    skills = {skill for each in found.attendees if each.came for skill in _skills(found, each)}
    return tuple(sorted("/".join(sorted(one)) for one in reading.required_roles(found.forum) if skills.isdisjoint(one)))


def _skills(found: Meeting, attendee: Attendee) -> frozenset[str]:
    if reading.DELEGATE not in attendee.parts:
        return attendee.skills
    away = (each for each in found.attendees if each.agency == attendee.agency and reading.APOLOGIES in each.parts)
    return attendee.skills.union(*(each.skills for each in away))


def decided(found: Meeting, case: Case) -> Issues:
    """Every entry has one decision, with its reason and all that it needs."""
    named = f"`{case.entry.item}`"
    if not case.decisions:
        kinds = ", ".join(f"`{each}`" for each in KINDS)
        return (issue(f"{named} on the agenda has no decision: decide {kinds}, with the rationale.", CLOSING, RULE),)
    if len(case.decisions) > 1:
        return (issue(f"{named} has more than one decision: give one.", CLOSING, RULE),)
    made = case.decisions[0]
    return (*_said(named, made), *_carried(found, case, named, made), *_of_kind(found, case, named, made))


def _said(named: str, made: Decision) -> Issues:
    found = []
    if made.kind not in KINDS:
        kinds = ", ".join(f"`{each}`" for each in KINDS)
        found.append(issue(f"The decision about {named} is one of {kinds}.", CLOSING, RULE))
    if not made.rationale:
        found.append(issue(f"The decision about {named} gives its reason: add `rationale`.", CLOSING, RULE))
    return tuple(found)


def _carried(found: Meeting, case: Case, named: str, made: Decision) -> Issues:
    """What each kind of decision needs."""
    if made.kind == ALLOCATED:
        return _allocated(found, case, named, made)
    if made.kind == REDIRECTED and case.referral and not case.triaged:
        return (_elsewhere(named),)
    if made.kind in (DEFERRED, NO_ACTION):
        return _dated(found, named, made)
    if made.kind == ACTIONS and not case.actions:
        text = f"The decision `actions` about {named} has none: give each with `description`, `owner` and `due`."
        return (issue(text, CLOSING, "TIM-11"),)
    return ()


def _dated(found: Meeting, named: str, made: Decision) -> Issues:
    what = "the date to which it is deferred" if made.kind == DEFERRED else "the date on which it is looked at again"
    end = due(made.review, found.zone)
    if end is None:
        return (issue(f"`{made.kind}` about {named} needs `review`: {what}.", CLOSING, RULE),)
    return () if end > found.at else (issue(f"`review` of {named} has passed: give a date that is ahead.", CLOSING, RULE),)


def _elsewhere(named: str) -> Issue:
    return issue(f"{named} waits for another agency's front door, which decides about it.", CLOSING, "TRI-1")


def _allocated(found: Meeting, case: Case, named: str, made: Decision) -> Issues:
    issues = []
    if not made.receiver.startswith("Organization/") or not case.live:
        said = f"`{made.receiver}` is no Organization with a live sharing agreement" if made.receiver else "it names none"
        issues.append(issue(f"An allocation of {named} names its `receiver`; {said}.", CLOSING, "TRI-1"))
    if made.lead and (fault := proposal_fault(case.lead, made.receiver, found.at, found.zone)):
        text = f"`{made.lead}` cannot be proposed to lead {named}: {fault}. Propose an active role of the receiver, or none."
        issues.append(issue(text, CLOSING, "TRI-1"))
    if case.plan is not None and case.leader == made.receiver != "":
        issues.append(issue(f"`{made.receiver}` leads the plan of {named} already: decide `actions`.", CLOSING, RULE))
    if case.plan is None and not case.referral:
        text = f"{named} is no open referral, and its person has no active plan to hand over: put the referral on the agenda."
        issues.append(issue(text, CLOSING, "TRI-1"))
    if case.plan is None and case.referral and not case.triaged:
        issues.append(_asked_already(case, named) if case.allocated else _elsewhere(named))
    return tuple(issues)


def _asked_already(case: Case, named: str) -> Issue:
    """MTG-3: one allocation of a referral is open at a time."""
    text = f"{named} has an open allocation, `{case.allocated}`: wait for its answer, or withdraw it first."
    return Issue("duplicate", text, CLOSING, "MTG-3")


def _of_kind(found: Meeting, case: Case, named: str, made: Decision) -> Issues:
    """What the kind of the meeting, and the reason of the entry, ask for besides."""
    issues = [*_restrictive(case, named, made)]
    if found.kind == reading.CASE_REVIEW:
        issues += _reviewed(found, case, named, made)
    if found.kind == reading.RISK_FORUM:
        issues += _heard(case, named, made)
    return tuple(issues)


def _restrictive(case: Case, named: str, made: Decision) -> Issues:
    """E13: a restrictive measure says why it is proportionate, and how long it lasts."""
    if RESTRICTIVE not in case.entry.reasons and not (made.proportionality or made.lasts):
        return ()
    found = []
    if blank(made.proportionality):
        text = f"A restrictive measure says why it is proportionate: add `proportionality` to the decision about {named}."
        found.append(issue(text, CLOSING, "E13"))
    if not made.duration:
        text = f"A restrictive measure ends by itself: add `duration` to the decision about {named}, such as `14 days`."
        found.append(issue(text, CLOSING, "E13"))
    return tuple(found)


def _reviewed(found: Meeting, case: Case, named: str, made: Decision) -> Issues:
    """E7: each agency has answered for itself, one service coordinates, and the next review is in time (TIM-16)."""
    issues = []
    if not case.leader:
        text = f"A case review has one coordinating service: {named} has no plan with an author that its chair may see."
        issues.append(issue(text, CLOSING, "E7"))
    for agency, why in case.untold:
        text = f"`{agency}` cannot be asked to confirm its role in the plan of {named}: {why}. Take the role out of the plan."
        issues.append(issue(text, CLOSING, "HOV-3"))
    for agency in case.agencies:
        lacks = case.answered.get(agency)
        if lacks is None:
            text = f"`{agency}` has not answered `mds-case-review` for {named}: each agency answers for itself."
            issues.append(issue(text, CLOSING, "E7"))
        elif not lacks.complete:
            open_ = ", ".join(f"`{one}`" for one in dict.fromkeys((*lacks.missing, *lacks.unexplained, *lacks.unknown)))
            why = lacks.fault or f"it leaves {open_} open"
            issues.append(issue(f"The answers of `{agency}` for {named} are not complete: {why}.", CLOSING, "E7"))
    next_ = due(made.review, found.zone)
    if next_ is not None and next_ <= found.at and made.kind not in (DEFERRED, NO_ACTION):
        issues.append(issue(f"The next review of {named} has passed: give a date that is ahead.", CLOSING, "TIM-16"))
    if next_ is not None and case.review_by is not None and next_ > case.review_by:
        until = case.review_by.astimezone(found.zone).date().isoformat()
        issues.append(issue(f"The next review of {named} is at the latest on {until}: set `review` so.", CLOSING, "TIM-16"))
    return tuple(issues)


def _heard(case: Case, named: str, made: Decision) -> Issues:
    """E13 and MTG-5: a case ends with an owned action, or says that there is none; the forum's dataset is complete, names its
    criterion, and says how thresholds were applied."""
    issues = []
    if made.kind in (ALLOCATED, REDIRECTED) and not case.actions:
        text = f"A case of a risk forum ends with an owned action, or with `no-action`: {named} has neither."
        issues.append(issue(text, CLOSING, "E13"))
    if not case.answered:
        text = f"A case of a risk forum has a response to `mds-forum`: {named} has none with this meeting as its `encounter`."
        return (*issues, issue(text, CLOSING, "E13"))
    for lacks in case.answered.values():
        open_ = dict.fromkeys((*lacks.missing, *lacks.unexplained, *lacks.unknown))
        named_ = ", ".join(f"`{one}`" for one in open_)
        if not lacks.complete:
            issues.append(
                issue(f"`mds-forum` of {named} is not complete: {lacks.fault or f'it leaves {named_} open'}.", CLOSING, "E13")
            )
    if not case.criterion:
        text = f"`referral-criterion` of {named} is `repeated-non-engagement`, `safeguarding` or `early-relapse`."
        issues.append(issue(text, CLOSING, "E13"))
    if not case.consistent:
        text = f"`threshold-consistency` of {named} says `consistent`, or who decided differently and how."
        issues.append(issue(text, CLOSING, "MTG-5"))
    return tuple(issues)
