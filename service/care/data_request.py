"""The data request: one agency asks another, by a Task, for what it keeps about a person.

The rules, in prose (consent rules, section 4):

- The requester's agency asks: for which types of record, for which purposes, why; it may narrow by category and time, claim a
  lawful basis, and say by when it needs the answer. It asks the agency that keeps the records, or a named person of it.
- Who claims no basis and asks the agency as such asks only for what consent and policy permit anyway. That is answered at once,
  in the transaction that creates the Task. Who claims a basis, or asks a named person, waits until a named person of the agency
  approves. Which of the two it is depends on what was sent and on nothing else, so that waiting tells nothing about records.
- The owner's agency acknowledges (`received`), approves (`completed`, with `owner` a named, active PractitionerRole of its own; a
  user approves as who they are), or rejects with a coded reason. The requester's agency may cancel until it is answered.
- Who approves judges the claimed basis, and may replace or drop it. Nothing else of what was asked changes (HOV-1).
- `completed` says that the request was answered, and its outputs name the records of what was disclosed. It has none when nothing
  is kept, and when nothing may be had: the two look the same. Outputs are written by the service alone.
- Nobody else's move, and no other move, is legal: the table is total (HOV-1). For a third agency there is no such Task (HOV-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from service.care import effects
from service.care import task as tasks
from service.care.dataset import blank
from service.care.handover import absent
from service.care.identity import role_fault
from service.care.requirements import Issues, accept_by_of, creator, fixed, reason
from service.care.situation import OWNER, REQUESTER, STRANGER, Outcome, Repeat, Situation
from service.care.transition import Move, illegal, legal
from service.change import Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, TASK_INPUT
from service.fhir.coding import code_in, concept
from service.fhir.date import written
from service.fhir.operation import Given, Input
from service.fhir.reference import link, name_of
from service.problem import Category, Issue, Problem

CODE = "data-request"
RULE = "consent-rules 4"
WAITING = "awaiting-approval"
INPUTS: Mapping[str, Input] = {
    "type": Input("record-type", ("valueCode",), required=True, repeats=True),
    "purpose": Input("purpose", ("valueCoding",), required=True, repeats=True),
    "category": Input("record-category", ("valueCode", "valueCoding", "valueCodeableConcept"), repeats=True),
    "period": Input("record-period", ("valuePeriod",)),
    "basis": Input("sharing-authority", ("valueCodeableConcept",)),
}
"""What a data request is given, by the name that `$disclose` has for it."""
_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("none",      "requested", _R, ("owner", "why", "inputs", "answer_by", "unanswered"), effect="ask"),
    Move("requested", "received",  _O, ("unanswered",)),
    Move("requested", "rejected",  _O, ("reason", "unanswered"), effect="close"),
    Move("received",  "rejected",  _O, ("reason", "unanswered"), effect="close"),
    Move("requested", "cancelled", _R, ("reason", "unanswered"), effect="close"),
    Move("received",  "cancelled", _R, ("reason", "unanswered"), effect="close"),
    Move("requested", "completed", _O, ("approver", "inputs", "unanswered"), effect="release"),
    Move("received",  "completed", _O, ("approver", "inputs", "unanswered"), effect="release"),
)
# fmt: on


def decide(situation: Situation) -> Outcome | Repeat | Problem:
    """Whether a submitted data request may be stored. `Outcome.disclosure`: the answer is due in the same transaction, and
    `answered` says it on the Task. `situation.lead` is the directory entry that `owner` names; None when it is not here.

    Order: whose it is (HOV-11), is it a repeat (HOV-5), is it a move of the table for this side, does it have what the row needs.
    """
    if situation.before is not None and situation.sides == (STRANGER,):
        return absent()
    if situation.before is None and (issues := creator(situation)):
        return Problem(Category.RULE, issues)
    situation = replace(situation, after=_completed(situation))
    if stands(situation):
        return Repeat(situation.before or {})
    row = legal(TABLE, tasks.status(situation.before), tasks.status(situation.after), situation.sides)
    if row is None:
        return illegal(TABLE, situation, f"`{CODE}`")
    frozen = fixed(situation, row.effect) if situation.before is not None else ()
    issues = (*frozen, *(issue for need in row.needs for issue in NEEDS[need](situation)))
    return Problem(Category.RULE, issues) if issues else EFFECTS[row.effect](situation)


def waits(task: Resource) -> bool:
    """Whether a named person must approve: a basis is claimed, or a named person is asked."""
    return bool(tasks.inputs(task, "sharing-authority")) or not link(task, "owner").startswith("Organization/")


def stands(situation: Situation) -> bool:
    """HOV-5: whether the submitted Task says what is stored already, its outputs aside, which the service adds."""
    before, after = situation.before, situation.after
    if before is None or tasks.status(before) != tasks.status(after):
        return False
    told = after.get("output") in (None, before.get("output"))
    return told and _said(before) == _said(after)


def given(task: Resource) -> Given:
    """What was asked, in the names of `$disclose`'s parameters."""
    values = {name: [_value(each, wanted) for each in tasks.inputs(task, wanted.name)] for name, wanted in INPUTS.items()}
    return {**values, "reason": [str((task.get("reasonCode") or {}).get("text", ""))]}


