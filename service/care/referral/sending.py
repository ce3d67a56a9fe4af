"""Decides what becomes of a referral as it is written: a literal table of its statuses, and the effects of each change.

A referral is its sender's own until it is sent. Once sent it says what it said; answers may be added, and its sender may withdraw
it. Its end is the service's: an accepted allocation completes it, a redirect revokes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from service.care.referral import referral as reading
from service.care.referral.situation import Referral, Suggested
from service.care.task.dataset import Completeness
from service.care.task.effects import timer_key
from service.care.task.made import communication, task_of
from service.care.task.reading import business_status, code, status_reason, with_member
from service.care.task.requirements import Issues, issue, nobody
from service.care.task.situation import AuditFact, Ids, Outcome, Staged
from service.change import Notice, Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, TASK_INPUT, TASK_OUTPUT, TRIAGE_OUTCOME, TaskCode
from service.fhir.coding import code_in, concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, reference_to
from service.problem import Category, Problem, problem

RULE = "E4"
TOPIC = "handover-task"
ADDED = ("supportingInfo", "note", "extension")
"""What may be added to in a referral that was sent, and not taken from."""
OPEN = frozenset({"meta", "text", "status", *ADDED})
"""What may change in a referral that was sent: everything else goes on saying what it said."""
CLOCKS: Mapping[str, str] = {
    TaskCode.TRIAGE: "TIM-14",
    TaskCode.CLARIFICATION: "TIM-15",
    TaskCode.APPROVE: "TIM-14",
    TaskCode.ALLOCATION: "TIM-11",
}
"""The clock of each Task that a referral leads to."""
KEPT = ("authoredOn", "instantiatesCanonical")
"""What the service wrote, and a client need not repeat."""


def decide(found: Referral, ids: Ids) -> Outcome | Problem:
    """The Outcome of writing a referral, or the refusal that names all that stands in the way."""
    start, end = _status(found.before), _status(found.after)
    change = MOVES.get((start, end))
    if change is None:
        ends = ", ".join(f"`{to}`" for at, to in MOVES if at == start and to != start) or "nothing"
        text = f"A referral that is `{start}` cannot be made `{end}`: from here its sender makes it {ends}."
        return problem(Category.RULE, "business-rule", text, expression="ServiceRequest.status", rule=RULE)
    needs, effect = change
    found = replace(found, after=_completed(found))
    if issues := tuple(one for need in needs for one in need(found)):
        return Problem(Category.RULE, issues)
    return effect(found, ids)


def _status(request: Resource | None) -> str:
    return "none" if request is None else str(request.get("status", ""))


def _completed(found: Referral) -> Resource:
    before, after = found.before or {}, found.after
    given = {name: before[name] for name in KEPT if name in before and name not in after}
    run = {**after, **given}
    if before.get("status") != "active":
        run = with_member(run, "instantiatesCanonical", None)
    return reading.untagged(run, before)


# What stands in the way of sending a referral, of changing one that was sent, and of withdrawing one.


def own(found: Referral) -> Issues:
    """A referral is made by its requester's agency."""
    if found.sender == found.agency != "":
        return ()
    text = "A referral is made by its requester's agency: set `requester` to a PractitionerRole of your agency."
    return (issue(text, "ServiceRequest.requester", RULE),)


def addressed(found: Referral) -> Issues:
    """A referral goes to a front door that is known here and has a live sharing agreement."""
    named = reading.performer(found.after)
    if not found.receiver:
        text = "A referral goes to an Organization or HealthcareService that is registered here: set `performer` to it."
        return (issue(text, "ServiceRequest.performer", RULE),)
    if found.live:
        return ()
    text = f"`{named}` has no live sharing agreement, so nothing is sent to it: name another front door."
    return (issue(text, "ServiceRequest.performer", RULE),)


def about_somebody(found: Referral) -> Issues:
    """A referral is about a person whom its sender may see."""
    if found.known:
        return ()
    return (issue(nobody(found.after), "ServiceRequest.subject", RULE),)


def asking(found: Referral) -> Issues:
    """A referral asks for something to be done."""
    if found.after.get("doNotPerform") is not True:
        return ()
    text = "A referral asks for something to be done: leave `doNotPerform` out."
    return (issue(text, "ServiceRequest.doNotPerform", RULE),)


