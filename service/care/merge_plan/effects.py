"""The effects of a merge's moves: resources to write, timers to set or cancel, and notices to send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from service.care.merge_plan import content
from service.care.merge_plan.content import Fates
from service.care.merge_plan.situation import MergeSituation
from service.care.ownership import lead as ownership
from service.care.ownership.plan import tagged
from service.care.task import reading
from service.care.task.effects import kept, move, outcome, timer_key
from service.care.task.made import provenance
from service.care.task.situation import AuditFact, Ids, Outcome, Staged, audit, notice
from service.change import Notice, Resource, Timer
from service.fhir.canonical import CARE_COORDINATOR, PARTICIPANT_AGENCY, SNOMED, STATUS_REASON, STATUS_REASON_EXTENSION
from service.fhir.coding import codings, concept
from service.fhir.date import begins, written
from service.fhir.reference import current, link, name_of, reference_to, version_of

MEMBER = {"text": "Member of the team of the plan that was merged"}
"""The role of a participant who had none besides the coordination."""
LEAD = {"text": "Lead of the plan that took this team's plan in"}
"""The role in the merged plan's team of who leads the plan that goes on."""


def send(situation: MergeSituation, ids: Ids) -> Outcome:
    """HOV-3: asks for a merge. The Task becomes visible to the receiver, to whom the plan is disclosed. A date to answer by, if
    there is one, is watched (TIM-11)."""
    del ids
    task = {**kept(situation), "authoredOn": situation.after.get("authoredOn", written(situation.at))}
    made = _waiting(situation, outcome(situation, task, "merge-plan-sent"))
    when = reading.due(task, situation.zone)
    return replace(
        made,
        timers=(Timer(timer_key("TIM-11", task), "TIM-11", when, name_of(task)),) if when else (),
        notices=(notice(situation, "handover-task", situation.receiver),),
        guards=_guards(situation.merged.plan, situation.into.plan),
        disclosure=situation.sender != situation.receiver,
    )


def receive(situation: MergeSituation, ids: Ids) -> Outcome:
    """Records that the Task was received."""
    return _waiting(situation, move(situation, ids))


def close(situation: MergeSituation, ids: Ids) -> Outcome:
    """Rejects or cancels a merge; both plans stay as they are."""
    return replace(move(situation, ids), cancelled=(timer_key("TIM-11", situation.current),))


def _waiting(situation: MergeSituation, made: Outcome) -> Outcome:
    """An Outcome whose Task holds the keys of a merge that waits for its answer: at most one of a plan by the agency that leads
    it, and at most one between two plans."""
    one, other = open_key(situation.merged_ref, situation.sender), open_key(situation.into_ref, situation.receiver)
    first, *others = made.writes
    return replace(made, writes=(replace(first, keys=(one, "+".join(sorted((one, other))))), *others))


def open_key(plan: str, agency: str) -> str:
    """The unique key of the open merge of a plan that an agency leads."""
    return f"rule:OWN-6:merge-plan:{plan}|{agency}"


def accept(situation: MergeSituation, ids: Ids) -> Outcome:
    """OWN-6: the other plan takes this one in, with its Goals, activities and team, and replaces it."""
    into, merged = situation.into.plan or {}, situation.merged.plan or {}
    fates = _fates(situation)
    task = Staged(kept(situation))
    settled = (
        Staged(content.taken_over(into, merged, fates)),
        Staged(_revoked(merged, name_of(into))),
        *_teams(situation),
        *map(Staged, content.ended(situation.goals, fates, name_of(into), _today(situation))),
    )
    note = provenance(
        ids(),
        targets=[ownership.coming(each) for each in settled],
        at=situation.at,
        who=situation.user,
        agency=situation.receiver,
        activity="plan-merged",
        entity=current(merged),
    )
    left = [aim.goal for ref, aim in situation.goals.items() if ref not in {**fates.merged, **fates.ended}]
    return Outcome(
        (task, *settled, Staged(note, created=True, custodian=situation.receiver)),
        cancelled=(timer_key("TIM-11", situation.current),),
        notices=_notices(situation, settled),
        audits=_audits(situation, merged, into),
        guards=_guards(*left),
        moved=True,
    )


def _fates(situation: MergeSituation) -> Fates:
    mine, theirs = [(side.plan or {}).get("goal", ()) for side in (situation.into, situation.merged)]
    parties = frozenset((situation.sender, situation.receiver))
    return content.fates(theirs, mine, situation.goals, parties, dict(content.ends(situation.current)))


def _today(situation: MergeSituation) -> str:
    return situation.at.astimezone(situation.zone).date().isoformat()