def place(name: str) -> str:
    """The FHIRPath of what a parameter of `$disclose` is called in a data request."""
    if name in INPUTS:
        return f"Task.input.where(type.coding.code = '{INPUTS[name].name}')"
    return {"recipient": "Task.requester", "reason": "Task.reasonCode.text"}.get(name, f"Task.{name}")


def answered(task: Resource, records: tuple[str, ...]) -> Resource:
    """The Task with its answer: completed, and what was disclosed as outputs; none when nothing was."""
    done = tasks.with_member({**task, "status": "completed"}, "businessStatus", None)
    for record in records:
        done = tasks.with_output(done, "disclosure", valueReference={"reference": record})
    return done


def owner(situation: Situation) -> Issues:
    """It is an order to one agency that is here, or to a named person who acts for it now."""
    after, named = situation.after, link(situation.after, "owner")
    found = []
    if after.get("intent") != "order":
        found.append(_issue("A data request is an order: set `intent` to `order`.", "Task.intent"))
    if not named.startswith(("Organization/", "PractitionerRole/")) or situation.lead is None:
        text = "A data request goes to an Organization or PractitionerRole that is registered here: set `owner`."
        return (*found, _issue(text, "Task.owner"))
    if situation.receiver == situation.agency:
        text = "Your own agency needs no request to read its own records: set `owner` to another."
        return (*found, _issue(text, "Task.owner"))
    if named.startswith("PractitionerRole/") and (fault := role_fault(situation.lead, situation.at, situation.zone)):
        found.append(_issue(f"`{named}` cannot answer: {fault}. Set `owner` to another, or to the Organization.", "Task.owner"))
    return tuple(found)


def why(situation: Situation) -> Issues:
    """It says why, in words."""
    concept_ = situation.after.get("reasonCode")
    if isinstance(concept_, dict) and not blank(str(concept_.get("text", ""))):
        return ()
    return (_issue("A data request says why: write it as `reasonCode.text`.", place("reason")),)


def inputs(situation: Situation) -> Issues:
    """It says what is asked and for what, as `INPUTS` has it, and nothing that would be passed over."""
    return tuple(_misgiven(situation.after))


def answer_by(situation: Situation) -> Issues:
    """A date to answer by is a readable instant ahead. It may be left out."""
    if "end" not in ((situation.after.get("restriction") or {}).get("period") or {}):
        return ()
    due, where = accept_by_of(situation.after, situation), "Task.restriction.period.end"
    if due is not None and due > situation.at:
        return ()
    return (_issue("The date to answer by is an instant ahead: correct `restriction.period.end`, or leave it out.", where),)


def unanswered(situation: Situation) -> Issues:
    """What was disclosed is said by the service alone."""
    if not situation.after.get("output"):
        return ()
    return (_issue("The outputs of a data request are written by the service: send none.", "Task.output"),)


