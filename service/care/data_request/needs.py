"""The requirements that a data request's table names. Each gives the issues in its way; none means that it is met."""

from __future__ import annotations

from collections.abc import Iterator

from service.care.data_request.question import INPUTS, RULE, place, value
from service.care.data_request.situation import RequestSituation
from service.care.ownership.role import role_fault
from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.canonical import TASK_INPUT
from service.fhir.coding import code_in
from service.fhir.reference import link
from service.problem import Issue


def owner(situation: RequestSituation) -> Issues:
    """A data request is an order to one agency that is registered here, or to a named person who acts for that agency now."""
    after, named = situation.after, link(situation.after, "owner")
    found = []
    if after.get("intent") != "order":
        found.append(issue("A data request is an order: set `intent` to `order`.", "Task.intent", RULE))
    if not named.startswith(("Organization/", "PractitionerRole/")) or situation.asked is None:
        text = "A data request goes to an Organization or PractitionerRole that is registered here: set `owner`."
        return (*found, issue(text, "Task.owner", RULE))
    if situation.receiver == situation.agency:
        text = "Your own agency needs no request to read its own records: set `owner` to another."
        return (*found, issue(text, "Task.owner", RULE))
    if named.startswith("PractitionerRole/") and (fault := role_fault(situation.asked, situation.at, situation.zone)):
        found.append(
            issue(f"`{named}` cannot answer: {fault}. Set `owner` to another, or to the Organization.", "Task.owner", RULE)
        )
    return tuple(found)


def why(situation: RequestSituation) -> Issues:
    """A data request says why in words."""
    concept_ = situation.after.get("reasonCode")
    if isinstance(concept_, dict) and not blank(str(concept_.get("text", ""))):
        return ()
    return (issue("A data request says why: write it as `reasonCode.text`.", place("reason"), RULE),)


def inputs(situation: RequestSituation) -> Issues:
    """A data request has the inputs that `INPUTS` requires, each in its form, and no input that the service would ignore."""
    return tuple(_misgiven(situation.after))


def answer_by(situation: RequestSituation) -> Issues:
    """A date to answer by is a readable instant ahead; a data request may leave the date out."""
    if "end" not in ((situation.after.get("restriction") or {}).get("period") or {}):
        return ()
    due, where = reading.due(situation.after, situation.zone), "Task.restriction.period.end"
    if due is not None and due > situation.at:
        return ()
    return (issue("The date to answer by is an instant ahead: correct `restriction.period.end`, or leave it out.", where, RULE),)


def unanswered(situation: RequestSituation) -> Issues:
    """A submitted data request has no outputs: only the service writes which records were disclosed."""
    if not situation.after.get("output"):
        return ()
    return (issue("The outputs of a data request are written by the service: send none.", "Task.output", RULE),)


def approver(situation: RequestSituation) -> Issues:
    """A named person answers for a release: an active PractitionerRole of the agency that was asked; a user names themselves."""
    named, where = link(situation.after, "owner"), "Task.owner"
    fault = role_fault(situation.asked if named.startswith("PractitionerRole/") else None, situation.at, situation.zone)
    if fault:
        text = f"A named person approves: {fault}. Set `owner` to an active PractitionerRole of your agency."
        return (issue(text, where, RULE),)
    if link(situation.asked, "organization") != situation.receiver:
        return (issue(f"`{named}` does not act for the agency that was asked: set `owner` to one of its own.", where, RULE),)
    if situation.user not in ("", named):
        return (issue(f"You approve in your own name: set `owner` to `{situation.user}`.", where, RULE),)
    return ()


def _misgiven(task: Resource) -> Iterator[Issue]:
    known = {wanted.name for wanted in INPUTS.values()}
    for each in task.get("input", ()):
        if (coded := code_in(each.get("type"), TASK_INPUT)) not in known:
            text = f"A data request has no input `{coded}`: it is one of `{'`, `'.join(sorted(known))}` of `task-input`."
            yield issue(text, "Task.input", RULE)
    for name, wanted in INPUTS.items():
        found = reading.inputs(task, wanted.name)
        if wanted.required and not found:
            yield issue(f"A data request says its `{wanted.name}`: add an input of that type.", place(name), RULE)
        if not wanted.repeats and len(found) > 1:
            yield issue(f"A data request has one input `{wanted.name}` at most: send one.", place(name), RULE)
        if any(value(each, wanted) is None for each in found):
            yield issue(f"The input `{wanted.name}` comes as `{'` or `'.join(wanted.kinds)}`: send it so.", place(name), RULE)
