"""The close of a meeting: every entry of its agenda has a decision, and each decision is carried out, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from service import clock
from service.care.meeting import agenda, decision, effects, meeting, needs
from service.care.meeting.decision import ALLOCATED, DEFERRED, REDIRECTED, Decision
from service.care.meeting.situation import Case, Meeting
from service.care.ownership.plan import ENDED
from service.care.task import reading
from service.care.task.requirements import issue
from service.care.task.situation import AuditFact, Outcome, Staged
from service.care.task.timers import after
from service.change import Notice, Resource, Timer
from service.fhir.canonical import (
    DECISION,
    TASK_OUTPUT,
    TRIAGE_OUTCOME,
    TaskCode,
)
from service.fhir.coding import codes_in, concept
from service.fhir.reference import link, links, name_of, reference_to, unversioned
from service.problem import Category, Issue, Refused
from service.usecases.care import agendas, meeting_cases, outcomes, tasks
from service.usecases.request.proposal import Proposal
from service.usecases.request.viewer import Viewer
from service.usecases.request.work import UnitOfWork


async def close(work: UnitOfWork, viewer: Viewer, found: Meeting, encounter: Resource) -> None:
    """Refuses a meeting that cannot be closed, naming all that it lacks; stages what its decisions lead to."""
    ref = name_of(encounter)
    taken = {name: each.resource for name, each in work.staged.items() if decision.of_meeting(each.resource) == ref}
    cases = await meeting_cases.load(work, viewer, found, ref, list(taken.values()))
    strays = [*_strays(cases, taken.values()), *await _stray_actions(work, ref, cases)]
    issues = [*strays, *(each for case in cases for each in needs.decided(found, case))]
    issues += await _pathway_faults(work, found, cases)
    _refuse(issues)
    lacking = needs.missing(found)
    work.staged[ref].resource = meeting.advisory(encounter, bool(lacking))
    for name, made in taken.items():
        case = next(each for each in cases if each.entry.item == decision.item_of(made))
        await _kept(work, found, case, name, made)
    for case in cases:
        await _carried_out(work, viewer, found, case, bool(lacking), issues)
    _refuse(issues)
    text = f"meeting-closed{'-advisory' if lacking else ''}"
    facts = tuple(
        AuditFact("U", text, found.agency, found.user, person, (ref,)) for person in {c.person: 0 for c in cases} or ("",)
    )
    notices = tuple(Notice(effects.TOPIC, each, ref) for each in found.present if each != found.agency)
    await outcomes.stage(work, Outcome((), audits=facts, notices=notices))


def _refuse(issues: Sequence[Issue]) -> None:
    if issues:
        raise Refused(needs.refusal(issues))


def _strays(cases: Sequence[Case], taken: Iterable[Resource]) -> list[Issue]:
    """Decisions about what does not stand on the agenda."""
    known = {case.entry.item for case in cases}
    text = "`{}` does not stand on the agenda of this meeting, so that nothing is decided about it: leave the decision out."
    items = [decision.item_of(each) for each in taken]
    return [issue(text.format(each or "nothing"), needs.CLOSING, needs.RULE) for each in items if each not in known]


async def _stray_actions(work: UnitOfWork, ref: str, cases: Sequence[Case]) -> list[Issue]:
    """Actions for whom the meeting does not decide about, each named as its sender knows it: the person of an item may be hidden
    from them."""
    known = {patient for case in cases for patient in await work.patients(case.person)}
    text = "An action is for somebody whom the meeting decides about, and `{}` is not on its agenda: leave the action out."
    strays = [
        link(each, "focus") or link(each, "for") or "nobody"
        for each in meeting_cases.actions_of(work, ref)
        if link(each, "for") not in known
    ]
    return [issue(text.format(each), needs.CLOSING, needs.RULE) for each in strays]


async def _pathway_faults(work: UnitOfWork, found: Meeting, cases: Sequence[Case]) -> list[Issue]:
    """MTG-4: a decision that names a version of a pathway names the one in force."""
    now = await _pathway(work, found)
    text = f"is not the pathway in force, which is `{now}`: decide under that." if now else "is none for this kind of meeting."
    named = [made.pathway for case in cases for made in case.decisions if made.pathway and made.pathway != now]
    return [issue(f"`{each}` {text}", needs.CLOSING, "MTG-4") for each in dict.fromkeys(named)]


async def _pathway(work: UnitOfWork, found: Meeting) -> str:
    name = meeting.PATHWAYS.get(found.kind)
    return (await work.services.pathways.in_force(name)).canonical if name else ""


async def _kept(work: UnitOfWork, found: Meeting, case: Case, ref: str, made: Resource) -> None:
    """Stages a decision as it is kept, for the agencies of its person that were present."""
    staged = work.staged[ref]
    staged.resource = decision.completed(
        made,
        person=case.person,
        chair=meeting.chair(found.after),
        told=case.told,
        pathway=await _pathway(work, found),
        at=work.context.at,
    )
    staged.parties = agendas.readers(work, case.told)


async def _carried_out(work: UnitOfWork, viewer: Viewer, found: Meeting, case: Case, advisory: bool, issues: list[Issue]) -> None:
    """Stages what a decision leads to. What another machine refuses is added to the issues."""
    made = case.decision
    assert made is not None, "INVARIANT: a case without a decision was refused"
    if made.kind == ALLOCATED and not advisory:
        await _allocate(work, viewer, found, case, made, issues)
    if made.kind == REDIRECTED and case.referral:
        await _decide(work, viewer, found, case, made, issues)
    if made.kind == DEFERRED or (made.kind == ALLOCATED and advisory):  # nobody has been asked to take the person on
        ref, forum = name_of(found.after), name_of(found.forum) if found.forum else ""
        writer = case.entry.added_by  # the keeper may not know of whom another agency has put on the agenda
        await agendas.wait(work, found.keeper, found.kind, case.entry.item, agenda.DEFERRED, forum, but=ref, writer=writer)
    if made.duration:
        request, timer = effects.support(found, case, made, clock.new_id)
        await outcomes.put(work, request)
        work.timers.append(timer)
    if found.kind == meeting.CASE_REVIEW:
        await _reviewed(work, found, case, made, issues)
    if found.kind == meeting.SHARED_PLANNING:
        await _planned(work, found, case)


async def _allocate(work: UnitOfWork, viewer: Viewer, found: Meeting, case: Case, made: Decision, issues: list[Issue]) -> None:
    """TRI-1: the receiver is asked to take the person on, or the leading agency to hand the plan over; nobody has until the
    receiver accepts."""
    if case.plan is None:
        await _decide(work, viewer, found, case, made, issues)
        return
    draft = effects.handover(found, case, made, clock.new_id)
    await outcomes.put(work, Staged(draft, created=True, custodian=case.leader))
    work.notices.append(Notice("handover-task", case.leader, name_of(draft), case.person))


async def _decide(work: UnitOfWork, viewer: Viewer, found: Meeting, case: Case, made: Decision, issues: list[Issue]) -> None:
    """Decides the triage of a referral as the meeting has: by its own machine, so that no route has fewer rules."""
    row = await meeting_cases.triage_of(work, case)
    assert row is not None, "INVARIANT: a referral without an open triage was refused"
    task = await work.get(row.reference) or row.resource
    said = reading.outputs(task, "suggestion")
    outcome = next((code for each in said for code in codes_in(each.get("valueCodeableConcept"), TRIAGE_OUTCOME)), "eligible")
    given: dict[str, Resource] = {
        "decision": {"valueCodeableConcept": concept(DECISION, made.kind)},
        "threshold": {"valueCodeableConcept": concept(TRIAGE_OUTCOME, outcome)},
        "rationale": {"valueString": made.rationale},
        "decided-by": {"valueReference": reference_to(meeting.chair(found.after))},
        **({"receiver": {"valueReference": reference_to(made.receiver)}} if made.receiver else {}),
        **({"lead": {"valueReference": reference_to(made.lead)}} if made.lead else {}),
        **({"redirect": {"valueReference": reference_to(made.redirect)}} if made.redirect else {}),
    }
    outputs = [{"type": concept(TASK_OUTPUT, kind), **value} for kind, value in given.items()]
    completed = {**task, "status": "completed", "output": [*task.get("output", ()), *outputs]}
    work.rows.setdefault(row.reference, row)
    try:
        await tasks.write(work, viewer, Proposal(completed, row, "u"))
    except Refused as refused:
        if refused.problem.category is not Category.RULE:
            raise
        named = f"The decision about `{case.entry.item}` cannot be carried out: "
        issues += [replace(each, text=named + each.text, expression=needs.CLOSING) for each in refused.problem.issues]


async def _reviewed(work: UnitOfWork, found: Meeting, case: Case, made: Decision, issues: list[Issue]) -> None:
    """E7: the agencies of the plan are asked to confirm their roles, and the next review is dated (TIM-16)."""
    assert case.plan is not None, "INVARIANT: a case review without a plan was refused"
    plan = name_of(case.plan)
    if case.plan.get("status") in ENDED:
        return
    due, row = after(work.context.at, effects.CONFIRMED_WITHIN, work.services.calendar), await work.standing(plan)
    for agency, role in case.partners:
        if agency == case.leader or row is None:
            continue
        if (why := await agendas.may_know(work, agency, row)) is not None:
            text = (
                f"`{agency}` cannot be asked to confirm its role in `{plan}`: {why}. Take the role out, or have consent to share."
            )
            issues.append(issue(text, needs.CLOSING, "HOV-3"))
            continue
        task, timer = effects.confirmation(found, case, agency, role, due, clock.new_id)
        await outcomes.put(work, task)
        work.timers.append(timer)
        work.notices.append(Notice("handover-task", agency, name_of(task.resource), case.person))
    named = effects.day_ends(made.review, found) if made.review else None
    at = work.context.at
    work.cancelled.append(effects.recurring("TIM-16", plan))
    work.timers.append(effects.again("TIM-16", plan, named or case.review_by or at, at))


async def _planned(work: UnitOfWork, found: Meeting, case: Case) -> None:
    """CRP-2: the agreements that are asked for a crisis plan point to the session in which it was planned."""
    if case.plan is None:
        return
    for row in await work.services.holdings.having("Task", f"focus={name_of(case.plan)}"):
        task = await work.get(row.reference)
        if task and reading.code(task) == TaskCode.AGREE_PLAN and reading.status(task) in ("requested", "received"):
            work.rows.setdefault(row.reference, row)
            await outcomes.put(work, Staged({**task, "encounter": reference_to(name_of(found.after))}))


async def passed(work: UnitOfWork, resource: Resource, timer: Timer) -> None:
    """Stages what a passed clock of meetings does."""
    at, agency = work.context.at, work.context.caller.organization
    if timer.kind == effects.SUPPORT_ENDS:
        await _support_over(work, resource, agency)
    elif timer.kind == "TIM-16":
        if resource.get("status") not in ENDED:
            owner, person = link(resource, "author") or agency, link(resource, "subject")
            await outcomes.put(work, effects.alert(name_of(resource), agency, person, owner, effects.LATE, at, clock.new_id))
            work.notices.append(Notice("deadline-breached", agency, name_of(resource), person))
    elif meeting.is_forum(resource) and resource.get("active") is not False and (span := meeting.cadence(resource)) is not None:
        chair = str(timer.data.get("chair", "")) or agency
        await outcomes.put(work, effects.alert(name_of(resource), agency, "", chair, effects.UNHELD, at, clock.new_id))
        work.timers.append(effects.again(timer.kind, timer.focus, at + span, at, **timer.data))


async def _support_over(work: UnitOfWork, request: Resource, agency: str) -> None:
    """E13: intensive support ends by itself, and says so."""
    if request.get("status") != "active":
        return
    person = link(request, "subject")
    await outcomes.put(work, Staged({**request, "status": "completed"}))
    leads = [each for each in map(unversioned, links(request, "performer")) if each.startswith("Organization/")]
    for owner in dict.fromkeys((agency, *leads)):
        alert = effects.alert(name_of(request), agency, person, owner, effects.OVER, work.context.at, clock.new_id)
        await outcomes.put(work, alert)
        work.notices.append(Notice("deadline-breached", owner, name_of(request), person))
