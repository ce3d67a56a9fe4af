"""Sending an escalation (E5): what it needs, and what it makes. What is sent stays as it was sent."""

from __future__ import annotations

from collections.abc import Callable

from service.care.ownership.role import lead_fault
from service.care.step_up import due, routing
from service.care.step_up.situation import EscalationSituation
from service.care.task import reading
from service.care.task.dataset import blank, problem_of
from service.care.task.made import task_of
from service.care.task.requirements import Issues, issue
from service.care.task.situation import AuditFact, Ids, Outcome, Staged
from service.change import Notice, Resource, Timer
from service.fhir.canonical import (
    LAWFUL_BASES,
    LAWFUL_BASIS,
    REQUEST_CATEGORY,
    SHARING_AUTHORITY,
    TASK_INPUT,
    URIS,
    TaskCode,
)
from service.fhir.coding import code_in, codes_in, concept
from service.fhir.date import written
from service.fhir.reference import link, links, name_of, reference_to
from service.problem import Category, Problem

ESCALATION, CONTACT_PLAN = "escalation", "contact-plan"
DRAFT, SENT, REVOKED = "draft", "active", "revoked"
NOTICE = "escalation"
_BESIDE = frozenset(("meta", "text", "note"))


def of_category(request: Resource | None, category: str) -> bool:
    """Whether a ServiceRequest is of a category of ours."""
    return category in codes_in((request or {}).get("category"), REQUEST_CATEGORY)


def decide(situation: EscalationSituation, ids: Ids) -> Outcome | Problem:
    """Decides whether an escalation may be stored as submitted: the Outcome to commit, or the refusal that names every unmet
    need."""
    before, after = situation.before, situation.after
    if before is not None and (before.get("status"), after.get("status")) == (SENT, REVOKED):
        issues = (*as_sent(situation, _BESIDE | {"status", "extension"}), *undecided(situation))
        return Problem(Category.RULE, issues) if issues else withdraw(situation)
    if before is not None and before.get("status") != DRAFT:
        issues = as_sent(situation)
        return Problem(Category.RULE, issues) if issues else _stored(situation)
    if after.get("status") == DRAFT:
        issues = requester(situation)
        return Problem(Category.RULE, issues) if issues else _stored(situation)
    issues = tuple(found for need in NEEDS for found in need(situation))
    return Problem(Category.RULE, issues) if issues else send(situation, ids)


def as_sent(situation: EscalationSituation, beside: frozenset[str] = _BESIDE) -> Issues:
    """A sent escalation says what was sent, and its status follows from its review; notes may be added."""
    before, after = situation.before or {}, situation.after
    changed = [one for one in dict.fromkeys((*before, *after)) if one not in beside and before.get(one) != after.get(one)]
    if any(kept not in after.get("extension", ()) for kept in before.get("extension", ())) and "extension" not in changed:
        changed.append("extension")
    if any(kept not in after.get("note", ()) for kept in before.get("note", ())):
        changed.append("note")
    text = "`{}` of this escalation differs from what was sent: send it as it was, and another escalation that `replaces` it."
    return tuple(issue(text.format(one), f"ServiceRequest.{one}", "E5") for one in changed)


def undecided(situation: EscalationSituation) -> Issues:
    """Who escalated may withdraw until somebody has decided."""
    if situation.open and situation.open[0].get("status") in ("requested", "received"):
        return ()
    text = "This escalation was decided: what becomes of it follows from its review."
    return (issue(text, "ServiceRequest.status", "E5"),)


def withdraw(situation: EscalationSituation) -> Outcome:
    """Withdraws an escalation: its review, and what its sender was asked because of it, are cancelled, and their clocks stop."""
    reason, at = reading.status_reason("circumstances-changed"), written(situation.at)
    ended_ = [Staged({**one, "status": "cancelled", "statusReason": reason, "lastModified": at}) for one in situation.open]
    return Outcome(
        (_first(situation, situation.after), *ended_),
        cancelled=tuple(f"{rule}:{name_of(one)}" for one in situation.open for rule in ("TIM-5", "TIM-11")),
        notices=tuple(Notice(NOTICE, situation.receiver, name_of(one), situation.person) for one in situation.open[:1]),
        audits=(_fact(situation, "escalation-withdrawn"),),
    )