def evident(found: Referral) -> Issues:
    """Each response that a referral refers to can be seen by its sender; hidden and absent are refused alike."""
    text = "`{}` is no response that you may see: write it first, or leave it out."
    return tuple(issue(text.format(one), "ServiceRequest.supportingInfo", RULE) for one in found.unseen)


def answered(found: Referral) -> Issues:
    """A referral gives one response to the dataset `referral`, however much it answers."""
    if not found.response:
        text = "A referral gives a response to the dataset `referral`: refer to it in `supportingInfo`."
        return (issue(text, "ServiceRequest.supportingInfo", RULE),)
    if found.dataset.fault:
        return (issue(f"The dataset cannot be used: {found.dataset.fault}.", "ServiceRequest.supportingInfo", RULE),)
    return ()


def authorised(found: Referral) -> Issues:
    """The consent decision, or the authority that the referral names, permits the front door to have it (HOV-3)."""
    if found.authority.permitted or not found.receiver:
        return ()
    text = f"Sharing with `{found.receiver}` is not permitted: {found.authority.text}."
    return (issue(text, "ServiceRequest.extension", "HOV-3"),)


def replacing(found: Referral) -> Issues:
    """A referral replaces an earlier one of the same person that has ended, and not itself."""
    named = [one.get("reference", "") for one in found.after.get("replaces", ())]
    if not named:
        return ()
    if len(named) > 1:
        return (issue("A referral replaces one earlier referral: name that alone.", "ServiceRequest.replaces", RULE),)
    if found.circular:
        text = "A referral cannot replace itself, directly or by way of others: leave `replaces` out."
        return (issue(text, "ServiceRequest.replaces", RULE),)
    earlier = found.replaced
    if earlier is None or link(earlier, "subject") != link(found.after, "subject"):
        text = f"`{named[0]}` is no referral of this person that you may see: set `replaces` to one, or leave it out."
        return (issue(text, "ServiceRequest.replaces", RULE),)
    if earlier.get("status") in reading.ENDED:
        return ()
    return (issue("The earlier referral has not ended: withdraw it first, or wait.", "ServiceRequest.replaces", RULE),)


def unchanged(found: Referral) -> Issues:
    """A referral that was sent goes on saying what it said; answers may be added."""
    before, after = found.before or {}, found.after
    changed = [one for one in dict.fromkeys((*before, *after)) if one not in OPEN and before.get(one) != after.get(one)]
    if reading.basis(before) != reading.basis(after):
        changed.append("extension")
    lost = [one for one in ADDED if one not in changed and any(said not in after.get(one, ()) for said in before.get(one, ()))]
    differs = "`{}` of this referral differs from what was sent: withdraw it, and send another that `replaces` it."
    left = "What this referral has in `{0}` was left out: send the `{0}` that it has, and add yours."
    return (
        *(issue(differs.format(one), f"ServiceRequest.{one}", RULE) for one in changed),
        *(issue(left.format(one), f"ServiceRequest.{one}", RULE) for one in lost),
    )


# What follows.


def store(found: Referral, ids: Ids) -> Outcome:
    """Stores a referral that nobody has been sent."""
    del ids
    return _outcome(found, found.after, "referral-written")


def send(found: Referral, ids: Ids) -> Outcome:
    """Sends a referral: the front door is asked for its triage, and the referrer for what the dataset leaves open."""
    sent = {**found.after, "authoredOn": written(found.at)}
    if found.suggested.pathway:
        sent["instantiatesCanonical"] = [found.suggested.pathway]
    triage = _triage(found, sent, ids)
    timers = [Timer(timer_key("TIM-14", triage), "TIM-14", found.decide_by, name_of(triage))]
    made = [Staged(triage, created=True, custodian=found.agency)]
    if lacking(found.dataset):
        asked = _clarification(found, triage, ids)
        made.append(Staged(asked, created=True, custodian=found.agency))
        timers.append(
            Timer(timer_key("TIM-15", asked), "TIM-15", found.answer_by, name_of(asked), 0, {"handover": name_of(triage)})
        )
    if found.elsewhere:
        made.append(Staged(_known_elsewhere(found, triage, ids), created=True, custodian=found.receiver))
    notices = tuple(
        _told(found, one) for one in dict.fromkeys((found.receiver, *([found.sender] if lacking(found.dataset) else [])))
    )
    return replace(_outcome(found, sent, "referral-sent", *made), timers=tuple(timers), notices=notices, disclosure=True)