def approver(situation: Situation) -> Issues:
    """A named person answers for a release: an active PractitionerRole of the agency that was asked; a user as themselves."""
    named, where = link(situation.after, "owner"), "Task.owner"
    fault = role_fault(situation.lead if named.startswith("PractitionerRole/") else None, situation.at, situation.zone)
    if fault:
        text = f"A named person approves: {fault}. Set `owner` to an active PractitionerRole of your agency."
        return (_issue(text, where),)
    if link(situation.lead, "organization") != situation.receiver:
        return (_issue(f"`{named}` does not act for the agency that was asked: set `owner` to one of its own.", where),)
    if situation.user not in ("", named):
        return (_issue(f"You approve in your own name: set `owner` to `{situation.user}`.", where),)
    return ()


def ask(situation: Situation) -> Outcome:
    """It waits for a named person, with its clock when it names a date (TIM-11); else its answer is due with it.

    The time of asking is the service's: a Task's parties hold no standing by it, and no date of theirs may give them one.
    """
    task = {**effects.kept(situation), "authoredOn": written(situation.at)}
    if not waits(task):
        return replace(_moved(situation, task), disclosure=True)
    due = accept_by_of(task, situation)
    timers = (Timer(effects.timer_key("TIM-11", task), "TIM-11", due, name_of(task)),) if due else ()
    return replace(_moved(situation, {**task, "businessStatus": concept(BUSINESS_STATUS, WAITING)}), timers=timers)


def move(situation: Situation) -> Outcome:
    """A move without further consequence."""
    return _moved(situation, effects.kept(situation))


def close(situation: Situation) -> Outcome:
    """Rejected or cancelled: nobody's approval is awaited any more, and the clock stops."""
    task = tasks.with_member(effects.kept(situation), "businessStatus", None)
    return replace(_moved(situation, task), cancelled=_clocks(situation))


def release(situation: Situation) -> Outcome:
    """Approved: the answer is due in the same transaction, and the clock stops."""
    return replace(close(situation), disclosure=True)


def _moved(situation: Situation, task: Resource) -> Outcome:
    return effects.outcome(situation, task, f"{CODE}-{task['status']}")


def _clocks(situation: Situation) -> tuple[str, ...]:
    return (effects.timer_key("TIM-11", situation.current),)


def _completed(situation: Situation) -> Resource:
    """The submitted Task with what the service wrote on it and a client need not repeat."""
    before, after = situation.before or {}, effects.completed(situation)
    same = before.get("for") if link(before, "for") == link(after, "for") else None
    return {**after, "for": same} if same else after


def _said(task: Resource) -> Resource:
    return {name: value for name, value in effects.said(task).items() if name != "output"}


def _value(element: Resource, wanted: Input) -> object:
    return next((element[kind] for kind in wanted.kinds if kind in element), None)


def _misgiven(task: Resource) -> Iterator[Issue]:
    known = {wanted.name for wanted in INPUTS.values()}
    for each in task.get("input", ()):
        if (coded := code_in(each.get("type"), TASK_INPUT)) not in known:
            text = f"A data request has no input `{coded}`: it is one of `{'`, `'.join(sorted(known))}` of `task-input`."
            yield _issue(text, "Task.input")
    for name, wanted in INPUTS.items():
        found = tasks.inputs(task, wanted.name)
        if wanted.required and not found:
            yield _issue(f"A data request says its `{wanted.name}`: add an input of that type.", place(name))
        if not wanted.repeats and len(found) > 1:
            yield _issue(f"A data request has one input `{wanted.name}` at most: send one.", place(name))
        if any(_value(each, wanted) is None for each in found):
            yield _issue(f"The input `{wanted.name}` comes as `{'` or `'.join(wanted.kinds)}`: send it so.", place(name))


def _issue(text: str, expression: str) -> Issue:
    return Issue("business-rule", text, expression, RULE)


NEEDS: Mapping[str, Callable[[Situation], Issues]] = {
    rule.__name__: rule for rule in (owner, why, inputs, answer_by, unanswered, approver, reason)
}
EFFECTS: Mapping[str, Callable[[Situation], Outcome]] = {effect.__name__: effect for effect in (ask, move, close, release)}