def status(situation: EscalationSituation) -> Issues:
    """An escalation is written as a draft, or sent."""
    if situation.after.get("status") == SENT:
        return ()
    said = situation.after.get("status")
    text = f"An escalation is `draft` or `active`, not `{said}`: what becomes of it follows from its review."
    return (issue(text, "ServiceRequest.status", "E5"),)


def person(situation: EscalationSituation) -> Issues:
    """The sender may see the person and is of the person's care team; a person whom it may not see is refused alike."""
    if situation.known:
        return ()
    text = f"`{situation.person}` is nobody here in whose care team your agency is: set `subject` to a person of whom it is."
    return (issue(text, "ServiceRequest.subject", "E5"),)


def requester(situation: EscalationSituation) -> Issues:
    """An escalation is sent by a PractitionerRole of the sender's agency."""
    named = link(situation.after, "requester")
    if named.startswith("PractitionerRole/") and situation.organizations.get(named, "") == situation.agency != "":
        return ()
    text = f"`{named}` is no PractitionerRole of your agency: set `requester` to who escalates."
    return (issue(text, "ServiceRequest.requester", "E5"),)


def performer(situation: EscalationSituation) -> Issues:
    """An escalation asks one agency that is registered here, or a clinician of it who is active."""
    asked = situation.asked
    if not situation.receiver:
        text = f"`{asked}` is not registered here: set `performer` to a PractitionerRole, HealthcareService or Organization."
        return (issue(text, "ServiceRequest.performer", "E5"),)
    if not asked.startswith("PractitionerRole/"):
        return ()
    fault = lead_fault(situation.clinician, situation.at, situation.calendar.zone)
    if not fault:
        return ()
    text = f"`{asked}` cannot review an escalation: {fault}. Name an active clinician, or their agency."
    return (issue(text, "ServiceRequest.performer", "E5"),)


def answers(situation: EscalationSituation) -> Issues:
    """E5: an escalation has one response to the dataset `escalation`, with its four answers."""
    place, count = "ServiceRequest.supportingInfo", len(situation.responses)
    if count != 1:
        text = f"An escalation has one response to `mds-escalation` in `supportingInfo`, this has {count}: refer to that one."
        return (issue(text, place, "E5"),)
    found = problem_of(situation.dataset, rule="E5", expression=place)
    return found.issues if found else ()


def basis(situation: EscalationSituation) -> Issues:
    """HOV-3: an authority to share that is given is a Consent, or a lawful basis with its justification."""
    given = authority_of(situation.after)
    if given is None or link(given, "valueReference").startswith("Consent/"):
        return ()
    element = given.get("valueCodeableConcept", {})
    code, place = code_in(element, LAWFUL_BASIS), "ServiceRequest.extension"
    if code not in LAWFUL_BASES:
        return (issue("The extension `sharing-authority` is a Consent or a code of `lawful-basis`: set one.", place, "HOV-3"),)
    if code != "direct-care" and blank(str(element.get("text", ""))):
        return (issue(f"The lawful basis `{code}` needs its justification: set its `text`.", place, "HOV-3"),)
    return ()


def authority(situation: EscalationSituation) -> Issues:
    """HOV-3: the consent decision permits sharing the escalation and its answers with the agency asked."""
    if situation.authority.permitted or not situation.known or not situation.receiver or situation.receiver == situation.agency:
        return ()
    why = situation.authority.text
    text = f"Sharing with `{situation.receiver}` is not permitted: {why}. Give an authority in the extension `sharing-authority`."
    return (issue(text, "ServiceRequest.extension", "HOV-3"),)


