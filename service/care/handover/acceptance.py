"""Acceptance of a handover (HOV-4, HOV-6): everything that acceptance writes, in one Outcome: all is committed, or nothing."""

from __future__ import annotations

from service.care.handover.needs import moves_ownership
from service.care.handover.situation import HandoverSituation
from service.care.ownership import lead as ownership
from service.care.ownership.plan import tagged
from service.care.ownership.role import organization_of
from service.care.task import first_contact, reading
from service.care.task.effects import answer_keys, kept, told
from service.care.task.made import communication, provenance, task_of
from service.care.task.situation import AuditFact, Ids, Outcome, Staged, audit, notice
from service.change import Notice, Resource
from service.fhir.canonical import BUSINESS_STATUS, OVERALL_COORDINATION, PARTICIPANT_AGENCY, SCOPE, TASK_INPUT, TaskCode
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.reference import link, name_of, version_of


def accept(situation: HandoverSituation, ids: Ids) -> Outcome:
    """HOV-4: accepts a handover. Writes the Task, plan, team, episode, Provenance, acknowledgement and follow-up, and a Task that
    goes back for each declined scope (HOV-6).
    """
    role, moved = situation.lead.role or {}, moves_ownership(situation.after)
    status = concept(BUSINESS_STATUS, "partly-accepted") if reading.scopes(situation.after, "declined-scope") else None
    task = Staged(reading.with_member(filled(situation, kept(situation)), "businessStatus", status))
    settled = _settled(situation, role, ids) if moved else _joined(situation, role, ids)
    agency, plan = organization_of(role), link(task.resource, "focus")
    at, calendar, spans = situation.at, situation.calendar, situation.pathway.due
    why = "First contact after the handover"
    follow = first_contact.owed(task.resource, plan, why, at=at, calendar=calendar, ids=ids, by=spans)
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
        timers=first_contact.clocks(task.resource, follow, at=at, calendar=calendar, by=spans),
        cancelled=answer_keys(task.resource),
        notices=_notices(situation, moved, returned),
        audits=_audits(situation, moved),
        guards=_guards(situation, moved),
        moved=moved,
    )


def filled(situation: HandoverSituation, task: Resource) -> Resource:
    """An accepted Task with the members that acceptance adds: the lead as owner and output, and an accepted scope if none is
    given.
    """
    lead = reading.lead_reference(task)
    known = reading.lead_reference(situation.current)
    lead = lead or (known if reading.status(situation.before) == "accepted" else "")
    if lead and not reading.outputs(task, "lead"):
        task = reading.with_output(task, "lead", valueReference={"reference": lead})
    if not reading.outputs(task, "accepted-scope"):
        task = reading.with_output(task, "accepted-scope", valueCodeableConcept=concept(SCOPE, OVERALL_COORDINATION))
    return {**task, "owner": {"reference": lead}} if lead else task


def _settled(situation: HandoverSituation, role: Resource, ids: Ids) -> tuple[Staged, ...]:
    """OWN-2 and OWN-4: plan, teams and episode with the new lead. A plan that was only proposed becomes active (OWN-9), and
    a plan that was unowned is so no longer (OWN-5).
    """
    plan = tagged(situation.plan or {}, False)
    led = ownership.Led(plan if situation.led else {**plan, "status": "active"}, situation.teams, situation.episode)
    return ownership.settle(led, name_of(role), organization_of(role), at=situation.at, zone=situation.zone, ids=ids)


def _joined(situation: HandoverSituation, role: Resource, ids: Ids) -> tuple[Staged, ...]:
    """HOV-6: the team, joined by the receiver's lead for the scopes that were accepted; the plan keeps its lead."""
    del ids
    if not situation.teams:
        return ()
    team = situation.teams[0]
    newcomer = {
        "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": {"reference": organization_of(role)}}],
        "role": [concept(SCOPE, one) for one in reading.scopes(situation.after, "accepted-scope")],
        "member": {"reference": name_of(role)},
        "period": {"start": written(situation.at)},
    }
    return (Staged({**team, "participant": [*team.get("participant", ()), newcomer]}),)


def _acknowledgement(situation: HandoverSituation, ids: Ids) -> Resource:
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


def _returned(situation: HandoverSituation, task: Resource, ids: Ids) -> tuple[Resource, ...]:
    """HOV-6: one Task back to the requester for each declined scope, as part of the handover `task`."""
    when = situation.pathway.due("TIM-2", situation.at, situation.calendar, priority=str(task.get("priority", "")))
    return tuple(
        {
            **task_of(
                ids(),
                TaskCode.ACTION,
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
            "statusReason": reading.status_reason("declined-scope"),
            "input": [{"type": concept(TASK_INPUT, "requested-scope"), "valueCodeableConcept": concept(SCOPE, declined)}],
        }
        for declined in reading.scopes(task, "declined-scope")
    )


def _notices(situation: HandoverSituation, moved: bool, returned: tuple[Resource, ...]) -> tuple[Notice, ...]:
    found = list(told(situation))
    found += [notice(situation, "handover-task", situation.sender, name_of(one)) for one in returned]
    if not moved:
        return tuple(found)
    plan = link(situation.current, "focus")
    on_team = ownership.agencies(situation.teams, situation.at, situation.zone, situation.organizations)
    everyone = dict.fromkeys((situation.sender, situation.receiver, *on_team))
    return (*found, *(notice(situation, "ownership-changed", one, plan) for one in everyone))


def _audits(situation: HandoverSituation, moved: bool) -> tuple[AuditFact, ...]:
    accepted = audit(situation, "handover-accepted")
    return (accepted, audit(situation, "ownership-changed")) if moved else (accepted,)


def _guards(situation: HandoverSituation, moved: bool) -> tuple[tuple[str, int], ...]:
    """The version of the plan that was read, which must still be current if its lead stays and it is not written."""
    return tuple((name_of(one), version_of(one)) for one in (situation.plan,) if one is not None and not moved)
