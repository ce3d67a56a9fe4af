"""The confirmation of a role (E7): the `confirm-role` Task, and what a plan waits for.

The rules, in prose: a case review asks the agency of each `partner-role` of the plan to confirm its role. The agency confirms it
(`completed`), or does not (`rejected`) and says why, and the coordinator sees to it. Until every agency but the coordinating one
has confirmed its role, as its newest answer says, the plan does not become active on any way, and a role of an active plan is not
changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from service.care.task import reading
from service.care.task.dataset import blank
from service.care.task.effects import move, timer_key
from service.care.task.machine import Machine, Move, named
from service.care.task.requirements import Issues, issue, reason
from service.care.task.situation import OWNER, REQUESTER, Ids, Outcome, Situation
from service.change import Resource
from service.fhir.canonical import PARTNER_ROLE, TaskCode
from service.fhir.coding import codings
from service.fhir.reference import link

Partner = tuple[str, Resource]
"""An agency and its role in a plan, a CodeableConcept."""
_R, _O = (REQUESTER,), (OWNER,)

# fmt: off
TABLE: tuple[Move, ...] = (
    Move("requested",   "received",    _O),
    Move("requested",   "completed",   _O, effect="answer"),
    Move("received",    "completed",   _O, effect="answer"),
    Move("requested",   "rejected",    _O, ("reason", "why_not"), effect="answer"),
    Move("received",    "rejected",    _O, ("reason", "why_not"), effect="answer"),
    Move("requested",   "cancelled",   _R, ("reason",), effect="answer"),
    Move("received",    "cancelled",   _R, ("reason",), effect="answer"),
)
# fmt: on


def why_not(situation: Situation) -> Issues:
    """An agency that does not confirm its role says why in words."""
    after = situation.after
    said = [str((after.get("statusReason") or {}).get("text", ""))]
    said += [str(each.get("valueString", "")) for each in reading.outputs(after, "rationale")]
    if any(not blank(each) for each in said):
        return ()
    text = "An agency that does not confirm its role says why: add the reason as `statusReason.text` or output `rationale`."
    return (issue(text, "Task.statusReason.text", "E7"),)


def answer(situation: Situation, ids: Ids) -> Outcome:
    """Stores the answer: the coordinator is told, and the Task's clock stops (TIM-11)."""
    made = move(situation, ids)
    return Outcome(made.writes, cancelled=(timer_key("TIM-11", situation.current),), notices=made.notices, audits=made.audits)


MACHINE: Machine[Situation] = Machine(TaskCode.CONFIRM_ROLE, TABLE, named(reason, why_not), named(move, answer))


def has_roles(plan: Resource) -> bool:
    """Whether a plan gives roles to partners."""
    return any(each.get("url") == PARTNER_ROLE for each in plan.get("extension", ()))


def partners(plan: Resource | None) -> tuple[Partner, ...]:
    """The agencies with a role in a plan, each with the role."""
    found = []
    for each in (plan or {}).get("extension", ()):
        if each.get("url") == PARTNER_ROLE:
            parts = {str(part.get("url")): part for part in each.get("extension", ())}
            role = parts.get("role", {}).get("valueCodeableConcept") or {}
            found.append((link(parts.get("agency"), "valueReference"), role))
    return tuple((agency, role) for agency, role in found if agency)


def unconfirmed(before: Resource | None, plan: Resource, themselves: Collection[str], asked: Iterable[Resource]) -> Issues:
    """What a plan waits for before it is active with its roles: the confirmation of each role that it did not have as an active
    plan. `asked` are the `confirm-role` Tasks of the plan, of which an agency's newest answer counts; `themselves` need
    none."""
    if plan.get("status") != "active":
        return ()
    stood = partners(before) if before is not None and before.get("status") == "active" else ()
    answers = [each for each in asked if reading.code(each) == TaskCode.CONFIRM_ROLE and reading.status(each) != "cancelled"]
    answers.sort(key=lambda each: str(each.get("authoredOn", "")))
    text = "`{}` has not confirmed its role: put the plan on the agenda of a case review, which asks for it."
    return (
        *_of_nobody(plan),
        *(
            issue(text.format(agency), "CarePlan.extension", "E7")
            for agency, its in partners(plan)
            if agency not in themselves
            and not any(_same(one, (agency, its)) for one in stood)
            and not _confirmed(answers, (agency, its))
        ),
    )


def _of_nobody(plan: Resource) -> Issues:
    """A role whose agency cannot be asked."""
    found = [each for each in plan.get("extension", ()) if each.get("url") == PARTNER_ROLE]
    if len(found) == len(partners(plan)):
        return ()
    text = "A partner's role names its agency by a reference to its Organization, so that it can be asked: add it."
    return (issue(text, "CarePlan.extension", "E7"),)


def _confirmed(answers: Iterable[Resource], partner: Partner) -> bool:
    """Whether an agency's newest answer about its role confirms it; `answers` are in the order in which they were asked for."""
    said = [reading.status(each) for each in answers if _same((link(each, "owner"), role(each)), partner)]
    return said[-1:] == ["completed"]


def role(task: Resource) -> Resource:
    """The role that a Task asks to confirm."""
    return next((each.get("valueCodeableConcept") or {} for each in reading.inputs(task, "role")), {})


def _same(one: Partner, other: Partner) -> bool:
    """Whether two name one agency in one role: the same codes, or the same words where there are none."""
    ours, theirs = frozenset(codings(one[1])), frozenset(codings(other[1]))
    return one[0] == other[0] and ours == theirs and (bool(ours) or one[1].get("text") == other[1].get("text"))