def replaces(situation: EscalationSituation) -> Issues:
    """An escalation replaces escalations about the same person that were rejected, and never itself."""
    known = {name_of(one): one for one in situation.replaced}
    wrong = []
    for ref in links(situation.after, "replaces"):
        found = known.get(ref)
        if ref == name_of(situation.after):
            wrong.append(f"`{ref}` cannot replace itself: leave `replaces` out, or name the escalation that was rejected.")
        elif not of_category(found, ESCALATION) or (found or {}).get("status") != REVOKED:
            wrong.append(f"`{ref}` is no rejected escalation about this person: name one in `replaces`, or leave it out.")
    return tuple(issue(text, "ServiceRequest.replaces", "E5") for text in wrong)


NEEDS: tuple[Callable[[EscalationSituation], Issues], ...] = (
    status,
    person,
    requester,
    performer,
    answers,
    basis,
    authority,
    replaces,
)
"""What sending an escalation needs, in the order in which a refusal names it."""


def authority_of(request: Resource) -> Resource | None:
    """The extension of a request that holds the authority to share it, or None."""
    return next((one for one in request.get("extension", ()) if one.get("url") == SHARING_AUTHORITY), None)


def send(situation: EscalationSituation, ids: Ids) -> Outcome:
    """Sends an escalation: stores it with the Task of its review, starts TIM-5, and has the disclosure recorded (HOV-3)."""
    request = _under(situation.after, situation)
    task = review_of(situation, request, ids)
    when = due.review(situation.at, str(request.get("priority", "")), situation.calendar, situation.pathway)
    return Outcome(
        (_first(situation, request), Staged(task, created=True, custodian=situation.agency)),
        timers=(Timer(f"TIM-5:{name_of(task)}", "TIM-5", when, name_of(task)),),
        notices=(Notice(NOTICE, situation.receiver, name_of(task), situation.person),),
        audits=(_fact(situation, "escalation-sent"),),
        disclosure=situation.receiver != situation.agency,
    )


def review_of(situation: EscalationSituation, request: Resource, ids: Ids) -> Resource:
    """The escalation-review Task of a sent escalation."""
    priority, at, calendar = str(request.get("priority", "")), situation.at, situation.calendar
    task = task_of(
        ids(),
        TaskCode.ESCALATION_REVIEW,
        requester=link(request, "requester"),
        owner=routing.reached(situation.asked, situation.routes, at, calendar, situation.passed),
        patient=situation.person,
        at=at,
        focus=name_of(request),
        due=due.review(at, priority, calendar, situation.pathway),
        text="Decide on this escalation",
        conversation={"system": URIS, "value": f"urn:uuid:{ids()}"},
        priority=priority,
        inputs=_inputs(situation, request),
    )
    return {**task, "instantiatesCanonical": situation.pathway.canonical} if situation.pathway else task


def _inputs(situation: EscalationSituation, request: Resource) -> list[Resource]:
    made: list[Resource] = [
        {"type": concept(TASK_INPUT, "minimum-dataset"), "valueReference": reference_to(ref)} for ref in situation.responses
    ]
    given = authority_of(request)
    if given is not None:
        value = {name: held for name, held in given.items() if name != "url"}
        made.append({"type": concept(TASK_INPUT, "sharing-authority"), **value})
    return made


def _under(request: Resource, situation: EscalationSituation) -> Resource:
    """The request with the version of the pathway under which it runs (MTG-4)."""
    if situation.pathway is None:
        return request
    return {**request, "instantiatesCanonical": [situation.pathway.canonical]}


def _stored(situation: EscalationSituation) -> Outcome:
    return Outcome((_first(situation, situation.after),), audits=(_fact(situation, "escalation-written"),))


def _first(situation: EscalationSituation, request: Resource) -> Staged:
    return Staged(request, created=situation.before is None, custodian=situation.agency if situation.before is None else "")


def _fact(situation: EscalationSituation, event: str) -> AuditFact:
    action = "C" if situation.before is None else "U"
    return AuditFact(action, event, situation.agency, situation.user, situation.person, (name_of(situation.after),))


def revoked(request: Resource) -> Resource:
    """A rejected escalation."""
    return {**request, "status": REVOKED}


def ended(request: Resource) -> Resource:
    """An escalation whose review was completed, or a contact plan at its end."""
    return {**request, "status": "completed"}
