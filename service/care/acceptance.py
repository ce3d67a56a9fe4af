"""Acceptance of a handover (HOV-4, HOV-6): everything it writes, in one Outcome, so that all of it happens or none."""

from __future__ import annotations

from service.care import effects, ownership
from service.care import task as tasks
from service.care.identity import organization_of
from service.care.made import communication, errand, provenance
from service.care.requirements import moves
from service.care.situation import AuditFact, Ids, Outcome, Situation, Staged, audit, notice
from service.care.timers import BY_ID, ROUTINE, due
from service.change import Notice, Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, OVERALL_COORDINATION, PARTICIPANT_AGENCY, SCOPE, TASK_INPUT
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, version_of


def accept(situation: Situation, ids: Ids) -> Outcome:
    """HOV-4: Task, plan, team, episode, Provenance, acknowledgement, follow-up, and what is sent back (HOV-6)."""
    role, moved = situation.lead or {}, moves(situation.after)
    status = concept(BUSINESS_STATUS, "partly-accepted") if tasks.scopes(situation.after, "declined-scope") else None
    task = Staged(tasks.with_member(filled(situation, effects.kept(situation)), "businessStatus", status))
    settled = _settled(situation, role, ids) if moved else _joined(situation, role, ids)
    agency, follow = organization_of(role), _follow_up(situation, task.resource, ids)
    returned = _returned(situation, task.resource, ids)
    targets = [ownership.coming(staged) for staged in (task, *settled)]
    note = provenance(
        ids(),
        targets=targets,
        at=situation.at,
        who=situation.user or name_of(role),
        agency=agency,
        activity="handover-accepted",
        entity=ownership.coming(task),
    )
    made = [Staged(one, created=True, custodian=agency) for one in (note, _acknowledgement(situation, ids), follow, *returned)]
    return Outcome(
        (task, *settled, *made),
        timers=_contact_clocks(situation, task.resource, follow),
        cancelled=effects.answer_keys(task.resource),
        notices=_notices(situation, moved, returned),
        audits=_audits(situation, moved),
        guards=_guards(situation, moved),
        moved=moved,
    )


def filled(situation: Situation, task: Resource) -> Resource:
    """An accepted Task with what acceptance adds: the lead as owner and output, and the accepted scope when none was said."""
    lead = tasks.lead_reference(task)
    known = tasks.lead_reference(situation.current)
    lead = lead or (known if tasks.status(situation.before) == "accepted" else "")
    if lead and not tasks.outputs(task, "lead"):
        task = tasks.with_output(task, "lead", valueReference={"reference": lead})
    if not tasks.outputs(task, "accepted-scope"):
        task = tasks.with_output(task, "accepted-scope", valueCodeableConcept=concept(SCOPE, OVERALL_COORDINATION))
    return {**task, "owner": {"reference": lead}} if lead else task


def _settled(situation: Situation, role: Resource, ids: Ids) -> tuple[Staged, ...]:
    """OWN-2 and OWN-4: the new lead on plan, team and episode, with the plan's unique key under its new custodian (OWN-6)."""
    led = ownership.Led(situation.plan or {}, situation.team, situation.episode)
    plan, *others = ownership.settle(led, role, at=situation.at, zone=situation.zone, ids=ids)
    keys = ownership.keys(plan.resource, situation.person, plan.custodian)
    return (Staged(plan.resource, custodian=plan.custodian, keys=keys), *others)


def _joined(situation: Situation, role: Resource, ids: Ids) -> tuple[Staged, ...]:
    """HOV-6: the plan stays where it is; the receiver's lead joins the team for the scopes that were accepted."""
    del ids
    if situation.team is None:
        return ()
    newcomer = {
        "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": {"reference": organization_of(role)}}],
        "role": [concept(SCOPE, one) for one in tasks.scopes(situation.after, "accepted-scope")],
        "member": {"reference": name_of(role)},
        "period": {"start": written(situation.at)},
    }
    return (Staged({**situation.team, "participant": [*situation.team.get("participant", ()), newcomer]}),)


def _acknowledgement(situation: Situation, ids: Ids) -> Resource:
    recipients = dict.fromkeys((situation.sender, link(situation.current, "requester")))
    return communication(
        ids(),
        "handover-accepted",
        sender=situation.receiver,
        recipients=recipients,
        patient=link(situation.current, "for"),
        about=name_of(situation.after),
        at=situation.at,
        text="The handover was accepted by a named lead.",
    )


def _follow_up(situation: Situation, task: Resource, ids: Ids) -> Resource:
    """TIM-3: the first contact, owed by the new lead within the limit."""
    limit = due("TIM-3", situation.at, situation.calendar, level=1)
    return errand(
        ids(),
        "follow-up",
        requester=link(task, "requester"),
        owner=link(task, "owner"),
        patient=link(task, "for"),
        at=situation.at,
        focus=link(task, "focus"),
        part_of=name_of(task),
        due=limit,
        text="First contact after the handover",
        conversation=task.get("groupIdentifier"),
        priority=str(task.get("priority", "")),
    )


def _returned(situation: Situation, task: Resource, ids: Ids) -> tuple[Resource, ...]:
    """HOV-6: one Task back to the requester for each declined scope, part of this one."""
    when = due("TIM-2", situation.at, situation.calendar, priority=str(task.get("priority", "")))
    return tuple(
        {
            **errand(
                ids(),
                "action",
                requester=link(task, "owner"),
                owner=link(situation.current, "requester"),
                patient=link(task, "for"),
                at=situation.at,
                focus=link(task, "focus"),
                part_of=name_of(task),
                due=when,
                text="This part of the handover was not accepted",
                conversation=task.get("groupIdentifier"),
            ),
            "statusReason": tasks.status_reason("declined-scope"),
            "input": [{"type": concept(TASK_INPUT, "requested-scope"), "valueCodeableConcept": concept(SCOPE, declined)}],
        }
        for declined in tasks.scopes(task, "declined-scope")
    )


def _contact_clocks(situation: Situation, task: Resource, follow: Resource) -> tuple[Timer, ...]:
    key, data = effects.timer_key("TIM-3", task), {"handover": name_of(task)}
    levels = range(len(BY_ID["TIM-3"].spans[ROUTINE]))
    return tuple(
        Timer(key, "TIM-3", due("TIM-3", situation.at, situation.calendar, level=level), name_of(follow), level, data)
        for level in levels
    )


def _notices(situation: Situation, moved: bool, returned: tuple[Resource, ...]) -> tuple[Notice, ...]:
    told = list(effects.told(situation))
    told += [notice(situation, "handover-task", situation.sender, name_of(one)) for one in returned]
    if not moved:
        return tuple(told)
    plan = link(situation.current, "focus")
    on_team = ownership.agencies(situation.team, situation.at, situation.zone, situation.organizations)
    everyone = dict.fromkeys((situation.sender, situation.receiver, *on_team))
    return (*told, *(notice(situation, "ownership-changed", one, plan) for one in everyone))


def _audits(situation: Situation, moved: bool) -> tuple[AuditFact, ...]:
    accepted = audit(situation, "handover-accepted")
    return (accepted, audit(situation, "ownership-changed")) if moved else (accepted,)


def _guards(situation: Situation, moved: bool) -> tuple[tuple[str, int], ...]:
    """What was read and is not written must still be current: the lead's role, and the plan when it stays."""
    read = [situation.lead, *(() if moved else (situation.plan,))]
    return tuple((name_of(one), version_of(one)) for one in read if one is not None)