def amend(found: Referral, ids: Ids) -> Outcome:
    """Stores a referral that was sent with the answers added to it. Answers that complete the dataset end the waiting."""
    del ids
    made = _outcome(found, found.after, "referral-amended")
    more = informed(found)
    return replace(made, writes=(*made.writes, *more.writes), cancelled=more.cancelled, notices=more.notices)


def withdraw(found: Referral, ids: Ids) -> Outcome:
    """Withdraws a referral: every Task that is open because of it is cancelled, and its clock stops. Who was asked to take the
    person on is told, too."""
    del ids
    reason = status_reason("circumstances-changed")
    open_ = [one for one in (found.triage, found.clarification, *found.asked) if one is not None]
    ended = [Staged({**one, "status": "cancelled", "statusReason": reason, "lastModified": written(found.at)}) for one in open_]
    stopped = tuple(timer_key(CLOCKS[code(one)], one) for one in open_)
    made = _outcome(found, found.after, "referral-withdrawn", *ended)
    asked = [one for one in found.asked if code(one) == TaskCode.ALLOCATION]
    told = [Notice(TOPIC, link(one, "owner"), name_of(one), link(one, "for")) for one in asked]
    return replace(made, cancelled=stopped, notices=(_told(found, found.receiver), *told))


def informed(found: Referral) -> Outcome:
    """What answers change in a triage that is open: it is about the newest answers, the suggestion is theirs, and a complete
    dataset ends the waiting and completes the clarification. No writes when nothing changes, and when there are no answers that
    can be used."""
    triage, asked, writes = found.triage, found.clarification, list[Staged]()
    if found.dataset.fault:
        return Outcome(())
    whole, stopped = not lacking(found.dataset), tuple[str, ...]()
    if asked is not None and whole:
        writes, stopped = [Staged(_answered(found, asked))], (timer_key("TIM-15", asked),)
    if triage is not None:
        task = suggested(reading.without(triage, "suggestion"), found.suggested)
        task = {**task, "input": [_dataset(found.response), *(one for one in task.get("input", ()) if not _is_dataset(one))]}
        if whole and business_status(task) == "awaiting-information":
            task = with_member(task, "businessStatus", None)
        if task != triage:
            writes.insert(0, Staged({**task, "lastModified": written(found.at)}))
    return Outcome(tuple(writes), cancelled=stopped, notices=(_told(found, found.receiver),) if writes else ())


def suggested(task: Resource, found: Suggested) -> Resource:
    """A triage Task with the suggestion; without a code a person decides, and the text says why."""
    said = concept(TRIAGE_OUTCOME, found.code, found.why) if found.code else {"text": found.why}
    made = {"type": concept(TASK_OUTPUT, "suggestion"), "valueCodeableConcept": said}
    return {**task, "output": [made, *task.get("output", ())]}


def lacking(found: Completeness) -> tuple[str, ...]:
    """The linkIds that a dataset leaves open, without an answer or without the reason of a `not-known`."""
    return tuple(dict.fromkeys((*found.missing, *found.unexplained)))


def sent_task(found: Referral) -> Resource:
    """The Task with which a referral is sent, for the decision whether it may be: its triage, or what that will be."""
    return found.triage or _triage(found, found.after, lambda: TaskCode.TRIAGE)


def _triage(found: Referral, sent: Resource, ids: Ids) -> Resource:
    inputs = [_dataset(found.response), *_inputs(found, sent)]
    task = task_of(
        ids(),
        TaskCode.TRIAGE,
        requester=link(sent, "requester"),
        owner=reading.performer(sent),
        patient=link(sent, "subject"),
        at=found.at,
        focus=name_of(sent),
        due=found.decide_by,
        priority=str(sent.get("priority", "")),
        inputs=inputs,
    )
    if found.first:
        task["basedOn"] = [reference_to(found.first)]
    if lacking(found.dataset):
        task["businessStatus"] = concept(BUSINESS_STATUS, "awaiting-information")
    return suggested(task, found.suggested)


