"""The requirements that the companion Tasks' tables name. `Situation.about` is the handover that a companion Task is about."""

from __future__ import annotations

from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.requirements import Issues, contact, issue
from service.care.task.situation import Situation
from service.fhir.canonical import TaskCode
from service.fhir.coding import codings
from service.fhir.reference import link, name_of


def about_started_handover(situation: Situation) -> Issues:
    """An abort is about a handover in progress that the caller's agency sent, and goes to the agency that owns the handover."""
    handover, after = situation.about, situation.after
    found = []
    if handover is None or name_of(handover) != link(after, "focus") or reading.code(handover) != TaskCode.HANDOVER:
        return (issue("An abort is about one handover: set `focus` to it.", "Task.focus"),)
    if reading.status(handover) != "in-progress":
        text = f"An abort is for a handover that is `in-progress`, this is `{reading.status(handover)}`: cancel it instead."
        found.append(issue(text, "Task.focus"))
    if situation.organization(link(handover, "requester")) != situation.agency:
        found.append(issue("Only the agency that sent the handover asks for its abort.", "Task.requester"))
    if situation.organization(link(after, "owner")) != situation.organization(link(handover, "owner")):
        found.append(issue("An abort goes to the handover's owner: set `owner` to it.", "Task.owner"))
    if link(after, "for") != link(handover, "for"):
        found.append(issue("An abort is for the handover's person: set `for` to them.", "Task.for"))
    return tuple(found)


def still_started(situation: Situation) -> Issues:
    """The handover of an abort is still in progress, so that the abort has work to stop."""
    if situation.about is not None and reading.status(situation.about) == "in-progress":
        return ()
    return (issue("The handover is no longer `in-progress`: reject the abort.", "Task.focus"),)


def why(situation: Situation) -> Issues:
    """An abort says why: a coded `reasonCode`, or `statusReason`."""
    after = situation.after
    if any(code for _, code in codings(after.get("reasonCode"))) or reading.reason(after):
        return ()
    return (issue("An abort says why: set a coded `reasonCode`.", "Task.reasonCode"),)


def answer(situation: Situation) -> Issues:
    """A clarification is completed with its answer, as output `answer`."""
    after = situation.after
    answers = (str(one.get("valueString", "")) or reading.value_reference(one) for one in reading.outputs(after, "answer"))
    if any(not blank(one) for one in answers):
        return ()
    return (issue("A clarification is done by its answer: add output `answer`.", "Task.output"),)


def contacted(situation: Situation) -> Issues:
    """A follow-up is completed with a contact that happened, or with the reason why none is required (TIM-3)."""
    if not contact(situation):
        return ()
    text = "A follow-up is done by a contact, not an attempt: add `first-contact`, or `no-contact-required` with its reason."
    return (issue(text, "Task.output", "TIM-3"),)