def _revoked(plan: Resource, into: str) -> Resource:
    """The merged plan: revoked, since another replaces it, and listed as unowned no more."""
    said = [one for one in plan.get("extension", ()) if one.get("url") != STATUS_REASON_EXTENSION]
    why = concept(STATUS_REASON, "superseded", f"Merged into {into}.")
    return {
        **tagged(plan, False),
        "extension": [*said, {"url": STATUS_REASON_EXTENSION, "valueCodeableConcept": why}],
        "status": "revoked",
    }


def _teams(situation: MergeSituation) -> tuple[Staged, ...]:
    """The team that goes on, joined by who is in a team of the merged plan; and these, as they are left."""
    joined = _joined(situation)
    left = [_left(team, situation) for team in situation.merged.teams]
    return tuple(Staged(each) for each in (*([joined] if joined else ()), *left))


def _joined(situation: MergeSituation) -> Resource | None:
    """The first team of the plan that takes the other in, with its new participants; None when there are none."""
    if not situation.into.teams:
        return None
    team = situation.into.teams[0]
    there = {link(one, "member") for one in _open(team, situation)}
    found: dict[str, Resource] = {}
    for other in situation.merged.teams:
        for one in _open(other, situation):
            if link(one, "member") not in there:
                found.setdefault(link(one, "member"), _newcomer(one, situation))
    return {**team, "participant": [*team.get("participant", ()), *found.values()]} if found else None


def _open(team: Resource, situation: MergeSituation) -> Iterator[Resource]:
    """The participants of a team whose time has not ended, those that it has yet to come for among them."""
    for one in team.get("participant", ()):
        if link(one, "member") and ownership.is_open(one, situation.at, situation.zone):
            yield one


def _newcomer(one: Resource, situation: MergeSituation) -> Resource:
    """A participant as it joins a team now: for the same agency, in the same roles but for the coordination."""
    agency = ownership.agency_of(one) or situation.organizations.get(link(one, "member"), "")
    said = [each for each in one.get("extension", ()) if each.get("url") != PARTICIPANT_AGENCY]
    if agency:
        said.append({"url": PARTICIPANT_AGENCY, "valueReference": reference_to(agency)})
    roles = [each for each in one.get("role", ()) if (SNOMED, CARE_COORDINATOR) not in codings(each)]
    begun = begins(one.get("period", {}).get("start"), situation.zone)
    start = one["period"]["start"] if begun and begun > situation.at else written(situation.at)
    made = {name: value for name, value in one.items() if name not in ("id", "extension")}
    return {
        **({"extension": said} if said else {}),
        **made,
        "role": roles or [MEMBER],
        "period": {**one.get("period", {}), "start": start},
    }


def _left(team: Resource, situation: MergeSituation) -> Resource:
    """OWN-4 and IDN-6: a team of the merged plan, whose open coordinator's time ends now. The lead of the plan that goes on joins
    it, so that the lead's agency may read what the merged plan rests on."""
    at, zone, lead = situation.at, situation.zone, link(situation.into.plan, "author")
    listed = [
        ownership.ended(one, at) if ownership.is_open_coordinator(one, at, zone) else one for one in team.get("participant", ())
    ]
    if lead not in [link(one, "member") for one in listed if ownership.is_open(one, at, zone)]:
        listed.append(_newcomer({"role": [LEAD], "member": reference_to(lead)}, situation))
    return {**team, "participant": listed}


def _notices(situation: MergeSituation, settled: tuple[Staged, ...]) -> tuple[Notice, ...]:
    """Who asked is told of the answer; both agencies and everybody in a plan's team are told what became of the plan."""
    written_ = {name_of(each.resource): each.resource for each in settled}
    told = [notice(situation, "handover-task", situation.sender)]
    for ref, side in ((situation.into_ref, situation.into), (situation.merged_ref, situation.merged)):
        teams = [written_.get(name_of(each), each) for each in side.teams]
        on_team = ownership.agencies(teams, situation.at, situation.zone, situation.organizations)
        everyone = dict.fromkeys((situation.sender, situation.receiver, *on_team))
        told += [notice(situation, "ownership-changed", one, ref) for one in everyone]
    return tuple(told)


def _audits(situation: MergeSituation, merged: Resource, into: Resource) -> tuple[AuditFact, ...]:
    """One fact about the Task, and one about each plan."""
    accepted = audit(situation, "merge-plan-accepted")
    plans = [(merged, f"merged into {name_of(into)}"), (into, f"took {name_of(merged)} in")]
    facts = [
        replace(accepted, event="plan-merged", focus=(name_of(plan),), patient=link(plan, "subject"), detail=detail)
        for plan, detail in plans
    ]
    return (accepted, *facts)


def _guards(*read: Resource | None) -> tuple[tuple[str, int], ...]:
    """The versions of what was read and is not written, which must still be current."""
    return tuple((name_of(each), version_of(each)) for each in read if each is not None)