def _dataset(response: str) -> Resource:
    return {"type": concept(TASK_INPUT, "minimum-dataset"), "valueReference": reference_to(response)}


def given(responses: Iterable[str]) -> list[Resource]:
    """The inputs by which a Task gives responses to its owner."""
    return [*map(_dataset, responses)]


def _is_dataset(given: Resource) -> bool:
    return code_in(given.get("type"), TASK_INPUT) == "minimum-dataset"


def _inputs(found: Referral, sent: Resource) -> Iterator[Resource]:
    """The pathway that the triage runs under, the authority that the referral is shared on, and why an earlier one ended."""
    if found.suggested.pathway:
        yield {"type": concept(TASK_INPUT, "pathway"), "valueCanonical": found.suggested.pathway}
    given = reading.basis(sent)
    if given is not None:
        value = {name: one for name, one in given.items() if name.startswith("value")}
        yield {"type": concept(TASK_INPUT, "sharing-authority"), **value}
    if found.replaced is not None:
        yield {"type": concept(TASK_INPUT, "reason"), "valueReference": reference_to(name_of(found.replaced))}
    for why in found.reasons:
        yield {"type": concept(TASK_INPUT, "rationale"), "valueString": why}


def _clarification(found: Referral, triage: Resource, ids: Ids) -> Resource:
    asked = [{"type": concept(TASK_INPUT, "question"), "valueString": one} for one in lacking(found.dataset)]
    return task_of(
        ids(),
        TaskCode.CLARIFICATION,
        requester=link(triage, "owner"),
        owner=link(triage, "requester"),
        patient=link(triage, "for"),
        at=found.at,
        focus=name_of(triage),
        part_of=name_of(triage),
        due=found.answer_by,
        text="The referral's dataset leaves these items open: " + ", ".join(lacking(found.dataset)),
        priority=str(triage.get("priority", "")),
        inputs=asked,
    )


def _known_elsewhere(found: Referral, triage: Resource, ids: Ids) -> Resource:
    """HOV-10: tells the front door, and nobody else, which plans the person has elsewhere; no reason to close the referral."""
    told = communication(
        ids(),
        "known-elsewhere",
        sender=found.receiver,
        recipients=[found.receiver],
        patient=link(triage, "for"),
        about=name_of(triage),
        at=found.at,
        text="The person has an active plan elsewhere. That is no reason to close the referral.",
    )
    return {**told, "about": [*told["about"], *map(reference_to, found.elsewhere)]}


def _answered(found: Referral, clarification: Resource) -> Resource:
    answer = {"type": concept(TASK_OUTPUT, "answer"), "valueReference": reference_to(found.response)}
    given = [*clarification.get("output", ()), answer]
    return {**clarification, "status": "completed", "lastModified": written(found.at), "output": given}


def _outcome(found: Referral, request: Resource, event: str, *more: Staged) -> Outcome:
    new = found.before is None
    first = Staged(request, created=new, custodian=found.agency if new else "")
    fact = AuditFact("C" if new else "U", event, found.agency, found.user, link(request, "subject"), (name_of(request),))
    return Outcome((first, *more), audits=(fact,))


def _told(found: Referral, agency: str) -> Notice:
    return Notice(TOPIC, agency, name_of(found.after), link(found.after, "subject"))


Need = Callable[[Referral], Issues]
_SEND: tuple[Need, ...] = (own, addressed, about_somebody, asking, answered, evident, authorised, replacing)

# fmt: off
MOVES: Mapping[tuple[str, str], tuple[tuple[Need, ...], Callable[[Referral, Ids], Outcome]]] = {
    ("none",   "draft"):            ((own,),                  store),
    ("none",   "active"):           (_SEND,                   send),
    ("draft",  "draft"):            ((own,),                  store),
    ("draft",  "active"):           (_SEND,                   send),
    ("draft",  "revoked"):          ((own,),                  store),
    ("draft",  "entered-in-error"): ((own,),                  store),
    ("active", "active"):           ((own, unchanged, evident), amend),
    ("active", "revoked"):          ((own, unchanged),        withdraw),
    ("active", "entered-in-error"): ((own, unchanged),        withdraw),
}
# fmt: on
"""The statuses that a referral's sender moves it from and to; its end in every other way is the service's."""
